"""Checksums of data files, written beside them: damage is found before anything reads it.

A file of checksums is JSON, ``{"name": {"bytes": 12, "crc32": "1f2e3d4c"}}``. A file that fitted once is not read
again until its size, its times or its inode change; what fitted is remembered in the cache. A disk that alters bytes
by itself changes none of these: `damage` with ``again=True`` reads everything.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from paars_gym.cache import cache_dir
from paars_gym.files import write_whole

CHECKSUMS = "checksums.json"
CHUNK_BYTES = 1 << 20
SETTLED_NS = 100_000_000
"""A file changed less than 0.1 s ago may change again within the same tick of its times: it is not remembered."""
_fitted: dict[str, list[int | str]] = {}
"""Files known to fit: size, times, inode and checksum by absolute path. As good as the cache, where there is none."""


class FileSum(NamedTuple):
    """Size in bytes and CRC-32, as 8 hexadecimal digits, of a file."""

    bytes: int
    crc32: str


def file_sum(path: Path) -> FileSum:
    """The size and checksum of a file, which is read whole (some 2 GB/s from memory)."""
    total, size, chunk = 0, 0, bytearray(CHUNK_BYTES)
    view = memoryview(chunk)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(chunk):
            total = crc32(view[:count], total)
            size += count
    return FileSum(size, f"{total:08x}")


def write_checksums(path: Path, files: Mapping[str, Path], *, kept: Mapping[str, FileSum] | None = None) -> None:
    """Writes a file of checksums.

    Args:
        path: Where.
        files: What to read, by the name that each shall have there.
        kept: Those of other files.
    """
    sums = {name: sum_._asdict() for name, sum_ in (kept or {}).items()}
    sums |= {name: file_sum(file)._asdict() for name, file in files.items()}
    write_whole(path, json.dumps(sums, indent=1) + "\n")


def read_checksums(path: Path) -> dict[str, FileSum]:
    """The checksums of a file of them.

    Raises:
        ValueError: It is missing, or holds something else.
    """
    try:
        content = json.loads(path.read_bytes())
        return {name: FileSum(int(sum_["bytes"]), str(sum_["crc32"])) for name, sum_ in content.items()}
    except FileNotFoundError:
        raise ValueError(f"{str(path)!r} is missing") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"{str(path)!r} is damaged ({type(error).__name__}: {error})") from None


def damage(sums: Mapping[str, FileSum], files: Mapping[str, Path], *, again: bool = False) -> dict[str, str]:
    """What is wrong with files, in words, by name; empty when all are as they were written.

    Args:
        sums: As written.
        files: What to look at.
        again: Read what is known to fit, too.
    """
    found: dict[str, str] = {}
    for name, path in files.items():
        fault = f"{CHECKSUMS} does not name it" if name not in sums else _fault(path, sums[name], again=again)
        if fault:
            found[name] = fault
    return found


def sealed(text: str) -> str:
    """A JSON object with one more member, ``crc32``, by which `unsealed` knows that its values are as they were."""
    content = json.loads(text)
    return json.dumps({**content, "crc32": _seal(content)}, indent=2, ensure_ascii=False) + "\n"


def unsealed(raw: bytes) -> Any:
    """What was sealed, without the seal; JSON that never had one as it is.

    Raises:
        ValueError: It is no JSON, or not as it was written.
    """
    content = json.loads(raw)
    if isinstance(content, dict) and "crc32" in content:
        seal = content.pop("crc32")
        if seal != _seal(content):
            raise ValueError(f"its checksum is {_seal(content)} and was {seal} when it was written")
    return content


def _seal(content: Mapping[str, Any]) -> str:
    return f"{crc32(json.dumps(content, sort_keys=True).encode()):08x}"


def _fault(path: Path, wanted: FileSum, *, again: bool) -> str:
    try:
        state = path.stat()
    except OSError:
        return "it is missing"
    if state.st_size != wanted.bytes:
        return f"it has {state.st_size:,} bytes and was written with {wanted.bytes:,}"
    mark: list[int | str] = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino, wanted.crc32]
    if not again and _remembered(path) == mark:
        return ""
    seen = file_sum(path)
    if seen != wanted:
        return f"its checksum is {seen.crc32} and was {wanted.crc32} when it was written"
    if time.time_ns() - max(state.st_mtime_ns, state.st_ctime_ns) > SETTLED_NS:
        _remember(path, mark)
    return ""


def _remembered(path: Path) -> list[int | str] | None:
    place = os.path.realpath(path)
    if place not in _fitted:
        try:
            content = json.loads(_note(place).read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(content, list):
            return None
        _fitted[place] = content
    return _fitted[place]


def _remember(path: Path, mark: list[int | str]) -> None:
    place = os.path.realpath(path)
    _fitted[place] = mark
    try:
        note = _note(place)
        draft = note.with_name(f"{note.name}.{os.getpid()}.{threading.get_ident()}")
        draft.write_text(json.dumps(mark), encoding="utf-8")
        draft.replace(note)
    except OSError:  # no cache: this process alone remembers
        return


def _note(place: str) -> Path:
    name = hashlib.blake2b(os.fsencode(place), digest_size=12).hexdigest()
    return cache_dir("fitted") / f"{name}.json"
