"""Copies of remote files and folders in the cache: whole, as they are there now, and safe under several processes."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from paars_gym.files import StorageError, write_whole
from paars_gym.remote.errors import RemoteError, in_words, no_bucket
from paars_gym.remote.place import is_remote, local_path, name_of, opened, room_of, url_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

MOST_TRIES = 5
"""So often a place is copied again that changes while it is copied."""
PROBE = ".paars-probe-"
"""Begins the name of an object that only finds out whether something can be written."""
_VERSIONS = ("ETag", "etag", "e_tag", "md5Hash", "generation", "LastModified", "last_modified", "mtime", "created")
"""What file systems call that which changes with a file's content."""
_MARKS, _LOCK, _DRAFTS = "marks.json", "lock", "drafts"


class Version(NamedTuple):
    """What tells one content of a remote file from the next.

    Attributes:
        bytes: Its size; -1 where the file system does not say.
        mark: Its ETag, or what its file system has instead; empty where it has nothing.
    """

    bytes: int
    mark: str


def local_copy(place: str | Path) -> Path:
    """The file or folder of a place on this machine: a path as it is, a URL as a copy in the cache.

    A file is fetched when there is no copy of it, when its size or ETag has changed, and when the copy was changed.
    Processes that ask for one place at once wait for each other.

    Args:
        place: A path, or a URL that fsspec opens.

    Raises:
        FileNotFoundError: Nothing is there.
        ImportError: A package for the scheme is missing.
        PermissionError: No key, or one that may not.
        RemoteError: It cannot be reached, or never stays as it is.
        StorageError: The disk of the cache is full.
        ValueError: No such scheme; or names that could lead out of the folder.
    """
    if not is_remote(place):
        return local_path(place)
    url = url_of(place)
    files, path = opened(url)
    room = room_of("copies", url)
    copy = room / name_of(url)
    with locked(room / _LOCK):
        kept = _kept(room, copy)
        for _ in range(MOST_TRIES):
            found = versions(files, path, url)
            if not found:
                raise FileNotFoundError(f"There is nothing at {url!r}.")
            lacking = [name for name, version in found.items() if kept.get(name) != version]
            if not lacking:
                _finish(room, copy, found)
                return copy
            # What came whole is looked for in the next listing again: it may have changed on its way.
            kept |= {
                name: found[name] for name in _brought(files, path, url, room, {one: found[one] for one in lacking})
            }
    raise RemoteError(url, "it changes while it is read", "Wait until whoever writes there has ended.")


def versions(files: AbstractFileSystem, path: str, url: str) -> dict[str, Version]:
    """Every file below a place by its name there; a place that is a file itself has the name ``""``.

    Raises:
        ValueError: A name that could lead out of the folder.
    """
    with in_words(url):
        files.invalidate_cache()
        try:
            itself = files.info(path)
        except FileNotFoundError as error:
            if no_bucket(error):
                raise
            return {}
        if itself["type"] == "file":
            return {"": _version(itself)}
        found = files.find(path, detail=True)
    listed = {}
    for full, info in sorted(found.items()):
        name = str(full).removeprefix(path).strip("/")
        if info["type"] != "file" or not name or PurePosixPath(name).name.startswith(PROBE):
            continue
        if any(part in ("", ".", "..") for part in name.split("/")) or any(sign in name for sign in "\\\0"):
            raise ValueError(f"{url!r} has a file {name!r}, which cannot be copied into a folder.")
        listed[name] = _version(info)
    return listed


@contextmanager
def locked(lock: Path) -> Iterator[None]:
    """Waits until nobody else of this machine holds a lock, and holds it while the block runs."""
    if fcntl is None:
        yield
        return
    with lock.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _version(info: Mapping[str, Any]) -> Version:
    marks = [str(info[key]).strip('"') for key in _VERSIONS if info.get(key)]
    size = info.get("size")
    return Version(-1 if size is None else int(size), marks[0] if marks else "")


def _brought(
    files: AbstractFileSystem, path: str, url: str, room: Path, lacking: Mapping[str, Version]
) -> Iterator[str]:
    """Fetches files beside the copy, and moves into it each that is as long as it should be."""
    copy, drafts = room / name_of(url), room / _DRAFTS
    shutil.rmtree(drafts, ignore_errors=True)  # of a process that was killed: nobody else is here
    drafts.mkdir()
    by_name = {name: drafts / str(number) for number, name in enumerate(lacking)}
    try:
        with in_words(url):
            files.get(
                [f"{path}/{name}" if name else path for name in lacking], [str(draft) for draft in by_name.values()]
            )
    except FileNotFoundError:  # gone since it was listed
        pass
    except RemoteError as error:
        if getattr(error.__cause__, "errno", None) in (errno.ENOSPC, errno.EDQUOT):  # of this machine's disk
            raise StorageError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(room)) from None
        raise
    for name, draft in by_name.items():
        if draft.is_file() and lacking[name].bytes in (draft.stat().st_size, -1):
            target = copy / name
            _make_way(target, room)
            draft.replace(target)
            yield name
    shutil.rmtree(drafts)


def _finish(room: Path, copy: Path, found: Mapping[str, Version]) -> None:
    """Takes away what is no longer there, and writes down what the copy holds."""
    for path in copy.rglob("*") if copy.is_dir() else ():
        if path.is_file() and path.relative_to(copy).as_posix() not in found:
            path.unlink()
    marks = {name: [*version, *_state(copy / name)] for name, version in found.items()}
    if marks != _read_marks(room / _MARKS):
        try:
            write_whole(room / _MARKS, json.dumps(marks))
        except OSError as error:
            raise StorageError.of(error, room) from None


def _kept(room: Path, copy: Path) -> dict[str, Version]:
    """What the copy holds as it was brought; without what has no ETag, and may have changed unseen."""
    marks = _read_marks(room / _MARKS)
    return {
        name: Version(int(size), str(mark))
        for name, (size, mark, *state) in marks.items()
        if mark and state == _state(copy / name)
    }


def _make_way(target: Path, room: Path) -> None:
    """Makes the folder of a file, where another version may have had a file, and a folder where it has a file."""
    for above in target.parents:
        if above == room:
            break
        if above.is_file():
            above.unlink()
    if target.is_dir():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)


def _state(path: Path) -> list[int]:
    """Size and time of a local file: whoever changes it changes these."""
    try:
        stat = path.stat()
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns]


def _read_marks(path: Path) -> dict[str, list[Any]]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
