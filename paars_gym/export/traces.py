"""The sessions of a run as traces: each with its steps, its times and what it took of a model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from paars_gym.report.pages.session_book import RUN_ARMS, is_test, read_telemetry
from paars_gym.report.pages.session_rows import SessionRow, row_of
from paars_gym.sessions.run_log import scan
from paars_gym.sessions.step import StepRecord
from paars_gym.sessions.store import SETTINGS_FILE
from paars_gym.simulation.read_run import PlayedSession, Run
from paars_gym.simulation.rebuild import Rebuilder
from paars_gym.simulation.run_folder import RunFolder

PAGES = {
    "recorded": "as recorded",
    "rebuilt": "rebuilt by playing the logged actions again",
    "none": "neither recorded nor to be rebuilt",
}
"""Where the pages of a session come from."""


class Trace(NamedTuple):
    """One session.

    Attributes:
        row: What became of it, in numbers.
        played: The session, and why it ended.
        steps: Recorded or rebuilt; empty where neither can be.
        pages: Which of the two, one of `PAGES`.
        begun: Wall-clock time.
        seconds: That it took.
    """

    row: SessionRow
    played: PlayedSession
    steps: tuple[StepRecord, ...]
    pages: str
    begun: datetime
    seconds: float

    @property
    def ended(self) -> datetime:
        """Wall-clock time."""
        return self.begun + timedelta(seconds=self.seconds)


class RunTraces:
    """All sessions of a run, read one after the other.

    Attributes:
        run: The run.
        name: Of its folder.
        model: Spec of the language model; empty where none was asked.
        identity: Equal for the same settings in a folder of the same name.
    """

    def __init__(self, folder: str | Path) -> None:
        """Reads what there is of each session but its steps.

        Raises:
            FileNotFoundError: There is no run.
            ValueError: It is an A/B test, has no session, or its settings are damaged.
        """
        folder = Path(folder)
        if is_test(folder):
            arms = " and ".join(str(folder / arm) for arm in RUN_ARMS)
            raise ValueError(f"{str(folder)!r} is an A/B test, must be a run: export {arms}.")
        self.run = Run(folder)
        self.name = folder.resolve().name
        settings = self.run.settings
        self.model = "" if settings.run.model is None else str(settings.run.model.spec)
        self.identity = digest(self.name, settings.model_dump_json(), size=16)
        self._told: Mapping[str, Mapping[str, Any]] = dict(read_telemetry(RunFolder(folder).telemetry))
        self._written = datetime.fromtimestamp((folder / SETTINGS_FILE).stat().st_mtime, UTC)
        self._rebuilder = Rebuilder(settings)
        log = RunFolder(folder).log
        lines = [line for line in scan(log) if line.fault is None] if log.is_file() else []
        self.rows = sorted(row_of(one.session(), one.cause(), self._told.get(one.key(), {}), None) for one in lines)
        if not self.rows:
            raise ValueError(f"{str(folder)!r} holds no session yet; go on with it: paars simulate … --resume.")

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Trace]:
        for row in self.rows:
            played = self.run.session(row.key)
            steps, pages = played.steps, "recorded"
            if not steps:
                able = not self._rebuilder.why_not
                steps = self._rebuilder.steps(played.session).steps if able else ()
                pages = "rebuilt" if able else "none"
            seconds = float(row.seconds or 0.0)
            yield Trace(row, played, steps, pages, self._ended(row.key) - timedelta(seconds=seconds), seconds)

    @property
    def begun(self) -> datetime:
        """Wall-clock time at which the first session began."""
        return min(self._ended(row.key) - timedelta(seconds=float(row.seconds or 0.0)) for row in self.rows)

    @property
    def ended(self) -> datetime:
        """Wall-clock time at which the last session ended."""
        return max(self._ended(row.key) for row in self.rows)

    def tokens(self, key: str) -> dict[str, int]:
        """What a session took of the model, by kind."""
        told = self._told.get(key, {})
        return {kind: int(told[kind]) for kind in TOKENS if isinstance(told.get(kind), int)}

    def usd(self, key: str) -> float | None:
        """What a session cost, where that is known."""
        usd = self._told.get(key, {}).get("usd")
        return float(usd) if isinstance(usd, int | float) else None

    def _ended(self, key: str) -> datetime:
        try:
            return datetime.fromisoformat(self._told[key]["finished"])
        except (KeyError, ValueError, TypeError):
            return self._written


TOKENS = ("input", "cache_read", "cache_write", "output", "reasoning")


def digest(*texts: str, size: int) -> str:
    """A hash in hexadecimal digits, the same for the same texts everywhere.

    Args:
        texts: In order.
        size: Bytes; twice as many digits.
    """
    return hashlib.blake2b("\0".join(texts).encode("utf-8", "replace"), digest_size=size).hexdigest()


def text_of(message: Mapping[str, Any]) -> str:
    """The words of a message, in our form (``text``) or in a provider's (``content``, as text or as parts)."""
    found = message.get("text", message.get("content"))
    if isinstance(found, list | tuple):
        found = "\n".join(str(part.get("text", "")) for part in found if isinstance(part, Mapping))
    return str(found or "")


def tool_calls_of(message: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Id, name and arguments (JSON text) of each tool call of a message, in our form or in OpenAI's."""
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list | tuple) else ():
        if isinstance(call, Mapping):
            inner = call.get("function")
            named = inner if isinstance(inner, Mapping) else call
            yield tuple(str(one or "") for one in (call.get("id"), named.get("name"), named.get("arguments")))  # type: ignore[misc]
