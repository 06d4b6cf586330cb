"""The example on handwritten digits."""

import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from graph import digits
from tests import command_line

run = partial(command_line.run, digits.main)


def test_at_least_97_percent_of_a_held_out_fifth_with_pictures(tmp_path: Path) -> None:
    picture = tmp_path / "digits.png"
    result = run("--plot", str(picture))
    assert result.returncode == 0, result.stderr
    right, count = map(int, re.search(r"(\d+) of (\d+) held-out digits right", result.stdout).groups())
    assert count == 1797 // 5
    assert right / count >= 0.97
    rows = [
        re.findall(r"\d+|\.", line)[1:]
        for line in result.stdout.splitlines()
        if re.match(r" +\d( +(\d+|\.)){10}$", line)
    ]
    table = np.array([[0 if cell == "." else int(cell) for cell in row] for row in rows])
    assert table.shape == (10, 10)
    assert table.sum() == count
    assert np.trace(table) == right
    assert "1800/1800" in result.stderr
    assert "675/675" in result.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 20_000


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_a_convolutional_network_errs_less(seed: str, tmp_path: Path) -> None:
    picture = tmp_path / "kernels.png"
    result = run("--convolution", "--seed", seed, "--plot", str(picture))
    assert result.returncode == 0, result.stderr
    assert "convolutional network, 1,485 steps in " in result.stdout
    assert float(re.search(r"right: ([\d.]+)%", result.stdout).group(1)) >= 98.5
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("seed", ["1", "2"])
def test_other_splits_and_weights_do_as_well(seed: str) -> None:
    assert float(re.search(r"right: ([\d.]+)%", run("--seed", seed).stdout).group(1)) >= 97


def test_the_two_parts_share_no_picture() -> None:
    trained_on, held_out = digits.split_digits()
    assert len(trained_on["y"]) + len(held_out["y"]) == 1797
    assert trained_on["X"].min() == 0
    assert trained_on["X"].max() == 1
    seen = {picture.tobytes() for picture in trained_on["X"]}
    assert sum(picture.tobytes() in seen for picture in held_out["X"]) == 0


@pytest.mark.parametrize("bad", [["--seed", "-1"], ["--plot", "nowhere/x.png"], ["--plot", "x.foo"]])
def test_bad_arguments_are_one_line(bad: list[str]) -> None:
    result = run(*bad)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert "error: " in result.stderr


def test_a_process_of_its_own() -> None:
    result = subprocess.run([sys.executable, "-m", "graph.digits", "--seed", "-1"], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.endswith("python -m graph.digits: error: argument --seed: invalid _natural value: '-1'\n")


@pytest.mark.parametrize("missing", ["sklearn", "matplotlib"])
def test_what_is_missing_is_said_before_training(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [missing, *sys.modules]:
        if module.partition(".")[0] == missing:
            monkeypatch.setitem(sys.modules, module, None)
    result = run("--plot", str(tmp_path / "digits.png"))
    assert result.returncode == 2
    assert missing in result.stderr
    assert 'pip install -e ".[train,plot]"' in result.stderr
    assert not result.stdout
