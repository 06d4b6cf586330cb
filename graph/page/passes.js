// Runs both passes over the gates of the circuit, like the stepper in Python. Uses numbers.js and gates.js.

const LINE = 100; // as in graph/watching/step.py: numbers that would make a line longer are left out

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

// Runs both passes with the given values of the entries, and returns the steps in the format of circuit.steps.
const run = (entries) => {
  const values = Array(circuit.wires.length);
  const grads = Array(circuit.wires.length);
  const made = [];
  for (const [wire, number] of entries) values[wire] = number;
  for (const gate of circuit.gates) {
    const inputs = gate.sources.map((wire) => values[wire]);
    const outputs = GATES[gate.kind].forward(inputs, gate.settings);
    outputs.forEach((output, port) => (values[gate.out + port] = output));
    const line = chain(
      gate.result,
      gate.right,
      withNumbers(gate.pieces, inputs.map(textOf)),
      outputs.map(textOf).join(", "),
    );
    const shows = outputs.map((output, port) => [gate.out + port, "value", [textOf(output)]]);
    made.push({ phase: "forward", node: gate.node, parts: [{ line }], shows });
  }
  const given = toNumber(circuit.upstream); // null if nothing that the output is computed from has a gradient
  if (given !== null) grads[circuit.output] = given;
  let seed = given === null ? [] : [[circuit.output, "gradient", [textOf(given)]]];
  for (const gate of circuit.gates.toReversed()) {
    const wires = outputsOf(gate);
    if (gate.sends.length === 0 || wires.every((wire) => grads[wire] === undefined)) continue;
    const upstream = wires.map((wire) => grads[wire] ?? 0);
    const inputs = gate.sources.map((wire) => values[wire]);
    const backward = (dz) => GATES[gate.kind].backward(inputs, dz, gate.settings);
    const rows = wires.map((_, port) => backward(wires.map((_, other) => Number(other === port))));
    const downstream = backward(upstream);
    const step = { phase: "backward", node: gate.node, parts: [], shows: seed };
    seed = [];
    const terms = new Map(); // for each wire, the gradients that add up there
    gate.sources.forEach((wire, port) => {
      if (!gate.sends[port]) return;
      if (!terms.has(wire)) terms.set(wire, grads[wire] === undefined ? [] : [grads[wire]]);
      terms.get(wire).push(downstream[port]);
      grads[wire] = grads[wire] === undefined ? downstream[port] : grads[wire] + downstream[port];
      const numbers = rows.map((row, at) => `${textOf(row[port])} × ${textOf(upstream[at])}`).join(" + ");
      const gradient = downstream[port];
      const line = chain(`d${circuit.wires[wire]}`, gate.gradients[port], numbers, textOf(gradient));
      const [local, dz] = rows.length === 1 ? [rows[0][port], upstream[0]] : [null, null];
      step.parts.push({ line, wire, port, local, upstream: dz, gradient });
    });
    for (const [wire, several] of terms) {
      step.shows.push([wire, "gradient", [textOf(grads[wire])]]);
      if (several.length === 1) continue;
      const name = circuit.wires[wire];
      const sum = several.map(textOf).join(" + ").replaceAll("+ -", "- ");
      const line = `d${name} so far = ${sum} = ${textOf(grads[wire])}`;
      step.parts.push({ line, wire, port: `sum ${name}`, local: null, upstream: null, gradient: grads[wire] });
    }
    made.push(step);
  }
  const unreached = circuit.differentiated.filter((wire) => grads[wire] === undefined);
  made.at(-1)?.shows.push(...seed, ...unreached.map((wire) => [wire, "gradient", ["0"]]));
  return made;
};
