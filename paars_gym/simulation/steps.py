"""Step records on disk: a file of zstd frames, one a session, in which each text stands once under its hash.

A session's frame is appended whole when the session ends. It holds JSON lines: ``{"hash": …, "value": …}`` for each
page, message and parameter that the file does not hold yet, then ``{"step": …}`` for each step, with hashes in place of
these. Before each frame stands a skippable one with the session's key, the hashes of the frame and a checksum, so that
``zstd -dc FILE`` prints all lines. Of several frames of one session the last one counts: it was played again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import mmap
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from zlib import crc32

import pyarrow as pa

from paars_gym.files import make_private, written_whole
from paars_gym.sessions.step import StepRecord
from paars_gym.simulation.log import AppendOnly

log = logging.getLogger(__name__)

_SKIPPABLE = struct.pack("<I", 0x184D2A50)
_LENGTH = struct.Struct("<I")
_CHECKSUM_LENGTH = 8
_SHORTEST_KEY = 8
"""Of what is taken for a key: "none" is no secret."""
_CODEC = pa.Codec("zstd", 3)


def environment_keys() -> tuple[str, ...]:
    """The keys, tokens and secrets of this process's environment, none of which may be written anywhere."""
    named = (value for name, value in os.environ.items() if name.endswith(("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")))
    return tuple(value for value in named if len(value) >= _SHORTEST_KEY)


def without_keys(text: str, keys: Iterable[str]) -> str:
    """The text with ``[key]`` in place of each of the keys."""
    for key in keys:
        text = text.replace(key, "[key]")
    return text


class StepWriter:
    """Appends the step records of sessions to a file, each session's whole or not at all.

    Killing the process loses at most the session that is being written. Opening the file again sets damaged parts aside
    in ``<file>.damaged`` and goes on behind what is good.
    """

    def __init__(self, path: str | Path, *, fsync_seconds: float | None = None) -> None:
        """Args:
            path: Made if absent, its folder too.
            fsync_seconds: See `AppendOnly`.

        Raises:
            OSError: It cannot be written.
        """
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.damaged, self._known = mend_steps(self.path)
        self._keys = environment_keys()
        self._file = AppendOnly(self.path, fsync_seconds=fsync_seconds, lines=False)

    def add(self, session: str, records: Iterable[StepRecord]) -> None:
        """Appends the steps of one session; they take the place of former ones with its key.

        Raises:
            OSError: They could not be written whole, as when the disk is full; nothing of them stays in the file.
        """
        values: dict[str, bytes] = {}
        steps = [self._dump({"step": self._with_hashes(record, values)}) for record in records]
        fresh = [name for name in values if name not in self._known]
        lines = [b'{"hash":"%b","value":%b}' % (name.encode(), values[name]) for name in fresh]
        content = b"".join(line + b"\n" for line in (*lines, *steps))
        packed = _CODEC.compress(content, asbytes=True)
        head = _dump({"session": session, "hashes": fresh, "packed": len(packed), "size": len(content)})
        head = b"%08x" % crc32(packed, crc32(head)) + head
        self._file.append(_SKIPPABLE + _LENGTH.pack(len(head)) + head + packed)
        self._known.update(fresh)

    def add_frames(self, frames: bytes) -> None:
        """Appends what another `StepWriter` has written, whole or not at all.

        Raises:
            OSError: As `add`.
        """
        self._file.append(frames)

    def _with_hashes(self, record: StepRecord, values: dict[str, bytes]) -> dict[str, Any]:
        """The record as JSON can hold it, with hashes for its texts, which ``values`` gets as JSON."""

        def put(value: Any) -> str:
            raw = self._dump(value)
            name = hashlib.blake2b(raw, digest_size=12).hexdigest()
            values[name] = raw
            return name

        step = record.model_dump(mode="json", exclude_defaults=True, exclude={"shown", "model"})
        if record.shown:
            step["shown"] = put(record.shown)
        if record.model is not None:
            model = record.model
            turn = model.model_dump(mode="json", exclude_defaults=True, exclude={"prompt", "said", "parameters"})
            turn["prompt"] = [put(message) for message in model.prompt]
            turn["parameters"] = {name: put(value) for name, value in model.parameters.items()}
            if model.said:
                turn["said"] = put(model.said)
            step["model"] = turn
        return step

    def _dump(self, value: Any) -> bytes:
        return without_keys(_dump(value).decode(), self._keys).encode()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class StepReader:
    """Reads the step records of sessions by key."""

    def __init__(self, path: str | Path) -> None:
        """Args:
            path: As a `StepWriter` wrote it; damaged parts are passed over.

        Raises:
            FileNotFoundError: No such file.
        """
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"There are no step records in {str(self.path)!r}.")

    def keys(self) -> tuple[str, ...]:
        """The sessions, in the order in which they ended."""
        return tuple(self._index[0])

    def damaged(self) -> list[str]:
        """The damaged parts, named as `mend_steps` names them; what a killed process left at the end is none."""
        bad = (part for part in _parts(self.path) if isinstance(part, _Damage) and not part.cut_off)
        return [f"bytes {part.begin} to {part.end}" for part in bad]

    def __contains__(self, session: object) -> bool:
        return session in self._index[0]

    def read(self, session: str) -> tuple[StepRecord, ...]:
        """The steps of one session, pages and messages included; what stood in a damaged part is named in ``lost``.

        Raises:
            KeyError: The file has none of it.
        """
        frames, places = self._index
        if session not in frames:
            raise KeyError(f"There are no step records of session {session!r} in {str(self.path)!r}.")
        steps = [line["step"] for line in self._lines(frames[session]) if "step" in line]
        missing = {name for step in steps for name in _hashes_in(step)}
        values: dict[str, Any] = {}
        for frame in sorted({places[name] for name in missing if name in places}):
            values |= {line["hash"]: line["value"] for line in self._lines(frame) if "hash" in line}
        return tuple(StepRecord.model_validate(_with_values(step, values)) for step in steps)

    @cached_property
    def _index(self) -> tuple[dict[str, _Frame], dict[str, _Frame]]:
        frames: dict[str, _Frame] = {}
        places: dict[str, _Frame] = {}
        for part in _parts(self.path):
            if isinstance(part, _Frame):
                frames.pop(part.session, None)
                frames[part.session] = part
                places |= dict.fromkeys(part.hashes, part)
            elif not part.cut_off:
                log.warning(
                    "%s is damaged in bytes %d to %d: the steps that stood there are missing. paars sessions check "
                    "RUN --mend sets that part aside.",
                    *(self.path, part.begin, part.end),
                )
        return frames, places

    def _lines(self, frame: _Frame) -> list[dict[str, Any]]:
        with self.path.open("rb") as file:
            file.seek(frame.start)
            packed = file.read(frame.end - frame.start)
        content = _CODEC.decompress(packed, frame.size, asbytes=True)
        return [json.loads(line) for line in content.splitlines()]


def mend_steps(path: Path) -> tuple[list[str], set[str]]:
    """Makes a file of step records fit to be appended to: damaged parts go to ``<file>.damaged``.

    Returns:
        The damaged parts, named, and the hashes that the file holds.
    """
    known: set[str] = set()
    good: list[tuple[int, int]] = []
    bad: list[_Damage] = []
    for part in _parts(path) if path.exists() else ():
        if isinstance(part, _Damage):
            bad.append(part)
        else:
            good.append((part.begin, part.end))
            known.update(part.hashes)
    if not bad:
        return [], known
    if not (len(bad) == 1 and bad[0].cut_off):
        aside = path.with_name(path.name + ".damaged")
        with (
            path.open("rb") as old,
            written_whole(path, binary=True, private=True) as new,
            make_private(aside).open("ab") as lost,
        ):
            for begin, end in good:
                _copy(old, new, begin, end)
            for part in bad:
                if not part.cut_off:
                    _copy(old, lost, part.begin, part.end)
            lost.flush()
            os.fsync(lost.fileno())
    else:
        os.truncate(path, bad[0].begin)
    return [f"bytes {part.begin} to {part.end}" for part in bad if not part.cut_off], known


class _Frame(NamedTuple):
    begin: int  # of the skippable frame
    start: int  # of the session's own
    end: int
    size: int  # unpacked
    session: str
    hashes: tuple[str, ...]


class _Damage(NamedTuple):
    begin: int
    end: int
    cut_off: bool  # what a killed process left: it was never data


def _parts(path: Path) -> Iterator[_Frame | _Damage]:
    """The good frames and the damaged parts of a file, in order."""
    if not path.stat().st_size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        place = 0
        while place < len(data):
            frame = _frame_at(data, place)
            if frame is not None:
                yield frame
                place = frame.end
                continue
            begin = place
            while frame is None and place < len(data):
                following = data.find(_SKIPPABLE, place + 1)
                place = len(data) if following < 0 else following
                frame = _frame_at(data, place)
            yield _Damage(begin, place, place == len(data) and _is_cut_off(data, begin))


def _frame_at(data: mmap.mmap, begin: int) -> _Frame | None:
    head = _head_at(data, begin)
    if head is None:
        return None
    checksum, raw, start = head
    try:
        fields = json.loads(raw)
        frame = _Frame(
            begin, start, start + fields["packed"], fields["size"], fields["session"], tuple(fields["hashes"])
        )
    except (ValueError, KeyError, TypeError):
        return None
    if frame.end > len(data) or b"%08x" % crc32(data[start : frame.end], crc32(raw)) != checksum:
        return None
    return frame


def _head_at(data: mmap.mmap, begin: int) -> tuple[bytes, bytes, int] | None:
    """Checksum and content of the skippable frame that begins there, and where it ends."""
    if data[begin : begin + 4] != _SKIPPABLE or begin + 8 > len(data):
        return None
    start = begin + 8 + _LENGTH.unpack(data[begin + 4 : begin + 8])[0]
    if start > len(data):
        return None
    return data[begin + 8 : begin + 8 + _CHECKSUM_LENGTH], data[begin + 8 + _CHECKSUM_LENGTH : start], start


def _is_cut_off(data: mmap.mmap, begin: int) -> bool:
    """Whether what begins there is a frame whose end is missing."""
    head = _head_at(data, begin)
    if head is None:
        rest = data[begin:]
        return rest[:4] == _SKIPPABLE[: len(rest)]
    try:
        return bool(head[2] + json.loads(head[1])["packed"] > len(data))
    except (ValueError, KeyError, TypeError):
        return False


def _copy(source: Any, target: Any, begin: int, end: int) -> None:
    source.seek(begin)
    while begin < end:
        chunk = source.read(min(1 << 20, end - begin))
        target.write(chunk)
        begin += len(chunk)


def _hashes_in(step: Mapping[str, Any]) -> Iterator[str]:
    turn = step.get("model", {})
    yield from (name for name in (step.get("shown"), turn.get("said")) if name)
    yield from turn.get("prompt", ())
    yield from turn.get("parameters", {}).values()


def _with_values(step: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """What `_with_hashes` was given, as JSON can hold it; without the texts that ``values`` lacks."""
    step, turn, lost = dict(step), dict(step.get("model", ())), []
    for content, name in ((step, "shown"), (turn, "said")):
        if name in content:
            text = values.get(content.pop(name))
            if text is None:
                lost.append(name)
            else:
                content[name] = text
    if turn:
        prompt, parameters = turn["prompt"], turn["parameters"]
        lost += [f"prompt[{place}]" for place, name in enumerate(prompt) if name not in values]
        lost += [f"parameters[{key}]" for key, name in parameters.items() if name not in values]
        turn["prompt"] = [values[name] for name in prompt if name in values]
        turn["parameters"] = {key: values[name] for key, name in parameters.items() if name in values}
        step["model"] = turn
    return {**step, "lost": lost} if lost else step


def _dump(value: Any) -> bytes:
    # ASCII, so that half a surrogate pair in a text of a policy's does no harm.
    return json.dumps(value, separators=(",", ":"), default=str).encode()
