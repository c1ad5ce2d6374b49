"""Sending whole files to remote places, and what else is done there: listing, removing, finding out before any work."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from paars_gym.files import StorageError
from paars_gym.remote.copying import PROBE, versions
from paars_gym.remote.errors import in_words
from paars_gym.remote.place import child, opened, url_of


def put_file(local: Path, place: str | Path) -> None:
    """Sends a file whole: a reader finds the old one or the new one where the place is a store of objects.

    Raises:
        FileNotFoundError: No such bucket, or no such local file.
        PermissionError: No key, or one that may not write there.
        RemoteError: The place is full, or cannot be reached.
    """
    _put([local], [url_of(place)], url_of(place))


def put_folder(
    local: Path,
    place: str | Path,
    *,
    last: Sequence[str] = (),
    removed: Iterable[str] = (),
    unchanged: Iterable[str] = (),
) -> None:
    """Sends all files of a folder, but hidden ones; what makes the rest visible comes last.

    Until everything is there the files of ``last`` are not: a reader finds nothing whole rather than a mixture.

    Args:
        local: The folder.
        place: Its URL.
        last: Names, in this order, of what a reader looks for first.
        removed: Names of files that lie there and are to go.
        unchanged: Names of files that lie there as they are here; they are not sent, unless they are among ``last``.

    Raises:
        FileNotFoundError: No such bucket.
        PermissionError: No key, or one that may not write there.
        RemoteError: The place is full, or cannot be reached.
    """
    url = url_of(place)
    there = [path.relative_to(local) for path in local.rglob("*") if path.is_file()]
    names = sorted(name.as_posix() for name in there if not any(part.startswith(".") for part in name.parts))
    ending = [name for name in last if name in names]
    for name in last:
        remove(child(url, name))
    first = [name for name in names if name not in {*ending, *unchanged}]
    _put([local / name for name in first], [child(url, name) for name in first], url)
    for name in set(removed) - set(names):
        remove(child(url, name))
    for name in ending:
        _put([local / name], [child(url, name)], url)


def list_files(place: str | Path) -> dict[str, int]:
    """Bytes of every file below a place, by its name there; ``""`` for a place that is a file, nothing for none.

    Raises:
        FileNotFoundError: No such bucket.
        PermissionError: No key, or one that may not.
        RemoteError: It cannot be reached.
    """
    url = url_of(place)
    files, path = opened(url)
    return {name: version.bytes for name, version in versions(files, path, url).items()}


def remove(place: str | Path) -> None:
    """Removes a file, or a folder with everything in it; what is not there is no mistake.

    Raises:
        PermissionError: No key, or one that may not.
        RemoteError: It cannot be reached.
    """
    url = url_of(place)
    files, path = opened(url)
    with in_words(url), suppress(FileNotFoundError):
        files.invalidate_cache()
        files.rm(path, recursive=True)


def check_writable(place: str | Path, called: str = "--out") -> None:
    """Finds out before minutes of work that something can be written to a place, by an object that is removed again.

    Raises:
        ImportError: A package for the scheme is missing.
        ValueError: No such scheme, no such bucket, no key, or one that may not write there; says how it is called.
        RemoteError: The place is full, or cannot be reached.
    """
    url = url_of(place)
    probe = child(url.rpartition("/")[0] if url.count("/") > 2 else url, f"{PROBE}{uuid.uuid4().hex}")
    try:
        files, _ = opened(url)
        with in_words(url):
            path = opened(probe)[1]
            files.pipe_file(path, b"")
            files.rm_file(path)
    except StorageError:
        raise
    except (OSError, ValueError) as error:
        raise ValueError(f"{called} cannot be written to. {error}") from None


def _put(local: Sequence[Path], urls: Sequence[str], place: str) -> None:
    if not local:
        return
    files, _ = opened(place)
    with in_words(place):
        paths = [opened(url)[1] for url in urls]
        files.put([str(path) for path in local], paths)
