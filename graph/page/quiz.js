// The quiz: which gradients it asks for, and the verdicts on the answers. Uses numbers.js, passes.js and page.js.

// By step and input: the answer typed so far, its verdict, how many tries there were, and whether the gradient is shown.
const answers = new Map();

const isQuiz = () => document.getElementById("quiz").checked;
const keyOf = (at, part) => `${at}:${part.port}`;
const isAsked = (at, part) => isQuiz() && part.gradient !== null && !answers.get(keyOf(at, part))?.isShown;

// In the quiz a gradient is hidden until all its terms so far are known, unless it is upstream of the current gate.
const hiddenWires = () => {
  const hidden = new Set();
  steps.slice(0, place).forEach((step, at) => {
    if (step.phase === "forward") return;
    for (const part of step.parts) if (isAsked(at, part)) hidden.add(part.wire);
  });
  if (steps[place - 1]?.phase === "backward") for (const wire of outputsOf(gateOf(steps[place - 1]))) hidden.delete(wire);
  return hidden;
};

// Two digits are enough: 3 % is a little more than their rounding error.
const isNear = (typed, wanted) =>
  typed === wanted ||
  (Number.isNaN(typed) && Number.isNaN(wanted)) ||
  (Number.isFinite(wanted) && wanted !== 0 && Math.abs(typed - wanted) <= 0.03 * Math.abs(wanted));

const isSum = (part) => typeof part.port === "string";

const judged = (typed, { local, upstream, gradient, wire }) => {
  if (isNear(typed, gradient)) return [true, "Right."];
  const sum = steps[place - 1].parts.find((part) => isSum(part) && part.wire === wire);
  if (sum && isNear(typed, sum.gradient)) return [false, "That is the sum so far: enter only what this gate sends."];
  if (isNear(typed, -gradient)) return [false, "Wrong sign: the size is right."];
  if (local !== null && isNear(typed, local)) {
    return [false, "You forgot the upstream gradient: this is the local gradient alone."];
  }
  if (gradient === 0) return [false, "Wrong: how does the output change when this input changes a little?"];
  if (typed === 0) return [false, "Wrong: it is not 0."];
  if (local !== null && isNear(typed, upstream)) {
    return [false, "You forgot the local gradient: this is the upstream gradient alone."];
  }
  const factor = typed / gradient;
  return [false, Number.isFinite(factor) && factor !== 0 ? `Wrong: off by a factor of ${textOf(factor)}.` : "Wrong."];
};

const score = () => {
  const asked = steps.flatMap((step) => (step.phase === "backward" ? step.parts : [])).filter((part) => part.gradient !== null);
  const known = [...answers.values()].filter(({ isShown }) => isShown);
  const atOnce = known.filter(({ tries }) => tries === 1).length;
  return `${known.length} of ${asked.length} known, ${atOnce} on the first try`;
};

const focusOnNext = () => {
  const next = ["#panel input", "#forward:enabled", "#restart"].map((name) => document.querySelector(name)).find(Boolean);
  next.focus();
};

const question = (part, gate) => {
  const name = circuit.wires[part.wire];
  const form = element("form");
  const field = element("input", "", {
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    "aria-label": isSum(part) ? `Sum of the gradients of ${name}` : `Gradient of ${name}`,
    placeholder: "two digits are enough",
  });
  const given = outputsOf(gate).map((wire) => `d${circuit.wires[wire]} = ${numbersOf(wire, "gradient").textContent}`);
  form.append(
    element(
      "span",
      isSum(part)
        ? `Gradients add at branches. With what came before, d${name} so far =`
        : `Upstream: ${given.join(", ")}. What does ${gate.node} send to ${name}? d${name} =`,
    ),
    field,
    element("button", "Check", { type: "submit" }),
    element("button", "Show", { type: "button" }),
  );
  const key = keyOf(place - 1, part);
  field.value = answers.get(key)?.typed ?? "";
  field.addEventListener("input", () => answers.set(key, { ...answers.get(key), typed: field.value }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = read(field.value);
    if (typed === undefined) {
      answers.set(key, { ...answers.get(key), typed: field.value, isShown: false, verdict: "Type a number, such as -0.53." });
    } else {
      const [isRight, verdict] = judged(typed, part);
      answers.set(key, { typed: field.value, isShown: isRight, verdict, tries: (answers.get(key)?.tries ?? 0) + 1 });
    }
    show();
    focusOnNext();
  });
  form.lastChild.addEventListener("click", () => {
    answers.set(key, { isShown: true, verdict: "", tries: Infinity });
    show();
    focusOnNext();
  });
  return form;
};
