// The gates' formulas for numbers, as in the Python packages gates and losses, whose docstrings and comments explain
// them. forward(inputs, settings) returns the outputs, backward(inputs, upstream, settings) the gradient of each input.
// Nothing is kept between them: backward recomputes what a Python gate keeps. Knows nothing of graphs.

// Like C's pow, which returns 1 in these cases; JavaScript's returns NaN.
const pow = (x, p) => (x === 1 || (x === -1 && Math.abs(p) === Infinity) ? 1 : Math.pow(x, p));

const powerSlope = (x, p) => {
  if (p === 0) return 0;
  if (p >= 2) return p * x * pow(x, p - 2);
  if (p >= 1 || x === 0 || Math.abs(x) === Infinity) return p * pow(x, p - 1);
  return (p * pow(x, p)) / x;
};

const overSquare = (x, y) => {
  const lift = Math.abs(x / y) < 2 ** -1000 && x !== 0 ? 2 ** 100 : 1;
  return x / (y / lift) / y / lift;
};

const sigmoid = (x) => {
  const e = Math.exp(-Math.abs(x));
  return Math.max(Math.sign(x), e) / (1 + e);
};

const sigmoidSlope = (x) => {
  const e = Math.exp(-Math.abs(x));
  const d = 1 + e;
  return e / (d * d);
};

const tanhSlope = (x) => {
  const e = Math.exp(-2 * Math.abs(x));
  return (4 * e) / (1 + e) / (1 + e);
};

const eluSlope = (x, alpha) => {
  if (x >= 0) return 1;
  if (Math.abs(alpha) <= 1) return alpha * Math.exp(x);
  const root = Math.exp(x / 2);
  return alpha * root * root;
};

const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

const powSlope = (x, y) => {
  if (y === 0) return 0;
  if (y >= 2) return y * x * pow(x, y - 2);
  if (y >= 0.5 || x === 0 || Math.abs(x) === Infinity) return y * pow(x, y - 1);
  return (y * pow(x, y)) / x;
};

// Gates that work along axes: a number has none, so they leave it unchanged.
const SAME = { forward: ([x]) => [x], backward: ([x], [dy]) => [dy] };

const GATES = {
  Add: {
    forward: ([x, y]) => [x + y],
    backward: ([x, y], [dz]) => [dz, dz],
  },
  Subtract: {
    forward: ([x, y]) => [x - y],
    backward: ([x, y], [dz]) => [dz, -dz],
  },
  Multiply: {
    forward: ([x, y]) => [x * y],
    backward: ([x, y], [dz]) => [dz * y, dz * x],
  },
  Divide: {
    forward: ([x, y]) => [x / y],
    backward: ([x, y], [dz]) => [dz / y, -dz * overSquare(x, y)],
  },
  Negative: {
    forward: ([x]) => [-x],
    backward: ([x], [dy]) => [-dy],
  },
  Reciprocal: {
    forward: ([x]) => [1 / x],
    backward: ([x], [dy]) => [-(dy / x / x)],
  },
  Scale: {
    forward: ([x], { a }) => [a * x],
    backward: ([x], [dy], { a }) => [a * dy],
  },
  Shift: {
    forward: ([x], { c }) => [x + c],
    backward: ([x], [dy]) => [dy],
  },

  Power: {
    forward: ([x], { p }) => [pow(x, p)],
    backward: ([x], [dy], { p }) => [dy * powerSlope(x, p)],
  },
  Square: {
    forward: ([x]) => [x * x],
    backward: ([x], [dy]) => [2 * (dy * x)],
  },
  Sqrt: {
    forward: ([x]) => [Math.sqrt(x)],
    backward: ([x], [dy]) => [dy / (2 * Math.sqrt(x))],
  },
  Exp: {
    forward: ([x]) => [Math.exp(x)],
    backward: ([x], [dy]) => [dy * Math.exp(x)],
  },
  Log: {
    forward: ([x]) => [Math.log(x)],
    backward: ([x], [dy]) => [dy / x],
  },
  Sin: {
    forward: ([x]) => [Math.sin(x)],
    backward: ([x], [dy]) => [dy * Math.cos(x)],
  },
  Cos: {
    forward: ([x]) => [Math.cos(x)],
    backward: ([x], [dy]) => [dy * -Math.sin(x)],
  },
  Pow: {
    forward: ([x, y]) => [pow(x, y)],
    backward: ([x, y], [dz]) => [dz * powSlope(x, y), dz * (pow(x, y) * Math.log(x === 0 && y >= 0 ? 1 : x))],
  },

  Abs: {
    forward: ([x]) => [Math.abs(x)],
    backward: ([x], [dy]) => [x === 0 ? 0 : x < 0 ? -dy : x > 0 ? dy : NaN],
  },
  Clip: {
    forward: ([x], { low, high }) => {
      const y = low === null || x >= low || x !== x ? x : low;
      return [high === null || y <= high || y !== y ? y : high];
    },
    backward: ([x], [dy], { low, high }) => [
      (low === null || x >= low) && (high === null || x <= high) ? dy : 0,
    ],
  },
  Where: {
    forward: ([c, x, y]) => [c > 0 ? x : y],
    backward: ([c], [dz]) => (c > 0 ? [0, dz, 0] : [0, 0, dz]),
  },

  // A tie goes to x; NaN, for which the comparison is false, to y.
  Max: {
    forward: ([x, y]) => [Math.max(x, y)],
    backward: ([x, y], [dz]) => (x >= y ? [dz, 0] : [0, dz]),
  },
  Min: {
    forward: ([x, y]) => [Math.min(x, y)],
    backward: ([x, y], [dz]) => (x <= y ? [dz, 0] : [0, dz]),
  },
  Copy: {
    forward: ([x], { n }) => Array(n).fill(x),
    backward: ([x], upstream) => [upstream.reduce((total, gradient) => total + gradient)],
  },

  Sigmoid: {
    forward: ([x]) => [sigmoid(x)],
    backward: ([x], [dy]) => [dy * sigmoidSlope(x)],
  },
  Tanh: {
    forward: ([x]) => [Math.tanh(x)],
    backward: ([x], [dy]) => [dy * tanhSlope(x)],
  },
  ReLU: {
    forward: ([x]) => [x <= 0 ? 0 : x],
    backward: ([x], [dy]) => [x <= 0 ? 0 : dy],
  },
  LeakyReLU: {
    forward: ([x], { slope }) => [x > 0 ? x : slope * x],
    backward: ([x], [dy], { slope }) => [x > 0 ? dy : slope * dy],
  },
  ELU: {
    forward: ([x], { alpha }) => [x >= 0 ? x : alpha * Math.expm1(x)],
    backward: ([x], [dy], { alpha }) => [dy * eluSlope(x, alpha)],
  },
  Softplus: {
    forward: ([x]) => [softplus(x)],
    backward: ([x], [dy]) => [dy * sigmoid(x)],
  },
  Neuron: {
    forward: ([input, weight, bias]) => [sigmoid(input * weight + bias)],
    backward: ([input, weight, bias], [drate]) => {
      const dtotal = drate * sigmoidSlope(input * weight + bias);
      return [dtotal * weight, dtotal * input, dtotal];
    },
  },

  Sum: SAME,
  Mean: SAME,
  Transpose: SAME,
  Reshape: SAME,
  LogSumExp: SAME,
  ReduceMax: SAME,
  ReduceMin: SAME,
  Variance: {
    forward: ([x]) => [(x - x) * (x - x)],
    backward: ([x], [dy]) => [dy * (2 * (x - x))],
  },
  SquaredNorm: {
    forward: ([x]) => [x * x],
    backward: ([x], [dy]) => [2 * dy * x],
  },

  SquaredErrorLoss: {
    forward: ([prediction, target]) => [(prediction - target) * (prediction - target)],
    backward: ([prediction, target], [dloss]) => {
      const gradient = 2 * dloss * (prediction - target);
      return [gradient, -gradient];
    },
  },
  MeanSquaredErrorLoss: {
    forward: ([prediction, target]) => [(prediction - target) * (prediction - target)],
    backward: ([prediction, target], [dloss]) => {
      const gradient = 2 * dloss * (prediction - target);
      return [gradient, -gradient];
    },
  },
  BinaryCrossEntropyLoss: {
    forward: ([scores, target]) => {
      const positive = scores > 0 && target !== 1 ? scores : 0;
      const negative = scores < 0 && target !== 0 ? scores : 0;
      return [(1 - target) * positive - target * negative + Math.log1p(Math.exp(-Math.abs(scores)))];
    },
    backward: ([scores, target], [dloss]) => {
      const e = Math.exp(-Math.abs(scores));
      const p = (scores >= 0 ? 1 : e) / (1 + e);
      const rest = (scores < 0 ? 1 : e) / (1 + e);
      return [dloss * ((1 - target) * p - target * rest), -dloss * scores];
    },
  },
  L2Regularization: {
    forward: ([W], { strength }) => [strength * W * W],
    backward: ([W], [dloss], { strength }) => [2 * strength * dloss * W],
  },
};
