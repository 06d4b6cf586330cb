"""The command line: most of it in this process, and in one of its own what only a process shows."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from graph import ComputationalGraph, __version__
from graph.__main__ import main
from tests import command_line

run = partial(command_line.run, main)
FIRST_CIRCUIT = ("(x + y) * z", "x=-2", "y=5", "z=-4")


def run_python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m graph` as a user does, in a process of its own."""
    command = [sys.executable, "-W", "error", "-m", "graph", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


@pytest.mark.parametrize("run", [run, run_python])
def test_the_lectures_first_circuit(run: Any) -> None:
    result = run(*FIRST_CIRCUIT)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == (
        "multiply_1 = (x + y) × z\n"
        "\n"
        "forward\n"
        "  x           Input               -2\n"
        "  y           Input               5\n"
        "  z           Input               -4\n"
        "  add_1       Add(x, y)           3\n"
        "  multiply_1  Multiply(add_1, z)  -12\n"
        "\n"
        "backward: local × upstream = downstream\n"
        "  multiply_1 = Multiply(add_1, z), upstream 1\n"
        "    add_1  -4 × 1 = -4\n"
        "    z      3 × 1 = 3\n"
        "  add_1 = Add(x, y), upstream -4\n"
        "    x  1 × -4 = -4\n"
        "    y  1 × -4 = -4\n"
        "\n"
        "gradients\n"
        "  x  -4\n"
        "  y  -4\n"
        "  z  3\n"
    )


def test_statements_name_the_gates() -> None:
    lines = run("q = x + y; f = q * z", *FIRST_CIRCUIT[1:]).stdout.splitlines()
    assert lines[0] == "q = x + y; f = q × z"
    assert "  f  Multiply(q, z)  -12" in lines
    assert run("f = x + 1", "x=1").stdout.splitlines()[0] == "f = x + 1"


def test_without_arguments_the_sigmoid_neuron() -> None:
    lines = run().stdout.splitlines()
    assert lines[0] == "reciprocal_1 = 1 / (1 + exp(−(w0 × x0 + w1 × x1 + w2)))"
    assert "    shift_1  -0.534447 × 1 = -0.534447" in lines
    assert "    negative_1  0.367879 × -0.534447 = -0.196612" in lines
    gradients = dict(line.split() for line in lines[lines.index("gradients") + 1 :])
    rounded = {name: round(float(gradient), 2) for name, gradient in gradients.items()}
    assert rounded == {"w0": -0.2, "x0": 0.39, "w1": -0.39, "x1": -0.59, "w2": 0.2}


def test_arrays_wires_read_twice_and_numbers_that_are_not_finite() -> None:
    lines = run("sum((W @ x) ** 2)", "W=[[0.1, 0.5], [-0.3, 0.8]]", "x=[0.2,0.4]").stdout.splitlines()
    assert "  sum_1     Sum(power_1)            0.116" in lines
    assert "  x  [-0.112 0.636]" in lines
    lines = run("x * x + x", "x=3").stdout.splitlines()
    assert lines[-2:] == ["gradients", "  x  7"]
    assert "    x  3 × 1 = 3" in lines
    assert run("1 / x", "x=0").stdout.endswith("gradients\n  x  -inf\n")
    result = run("log(x)", "x=[-1, 1]")
    assert (result.returncode, result.stderr) == (0, "")
    assert "gradients of the sum of its elements" in result.stdout
    assert run("--", "-x", "x=inf").stdout.endswith("gradients\n  x  -1\n")
    assert run("2 * 3").stdout == "constant_1 = 2 × 3\n\nforward\n  constant_1  Constant  6\n"


def test_a_reader_that_stops_and_a_terminal_without_the_sign_are_no_errors() -> None:
    command = f"{sys.executable} -m graph {'+'.join(['x'] * 5000)}"
    result = subprocess.run(f"{command} x=1 | head -1", shell=True, capture_output=True, text=True)
    assert (result.stdout.count("\n"), result.stderr) == (1, "")
    result = run_python(PYTHONIOENCODING="ascii")
    assert (result.returncode, result.stderr) == (0, "")
    assert "-0.534447 ? 1 = -0.534447" in result.stdout
    assert run("mean(x)", "x=[]").stderr == ""


def test_the_exit_status_of_a_process() -> None:
    result = run_python("relu(x) - relu(-x)", "x=0", "--check")
    assert (result.returncode, result.stderr) == (1, "")
    result = run_python("x + y", "x=1")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "python -m graph: give a value to y: y=...\n"


def test_help_explains() -> None:
    result = run("--help")
    assert result.returncode == 0
    for words in ("expression", "name=value", 'python -m graph "q = x + y; f = q * z" x=-2 y=5 z=-4', "sigmoid neuron"):
        assert words in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x + y", "x=1"], "give a value to y: y=..."),
        (["x + y", "x=1", "y=2", "z=3"], "unknown input 'z': wanted are x, y"),
        (["x", "x=1", "x=2"], "input 'x' is given twice"),
        (["x", "x=one"], "input 'x' must be a number or an array such as [1, 2], got 'one'"),
        (["x", "x=[1, 2"], "input 'x' must be a number or an array such as [1, 2], got '[1, 2'"),
        (["x", "x=[[1, 2], [3]]"], "input 'x': "),
        (["x", "x=['a']"], "input 'x' must be a number"),
        (["x", "x"], "an input must have the form name=number, got 'x'"),
        (["x", "=1"], "an input must have the form name=number, got '=1'"),
        (["x + y", "x=[1,2]", "y=[1,2,3]"], "add_1 (Add): the inputs must have shapes that broadcast together"),
        (["--nope"], "unrecognized arguments: --nope"),
        (["-x**2", "x=3"], "write -- in front of an expression that begins with a minus"),
        (["w0=2", "x0=-1"], "the expression comes first, then its inputs, got 'w0=2'"),
        (["x", "x=" + "[" * 100_000], "input 'x' must be a number or an array"),
        (["x", "x=[1" + "0" * 400 + "]"], "input 'x': "),
    ],
)
def test_a_mistake_is_one_line_and_status_2(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.startswith("python -m graph: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("(x + y", "this parenthesis is never closed, at position 1:\n    (x + y\n    ^\n"),
        ("x + foo(y)", "unknown function 'foo'; "),
        ("", "a number, a name or '(' was wanted, got the end, at position 1:\n    \n    ^\n"),
        ("x\n+\n)", "a number, a name or '(' was wanted, got ')'"),
        ("leaky_relu(x, slope=0.2)", "a function's settings are given by position, at position 20:\n"),
        ("sum(x, 1e300)", "Sum: axis must be an integer, a tuple of integers or None, got 1000"),
        ("2 ^ x", "powers are written **, as in x ** 2, at position 3:\n    2 ^ x\n      ^\n"),
    ],
)
def test_a_mistake_in_an_expression_shows_the_place(expression: str, message: str) -> None:
    result = run(expression, "x=1", "y=2")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"python -m graph: {message}")
    assert result.stderr.count("\n") == 3


class TestCheck:
    """`--check` prints a report, and its exit status says whether the check passed."""

    def test_right_gradients(self) -> None:
        for arguments in (
            ["(x + y) * z", "x=-2", "y=5", "z=-4", "--check"],
            ["--check"],
            ["--check", "--", "-x", "x=[1,2]"],
        ):
            result = run(*arguments)
            assert (result.returncode, result.stderr) == (0, "")
            assert ": pass\n\nend to end\n" in result.stdout
            assert "\ngates: " in result.stdout

    def test_a_kink_that_is_legal_and_one_that_is_not(self) -> None:
        assert run("relu(x)", "x=0", "--check").returncode == 0
        result = run("relu(x) - relu(-x)", "x=0", "--check")
        assert (result.returncode, result.stderr) == (1, "")
        assert "diagnosis: x meets a kink at relu_1 (ReLU), relu_2 (ReLU): each gate's choice" in result.stdout

    def test_what_cannot_be_checked_is_no_pass(self) -> None:
        for arguments in (["x - x", "x=3"], ["log(x)", "x=-1"]):
            result = run(*arguments, "--check")
            assert (result.returncode, result.stderr) == (1, "")
            assert ": inconclusive\n" in result.stdout

    def test_a_mistake_in_what_was_typed(self) -> None:
        result = run("x * y", "x=1", "--check")
        assert (result.returncode, result.stdout) == (2, "")
        assert "give a value to y" in result.stderr


STEPS = (
    "add_1 = x + y = -2 + 5 = 3\n",
    "multiply_1 = add_1 * z = 3 * (-4) = -12\n",
    "multiply_1 = add_1 * z   dadd_1 = z × dmultiply_1 = -4 × 1 = -4\n"
    "                         dz = add_1 × dmultiply_1 = 3 × 1 = 3\n",
    "add_1 = x + y   dx = 1 × dadd_1 = 1 × -4 = -4\n                dy = 1 × dadd_1 = 1 × -4 = -4\n",
)
GRADIENTS = "gradient of x: -4\ngradient of y: -4\ngradient of z: 3\n"


END = "this is the end; b: back; any other key: quit\n"


def without_circuits(text: str) -> str:
    """Return what `--step` prints, without the tables."""
    return re.sub(r"\n  gate .*?\n\n", "", text, flags=re.DOTALL)


class TestStep:
    def test_ctrl_d_quits(self) -> None:
        assert run(*FIRST_CIRCUIT, "--step", keys="\n\x04\n").stdout.endswith(STEPS[0])

    @pytest.mark.parametrize("keys", ["\n\n\n\n", "", "\n", "n\nn\nn\nn\nmore\n"])
    def test_a_line_for_each_gate_and_to_the_end_where_there_is_none(self, keys: str) -> None:
        result = run(*FIRST_CIRCUIT, "--step", keys=keys)
        assert (result.returncode, result.stderr) == (0, "")
        head, steps = without_circuits(result.stdout).split("\n", 1)
        assert head == "any key: the next gate; b: back; q: quit; ?: the keys"
        assert steps.removesuffix(END) == "".join(STEPS) + GRADIENTS

    def test_the_circuit_with_the_active_gate(self) -> None:
        lines = run(*FIRST_CIRCUIT, "--step", keys="\n\n\nq\n").stdout
        assert lines.endswith(
            "\n  gate                    value  gradient\n"
            "  x                       -2.0   -\n"
            "  y                       5.0    -\n"
            "  z                       -4.0   3.0\n"
            "  add_1 = x + y           3.0    -4.0\n"
            "> multiply_1 = add_1 * z  -12.0  1.0\n"
            "\n" + STEPS[2]
        )

    def test_a_long_circuit_shows_what_is_near_in_80_columns(self) -> None:
        names = [f"a_long_name_number_{number}" for number in range(30)]
        inputs = [f"{name}={number}" for number, name in enumerate(names)]
        lines = run(" + ".join(names), *inputs, "--step", keys="\n" * 15).stdout.splitlines()
        marked = [line for line in lines if line.startswith("> ")]
        assert len(marked) == 2 * 29
        assert max(map(len, marked)) <= 80
        assert "  ... 22 before" in lines

    def test_back_and_quit(self) -> None:
        text = without_circuits(run(*FIRST_CIRCUIT, "--step", keys="b\n\n\nb\n\nq\n").stdout).split("\n", 1)[1]
        assert text == "this is the start\n" + STEPS[0] + STEPS[1] + "back, before forward of multiply_1\n" + STEPS[1]

    def test_back_from_the_end_and_the_list_of_keys(self) -> None:
        text = without_circuits(run(*FIRST_CIRCUIT, "--step", keys="?\n" + "\n" * 4 + "b\n\n\n\n").stdout)
        end = STEPS[3] + GRADIENTS + END
        assert text.endswith("".join(STEPS[:3]) + end + "back, before backward of add_1\n" + end)
        assert "q or Ctrl-D: quit\n" in text

    @pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is a thing of Unix")
    def test_a_key_in_a_terminal(self) -> None:
        import pty
        import termios

        ours, theirs = pty.openpty()
        before = termios.tcgetattr(ours)
        command = [sys.executable, "-m", "graph", "2 * x * x", "x=3", "--step"]
        with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, text=True) as process:
            os.close(theirs)
            assert process.stdout is not None
            watchdog = threading.Timer(60, process.kill)  # else a key that is not read would wait for ever
            watchdog.start()
            first, second = "scale_1 = 2 * x = 2 * 3 = 6", "multiply_1 = scale_1 * x = 6 * 3 = 18"
            back = "back, before forward of multiply_1", "back, before forward of scale_1"
            for key, starts in (
                (b"", ["any key"]),
                (b" ", [first]),
                (b"n", [second]),
                (b"\x1b[D\x1b[D", back),  # an arrow key that is held
                (b"xy", [first, second]),
                (b"\n", ["multiply_1 = scale_1 * x   dscale_1"]),
                (b"\n", ["scale_1 = 2 * x   dx"]),
                (b"", ["gradient of x: 12", "this is the end"]),
                (b"b", ["back, before backward of scale_1"]),
                (b"q", []),
            ):
                os.write(ours, key)
                for start in starts:
                    assert any(line.startswith(start) for line in process.stdout)  # which reads up to there
            assert process.stdout.read() == ""
            watchdog.cancel()
        assert termios.tcgetattr(ours) == before
        os.close(ours)
        assert process.returncode == 0

    @pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix")
    def test_ctrl_c_ends_it_quietly(self) -> None:
        command = [sys.executable, "-m", "graph", "x * x", "x=3", "--step"]
        pipe = subprocess.PIPE
        # A shell's & and nohup leave the signal ignored in all that they start; a process inherits that.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        signal.signal(signal.SIGINT, before)
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline().startswith("any key")
            process.send_signal(signal.SIGINT)
            # Python notices a signal that comes just before it waits for a key when it need not wait any more.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.stdin.close()
            assert process.wait(60) == 130
            assert process.stderr.read() == ""


def test_an_option_may_stand_between() -> None:
    result = run("x * y", "--mermaid", "x=1", "y=2")
    assert (result.returncode, result.stderr) == (0, "")
    assert "x = 1" in result.stdout


class TestFiles:
    def test_a_picture_and_a_page(self, tmp_path: Path) -> None:
        picture, page = tmp_path / "circuit.svg", tmp_path / "circuit.html"
        result = run(*FIRST_CIRCUIT, "--picture", str(picture), "--html", str(page))
        assert (result.returncode, result.stdout) == (0, "")
        assert result.stderr == f"wrote {page}\nwrote {picture}\n"
        graph = ComputationalGraph.from_expression("(x + y) * z")
        graph.forward(x=-2, y=5, z=-4)
        graph.backward()
        assert picture.read_text(encoding="utf-8") == graph.to_svg(theme="light")
        assert '"node":"multiply_1"' in page.read_text(encoding="utf-8")

    def test_mermaid(self) -> None:
        result = run(*FIRST_CIRCUIT, "--mermaid")
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith('flowchart LR\n    n0(["x"])\n')
        assert '|"x = -2<br/>dx = -4"|' in result.stdout

    def test_source(self) -> None:
        result = run(*FIRST_CIRCUIT, "--source")
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout == ComputationalGraph.from_expression("(x + y) * z").to_source()

    @pytest.mark.parametrize("option", ["--svg", "--html"])
    def test_a_folder_that_is_not_there(self, option: str, tmp_path: Path) -> None:
        result = run(*FIRST_CIRCUIT, option, str(tmp_path / "none" / "file"))
        assert result.returncode == 2
        assert result.stderr.startswith("python -m graph: ")
        assert "No such file or directory" in result.stderr
        assert result.stderr.count("\n") == 1

    @pytest.mark.parametrize(
        ("option", "name"), [("--svg", "out.gif"), ("--picture", "out.html"), ("--html", "out.svg")]
    )
    def test_a_name_that_says_something_else_is_refused(self, option: str, name: str, tmp_path: Path) -> None:
        path = tmp_path / name
        result = run(*FIRST_CIRCUIT, option, str(path))
        assert result.returncode == 2
        picture = "a picture goes into a file that ends in .svg, .png or .pdf"
        kind = "a page goes into a file that ends in .html" if option == "--html" else picture
        assert result.stderr == f"python -m graph: {kind}, got {str(path)!r}\n"
        assert not path.exists()


def test_a_closed_output_is_an_error_of_one_line() -> None:
    command = f'"{sys.executable}" -m graph "x * 2" x=1 >&-'
    result = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True, check=False)
    assert (result.returncode, result.stderr) == (2, "python -m graph: standard output is closed\n")


def test_the_command_and_its_version(tmp_path: Path) -> None:
    command = Path(sys.executable).parent / "gategraph"
    if not command.exists():
        command = tmp_path / "bin" / "gategraph"
        command.parent.mkdir()
        command.write_text(f"#!{sys.executable}\nimport sys\nfrom graph.__main__ import main\nsys.exit(main())\n")
        command.chmod(0o755)
    root = str(Path(__file__).parent.parent)

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": root}
        return subprocess.run([command, *arguments], capture_output=True, text=True, cwd=tmp_path, env=environment)

    assert call("--version").stdout == f"gategraph {__version__}\n"
    assert call(*FIRST_CIRCUIT).stdout == run(*FIRST_CIRCUIT).stdout
    assert call("x +").stderr.startswith("gategraph: a number, a name or '(' was wanted")
    (tmp_path / "gates.py").touch()
    result = call(*FIRST_CIRCUIT)
    assert result.returncode == 0
    assert result.stderr.startswith("gategraph: note: there is a file gates.py: Python imports it here instead")


def test_a_file_that_hides_the_gates_is_named(tmp_path: Path) -> None:
    (tmp_path / "gates.py").touch()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parent.parent)])}
    command = [sys.executable, "-c", "import graph"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert result.returncode == 1
    assert "is imported instead of gategraph's package 'gates': give it another name" in result.stderr
