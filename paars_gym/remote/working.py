"""Where a remote output is made on this machine: begun with what lies there, sent at the end, kept if that fails."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paars_gym.files import write_whole
from paars_gym.remote.copying import local_copy, versions
from paars_gym.remote.errors import RemoteError
from paars_gym.remote.place import name_of, opened, room_of
from paars_gym.remote.sending import put_file, put_folder

log = logging.getLogger(__name__)
MARKERS = ("checksums.json", "sessions.parquet", "result.json", "settings.json", "catalog.json")
"""Names of files that make a folder's other files visible, in the order in which they are sent."""
_STATE = "state.json"


def work_path(url: str) -> Path:
    """Where the output of a URL is made on this machine; the folder above it is there, and is its alone."""
    return room_of("work", url) / name_of(url)


@contextmanager
def working(url: str) -> Iterator[Path]:
    """A local path to make the output of a URL at, which is sent when the block ends well; its lock has to be held.

    It begins with what lies there now, or with what an attempt made that failed. Only files that changed are sent.
    If the block or the sending fails, what was made is kept, and where it is is logged.

    Raises:
        ValueError: An earlier attempt failed, and what lies there has been changed since by somebody else.
        FileNotFoundError: No such bucket.
        PermissionError: No key, or one that may not write there.
        RemoteError: The place is full, or cannot be reached.
    """
    path = work_path(url)
    state = _begun(url, path)
    try:
        yield path
        _send(url, path, state)
    except BaseException as error:
        kept = f"What was made for {url} is kept in {str(path)!r}: the same command goes on with it."
        if _files(path) == state["local"] and not state["sending"]:
            _clear(path)
        elif isinstance(error, RemoteError):
            error.advice += f" {kept}"
        else:
            log.warning("%s", kept)
        raise
    _clear(path)


def _begun(url: str, path: Path) -> dict[str, Any]:
    """Fills the local path, and says of what: files there and here, and whether an earlier attempt was sending."""
    files, inside = opened(url)
    there = {name: list(version) for name, version in versions(files, inside, url).items()}
    try:
        state: dict[str, Any] = json.loads((path.parent / _STATE).read_bytes())
    except (OSError, ValueError):
        state = {}
    if state and path.exists():
        if state["there"] != there and not state["sending"]:
            raise ValueError(
                f"{url!r} has been written by others since an attempt of this machine failed. What that made is kept "
                f"in {str(path)!r}: remove it to begin with what lies there now, or choose another place."
            )
        return state
    _clear(path)
    if there:
        copy = local_copy(url)
        if copy.is_dir():
            shutil.copytree(copy, path)
        else:
            shutil.copyfile(copy, path)
    state = {"there": there, "local": _files(path), "sending": False}
    _keep(path, state)
    return state


def _send(url: str, path: Path, state: dict[str, Any]) -> None:
    """Sends what has changed."""
    local = _files(path)
    if local == state["local"] and not state["sending"]:
        return
    state["sending"] = True
    _keep(path, state)
    if path.is_file():
        put_file(path, url)
        return
    markers = {name: MARKERS.index(Path(name).name) for name in local if Path(name).name in MARKERS}
    put_folder(
        path,
        url,
        last=sorted(markers, key=lambda name: (markers[name], name)),
        removed=set(state["local"]) - set(local),
        unchanged=[name for name in local if state["local"].get(name) == local[name]],
    )


def _files(path: Path) -> dict[str, list[int]]:
    """Size and time of each file by its name below a path."""
    found = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    stats = {one.relative_to(path).as_posix(): one.stat() for one in found}
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}


def _keep(path: Path, state: dict[str, Any]) -> None:
    write_whole(path.parent / _STATE, json.dumps(state))


def _clear(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    (path.parent / _STATE).unlink(missing_ok=True)
