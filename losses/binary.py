"""The loss of yes or no: the cross-entropy of scores and targets from 0 to 1."""

import math

from gates import Gate, namespace, sum_to
from gates.values import Value, shape_of
from losses.squares import check_target


class BinaryCrossEntropyLoss(Gate):
    """The mean cross-entropy, in nats, of p = sigmoid(score) and a target t from 0 to 1: -t ln p - (1 - t) ln(1 - p).

    `forward(scores, target)` takes two arrays of one shape, or a number as the target of all. Scores may be of any
    size; that targets are from 0 to 1 is not checked. Backward: (p - t) / n for each of n scores.

    Raises
    ------
    ValueError
        If the shapes differ, even if NumPy would broadcast them, or there is no element.

    Notes
    -----
    With s for the score, for one element:

    1. p = 1 / (1 + e**-s), and 1 - p = 1 / (1 + e**s): so -ln p = ln(1 + e**-s), and -ln(1 - p) = ln(1 + e**s).
    2. ln(1 + e**s) = max(s, 0) + ln(1 + e**-abs(s)), where nothing overflows. Likewise
       ln(1 + e**-s) = max(-s, 0) + ln(1 + e**-abs(s)).
    3. The loss is (1 - t) * max(s, 0) + t * max(-s, 0) + ln(1 + e**-abs(s)): a sum of numbers that are not negative, so
       that no digits cancel.
    4. The slope of -ln p is -(1 - p), that of -ln(1 - p) is p: ds = (1 - t) * p - t * (1 - p), which is p - t. The
       longer form keeps the digits of 1 - p where p rounds to 1.
    5. The loss is linear in t: dt = ln(1 + e**-s) - ln(1 + e**s) = -s.
    6. The mean over n elements divides all of this by n.

    References
    ----------
    Goodfellow, Bengio, Courville: Deep Learning, section 6.2.2.2, https://www.deeplearningbook.org

    Examples
    --------
    >>> gate = BinaryCrossEntropyLoss()
    >>> gate.forward(0.0, 1.0)  # ln 2
    0.6931471805599453
    >>> gate.backward(1.0)
    [-0.5, -0.0]
    >>> f"{gate.forward(100.0, 1.0):.6g}"  # where p is 1, and ln p and p - 1 are 0
    '3.72008e-44'
    >>> gate.backward(1.0)
    [-3.720075976020836e-44, -100.0]
    """

    notation = (
        "z = mean(log(1 + exp(scores)) - scores * target)",
        "(sigmoid(scores) - target) / n",
        "-scores / n",
    )

    def check(self, scores: Value, target: Value) -> None:
        check_target(scores, target, "scores")

    def forward(self, scores: Value, target: Value) -> Value:
        xp = namespace(scores, target)
        e = xp.exp(-xp.abs(scores))
        self.kept = scores, target, e
        # Where the target leaves no part to a score, the score does not count, were it infinite.
        positive = xp.where((scores > 0.0) & (target != 1.0), scores, 0.0)
        negative = xp.where((scores < 0.0) & (target != 0.0), scores, 0.0)
        return xp.mean((1.0 - target) * positive - target * negative + xp.log1p(e))

    def backward(self, dloss: Value) -> list[Value]:
        scores, target, e = self.kept
        want_scores, want_target = self.wanted
        xp, share = namespace(scores, e), dloss / math.prod(shape_of(scores))
        one = xp.ones_like(e)
        p, rest = (xp.where(is_there, one, e) / (1.0 + e) for is_there in (scores >= 0.0, scores < 0.0))
        return [
            share * ((1.0 - target) * p - target * rest) if want_scores else None,
            sum_to(-share * scores, target) if want_target else None,
        ]
