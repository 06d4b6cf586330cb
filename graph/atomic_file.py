"""Writing a file in one step: whatever happens, the old one or the new one is there, whole."""

import errno
import os
import tempfile
from collections.abc import Callable
from os import PathLike
from typing import Any


def folder_and_name(path: str | PathLike[str]) -> tuple[str, str]:
    """Return the folder that a file is in, and its name there; raise FileNotFoundError if there is no such folder."""
    folder, name = os.path.split(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(path))
    return folder, name


def write_atomically(path: str | PathLike[str], write: Callable[[Any], None]) -> None:
    """Replace a file by what `write` writes into the binary file that it is given.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    """
    folder, name = folder_and_name(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
