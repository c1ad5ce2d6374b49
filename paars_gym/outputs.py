"""What a command writes: checked before any work, and kept from every other writer until it is done.

A lock is ``.<name>.lock`` beside the output (inside, where the folder above cannot be written), held by the system
(flock) for as long as its process lives, and removed at the end. One that a killed process left keeps nobody out.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

from paars_gym.files import StorageError
from paars_gym.remote.place import is_remote, local_path, url_of
from paars_gym.remote.sending import check_writable
from paars_gym.remote.working import work_path, working

try:
    import fcntl
except ImportError:  # Windows has none; two processes of one output are then the user's lookout
    fcntl = None  # type: ignore[assignment]

Kind = Literal["file", "folder", "run"]
"""A run is a folder that sends itself where it is a URL, in whole shards: who writes it gets the URL."""
LOCK_INSIDE = "lock"
"""Name of the lock in a folder whose parent cannot be written."""
MOST_SHOWN = 80
"""Characters of another process's command that a refusal shows."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)
"""What some network drives say to any lock."""
_WRITTEN = b"as large as a disk has to have room for" * 100


class OutputInUseError(OSError):
    """Another process, or another thread, writes there."""

    exit_code = 2


class _Held(threading.local):
    """Outputs that this thread holds, by their lock, with the process that took it: a fork holds nothing."""

    def __init__(self) -> None:
        self.by_lock: dict[Path, int] = {}


_held = _Held()


@contextmanager
def writing(output: str | Path, *, called: str = "", kind: Kind | None = None) -> Iterator[Path]:
    """Keeps every other writer away from a file or a folder as long as the block runs.

    A thread that holds an output may enter it again; another thread, or another process, may not. An output by URL is
    made at a local path, which the block gets, and sent when the block ends well.

    Args:
        output: Where; it need not be there yet.
        called: How messages call it, such as ``--out``.
        kind: Also find out, with `check_file` or `check_folder`, that it can be written.

    Raises:
        OutputInUseError: Somebody else writes there; the message says who, and what to do.
        ValueError: It cannot be written.
        StorageError: Its disk is full.
    """
    if is_remote(output):
        with _made_here(url_of(output), called, kind) as path:
            yield path
        return
    path = local_path(output)
    if kind == "file":
        check_file(path, called)
    elif kind is not None:
        _check_is_no_file(path, called)
    if fcntl is None or (path.exists() and not path.is_file() and not path.is_dir()):  # such as /dev/stdout
        yield path
        return
    lock = lock_of(path, called)
    if _held.by_lock.get(lock) == os.getpid():
        yield path
        return
    file = _taken(lock, path, called)
    _held.by_lock[lock] = os.getpid()
    try:
        if kind in ("folder", "run"):  # under the lock, for what it makes to find this out it takes away again
            check_folder(path, called)
        yield path
    finally:
        _held.by_lock.pop(lock, None)
        lock.unlink(missing_ok=True)  # before the lock is given back: whoever waits for it then makes a new file
        fcntl.flock(file, fcntl.LOCK_UN)  # said, for a forked child may have the file open too
        os.close(file)


@contextmanager
def _made_here(url: str, called: str, kind: Kind | None) -> Iterator[Path]:
    """A local path that is sent to a URL at the end; writers of this machine are kept apart, machines are not."""
    path = work_path(url)
    with writing(path, called=called):
        check_writable(url, called or "The place")
        if kind == "run":
            yield Path(url)  # which `url_of` reads
            return
        with working(url) as path:
            if kind == "folder" and path.is_file():
                raise ValueError(f"{called} {url!r} is a file, must be a folder; choose another place.".strip())
            if kind == "file" and path.is_dir():
                raise ValueError(f"{called} {url!r} is a folder, must be a file.".strip())
            yield path


def lock_of(output: Path, called: str = "") -> Path:
    """The lock of an output, the same under whatever name it is reached; makes the folder it lies in.

    Raises:
        ValueError: That cannot be made.
    """
    path = Path(os.path.realpath(output))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"{_named(output, called)} cannot be made: {_why(path, error)}; choose another place."
        ) from None
    if path.is_dir() and (path.parent == path or not os.access(path.parent, os.W_OK)):
        return path / LOCK_INSIDE
    return path.with_name(f".{path.name}.lock")


def check_file(path: Path | None, called: str = "--out") -> None:
    """Finds out before minutes of work that there is a place for a file.

    Raises:
        ValueError: It is a folder, its folder is missing, or nothing can be written there.
        StorageError: The disk is full.
    """
    if path is None:
        return
    named = _named(path, called)
    if path.is_dir():
        raise ValueError(f"{named} is a folder, must be a file.")
    if path.exists() and not path.is_file():
        return
    if not path.parent.is_dir():
        raise ValueError(f"{named}: there is no folder {str(path.parent)!r}; make it first.")
    if path.exists() and not os.access(path, os.W_OK):
        raise ValueError(f"{named} cannot be written to; choose another file.")
    _try_in(path.parent, named)


def check_folder(path: Path | None, called: str = "--out") -> None:
    """Makes a folder if it is not there, and finds out before minutes of work that a file can be written into it.

    Raises:
        ValueError: It is a file, or nothing can be made or written there.
        StorageError: The disk is full.
    """
    if path is None:
        return
    named = _check_is_no_file(path, called)
    made = _first_missing(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{named} cannot be made: {_why(path, error)}; choose another place.") from None
    try:
        _try_in(path, named)
    finally:
        _remove_empty(path, made)


def _named(path: Path, called: str) -> str:
    """How messages call an output, which has a name that a system takes."""
    if "\0" in str(path):
        raise ValueError(f"{called} {str(path)!r} holds a NUL character, which no file name may; choose another name.")
    return f"{called} {str(path)!r}".strip()


def _check_is_no_file(path: Path, called: str) -> str:
    named = _named(path, called)
    if path.exists() and not path.is_dir():
        raise ValueError(f"{named} is a file, must be a folder; choose another place.")
    return named


def _try_in(folder: Path, named: str) -> None:
    """Writes some kilobytes, which no name ever stands for."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(_WRITTEN)
            file.flush()
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageError(error.errno, error.strerror, str(folder)) from None
        raise ValueError(f"{named} cannot be written to ({error.strerror}); choose another place.") from None


def _why(path: Path, error: OSError) -> str:
    """Why a folder cannot be made."""
    there = next(one for one in (path, *path.parents) if one.exists())
    return str(error.strerror) if there.is_dir() else f"{str(there)!r} is a file"


def _first_missing(path: Path) -> Path | None:
    missing = [one for one in (path, *path.parents) if not one.exists()]
    return missing[-1] if missing else None


def _remove_empty(path: Path, made: Path | None) -> None:
    """Takes folders away again that were made only to see whether they can be."""
    while made is not None and path.is_relative_to(made):
        try:
            path.rmdir()
        except OSError:
            return
        path = path.parent


def _taken(lock: Path, output: Path, called: str) -> int:
    """An open file with the lock on it."""
    while True:
        try:
            file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            named = _named(output, called)
            raise ValueError(f"{named} cannot be written to ({error.strerror}); choose another place.") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = _owner(file)
            os.close(file)
            raise OutputInUseError(
                f"{who} is writing {str(output)!r}; wait for it to end, or choose another {called or 'place'}."
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                os.close(file)
                raise
        if _is_still(lock, file):
            break
        os.close(file)  # its holder ended between the two steps, and removed the file
    owner = {"pid": os.getpid(), "command": _command(), "since": f"{datetime.now().astimezone():%H:%M}"}
    try:
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(owner).encode(), 0)
    except OSError:  # a full disk: the lock holds, but does not say whose it is
        pass
    return file


def _is_still(lock: Path, file: int) -> bool:
    try:
        return os.path.samestat(lock.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _owner(file: int) -> str:
    try:
        owner = json.loads(os.pread(file, 4096, 0))
        pid, command, since = int(owner["pid"]), str(owner["command"]), str(owner["since"])
    except (OSError, ValueError, KeyError, TypeError):
        return "Another process"
    told = "".join(letter for letter in f"{command}, since {since}" if letter.isprintable())
    return f"This process ({told})" if pid == os.getpid() else f"Process {pid} ({told})"


def _command() -> str:
    words = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]) if sys.argv else "python"
    return words if len(words) <= MOST_SHOWN else f"{words[: MOST_SHOWN - 1]}…"
