"""Checkpoints of training: everything needed to resume it with identical results, in one file that is always whole.

A checkpoint is a NumPy `.npz` file, not compressed and without pickled objects: arrays, and one JSON text for
everything else.
What a file says of itself is compared with its size before memory is taken for it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from typing import Any, TypeAlias

import numpy as np

from graph.saving.atomic_file import remove_leftovers, write_atomically

_FORMAT = "gategraph checkpoint 1"
#: By group and name: arrays, or the description of each, such as "float64 of shape (4, 6)".
Groups: TypeAlias = dict[str, dict[str, Any]]


class _Archive(zipfile.ZipFile):
    """A zip file that is only closed when it is whole: after an interrupt it could not be, and it is thrown away."""

    def __del__(self) -> None:
        pass


def write_checkpoint(path: str | PathLike[str], arrays: Mapping[str, Mapping[str, Any]], facts: dict[str, Any]) -> None:
    """Save groups of named arrays, and facts as JSON. The file is replaced in one step."""
    named: dict[str, Any] = {
        f"{group}_{place}": np.asarray(array)
        for group, members in arrays.items()
        for place, array in enumerate(members.values())
    }
    names = {group: list(members) for group, members in arrays.items()}  # not every string can name a file in a zip
    named["facts"] = np.array(json.dumps({"format": _FORMAT, "names": names, **facts}))

    def write(file: Any) -> None:
        archive = _Archive(file, "w")
        for name, array in named.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        archive.close()

    write_atomically(path, write)


def read_checkpoint(
    path: str | PathLike[str], check: Callable[[Groups, dict[str, Any]], None]
) -> tuple[Groups, dict[str, Any]]:
    """Return the groups of arrays and the facts of a checkpoint, whose file takes as much memory as it is large.

    Before the arrays are read, `check(descriptions, facts)` may refuse them. What killed writers of the file left
    beside it is removed.

    Raises
    ------
    FileNotFoundError
        If there is no file.
    ValueError
        If it is not a checkpoint, or a damaged one.
    """
    with open(path, "rb") as file:
        remove_leftovers(path)
        with _damage_is_a_value_error(path):
            archive = zipfile.ZipFile(file)
            described = _described_members(archive, os.fstat(file.fileno()).st_size)
            if not re.fullmatch(r"[<>]U\d+ of shape \(\)", described.get("facts.npy", "")):
                raise ValueError("it was not written by train()")
            facts = json.loads(str(_array(archive, "facts.npy")))
            if (found := facts.pop("format")) != _FORMAT:
                raise ValueError(f"its format must be {_FORMAT!r}, got {str(found)[:60]!r}")
            members = {
                group: {name: f"{group}_{place}.npy" for place, name in enumerate(names)}
                for group, names in facts.pop("names").items()
            }
            groups = _each(members, described.__getitem__)
        check(groups, facts)
        with _damage_is_a_value_error(path):
            return _each(members, lambda member: _array(archive, member)), facts


def _described_members(archive: zipfile.ZipFile, size: int) -> dict[str, str]:
    """Return the dtype and shape of each array in an archive, or raise ValueError if they cannot be as large."""
    members, described = archive.infolist(), {}
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError("it is compressed")
    if sum(member.file_size for member in members) > size:
        raise ValueError(f"its parts are larger than the whole, {size} bytes")
    for member in members:
        with archive.open(member) as file:
            if (version := np.lib.format.read_magic(file)) != (1, 0):
                raise ValueError(f"{member.filename} has the version {version}")
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            if dtype.hasobject or file.tell() + math.prod(shape) * dtype.itemsize != member.file_size:
                raise ValueError(f"{member.filename} has {member.file_size} bytes, which do not hold {dtype} {shape}")
            described[member.filename] = described_array(dtype, shape)
    return described


def described_array(dtype: Any, shape: tuple[int, ...]) -> str:
    """Return the description of an array: its dtype and shape."""
    return f"{dtype} of shape {shape}"


def _array(archive: zipfile.ZipFile, member: str) -> Any:
    """Return an array of an archive."""
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _each(groups: dict[str, dict[str, str]], function: Callable[[str], Any]) -> Groups:
    """Return what a function returns for each member of each group."""
    return {group: {name: function(member) for name, member in named.items()} for group, named in groups.items()}


@contextlib.contextmanager
def _damage_is_a_value_error(path: str | PathLike[str]) -> Iterator[None]:
    """Raise ValueError for whatever goes wrong while a file is parsed, except for errors of the file system."""
    try:
        yield
    except Exception as error:  # zipfile and NumPy raise errors of a dozen types for damaged files
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # EINVAL: a seek to before the file
            raise
        reason = str(error) or type(error).__name__
        raise ValueError(f"{os.fspath(path)} is not a checkpoint that can be read: {reason[:500]}") from None
