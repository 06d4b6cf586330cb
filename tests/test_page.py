"""The page, used in a real browser: stepping, changing inputs, the quiz, the keys, and nothing from outside."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gates import Copy, Exp
from gates.formatting import text_of
from graph import ComputationalGraph
from graph.drawing.texts import lines_of, lines_of_gradient
from tests.circuits import (
    CIRCUIT_1,
    CIRCUIT_2,
    STAGED,
    WIRES_1,
    batch,
    circuit_1,
    circuit_2,
    forked,
    network,
    random_circuit,
    staged,
)


@pytest.fixture
def opened(page: Any, tmp_path: Path) -> Callable[..., Any]:
    """Return a function that writes the page of a graph and opens it."""

    def open_page(graph: ComputationalGraph, inputs: Any, upstream: Any = None) -> Any:
        path = tmp_path / "circuit.html"
        graph.to_html(path, inputs, upstream)
        page.goto(path.as_uri())
        return page

    return open_page


def button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def texts(page: Any) -> dict[str, tuple[str, str]]:
    """Return what the page shows on each wire: the texts of its value and its gradient."""
    return {
        name: (value, gradient)
        for name, value, gradient in page.evaluate(
            """() => [...document.querySelectorAll("[data-wire]")].map((group) => [
                group.dataset.wire,
                group.querySelector(".value").textContent,
                group.querySelector(".gradient").textContent,
            ])"""
        )
    }


def panel(page: Any) -> list[str]:
    return page.locator("#panel").locator("h2, p, span").all_text_contents()


def of_graph(graph: ComputationalGraph) -> dict[str, tuple[str, str]]:
    """Return what the page should show of what a graph shows, where all are numbers."""
    wires = [wire for name in graph for wire in (graph[name] if isinstance(graph[name], tuple) else [graph[name]])]
    return {
        str(wire): (
            "–" if wire.value is None else text_of(wire.value),
            "–" if wire.grad is None else text_of(wire.grad),
        )
        for wire in wires
    }


CIRCUITS = [(circuit_1, CIRCUIT_1), (circuit_2, CIRCUIT_2)]
MORE = [
    *CIRCUITS,
    (staged, STAGED),
    (forked, {"x": 3, "y": 1}),
    (lambda: ComputationalGraph.from_expression("x * x"), {"x": 3}),
]


class TestStepping:
    @pytest.mark.parametrize(("make", "inputs"), MORE)
    def test_forward_and_back_shows_what_the_stepper_shows(self, make: Any, inputs: Any, opened: Any) -> None:
        page = opened(make(), inputs)
        graph = make()
        stepper = graph.stepper(inputs)
        states = [of_graph(graph)]
        assert texts(page) == states[0]
        for step in stepper:
            states.append(of_graph(graph))
            button(page, "Step forward").click()
            assert texts(page) == states[-1]
            assert page.locator("[data-gate].lit").get_attribute("data-gate") == step.node
            lines = [step.computation]
            if step.phase == "backward":
                lines = [*filter(None, step.products), *step.additions.values()]
            assert panel(page)[-len(lines) :] == lines
            assert panel(page)[0].startswith(f"{step.phase.capitalize()}: {step.node} (")
        assert button(page, "Step forward").is_disabled()
        for state in reversed(states[:-1]):
            button(page, "Step back").click()
            assert texts(page) == state
        assert button(page, "Step back").is_disabled()

    def test_the_last_step_has_the_lectures_numbers(self, opened: Any) -> None:
        page = opened(circuit_1(), CIRCUIT_1)
        page.get_by_role("slider", name="Step").fill("4")
        assert {name: tuple(map(float, pair)) for name, pair in texts(page).items()} == WIRES_1
        assert panel(page)[1] == "q = x + y"
        assert page.locator('[data-wire="q"] .value').text_content() == "3"
        assert page.locator('[data-wire="q"] .gradient').text_content() == "-4"

    def test_slider_and_restart(self, opened: Any) -> None:
        page = opened(circuit_1(), CIRCUIT_1)
        slider = page.get_by_role("slider", name="Step")
        assert slider.get_attribute("max") == "4"
        slider.fill("3")
        assert page.locator("#count").text_content() == "3 of 4"
        assert texts(page)["q"] == ("3", "-4")
        assert slider.get_attribute("aria-valuetext") == "3 of 4, backward: f"
        button(page, "Restart").click()
        assert slider.input_value() == "0"
        assert texts(page)["q"] == ("–", "–")

    def test_play_runs_to_the_end(self, opened: Any) -> None:
        page = opened(circuit_1(), CIRCUIT_1)
        page.clock.install()
        button(page, "Play").click()
        page.clock.run_for(2500)
        assert page.locator("#count").text_content() == "2 of 4"
        button(page, "Pause").click()
        page.clock.run_for(5000)
        assert page.locator("#count").text_content() == "2 of 4"
        button(page, "Play").click()
        page.clock.run_for(9000)
        assert page.locator("#count").text_content() == "4 of 4"
        button(page, "Play").click()  # again from the start
        assert page.locator("#count").text_content() == "0 of 4"

    def test_keys(self, opened: Any) -> None:
        page = opened(circuit_1(), CIRCUIT_1)
        page.clock.install()
        count = page.locator("#count")
        for key, place in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("ArrowLeft", 0), ("ArrowLeft", 0)):
            page.keyboard.press(key)
            assert count.text_content() == f"{place} of 4"
        page.keyboard.press("Space")
        page.clock.run_for(1500)
        assert count.text_content() == "1 of 4"
        page.keyboard.press("Space")
        page.clock.run_for(1500)
        assert count.text_content() == "1 of 4"
        button(page, "Step forward").click()  # with the mouse: space plays all the same
        page.keyboard.press("Space")
        assert button(page, "Pause").is_visible()
        page.keyboard.press("Space")
        page.get_by_role("slider", name="Step").focus()
        page.keyboard.press("ArrowRight")
        assert count.text_content() == "3 of 4"
        page.get_by_label("x", exact=True).focus()
        page.keyboard.press("ArrowRight")
        assert count.text_content() == "3 of 4"

    def test_keys_with_others_are_the_browsers(self, opened: Any) -> None:
        page = opened(circuit_1(), CIRCUIT_1)
        for key in ("Control+ArrowRight", "Alt+ArrowRight", "Meta+ArrowRight"):
            page.keyboard.press(key)
        assert page.locator("#count").text_content() == "0 of 4"

    @pytest.mark.parametrize("what", ["ArrowRight", "Step forward", "slider"])
    def test_stepping_by_hand_stops_the_play(self, what: str, opened: Any) -> None:
        page = opened(circuit_1(), CIRCUIT_1)
        page.clock.install()
        page.keyboard.press("Space")
        if what == "ArrowRight":
            page.keyboard.press(what)
        elif what == "slider":
            page.get_by_role("slider", name="Step").fill("1")
        else:
            button(page, what).click()
        page.clock.run_for(5000)
        assert page.locator("#count").text_content() == "1 of 4"
        assert button(page, "Play").is_visible()

    def test_the_gate_at_work_stands_out(self, opened: Any) -> None:
        page = opened(circuit_1(), CIRCUIT_1)
        page.keyboard.press("ArrowRight")
        widths = page.evaluate(
            """() => Object.fromEntries([...document.querySelectorAll(".gate")].map(
                (gate) => [gate.dataset.gate, parseFloat(getComputedStyle(gate.querySelector(".box")).strokeWidth)]))"""
        )
        assert max(widths, key=lambda name: widths[name]) == "q"
        assert widths["q"] >= 1.5 * max(width for name, width in widths.items() if name != "q")

    def test_a_button_in_focus_is_pressed_with_space(self, opened: Any) -> None:
        page = opened(circuit_1(), CIRCUIT_1)
        button(page, "Step forward").focus()
        page.keyboard.press("Space")
        assert page.locator("#count").text_content() == "1 of 4"
        assert button(page, "Play").is_visible()

    def test_a_gate_out_of_sight_is_scrolled_to(self, opened: Any) -> None:
        page = opened(network(), batch())
        page.set_viewport_size({"width": 700, "height": 900})
        for _ in range(13):
            page.keyboard.press("ArrowRight")
        page.wait_for_timeout(50)
        picture = page.locator(".picture").bounding_box()
        for part in [page.locator("[data-gate].lit"), *page.locator(".fresh").all()]:
            box = part.bounding_box()
            assert picture["x"] <= box["x"] <= box["x"] + box["width"] <= picture["x"] + picture["width"]
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


class TestChangedInputs:
    @pytest.mark.parametrize(("make", "inputs"), MORE)
    def test_the_browser_computes_what_python_computes(self, make: Any, inputs: Any, opened: Any) -> None:
        changed = {name: number * 1.5 + 0.25 for name, number in inputs.items()}
        page = opened(make(), inputs)
        for name, number in changed.items():
            page.get_by_label(name, exact=True).fill(str(number))
        graph = make()
        for _ in graph.stepper(changed):
            page.keyboard.press("Escape")
            page.locator("h1").click()
            page.keyboard.press("ArrowRight")
            assert texts(page) == of_graph(graph)

    def test_the_same_inputs_give_the_same_steps(self, opened: Any) -> None:
        for graph, inputs in [(make(), inputs) for make, inputs in MORE] + [
            random_circuit(40, seed) for seed in (1, 2)
        ]:
            page = opened(graph, inputs)
            recorded, run = page.evaluate(
                "() => [circuit.steps, run(circuit.entries.map(({ wire, value }) => [wire, read(value)]))]"
            )
            assert len(run) == len(recorded)
            for ours, theirs in zip(recorded, run):
                assert [ours[key] for key in ("phase", "node")] == [theirs[key] for key in ("phase", "node")]
                assert sorted(ours["shows"]) == sorted(theirs["shows"])
                assert [part["line"] for part in ours["parts"]] == [part["line"] for part in theirs["parts"]]

    def test_the_upstream_gradient_stays(self, opened: Any) -> None:
        page = opened(circuit_1(), CIRCUIT_1, 2)
        page.get_by_label("x", exact=True).fill("3")
        page.get_by_role("slider", name="Step").fill("4")
        assert texts(page) == {
            "x": ("3", "-8"),
            "y": ("5", "-8"),
            "z": ("-4", "16"),
            "q": ("8", "-8"),
            "f": ("-32", "2"),
        }

    @pytest.mark.parametrize("holder", ["constant", "parameter"])
    def test_numbers_that_meet_an_array_stay(self, holder: str, opened: Any) -> None:
        graph = ComputationalGraph()
        array = graph.constant([1, 2], name="w") if holder == "constant" else graph.parameter("w", [1, 2])
        graph.output = (graph.input("x") * array).sum()
        assert "w is an array" in opened(graph, {"x": 3}).locator("#inputs").inner_text()

    def test_without_any_gradient_inputs_can_be_changed(self, opened: Any) -> None:
        graph = ComputationalGraph()
        graph.output = graph.input("x", grad=False) * graph.input("y", grad=False)
        page = opened(graph, {"x": 1, "y": 2})
        page.get_by_label("x", exact=True).fill("7")
        page.get_by_role("slider", name="Step").fill("1")
        assert texts(page) == {"x": ("7", "–"), "y": ("2", "–"), "multiply_1": ("14", "–")}

    def test_a_gate_that_makes_an_array_of_numbers(self, opened: Any) -> None:
        graph = ComputationalGraph()
        graph.output = graph.input("x").reshape((1,)).sum()
        assert "reshape_1 is an array" in opened(graph, {"x": 3}).locator("#inputs").inner_text()

    def test_a_parameter_can_be_changed_and_a_constant_not(self, opened: Any) -> None:
        graph = ComputationalGraph()
        graph.output = (graph.input("x") + graph.constant(1, name="one")) * graph.parameter("w", 3)
        page = opened(graph, {"x": 2})
        assert page.locator("#inputs label").all_text_contents() == ["x", "w"]
        page.get_by_label("w", exact=True).fill("-2")
        page.get_by_role("slider", name="Step").fill("4")
        assert texts(page)["multiply_1"] == ("-6", "1")
        assert texts(page)["x"] == ("2", "-2")

    def test_what_is_no_number_changes_nothing(self, opened: Any) -> None:
        page = opened(circuit_1(), CIRCUIT_1)
        page.get_by_role("slider", name="Step").fill("4")
        before = texts(page)
        field = page.get_by_label("x", exact=True)
        for wrong in ("", "abc", "1 2", "--1"):
            field.fill(wrong)
            assert field.get_attribute("aria-invalid") == "true"
            assert page.get_by_role("alert").text_content().startswith("x must be a number, such as -2.5")
            assert texts(page) == before
        field.fill("−7.5")
        assert field.get_attribute("aria-invalid") == "false"
        assert page.get_by_role("alert").text_content() == ""
        assert texts(page)["q"] == ("-2.5", "-4")

    def test_tails_and_infinity(self, opened: Any) -> None:
        page = opened(ComputationalGraph.from_expression("sigmoid(x)"), {"x": 0})
        page.get_by_role("slider", name="Step").fill("2")
        page.get_by_label("x", exact=True).fill("700")
        assert texts(page) == {"x": ("700", "9.85968e-305"), "sigmoid_1": ("1", "1")}
        page.get_by_label("x", exact=True).fill("inf")
        assert texts(page)["x"] == ("inf", "0")

    def test_arrays_are_shown_and_stay(self, opened: Any) -> None:
        page = opened(network(), batch())
        assert "X is an array" in page.locator("#inputs").inner_text()
        assert page.locator("#inputs input").count() == 0
        for _ in range(100):
            page.keyboard.press("ArrowRight")
        assert texts(page)["X"][0].startswith("8 × 4 ")
        graph = network()
        graph.forward(batch())
        graph.backward()
        for name, (value, gradient) in texts(page).items():
            wire = graph.wire(name)
            assert value == " ".join(lines_of(wire.value))
            assert gradient == " ".join(lines_of_gradient(wire.grad, wire.value))
        assert texts(page)["loss"][1] == "1"
        assert " … " in texts(page)["W1"][1]

    def test_gates_of_ones_own_are_shown_and_stay(self, opened: Any) -> None:
        class Exp2(Exp):
            pass

        graph = ComputationalGraph()
        graph.add(Exp2(), graph.input("x"), name="e")
        page = opened(graph, {"x": 0})
        assert "does not know the formulas of e (Exp2)" in page.locator("#inputs").inner_text()
        page.get_by_role("slider", name="Step").fill("2")
        assert texts(page) == {"x": ("0", "1"), "e": ("1", "1")}

    def test_a_class_of_the_same_name_is_not_taken_for_the_librarys(self, opened: Any) -> None:
        other = type("Exp", (Exp,), {})
        graph = ComputationalGraph()
        graph.add(other(), graph.input("x"), name="e")
        assert "does not know" in opened(graph, {"x": 0}).locator("#inputs").inner_text()


class TestTheQuiz:
    def asked(self, page: Any, name: str, typed: str) -> str:
        """Type a gradient, and return the verdict."""
        field = page.get_by_label(f"Gradient of {name}", exact=True)
        field.fill(typed)
        field.press("Enter")
        return " ".join(page.get_by_role("status").all_text_contents())

    @pytest.fixture
    def quiz(self, opened: Any) -> Any:
        """Open the second circuit's quiz at its exponential: df = -0.53, local 0.37."""
        page = opened(circuit_2(), CIRCUIT_2)
        page.get_by_label("Quiz").check()
        page.get_by_role("slider", name="Step").fill(str(8 + 3))
        assert page.locator("[data-gate].lit").get_attribute("data-gate") == "exp_1"
        return page

    def test_gradients_are_hidden_until_they_are_known(self, quiz: Any) -> None:
        assert texts(quiz)["negative_1"] == ("-1", "?")
        assert texts(quiz)["exp_1"][1] == "-0.534447"  # upstream, which is given
        assert texts(quiz)["shift_1"][1] == "?"
        assert "-0.196612" not in quiz.locator("main").inner_html()  # in no tooltip either
        assert self.asked(quiz, "negative_1", "-0.2") == "Right."
        assert texts(quiz)["negative_1"] == ("-1", "-0.196612")
        assert panel(quiz)[-2] == "dnegative_1 = exp(negative_1) × dexp_1 = 0.367879 × -0.534447 = -0.196612"

    @pytest.mark.parametrize(
        ("typed", "verdict"),
        [
            ("-0.21", "off by a factor of 1.06809"),
            ("inf", "Wrong."),
            ("nan", "Wrong."),
            ("-0.196612", "Right."),
            ("-0.1966", "Right."),
            ("0.1966", "Wrong sign"),
            ("0.3679", "You forgot the upstream gradient"),
            ("-0.5344", "You forgot the local gradient"),
            ("-0.393224", "off by a factor of 2"),
            ("-0.0491530", "off by a factor of 0.25"),
            ("0", "Wrong: it is not 0."),
            ("x", "Type a number"),
            ("", "Type a number"),
        ],
    )
    def test_verdicts(self, typed: str, verdict: str, quiz: Any) -> None:
        assert verdict in self.asked(quiz, "negative_1", typed)
        assert texts(quiz)["negative_1"][1] == ("-0.196612" if verdict == "Right." else "?")

    def test_a_second_try_and_showing(self, quiz: Any) -> None:
        self.asked(quiz, "negative_1", "7")
        assert quiz.get_by_label("Gradient of negative_1").input_value() == "7"
        button(quiz, "Show").click()
        assert texts(quiz)["negative_1"][1] == "-0.196612"

    @pytest.mark.parametrize(("typed", "verdict"), [("inf", "Right."), ("-inf", "Wrong sign"), ("5", "Wrong.")])
    def test_an_infinite_gradient(self, typed: str, verdict: str, opened: Any) -> None:
        page = opened(ComputationalGraph.from_expression("sqrt(x)"), {"x": 0})
        page.get_by_label("Quiz").check()
        page.get_by_role("slider", name="Step").fill("2")
        assert verdict in self.asked(page, "x", typed)

    def test_a_changed_input_asks_anew(self, quiz: Any) -> None:
        self.asked(quiz, "negative_1", "-0.2")
        quiz.get_by_label("x0", exact=True).fill("-1.5")
        assert texts(quiz)["negative_1"][1] == "?"
        assert quiz.get_by_role("status").count() == 0

    def test_what_is_typed_in_one_field_stays_when_another_is_judged(self, opened: Any) -> None:
        page = opened(circuit_1(), CIRCUIT_1)
        page.get_by_label("Quiz").check()
        page.get_by_role("slider", name="Step").fill("3")
        page.get_by_label("Gradient of z").fill("12")
        self.asked(page, "q", "-4")
        assert page.get_by_label("Gradient of z").input_value() == "12"
        assert page.evaluate("() => document.activeElement.ariaLabel") == "Gradient of z"

    def test_typing_stops_the_play(self, quiz: Any) -> None:
        quiz.clock.install()
        button(quiz, "Play").click()
        quiz.get_by_label("Gradient of negative_1").fill("1")
        quiz.clock.run_for(5000)
        assert quiz.locator("#count").text_content() == "11 of 16"

    def test_zero(self, opened: Any) -> None:
        page = opened(ComputationalGraph.from_expression("max(x, y)"), {"x": 1, "y": 2})
        page.get_by_label("Quiz").check()
        page.get_by_role("slider", name="Step").fill("2")
        assert "Wrong: how does the output change" in self.asked(page, "x", "0.001")
        assert "Right." in self.asked(page, "x", "0")
        assert "Right." in self.asked(page, "y", "1")

    def test_each_branch_is_asked_for_and_their_sum(self, opened: Any) -> None:
        page = opened(ComputationalGraph.from_expression("x * x"), {"x": 3})
        page.get_by_label("Quiz").check()
        page.get_by_role("slider", name="Step").fill("2")
        assert page.get_by_label("Gradient of x").count() == 2
        page.get_by_label("Gradient of x").first.fill("6")
        button(page, "Check").first.click()
        assert "That is the sum so far" in page.get_by_role("status").first.text_content()
        for _ in range(2):
            assert texts(page)["x"] == ("3", "?")
            page.get_by_label("Gradient of x").first.fill("3")
            button(page, "Check").first.click()
        assert texts(page)["x"] == ("3", "?")
        page.get_by_label("Sum of the gradients of x").fill("6")
        button(page, "Check").click()
        assert texts(page)["x"] == ("3", "6")
        assert page.locator("#score").text_content() == "3 of 3 known, 2 on the first try"
        assert page.evaluate("() => document.activeElement.id") == "restart"  # at the end

    def test_a_page_without_numbers_has_no_quiz(self, opened: Any) -> None:
        page = opened(ComputationalGraph.from_expression("x * y"), {"x": [1, 2], "y": [3, 4]}, 1)
        assert page.get_by_label("Quiz").is_disabled()

    def test_without_the_quiz_all_is_shown_again(self, quiz: Any) -> None:
        quiz.get_by_label("Quiz").uncheck()
        assert texts(quiz)["negative_1"] == ("-1", "-0.196612")
        assert quiz.get_by_role("status").count() == 0

    def test_typing_does_not_step(self, quiz: Any) -> None:
        field = quiz.get_by_label("Gradient of negative_1")
        field.focus()
        for key in ("ArrowLeft", "Space", "ArrowRight"):
            quiz.keyboard.press(key)
        assert quiz.locator("#count").text_content() == "11 of 16"


class TestTheFile:
    @pytest.mark.parametrize(("make", "inputs"), CIRCUITS)
    def test_it_is_one_small_file(self, make: Any, inputs: Any, tmp_path: Path) -> None:
        make().to_html(tmp_path / "circuit.html", **inputs)
        text = (tmp_path / "circuit.html").read_text(encoding="utf-8")
        assert len(text.encode()) < 200_000
        assert "http://www.w3.org/2000/svg" in text
        assert not {
            part
            for part in ("http:", "https:", "src=", "@import", "url(")
            if part in text.replace("http://www.w3.org/2000/svg", "")
        }

    @pytest.mark.parametrize(
        "name",
        [
            "<!--<script x",
            "null\x00",
            "a\rb",
            "line\nbreak",
            "\U0001ccf0",
            "日本",
            "constructor",
            "<script>",
            '"><img src=x onerror=alert(1)>',
            "</script><script>alert(1)//",
            "a'b\"c",
            "&lt;",
            "${x}",
            "__proto__",
            "$title",
        ],
    )
    def test_names_do_no_harm(self, name: str, opened: Any) -> None:
        graph = ComputationalGraph()
        x, y = graph.inputs(name, "y")
        graph.add(Exp(), x * y, name=f"{name} 2")
        page = opened(graph, {name: 1, "y": 2})
        page.on("dialog", lambda dialog: pytest.fail("a script of a name ran"))
        page.get_by_role("slider", name="Step").fill("4")
        page.locator("#inputs input").first.fill("0.5")
        assert next(iter(texts(page).values())) == ("0.5", "5.43656")
        assert page.locator("script").count() == 2
        assert page.locator("img").count() == 0
        # HTML allows no control characters, and a title has no line breaks
        assert page.title() == " ".join(f"{name} 2, gate by gate".replace("\x00", "�").replace("\r", "�").split())
        assert f"d{name} = y × dmultiply_1" in page.locator("#panel").text_content()

    def test_its_policy_lets_nothing_in(self, opened: Any) -> None:
        page = opened(circuit_1(), CIRCUIT_1)
        policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
        assert policy.startswith("default-src 'none'; ")
        assert "http" not in policy

    def test_its_formulas(self, opened: Any) -> None:
        assert opened(circuit_1(), CIRCUIT_1).locator(".formula").text_content() == "q = x + y; f = q * z"

    def test_without_inputs_it_takes_those_of_the_last_pass(self, opened: Any) -> None:
        graph = circuit_1()
        graph.forward(CIRCUIT_1)
        page = opened(graph, None)
        assert page.get_by_label("z", exact=True).input_value() == "-4"

    def test_a_picture_that_is_a_little_too_wide_is_scaled(self, opened: Any) -> None:
        page = opened(staged(), STAGED)
        page.set_viewport_size({"width": 800, "height": 900})
        assert page.evaluate(
            "() => { const p = document.querySelector('.picture'); return p.scrollWidth <= p.clientWidth; }"
        )

    def test_an_output_that_is_an_input(self, opened: Any) -> None:
        graph = ComputationalGraph()
        graph.output = graph.input("x")
        graph["x"] * 2
        page = opened(graph, {"x": 3})
        for _ in range(2):
            page.get_by_role("slider", name="Step").fill("1")
            assert texts(page) == {"x": ("3", "1"), "scale_1": ("6", "–")}
            page.get_by_label("x", exact=True).fill("3.0")

    def test_names_that_look_like_outputs(self, opened: Any) -> None:
        graph = ComputationalGraph()
        x, y = graph.inputs("x", "fork[0]")
        left, right = graph.add(Copy(2), x, name="fork")
        graph.output = left * right * y
        page = opened(graph, {"x": 2, "fork[0]": 7})
        page.get_by_role("slider", name="Step").fill("6")
        shown = page.locator('[data-wire="fork[0]"] .value').all_text_contents()
        assert sorted(shown) == ["2", "7"]

    def test_the_graph_stays_as_it_is(self, tmp_path: Path) -> None:
        graph = circuit_1()
        graph.forward(x=1, y=2, z=3)
        graph.backward()
        before = str(graph)
        graph.to_html(tmp_path / "circuit.html", **CIRCUIT_1)
        assert str(graph) == before
        assert graph.backward() == {"x": 3.0, "y": 3.0, "z": 3.0}

    def test_without_scripts_it_shows_both_passes(self, browser: Any, tmp_path: Path) -> None:
        circuit_1().to_html(tmp_path / "circuit.html", **CIRCUIT_1)
        with browser.new_context(java_script_enabled=False) as context:
            page = context.new_page()
            page.goto((tmp_path / "circuit.html").as_uri())
            assert page.locator('[data-wire="q"] .gradient').text_content() == "-4"

    def test_mistakes(self, tmp_path: Path) -> None:
        path = tmp_path / "circuit.html"
        with pytest.raises(ValueError, match="give a value to z"):
            circuit_1().to_html(path, x=1, y=2)
        with pytest.raises(ValueError, match="needs an upstream gradient"):
            circuit_1().to_html(path, x=[1, 2], y=2, z=3)
        graph, inputs = random_circuit(401, 0)
        with pytest.raises(ValueError, match="up to 400 gates, got 401; to_svg"):
            graph.to_html(path, inputs)
        with pytest.raises(FileNotFoundError):
            circuit_1().to_html(tmp_path / "none" / "circuit.html", **CIRCUIT_1)
        assert not list(tmp_path.iterdir())
        circuit_1().to_html(path, {"x": [1, 2], "y": 2, "z": 3}, np.ones(2))
        assert path.exists()
