"""The notebooks in tests/notebooks run, and show what they are kept with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def texts(notebook: Any) -> list[str]:
    """Return what each cell of code shows as text; figures aside, which are drawn by matplotlib."""
    shown = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            outputs = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
            shown.append("".join([text for text in outputs if not text.startswith("<Figure")]))
    return shown


def test_there_are_three() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["classroom", "lecture", "my_gradient_is_wrong"]


@pytest.mark.filterwarnings("ignore")  # those of Jupyter's packages are theirs
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_is_kept(path: Path, monkeypatch: Any) -> None:
    kept = nbformat.read(path, as_version=4)
    nbformat.validate(kept)
    assert path.stat().st_size < 120_000
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parent.parent))
    fresh = nbformat.from_dict(kept)
    for cell in fresh.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    NotebookClient(fresh, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}).execute()
    assert texts(fresh) == texts(nbformat.read(path, as_version=4))
    assert not re.search(r"Traceback|/root/|/tmp/|/home/", path.read_text(encoding="utf-8"))
