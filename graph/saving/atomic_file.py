"""Write a file in one step: whatever happens, the old file or the new one is there, whole."""

import contextlib
import errno
import os
import secrets
from collections.abc import Callable
from os import PathLike
from typing import Any


def write_atomically(path: str | PathLike[str], write: Callable[[Any], None]) -> None:
    """Replace a file by the bytes that `write` writes to the binary file that is passed to it.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such folder, or the path is a folder itself.
    """
    temporary = _temporary_beside(path)
    if temporary is None:
        with open(path, "wb") as file:
            write(file)
        return
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, os.path.realpath(path))  # a link stays a link
    except BaseException:
        with contextlib.suppress(FileNotFoundError):  # an interrupt may come after the file has been renamed
            os.unlink(temporary)
        raise


def check_writable(path: str | PathLike[str]) -> None:
    """Raise OSError unless `write_atomically` can write the file."""
    temporary = _temporary_beside(path)
    if temporary is not None:
        with open(temporary, "xb"):
            os.unlink(temporary)


def _temporary_beside(path: str | PathLike[str]) -> str | None:
    """Return a new path in a file's folder; None for a path that cannot be replaced, such as /dev/stdout."""
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if os.path.exists(path) and not os.path.isfile(path):
        return None
    folder, name = os.path.split(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(path))
    return os.path.join(folder, f".{name}.{secrets.token_hex(4)}")
