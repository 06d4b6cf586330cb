"""Checkpoints of training: everything needed to resume it with identical results, in one file that is always whole.

A checkpoint is a NumPy `.npz` file without pickled objects: arrays, and one JSON text for everything else.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np

from graph.saving.atomic_file import write_atomically

_FORMAT = "gategraph checkpoint 1"
_DAMAGE = (ValueError, LookupError, TypeError, AttributeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


def write_checkpoint(path: str | PathLike[str], arrays: Mapping[str, Mapping[str, Any]], facts: dict[str, Any]) -> None:
    """Save groups of named arrays, and facts as JSON. The file is replaced in one step."""
    named: dict[str, Any] = {
        f"{group}_{place}": np.asarray(array)
        for group, members in arrays.items()
        for place, array in enumerate(members.values())
    }
    names = {group: list(members) for group, members in arrays.items()}  # not every string can name a file in a zip
    named["facts"] = np.array(json.dumps({"format": _FORMAT, "names": names, **facts}))
    write_atomically(path, lambda file: np.savez(file, **named))


def read_checkpoint(path: str | PathLike[str]) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Return the groups of arrays and the facts of a checkpoint.

    Raises
    ------
    FileNotFoundError
        If there is no file.
    ValueError
        If it is not a checkpoint, or a damaged one.
    """
    with open(path, "rb") as opened:
        if not zipfile.is_zipfile(opened):
            raise ValueError(f"{os.fspath(path)} is not a checkpoint that can be read: it is not a whole .npz file")
        opened.seek(0)
        try:
            with np.load(opened, allow_pickle=False) as file:
                if "facts" not in file.files:
                    raise ValueError("it was not written by train()")
                facts = json.loads(str(file["facts"]))
                if (found := facts.pop("format")) != _FORMAT:
                    raise ValueError(f"its format must be {_FORMAT!r}, got {found!r}")
                groups = {
                    group: {name: file[f"{group}_{place}"] for place, name in enumerate(names)}
                    for group, names in facts.pop("names").items()
                }
        except _DAMAGE as error:
            raise ValueError(f"{os.fspath(path)} is not a checkpoint that can be read: {error}") from None
    return groups, facts
