"""The benchmarks' own workings: results are compared, who is left out is named, circuits agree with code by hand."""

import itertools
from functools import partial

import pytest

from tests.benchmarks.engines import with_engines
from tests.benchmarks.large_by_hand import in_a_loop, with_numba, with_numpy
from tests.benchmarks.large_circuits import Circuit, build, chain, random_circuit, wide
from tests.benchmarks.neuron import VALUES, by_hand, by_hand_short
from tests.benchmarks.neuron import build as build_neuron
from tests.benchmarks.pictures import measures
from tests.benchmarks.table import lines
from tests.benchmarks.timing import Contender, LeftOut, Section, race


def _missing() -> Contender:
    import no_such_library  # type: ignore[import-not-found]  # noqa: F401 (what happens without it is tested)

    raise AssertionError


def _unable() -> Contender:
    raise LeftOut("has only numbers")


def test_a_race_of_the_neuron() -> None:
    makers = {
        "by hand, staged": lambda: Contender(partial(by_hand, *VALUES.values())),
        "by hand, short": lambda: Contender(partial(by_hand_short, *VALUES.values())),
        **with_engines(build_neuron, VALUES, ("plain",)),
        "missing": _missing,
        "unable": _unable,
    }
    section = race("neuron", makers, runs=3, calls=2)
    assert {name: len(times) for name, times in section.rows.items()} == {
        "by hand, staged": 3,
        "by hand, short": 3,
        "gategraph, plain": 3,
    }
    assert section.left_out == ["missing: no_such_library is not installed", "unable: has only numbers"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ((2.0, {"x": 3.0}), "race: b: the value differs from that by hand by 1.0e"),
        ((1.0, {"x": 3.1}), "race: b: the gradient of x differs from that by hand by 3.3e-02 of it"),
        ((1.0, {"x": float("nan")}), "race: b: the gradient of x differs"),
        ((1.0, {"x": [3.0, 3.0]}), "race: b: the gradient of x differs"),
        ((1.0, {}), r"race: b: gradients of \[\], by hand of \['x'\]"),
    ],
)
def test_who_disagrees_is_named(wrong: object, message: str) -> None:
    makers = {"a": lambda: Contender(lambda: (1.0, {"x": 3.0})), "b": lambda: Contender(lambda: wrong)}
    with pytest.raises(ArithmeticError, match=message):
        race("race", makers, runs=1, calls=1)


def test_what_takes_too_long_is_left_out() -> None:
    makers = {"a": lambda: Contender(lambda: (1.0, {}))}
    assert race("race", makers, runs=1, calls=1, limit=0.0).left_out == ["a: takes 0.0 s a call"]


def test_a_section_as_lines() -> None:
    section = Section("title", {"by hand": [1.0, 2.0, 4.0], "gategraph": [2.0, 2.0, 4.0], "peer": [2e3, 2e3, 4e3]})
    assert [" ".join(line.split()) for line in lines(section)] == [
        "title",
        "by hand 2.00 s 1.00 to 4.00 s 1.00 1.00 to 1.00 0.00100 0.000500 to 0.00100",
        "gategraph 2.00 s 2.00 to 4.00 s 1.00 1.00 to 2.00 0.00100 0.00100 to 0.00100",
        "peer 2,000 s 2,000 to 4,000 s 1,000 1,000 to 2,000 1.00 1.00 to 1.00",
    ]


@pytest.mark.parametrize(
    "circuit", [chain(300), random_circuit(300), wide(300, width=20)], ids=["chain", "random", "wide"]
)
def test_circuits_agree_with_both_ways_by_hand(circuit: Circuit) -> None:
    graph = build(circuit)
    value = graph.forward(dict(zip(circuit.names(), circuit.inputs)))
    gradients = graph.backward()
    for passes in (in_a_loop, with_numpy):
        forward, backward = passes(circuit)
        assert forward() == pytest.approx(value, rel=1e-12)
        assert backward() == pytest.approx(gradients, rel=1e-9)
    found, of_inputs = with_numba(circuit)()
    assert found == pytest.approx(value, rel=1e-12)
    assert of_inputs == pytest.approx(gradients, rel=1e-9)


def test_a_gradient_that_grows_from_call_to_call_is_found() -> None:
    gradients = itertools.count(3.0)
    makers = {
        "a": lambda: Contender(lambda: (1.0, {"x": 3.0})),
        "b": lambda: Contender(lambda: (1.0, {"x": next(gradients)})),
    }
    with pytest.raises(ArithmeticError, match="race: b, last call: the gradient of x differs"):
        race("race", makers, runs=1, calls=1)


def test_the_measures_of_a_picture() -> None:
    level = '<g data-wire="a"><path class="line" d="M0 0L100 0"/></g>'
    across = '<g data-wire="b"><path class="line" d="M0 -20H40C50 -20 50 20 60 20H90"/></g>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="200" height="50">{level}{across}</svg>'
    # b is 40 long, turns by 20 to the right and 40 down, and is 30 long again
    assert measures(svg) == (10.0, 1, 1, pytest.approx(70 + 2000**0.5))
