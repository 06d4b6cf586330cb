// The page: steps through a recording of both passes, which is made anew here when an input changes.
// It uses GATES of gates.js, and plain and read of numbers.js. Text from the recording goes into text nodes only.

const recording = JSON.parse(document.getElementById("recording").textContent);
const DASH = "–";
const LINE = 100; // as graph/step.py: numbers that make a line longer are left out

const toNumber = (text) => (text === null ? null : read(text));
for (const { parts } of recording.steps) {
  for (const part of parts) for (const key of ["local", "upstream", "gradient"]) part[key] = toNumber(part[key] ?? null);
}
for (const gate of recording.gates) {
  for (const [name, text] of Object.entries(gate.settings)) gate.settings[name] = toNumber(text);
}

let steps = recording.steps;
let initial = recording.entries.map(({ wire, lines }) => [wire, lines]); // what the wires of the inputs show
let place = 0; // how many steps are shown
let timer = null;
const answers = new Map(); // in the quiz, by step and input: what is known of it

// ---------------------------------------------------------------------------------------------- both passes

const chain = (left, right, numbers, result) => {
  const isShort = left.length + right.length + numbers.length + result.length <= LINE;
  const isShown = isShort && numbers !== right && numbers !== result;
  return [left, right, ...(isShown ? [numbers] : []), result].join(" = ");
};

const withNumbers = (pieces, numbers) => {
  let text = "";
  pieces.forEach((piece, at) => {
    if (typeof piece === "string") {
      text += piece;
      return;
    }
    const isBase = typeof pieces[at + 1] === "string" && pieces[at + 1].startsWith(" **");
    const follows = text !== "" && !text.endsWith("(") && !text.endsWith(", ");
    const number = numbers[piece];
    text += number.startsWith("-") && (isBase || follows) ? `(${number})` : number;
  });
  return text;
};

const outputsOf = (gate) => Array.from({ length: gate.outputs }, (_, port) => gate.out + port);

// Runs the gates on the given values of the entries, and returns the steps as the recording has them.
const run = (entries) => {
  const values = Array(recording.wires.length);
  const grads = Array(recording.wires.length);
  const made = [];
  for (const [wire, number] of entries) values[wire] = number;
  for (const gate of recording.gates) {
    const inputs = gate.sources.map((wire) => values[wire]);
    const outputs = GATES[gate.kind].forward(inputs, gate.settings);
    outputs.forEach((output, port) => (values[gate.out + port] = output));
    const line = chain(
      gate.result,
      gate.right,
      withNumbers(gate.pieces, inputs.map(plain)),
      outputs.map(plain).join(", "),
    );
    const shows = outputs.map((output, port) => [gate.out + port, "value", [plain(output)]]);
    made.push({ phase: "forward", node: gate.node, parts: [{ line }], shows });
  }
  grads[recording.output] = read(recording.upstream);
  let seed = [[recording.output, "gradient", [plain(grads[recording.output])]]];
  for (const gate of recording.gates.toReversed()) {
    const wires = outputsOf(gate);
    if (gate.sends.length === 0 || wires.every((wire) => grads[wire] === undefined)) continue;
    const upstream = wires.map((wire) => grads[wire] ?? 0);
    const inputs = gate.sources.map((wire) => values[wire]);
    const backward = (dz) => GATES[gate.kind].backward(inputs, dz, gate.settings);
    const rows = wires.map((_, port) => backward(wires.map((_, other) => Number(other === port))));
    const downstream = backward(upstream);
    const step = { phase: "backward", node: gate.node, parts: [], shows: seed };
    seed = [];
    const terms = new Map(); // what meets on each wire
    gate.sources.forEach((wire, port) => {
      if (!gate.sends[port]) return;
      if (!terms.has(wire)) terms.set(wire, grads[wire] === undefined ? [] : [grads[wire]]);
      terms.get(wire).push(downstream[port]);
      grads[wire] = grads[wire] === undefined ? downstream[port] : grads[wire] + downstream[port];
      const numbers = rows.map((row, at) => `${plain(row[port])} × ${plain(upstream[at])}`).join(" + ");
      const gradient = downstream[port];
      const line = chain(`d${recording.wires[wire]}`, gate.gradients[port], numbers, plain(gradient));
      const [local, dz] = rows.length === 1 ? [rows[0][port], upstream[0]] : [null, null];
      step.parts.push({ line, wire, port, local, upstream: dz, gradient });
    });
    for (const [wire, several] of terms) {
      step.shows.push([wire, "gradient", [plain(grads[wire])]]);
      if (several.length === 1) continue;
      const name = recording.wires[wire];
      const sum = several.map(plain).join(" + ").replaceAll("+ -", "- ");
      const line = `d${name} so far = ${sum} = ${plain(grads[wire])}`;
      step.parts.push({ line, wire, port: `sum ${name}`, local: null, upstream: null, gradient: grads[wire] });
    }
    made.push(step);
  }
  for (const wire of recording.differentiated) {
    if (grads[wire] === undefined && made.length) made.at(-1).shows.push([wire, "gradient", ["0"]]);
  }
  return made;
};

// ---------------------------------------------------------------------------------------------- what is shown

const element = (name, text = "", attributes = {}) => {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

const groups = new Map([...document.querySelectorAll("[data-wire]")].map((group) => [group.dataset.wire, group]));
const gates = [...document.querySelectorAll("[data-gate]")];
const numbersOf = (wire, kind) => groups.get(recording.wires[wire]).querySelector(`.${kind}`);

const write = (text, lines) => {
  const [first, ...rest] = lines;
  const spans = rest.map((line) => {
    const span = document.createElementNS("http://www.w3.org/2000/svg", "tspan");
    span.setAttribute("x", text.getAttribute("x"));
    span.setAttribute("dy", "15");
    span.textContent = line;
    return span;
  });
  text.replaceChildren(first, ...spans.flatMap((span) => [" ", span]));
};

const isQuiz = () => document.getElementById("quiz").checked;
const keyOf = (at, part) => `${at}:${part.port}`;
const isAsked = (at, part) => isQuiz() && part.gradient !== null && !answers.get(keyOf(at, part))?.isShown;
const gateOf = (step) => recording.gates.find(({ node }) => node === step.node);

// In the quiz a gradient is hidden until all its parts so far are known, or it is the upstream one of the gate at work.
const hiddenWires = () => {
  const hidden = new Set();
  steps.slice(0, place).forEach((step, at) => {
    if (step.phase === "forward") return;
    for (const part of step.parts) if (isAsked(at, part)) hidden.add(part.wire);
  });
  if (steps[place - 1]?.phase === "backward") for (const wire of outputsOf(gateOf(steps[place - 1]))) hidden.delete(wire);
  return hidden;
};

const show = () => {
  recording.wires.forEach((_, wire) => {
    write(numbersOf(wire, "value"), [DASH]);
    write(numbersOf(wire, "gradient"), [DASH]);
  });
  for (const [wire, lines] of initial) write(numbersOf(wire, "value"), lines);
  const hidden = hiddenWires();
  for (const step of steps.slice(0, place)) {
    for (const [wire, kind, lines] of step.shows) {
      write(numbersOf(wire, kind), kind === "gradient" && hidden.has(wire) ? ["?"] : lines);
    }
  }
  const step = steps[place - 1];
  for (const text of document.querySelectorAll(".fresh")) text.classList.remove("fresh");
  for (const [wire, kind] of step?.shows ?? []) numbersOf(wire, kind).classList.add("fresh");
  for (const group of groups.values()) {
    const [value, gradient] = ["value", "gradient"].map((kind) => group.querySelector(`.${kind}`).textContent);
    group.querySelector("title").textContent = `${group.dataset.wire}: value ${value}, gradient ${gradient}`;
  }
  for (const gate of gates) gate.classList.toggle("active", gate.dataset.gate === step?.node);
  bringIntoView();
  showPanel(step);
  const slider = document.getElementById("slider");
  slider.max = steps.length;
  slider.value = place;
  const where = step ? `${step.phase}: ${step.node}` : "start";
  slider.setAttribute("aria-valuetext", `${place} of ${steps.length}, ${where}`);
  document.getElementById("count").textContent = `${place} of ${steps.length}`;
  document.getElementById("score").textContent = isQuiz() ? score() : "";
  document.getElementById("back").disabled = document.getElementById("restart").disabled = place === 0;
  document.getElementById("forward").disabled = place === steps.length;
};

// Scrolls the picture, and not the page, where the gate at work or the numbers that it changed would be out of sight.
const bringIntoView = () => {
  const picture = document.querySelector(".picture");
  const seen = [...document.querySelectorAll(".active, .fresh")].map((element) => element.getBoundingClientRect());
  if (seen.length === 0) {
    picture.scrollTo(0, 0);
    return;
  }
  const outer = picture.getBoundingClientRect();
  const [left, right] = [Math.min(...seen.map((r) => r.left)) - 12, Math.max(...seen.map((r) => r.right)) + 12];
  const [top, bottom] = [Math.min(...seen.map((r) => r.top)) - 12, Math.max(...seen.map((r) => r.bottom)) + 12];
  const gate = document.querySelector(".active").getBoundingClientRect();
  const isWide = right - left > outer.width; // then at least the gate is in the middle
  const middle = isWide ? (gate.left + gate.right) / 2 : (left + right) / 2;
  if (left < outer.left || right > outer.right) picture.scrollLeft += middle - outer.left - outer.width / 2;
  if (top < outer.top || bottom > outer.bottom) picture.scrollTop += (top + bottom) / 2 - outer.top - outer.height / 2;
};

const showPanel = (step) => {
  const panel = document.getElementById("panel");
  if (!step) {
    panel.replaceChildren(
      element("h2", "Start"),
      element("p", "The inputs have their values. Step forward: the first gate runs."),
      ...(isQuiz() ? [element("p", "The quiz asks for the gradients, in the backward steps.")] : []),
    );
    return;
  }
  const gate = gateOf(step);
  const shown = [element("h2", `${step.phase === "forward" ? "Forward" : "Backward"}: ${step.node} (${gate.text})`)];
  if (step.phase === "backward") {
    shown.push(element("p", `${gate.result} = ${gate.right}`, { class: "line" }));
    shown.push(element("p", `local × upstream = downstream${gate.pattern && ` (${gate.pattern})`}`));
  }
  for (const part of step.parts) {
    const at = place - 1;
    const isBackward = step.phase === "backward";
    shown.push(isBackward && isAsked(at, part) ? question(part, gate) : element("p", part.line, { class: "line" }));
    const verdict = isBackward && isQuiz() && answers.get(keyOf(at, part))?.verdict;
    if (verdict) shown.push(element("p", verdict, { role: "status" }));
  }
  panel.replaceChildren(...shown);
};

// ---------------------------------------------------------------------------------------------- the quiz

// Two digits will do: 3 % is a little more than their rounding.
const isNear = (typed, wanted) => (wanted === 0 ? typed === 0 : Math.abs(typed - wanted) <= 0.03 * Math.abs(wanted));

const isSum = (part) => typeof part.port === "string";

const judged = (typed, { local, upstream, gradient, wire }) => {
  if (Object.is(typed, gradient) || isNear(typed, gradient)) return [true, "Right."];
  const sum = steps[place - 1].parts.find((part) => isSum(part) && part.wire === wire);
  if (sum && isNear(typed, sum.gradient)) return [false, "That is the sum so far: what this gate sends is asked for."];
  if (isNear(typed, -gradient)) return [false, "Wrong sign: the size is right."];
  if (local !== null && isNear(typed, local)) {
    return [false, "You forgot the upstream gradient: this is the local gradient alone."];
  }
  if (gradient === 0) return [false, "Wrong: think of what the output does when this input moves a little."];
  if (typed === 0) return [false, "Wrong: it is not 0."];
  if (local !== null && isNear(typed, upstream)) {
    return [false, "You forgot the local gradient: this is the upstream gradient alone."];
  }
  return [false, `Wrong: off by a factor of ${plain(typed / gradient)}.`];
};

const score = () => {
  const asked = steps.flatMap((step) => (step.phase === "backward" ? step.parts : [])).filter((part) => part.gradient !== null);
  const known = [...answers.values()].filter(({ isShown }) => isShown);
  const atOnce = known.filter(({ tries }) => tries === 1).length;
  return `${known.length} of ${asked.length} known, ${atOnce} at the first try`;
};

const focusOnNext = () => document.querySelector("#panel input, #forward:enabled, #restart").focus();

const question = (part, gate) => {
  const name = recording.wires[part.wire];
  const form = element("form");
  const field = element("input", "", {
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    "aria-label": isSum(part) ? `Sum of the gradients of ${name}` : `Gradient of ${name}`,
    placeholder: "two digits will do",
  });
  const given = outputsOf(gate).map((wire) => `d${recording.wires[wire]} = ${numbersOf(wire, "gradient").textContent}`);
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

// ---------------------------------------------------------------------------------------------- what can be done

const go = (to) => {
  place = Math.min(Math.max(to, 0), steps.length);
  show();
};

const pause = () => {
  clearInterval(timer);
  timer = null;
  document.getElementById("play").textContent = "Play";
};

const play = () => {
  if (timer !== null) {
    pause();
    return;
  }
  if (place === steps.length) go(0);
  document.getElementById("play").textContent = "Pause";
  timer = setInterval(() => {
    go(place + 1);
    if (place === steps.length) pause();
  }, 1000);
};

const actions = {
  restart: () => go(0),
  back: () => go(place - 1),
  forward: () => go(place + 1),
};
for (const [name, act] of Object.entries(actions)) {
  document.getElementById(name).addEventListener("click", () => {
    pause();
    act();
  });
}
document.getElementById("play").addEventListener("click", play);
for (const button of document.querySelectorAll(".controls button")) {
  // After a click with the mouse the space key plays, and does not click again.
  button.addEventListener("click", (event) => event.detail > 0 && button.blur());
}
document.getElementById("slider").addEventListener("input", (event) => {
  pause();
  go(Number(event.target.value));
});
document.getElementById("quiz").addEventListener("change", () => {
  answers.clear();
  show();
});
document.addEventListener("keydown", (event) => {
  if (event.target.matches('input[type="text"]') || event.altKey || event.ctrlKey || event.metaKey) return;
  const key = { ArrowLeft: actions.back, ArrowRight: actions.forward, " ": play }[event.key];
  if (!key || (event.key === " " && event.target.matches("button, input[type=checkbox]"))) return;
  event.preventDefault();
  if (key !== play) pause();
  key();
});

const showInputs = () => {
  const form = document.getElementById("inputs");
  form.addEventListener("submit", (event) => event.preventDefault());
  if (recording.fixed) {
    form.append(element("p", recording.fixed));
    return;
  }
  const fields = new Map();
  for (const entry of recording.entries.filter(({ kind }) => kind !== "Constant")) {
    const name = recording.wires[entry.wire];
    const field = element("input", "", { type: "text", inputmode: "decimal", autocomplete: "off" });
    field.value = entry.value.replace(/\.0$/, "");
    const label = element("label", name);
    label.append(field);
    form.append(label);
    fields.set(entry.wire, field);
  }
  const complaint = element("p", "", { role: "alert" });
  form.append(complaint);
  const changed = () => {
    const entries = recording.entries.map(({ wire, value }) => [wire, read(fields.get(wire)?.value ?? value)]);
    for (const [wire, number] of entries) {
      fields.get(wire)?.setAttribute("aria-invalid", String(number === undefined));
    }
    const wrong = entries.filter(([, number]) => number === undefined).map(([wire]) => recording.wires[wire]);
    complaint.textContent = wrong.length
      ? `${wrong.join(", ")} must be a number, such as -2.5; until then the numbers before are shown.`
      : "";
    if (wrong.length) return;
    steps = run(entries);
    initial = entries.map(([wire, number]) => [wire, [plain(number)]]);
    answers.clear();
    show();
  };
  form.addEventListener("input", changed);
};

const svg = document.querySelector(".picture svg");
svg.style.setProperty("--width", `${svg.getAttribute("width")}px`);
const quiz = document.getElementById("quiz");
quiz.disabled = !steps.some(({ phase, parts }) => phase === "backward" && parts.some((part) => part.gradient !== null));
if (quiz.disabled) quiz.parentElement.append(" (no gradient here is a number)");
showInputs();
show();
