"""Writing a file in one step: whatever happens, the old one or the new one is there, whole."""

import contextlib
import errno
import os
import secrets
from collections.abc import Callable
from os import PathLike
from typing import Any


def folder_and_name(path: str | PathLike[str]) -> tuple[str, str]:
    """Return the folder that a file is in, and its name there.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such folder, or the file is one itself.
    """
    folder, name = os.path.split(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(path))
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    return folder, name


def write_atomically(path: str | PathLike[str], write: Callable[[Any], None]) -> None:
    """Replace a file by what `write` writes into the binary file that it is given.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such folder, or the file is one itself.
    """
    folder_and_name(path)
    if _is_special(path):
        with open(path, "wb") as file:
            write(file)
        return
    path = os.path.realpath(path)  # a link stays a link
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):  # an interrupt may come when the file has its name already
            os.unlink(temporary)
        raise


def check_writable(path: str | PathLike[str]) -> None:
    """Raise OSError unless a file can be written beside `path`, and `path` is no folder."""
    folder, name = folder_and_name(path)
    if _is_special(path):
        return
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(4)}")
    with open(temporary, "xb"):
        os.unlink(temporary)


def _is_special(path: str | PathLike[str]) -> bool:
    """Return whether a path is of something that can be written to but not replaced, such as /dev/stdout."""
    return os.path.exists(path) and not os.path.isfile(path)
