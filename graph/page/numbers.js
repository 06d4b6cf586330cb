// Formats and parses numbers. Knows nothing of gates and graphs.

// Formats a number like text_of in gates/formatting.py: 6 digits, in the format of Python's repr.
const textOf = (number) => {
  if (Number.isNaN(number)) return "nan";
  if (!Number.isFinite(number)) return number < 0 ? "-inf" : "inf";
  if (number === 0) return Object.is(number, -0) ? "-0" : "0";
  // toPrecision rounds a tie up, Python to the even digit: 100000.5 becomes 100000. 100 digits show whether it is a tie.
  const untied = Number(number.toExponential(100).replace(/([02468])50{94}e/, "$1e"));
  const rounded = Number(untied.toPrecision(6));
  const size = Math.abs(rounded);
  if (size >= 1e-4 && size < 1e16) return String(rounded);
  return rounded.toExponential().replace(/e[+-](?=\d$)/, "$&0"); // Python prints 1e-05
};

// Parses a text such as "-2.5e3", "inf" or "nan"; returns undefined for any other text.
const read = (text) => {
  const ascii = text.trim().replaceAll("\u2212", "-"); // the typographic minus
  if (!/^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|nan)$/i.test(ascii)) return undefined;
  return Number(ascii.replace(/inf/i, "Infinity").replace(/nan/i, "NaN"));
};
