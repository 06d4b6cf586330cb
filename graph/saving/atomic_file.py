"""Write a file in one step: whatever happens, the old file or the new one is there, whole.

The new content goes to a temporary file beside it, `.name.xxxxxxxx.tmp`, which its writer keeps locked (`flock`).
A kill releases the lock, and the next write of that name removes the file. Without `flock`, as on Windows, it stays.
"""

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Callable, Iterator
from os import PathLike
from typing import Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # a module has no other type


def write_atomically(path: str | PathLike[str], write: Callable[[Any], None]) -> None:
    """Replace a file by the bytes that `write` writes to the binary file that is passed to it.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such folder, or the path is empty or a folder itself.
    """
    target = _replaceable(path)
    if target is None:
        with open(path, "wb") as file:
            write(file)
        return
    remove_leftovers(path)
    with _temporary_beside(target) as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
        if fcntl is None:
            file.close()  # Windows renames only closed files; elsewhere the lock must outlast the renaming
        os.replace(file.name, target)


def check_suffix(path: str | PathLike[str], kind: str, *suffixes: str) -> None:
    """Raise ValueError if a file's name ends as that of another kind of file does."""
    suffix = os.path.splitext(path)[1]
    if suffix and suffix.lower() not in suffixes:
        raise ValueError(f"{kind} goes into a file that ends in {suffixes[0]}, got {os.fspath(path)!r}")


def check_writable(path: str | PathLike[str]) -> None:
    """Raise OSError unless `write_atomically` can write the file."""
    if (target := _replaceable(path)) is not None:
        with _temporary_beside(target):
            pass


def remove_leftovers(path: str | PathLike[str]) -> None:
    """Remove the temporary files that killed processes left beside a file, as far as one is allowed to."""
    folder, name = os.path.split(os.path.realpath(path))
    pattern = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{8}}\.tmp")
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if pattern.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError), open(entry.path, "r+b") as file:
                    if _locked(file, wait=False):
                        os.unlink(entry.path)


@contextlib.contextmanager
def _temporary_beside(target: str) -> Iterator[Any]:
    """Create a file beside another and keep it locked; in the end it is removed, unless it has been renamed."""
    folder, name = os.path.split(target)
    while True:
        temporary = os.path.join(folder, f".{name}.{secrets.token_hex(4)}.tmp")
        try:
            with open(temporary, "xb") as file:
                if _locked(file, wait=True) and not os.fstat(file.fileno()).st_nlink:
                    continue  # it was taken for a leftover before it was locked
                yield file
                return
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _locked(file: Any, wait: bool) -> bool:
    """Lock a file for this process until it is closed, and return whether that was possible."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another process has it, or the file system has no locks
        return False
    return True


def _replaceable(path: str | PathLike[str]) -> str | None:
    """Return the real path of a file that may be replaced; None for what may not, such as /dev/stdout."""
    text = os.fspath(path)
    if os.path.isdir(text):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), text)
    if os.path.exists(text) and not os.path.isfile(text):
        return None
    target = os.path.realpath(text)  # a link stays a link
    if os.path.basename(text) in ("", ".") or not os.path.isdir(os.path.dirname(target)):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), text)
    return target
