"""Expressions: what they mean is what Python means, and whatever else they hold is refused, with its place."""

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph import ComputationalGraph
from graph.structure.expression import FUNCTIONS, INSTEAD

INPUTS = {"x": 0.7, "y": -1.3, "z": 2.5}


def value(source: str, **inputs: Any) -> Any:
    """Return the value of an expression."""
    return ComputationalGraph.from_expression(source).forward(inputs)


def test_inputs_come_in_order_of_appearance() -> None:
    graph = ComputationalGraph.from_expression("b * exp(a) + b ** 2 + _c1 * größe + add_1")
    assert graph.nodes_topologically_sorted()[:5] == ["b", "a", "_c1", "größe", "add_1"]
    assert graph.forward({"b": 2, "a": 0, "_c1": 3, "größe": 4, "add_1": 5}) == 23.0


operands = st.sampled_from(["x", "y", "z", "2", "0.5", "3.", ".25", "1e-2"])
expressions = st.recursive(
    operands,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", " + ", " -", "* "]), inner).map("".join),
        inner.map("({})".format),
        inner.map("-{}".format),
        inner.map("+{}".format),
        st.tuples(inner, st.sampled_from(["**2", " ** 3", "**-1", "**-2**2"])).map("".join),
        st.sampled_from(["exp", "tanh"]).flatmap(lambda name: inner.map(f"{name}({{}})".format)),
    ),
    max_leaves=12,
)


@settings(max_examples=500, deadline=None)
@given(expressions)
def test_operators_bind_as_in_python(source: str) -> None:
    names = {name: np.float64(number) for name, number in INPUTS.items()}
    with np.errstate(all="ignore"):
        try:
            wanted = eval(source, {"exp": np.exp, "tanh": np.tanh, **names})
        except (ZeroDivisionError, OverflowError, TypeError):
            return  # plain Python numbers are not IEEE
    if isinstance(wanted, complex):
        return
    graph = ComputationalGraph.from_expression(source)
    used = {name: INPUTS[name] for name in graph if name in INPUTS}
    assert graph.forward(used) == pytest.approx(float(wanted), rel=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("-2 ** 2", -4.0),
        ("2 ** 3 ** 2", 512.0),
        ("2 - 3 - 4", -5.0),
        ("8 / 4 / 2", 1.0),
        ("2 ** -1", 0.5),
        ("- - 3", 3.0),
        ("2 * (3 + 4) * 5", 70.0),
        ("1 / 0", math.inf),
        ("9 ** 9 ** 9", math.inf),
        ("max(2, min(7, 5))", 5.0),
        ("x ** (1 / 2)", 3.0),
        ("(x\n+\tx)", 18.0),
        ("x +\n\tx", 18.0),
    ],
)
def test_numbers_follow_the_rules(source: str, wanted: float) -> None:
    assert value(source, **({"x": 9} if "x" in source.replace("max", "") else {})) == wanted


def test_statements_name_their_gates() -> None:
    for source in ("q = x + y; f = q * z", "q = x + y\nf = q * z\n", "\n;q = x + y;\n\nf = (q\n* z);", "q=x+y;f=q*z"):
        graph = ComputationalGraph.from_expression(source)
        assert graph.nodes_topologically_sorted() == ["x", "y", "z", "q", "f"]
        assert str(graph.output) == "f"
        assert graph.forward(x=-2, y=5, z=-4) == -12.0
        assert graph.backward() == {"x": -4.0, "y": -4.0, "z": 3.0}


@pytest.mark.parametrize(
    ("source", "nodes", "wanted"),
    [
        ("f = exp(x)", ["x", "f"], math.e),
        ("a = 3; b = a * 2; f = b * x", ["x", "f"], 6.0),
        ("q = x; q * q", ["x", "multiply_1"], 1.0),
        ("f = +x", ["x"], 1.0),
        ("f = 2 * 3", ["f"], 6.0),
        ("s = x + x; unused = s * s; s + 1", ["x", "s", "unused", "shift_1"], 3.0),
        ("m = max(x, 2, y, 7)", ["x", "y", "constant_1", "max_1", "max_2", "constant_2", "m"], 7.0),
        ("min(x, y, 0.5)", None, 0.5),
        ("max(1, 2, 3)", None, 3.0),
        ("2 * pi * x", ["x", "scale_1"], 2 * math.pi),
        ("2 * π * x", ["x", "scale_1"], 2 * math.pi),
        ("exp_1 = x; exp(exp_1)", ["x", "exp_1"], math.e),
    ],
)
def test_what_statements_make(source: str, nodes: list[str] | None, wanted: float) -> None:
    graph = ComputationalGraph.from_expression(source)
    assert nodes is None or list(graph) == nodes
    assert graph.forward({name: 1.0 for name in ("x", "y") if name in graph}) == wanted


def test_there_is_a_function_for_each_gate() -> None:
    names = "add subtract multiply divide negative reciprocal power square sqrt exp log scale shift max min sigmoid "
    names += "tanh relu leaky_relu elu matmul transpose sum mean squared_norm neuron maxout softmax_loss svm_loss "
    names += "squared_error_loss l2_regularization sin cos abs clip where softplus pow softmax logsumexp reduce_max "
    names += "reduce_min variance var affine layer_norm batch_norm dropout embedding conv2d max_pool2d "
    names += "mean_squared_error_loss binary_cross_entropy_loss"
    assert sorted(FUNCTIONS) == sorted(names.split(" "))
    calls = [
        ("sqrt(x)", 1.5),
        ("square(x)", 5.0625),
        ("log(x)", math.log(2.25)),
        ("sigmoid(x)", 1 / (1 + math.exp(-2.25))),
        ("tanh(x)", math.tanh(2.25)),
        ("relu(-x)", 0.0),
        ("leaky_relu(-x)", -0.225),
        ("leaky_relu(-x, 0.5)", -1.125),
        ("elu(-x, 2)", 2 * math.expm1(-2.25)),
        ("max(x, 3)", 3.0),
        ("min(x, 3)", 2.25),
        ("power(x, 0.5)", 1.5),
        ("scale(x, 4)", 9.0),
        ("shift(x, 4)", 6.25),
        ("reciprocal(x)", 1 / 2.25),
        ("divide(subtract(multiply(x, 2), add(x, 1)), negative(x))", -1.25 / 2.25),
        ("sum(x)", 2.25),
        ("mean(x)", 2.25),
        ("sin(x)", math.sin(2.25)),
        ("cos(x)", math.cos(2.25)),
        ("abs(-x)", 2.25),
        ("clip(x, 0, 1)", 1.0),
        ("clip(x, 3, 4)", 3.0),
        ("where(x - 2, x, 7)", 2.25),
        ("where(x - 3, x, 7)", 7.0),
        ("softplus(x)", math.log1p(math.exp(2.25))),
        ("x ** x", 2.25**2.25),
        ("2 ** x", 2**2.25),
        ("pow(x, 2 * x)", 2.25**4.5),
        ("logsumexp(x)", 2.25),
        ("reduce_max(x)", 2.25),
        ("reduce_min(x)", 2.25),
        ("var(x)", 0.0),
        ("mean_squared_error_loss(x, 0.25)", 4.0),
        ("binary_cross_entropy_loss(x, 0)", math.log1p(math.exp(2.25))),
    ]
    for source, wanted in calls:
        assert value(source, x=2.25) == pytest.approx(wanted, rel=1e-15)


def test_arrays_flow_through_expressions() -> None:
    scores = np.array([[1.0, 2.0, 4.0], [0.0, -1.0, 1.0]])
    e = np.exp(scores)
    assert value("softmax(s, 1)", s=scores) == pytest.approx(e / e.sum(axis=1, keepdims=True))
    assert value("softmax(s)", s=scores) == pytest.approx(e / e.sum(axis=1, keepdims=True))
    assert value("logsumexp(s, 0)", s=scores) == pytest.approx(np.log(e.sum(axis=0)))
    assert value("reduce_max(s, 1)", s=scores).tolist() == [4.0, 1.0]
    assert value("reduce_min(s, 1)", s=scores).tolist() == [1.0, -1.0]
    assert value("var(s, 1)", s=scores) == pytest.approx(scores.var(axis=1))
    W, x = np.arange(6.0).reshape(2, 3), np.array([1.0, 2.0, 3.0])
    assert value("sum(W @ x, 0)", W=W, x=x) == (W @ x).sum()
    assert value("mean(transpose(W) @ W, 1)", W=W).tolist() == (W.T @ W).mean(1).tolist()


@pytest.mark.parametrize(
    ("source", "message", "place"),
    [
        ("", "a number, a name or '(' was wanted, got the end", 1),
        ("x +", "a number, a name or '(' was wanted, got the end", 4),
        ("x * / y", "a number, a name or '(' was wanted, got '/'", 5),
        ("(x + y", "this parenthesis is never closed", 1),
        ("x + y)", "this parenthesis was never opened", 6),
        ("()", "a number, a name or '(' was wanted, got ')'", 2),
        ("x y", "an operator was wanted; for a product write x * y, for a function x(y), at", 3),
        ("exp x", "an operator was wanted; for a product write exp * x, for a function exp(x), at", 5),
        ("sqrt 2", "an operator was wanted; for a product write sqrt * 2, for a function sqrt(2), at", 6),
        ("(x + 1)(x - 1)", "an operator was wanted; for a product write (...) * (...), at", 8),
        ("exp(x) y", "an operator was wanted; for a product write (...) * y, at", 8),
        ("2x", "an operator was wanted; for a product write 2 * x", 2),
        ("2(x + y)", "an operator was wanted; for a product write 2 * (...)", 2),
        ("1.2.3", "an operator was wanted, got '.3'", 4),
        ("x.real", "names have no dots; functions are written alone, as in exp(x)", 2),
        ("2 * np.exp(x)", "names have no dots; functions are written alone, as in exp(x)", 7),
        ("x + [1, 2]", "there are no arrays here; forward() takes them, as in x=[1, 2]", 5),
        ("x[0]", "there are no brackets here; a wire has them, as in x[0]", 2),
        ("x, y", "a comma may only separate the arguments of a function", 2),
        ("(x, y)", "a comma may only separate the arguments of a function", 3),
        ("f(x)", "unknown function 'f'; there are ", 1),
        ("sigmod(x)", "unknown function 'sigmod'; did you mean 'sigmoid'?", 1),
        ("ReLU(x)", "unknown function 'ReLU'; did you mean 'relu'?", 1),
        ("tan(x)", "unknown function 'tan'; write sin(x) / cos(x)", 1),
        ("ln(x)", "unknown function 'ln'; write log(x)", 1),
        ("sign(x)", "unknown function 'sign'; there are ", 1),
        ("x * x(y)", "unknown function 'x'; for a product write x * (...)", 5),
        ("1 + __import__(os)", "unknown function '__import__'", 5),
        ("x if y else z", "there are no conditions; where(c, x, y) is x where c > 0", 3),
        ("x > y", "there are no comparisons; where(c, x, y) is x where c > 0", 3),
        ("lambda: x", "an operator was wanted, got ':'", 7),
        ("x := 3", "an operator was wanted, got ':'", 3),
        ("x == y", "there are no comparisons; where(c, x, y) is x where c > 0", 3),
        ("x and y", "there are no conditions; where(c, x, y) is x where c > 0", 3),
        ("x * (not y)", "there are no conditions; where(c, x, y) is x where c > 0", 6),
        ("lambda x: 2 * x", "there are no functions here; write what it returns", 1),
        ("'x'", "a number, a name or '(' was wanted, got \"'\"", 1),
        ("x # y", "an operator was wanted, got '#'", 3),
        ("x ^ 2", "powers are written **, as in x ** 2", 3),
        ("x²", "powers are written **, as in x ** 2", 1),
        ("(x)²", "powers are written **, as in x ** 2", 4),
        ("x × y", "products are written *", 3),
        ("x ÷ y", "quotients are written /", 3),
        ("x − y", "a minus is written -", 3),
        ("−x", "a minus is written -", 1),
        ("2 * √x", "roots are written sqrt(x)", 5),
        ("x % 2", "an operator was wanted, got '%'", 3),
        ("x // 2", "a number, a name or '(' was wanted, got '/'", 4),
        ("max(x)", "max takes 2 or more arguments, got 1", 1),
        ("exp()", "a number, a name or '(' was wanted, got ')'", 5),
        ("exp(x,)", "a number, a name or '(' was wanted, got ')'", 7),
        ("power(x)", "power takes 2 arguments, got 1", 1),
        ("power(x, y)", "power: p must be a number, got the wire y", 1),
        ("leaky_relu(x, 1, 2)", "leaky_relu takes 1 to 2 arguments, got 3", 1),
        ("2 @ 3", "MatMul takes arrays of 1 or more axes", 3),
        ("1e999 * x", "the number 1e999 is too large", 1),
        ("x \x00 y", "an operator was wanted, got '\\x00'", 3),
        ("sum(x, axis=0)", "a function's settings are given by position", 12),
        ("q = x; q = y; q", "q is assigned twice", 8),
        ("q * z; q = x + y", "nothing can read this value: give it a name, as in q = x + y", 1),
        ("f = q * z; q = x + y", "q is assigned here, but read before or in its own value", 12),
        ("f = f + 1", "f is assigned here, but read before or in its own value", 1),
        ("pi = 3; pi * x", "pi is a constant", 1),
        ("q = ", "a number, a name or '(' was wanted, got the end", 5),
        ("= x", "a number, a name or '(' was wanted, got '='", 1),
        ("q = r = x", "an operator was wanted, got '='; one name may stand before it, as in q = x + y", 7),
        ("s = x + y + z; add_1 = x * s", "the name 'add_1' is taken", 26),
    ],
)
def test_anything_else_is_an_error_that_shows_the_place(source: str, message: str, place: int) -> None:
    with pytest.raises(ValueError, match=f", at position {place}:\n") as caught:
        ComputationalGraph.from_expression(source)
    first, line, caret = str(caught.value).split("\n")
    assert first.startswith(message)
    assert line == "    " + source.replace("\x00", "?")
    assert caret == "    " + " " * (place - 1) + "^"


@pytest.mark.parametrize(("function", "instead"), INSTEAD.items())
def test_what_to_write_instead_of_a_function_is_an_expression(function: str, instead: str) -> None:
    assert function not in FUNCTIONS
    with pytest.raises(
        ValueError, match=f"^unknown function '{function}'; (write {re.escape(instead)}|there are abs), "
    ):
        ComputationalGraph.from_expression(f"{function}(x)")
    if instead:
        assert set(ComputationalGraph.from_expression(instead).graph) >= {"x"}


def test_an_error_shows_its_line_and_not_more_than_is_wanted() -> None:
    with pytest.raises(ValueError, match="powers are written") as caught:
        ComputationalGraph.from_expression("q = x + y\nf = q ^ 2\n")
    assert str(caught.value).endswith(":\n    f = q ^ 2\n          ^")
    with pytest.raises(ValueError, match=r"for a product write x \* y, for a function x\(y\), at position 4"):
        ComputationalGraph.from_expression("(x\ny)")
    with pytest.raises(ValueError, match="powers are written") as caught:
        ComputationalGraph.from_expression("+ ".join(["x"] * 100) + "^ 2" + " + x" * 100)
    _, line, caret = str(caught.value).split("\n")
    assert line[caret.index("^")] == "^"
    assert len(line) < 80


def test_an_expression_must_be_a_string() -> None:
    with pytest.raises(TypeError, match="an expression must be a string, got 3"):
        ComputationalGraph.from_expression(3)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("(" * 20_000 + "x" + ")" * 20_000, 1.0),
        ("-" * 20_000 + "x", 1.0),
        ("+".join(["x"] * 20_000), 20_000.0),
        ("relu(" * 20_000 + "x" + ")" * 20_000, 1.0),
        ("x" + "**1" * 20_000, 1.0),
    ],
    ids=["parentheses", "signs", "sum", "calls", "powers"],
)
def test_long_and_deep_expressions(source: str, wanted: float) -> None:
    assert value(source, x=1) == wanted


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="xy12.()+-*/@,e _'\"\\\n[]{}=:;%", max_size=30))
def test_no_text_does_anything_but_a_graph_or_a_value_error(source: str) -> None:
    try:
        ComputationalGraph.from_expression(source)
    except ValueError as error:
        assert "at position" in str(error)
