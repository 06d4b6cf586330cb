// The page: steps through both passes of a circuit, and runs them again when an input changes.
// The other scripts are loaded before this one, but use its names only when called. Text is only put into text nodes.

const circuit = JSON.parse(document.getElementById("circuit").textContent);
const DASH = "–";

const toNumber = (text) => (text === null ? null : read(text));
for (const { parts } of circuit.steps) {
  for (const part of parts) for (const key of ["local", "upstream", "gradient"]) part[key] = toNumber(part[key] ?? null);
}
for (const gate of circuit.gates) {
  for (const [name, text] of Object.entries(gate.settings)) gate.settings[name] = toNumber(text);
}

let steps = circuit.steps;
let initial = circuit.entries.map(({ wire, lines }) => [wire, lines]); // the values shown before the first step
let place = circuit.place; // the number of steps that are shown
let timer = null;

const element = (name, text = "", attributes = {}) => {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

// The wires and the boxes are in the same order in the picture and in the circuit, the order of the slots.
const groups = [...document.querySelectorAll("[data-wire]")];
const boxes = [...document.querySelectorAll("[data-gate]")];
const numbersOf = (wire, kind) => groups[wire].querySelector(`.${kind}`);

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

const gateOf = (step) => circuit.gates.find(({ node }) => node === step.node);

const show = () => {
  circuit.wires.forEach((_, wire) => {
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
  groups.forEach((group, wire) => {
    const [value, gradient] = ["value", "gradient"].map((kind) => numbersOf(wire, kind).textContent);
    group.querySelector("title").textContent = `${circuit.wires[wire]}: value ${value}, gradient ${gradient}`;
  });
  const gate = step && gateOf(step);
  const lit = gate ? [...gate.sources, ...Array.from({ length: gate.outputs }, (_, port) => gate.out + port)] : [];
  boxes.forEach((box, at) => box.classList.toggle("lit", at === gate?.box));
  groups.forEach((group, wire) => group.classList.toggle("lit", lit.includes(wire)));
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

// Scrolls the picture, but not the page, if the current gate or the numbers that it changed are out of sight.
const bringIntoView = () => {
  const picture = document.querySelector(".picture");
  const seen = [...document.querySelectorAll("[data-gate].lit, .fresh")].map((element) => element.getBoundingClientRect());
  if (seen.length === 0) {
    picture.scrollTo(0, 0);
    return;
  }
  const outer = picture.getBoundingClientRect();
  const [left, right] = [Math.min(...seen.map((r) => r.left)) - 12, Math.max(...seen.map((r) => r.right)) + 12];
  const [top, bottom] = [Math.min(...seen.map((r) => r.top)) - 12, Math.max(...seen.map((r) => r.bottom)) + 12];
  const gate = document.querySelector("[data-gate].lit").getBoundingClientRect();
  const isWide = right - left > outer.width; // then center the gate
  const middle = isWide ? (gate.left + gate.right) / 2 : (left + right) / 2;
  if (left < outer.left || right > outer.right) picture.scrollLeft += middle - outer.left - outer.width / 2;
  if (top < outer.top || bottom > outer.bottom) picture.scrollTop += (top + bottom) / 2 - outer.top - outer.height / 2;
};

const showPanel = (step) => {
  const panel = document.getElementById("panel");
  if (!step) {
    panel.replaceChildren(
      element("h2", "Start"),
      element("p", "The inputs have their values. Step forward to run the first gate."),
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
  const button = document.getElementById(name);
  button.addEventListener("click", () => {
    pause();
    act();
    if (button.disabled) focusOnNext(); // a disabled button loses the focus
  });
}
document.getElementById("play").addEventListener("click", play);
for (const button of document.querySelectorAll(".controls button")) {
  // After a mouse click, the space key should start or stop playing, not click the button again.
  button.addEventListener("click", (event) => event.detail > 0 && button.blur());
}
document.getElementById("slider").addEventListener("input", (event) => {
  pause();
  go(Number(event.target.value));
});
document.addEventListener("focusin", (event) => event.target.matches('input[type="text"]') && pause()); // typing stops playing
document.getElementById("quiz").addEventListener("change", () => {
  pause();
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
  if (circuit.fixed) {
    form.append(element("p", circuit.fixed));
    return;
  }
  const fields = new Map();
  for (const entry of circuit.entries.filter(({ kind }) => kind !== "Constant")) {
    const name = circuit.wires[entry.wire];
    const field = element("input", "", { type: "text", name, inputmode: "decimal", autocomplete: "off" });
    field.value = entry.value.replace(/\.0$/, "");
    const label = element("label", name);
    label.append(field);
    form.append(label);
    fields.set(entry.wire, field);
  }
  const complaint = element("p", "", { role: "alert" });
  form.append(complaint);
  const changed = () => {
    const entries = circuit.entries.map(({ wire, value }) => [wire, read(fields.get(wire)?.value ?? value)]);
    for (const [wire, number] of entries) {
      fields.get(wire)?.setAttribute("aria-invalid", String(number === undefined));
    }
    const wrong = entries.filter(([, number]) => number === undefined).map(([wire]) => circuit.wires[wire]);
    complaint.textContent = wrong.length
      ? `${wrong.join(", ")} must be a number, such as -2.5; until then, the previous numbers are shown.`
      : "";
    if (wrong.length) return;
    steps = run(entries);
    initial = entries.map(([wire, number]) => [wire, [textOf(number)]]);
    answers.clear();
    show();
  };
  form.addEventListener("input", changed);
};

const svg = document.querySelector(".picture svg");
svg.setAttribute("role", "group"); // its description was of the numbers before the first step
svg.setAttribute("aria-label", "Wires and gates");
svg.style.setProperty("--width", `${svg.getAttribute("width")}px`);
const quiz = document.getElementById("quiz");
quiz.disabled = !steps.some(({ phase, parts }) => phase === "backward" && parts.some((part) => part.gradient !== null));
if (quiz.disabled) quiz.parentElement.append(" (no gradient in this circuit is a number)");
showInputs();
show();
