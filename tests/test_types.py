"""A type checker finds the mistakes in a user's program, and nothing else in it."""

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parent / "typed" / "program.py"


def test_the_mistakes_in_a_users_program(tmp_path: Path) -> None:
    marked = {place for place, line in enumerate(PROGRAM.read_text().splitlines(), 1) if line.endswith("# wrong")}
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tmp_path)]
    result = subprocess.run([*command, str(PROGRAM)], capture_output=True, text=True, check=False)
    assert result.stderr == ""
    errors = [line for line in result.stdout.splitlines() if ": error: " in line]
    found = {int(line.split(":")[1]) for line in errors}
    assert found == marked, result.stdout
    assert len(marked) > 25
