// Numbers as text, and back. Knows nothing of gates and graphs.

// The text that gates/formatting.py's text_of gives for a float: 6 digits, written as Python's repr writes them.
const textOf = (number) => {
  if (Number.isNaN(number)) return "nan";
  if (!Number.isFinite(number)) return number < 0 ? "-inf" : "inf";
  if (number === 0) return Object.is(number, -0) ? "-0" : "0";
  // toPrecision rounds a tie up, Python to the even digit: 100000.5 is 100000. 100 digits tell a tie from what is near.
  const untied = Number(number.toExponential(100).replace(/([02468])50{94}e/, "$1e"));
  const rounded = Number(untied.toPrecision(6));
  const size = Math.abs(rounded);
  if (size >= 1e-4 && size < 1e16) return String(rounded);
  return rounded.toExponential().replace(/e[+-](?=\d$)/, "$&0"); // Python writes 1e-05
};

// The number that a text like "-2.5e3", "inf" or "nan" denotes; undefined for any other text.
const read = (text) => {
  const ascii = text.trim().replaceAll("\u2212", "-"); // the sign − of print
  if (!/^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|nan)$/i.test(ascii)) return undefined;
  return Number(ascii.replace(/inf/i, "Infinity").replace(/nan/i, "NaN"));
};
