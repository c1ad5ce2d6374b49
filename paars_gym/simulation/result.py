"""How a run stands, and the files that each of its sessions goes into when it has ended."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from paars_gym.exit_codes import ExitCode
from paars_gym.sessions.run_log import encode
from paars_gym.sessions.store import LOG_FILE, STEPS_FILE, TELEMETRY_FILE, Store
from paars_gym.simulation.account import RunAccount
from paars_gym.simulation.episode import Played
from paars_gym.simulation.log import AppendOnly
from paars_gym.simulation.run_folder import RunFolder
from paars_gym.simulation.steps import StepWriter

MOST_FAILED = 0.1
"""Share of a run's sessions in which its policy may raise; beyond it the run has failed."""


class PolicyFailedError(ValueError):
    """A policy raised so often that nothing can be said of its sessions; the message has the commonest cause."""

    exit_code = ExitCode.SESSIONS_FAILED


class RunStoppedError(ValueError):
    """A run ended before all of it was played; what was played is kept where the message says so.

    Attributes:
        exit_code: Of a command that it ends: 4 where there is something to mend first.
    """

    def __init__(self, message: str, exit_code: int = ExitCode.WRONG_USE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass
class PolicyFailures:
    """How often the policy of a population raised, and what.

    Attributes:
        sessions: Played.
        raised: Of these ended in ``policy_error``.
        causes: What was raised, with its place (file and line), by how often.
    """

    sessions: int = 0
    raised: int = 0
    causes: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count(self, played: Played) -> None:
        """Takes a session that has ended."""
        self.sessions += 1
        self.raised += played.session.end == "policy_error"
        if played.failure is not None:
            self.causes[played.failure.cause, played.failure.place] += 1

    @property
    def complaint(self) -> str:
        """What to say of a policy that raised in too many sessions, without a full stop; empty for any other."""
        if self.raised <= MOST_FAILED * self.sessions:
            return ""
        complaint = f"The policy failed in {self.raised:,} of {self.sessions:,} sessions"
        for (cause, place), count in self.causes.most_common(1):
            complaint += f", most often ({count:,} of them) by {cause}" + (f" at {place}" if place else "")
        return complaint


@dataclass
class RunResult:
    """Where a run stands, and how it ended.

    Attributes:
        folder: The run folder.
        planned: Sessions of the whole run.
        ends: Sessions in the log by how they ended, those of former runs included.
        played: Sessions of this run.
        usd: What they cost, as far as the policy tells.
        account: What the whole run took of a model, former tries included; also in ``OUT/account.json``.
        seconds: Since this run began.
        damaged: Lines of the log that were set aside; their sessions were played again.
        mended: What was wrong with the Parquet store, in words; it was written again from the log.
        damaged_steps: Parts of the step records that were set aside; their sessions stand in the log, and are not.
        stopped: Why the run ended before all sessions were accounted for; empty when they are.
        exit_code: Of a command that ends so; see `RunStoppedError`.
        unanswered: Why the language model answered nothing at all in this run, and what to do; else empty.
        causes: What the policy raised in this run's sessions, with its place (file and line), by how often.
        needs: Where shoppers' needs came from, in words.
    """

    folder: Path
    planned: int
    ends: Counter[str] = field(default_factory=Counter)
    played: int = 0
    usd: float = 0.0
    account: RunAccount = field(default_factory=RunAccount)
    seconds: float = 0.0
    damaged: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    damaged_steps: list[str] = field(default_factory=list)
    stopped: str = ""
    exit_code: int = ExitCode.WRONG_USE
    unanswered: str = ""
    causes: Counter[tuple[str, str]] = field(default_factory=Counter)
    needs: str = ""

    def __repr__(self) -> str:
        ended = ", ".join(f"{count:,} {end}" for end, count in self.ends.items())
        return f"<RunResult {str(self.folder)!r}: {self.done:,} of {self.planned:,} sessions, ended by {ended or '–'}>"

    @property
    def done(self) -> int:
        """Sessions in the log."""
        return self.ends.total()

    @property
    def failed(self) -> int:
        """Sessions in the log that ended as ``gave_up`` or ``policy_error``."""
        return self.ends["gave_up"] + self.ends["policy_error"]

    @property
    def complaint(self) -> str:
        """See `PolicyFailures.complaint`."""
        return PolicyFailures(self.done, self.ends["policy_error"], self.causes).complaint

    @property
    def store(self) -> Store:
        """The sessions of the finished run.

        Raises:
            FileNotFoundError: It is not finished.
        """
        return Store(RunFolder(self.folder).store)


class RunFiles:
    """Writes each session down when it has ended, and keeps the `RunResult` up to date."""

    def __init__(self, folder: RunFolder, result: RunResult, *, record: bool, fsync_seconds: float | None) -> None:
        self._result = result
        self._started = time.perf_counter()
        with ExitStack() as files:
            self._steps = files.enter_context(StepWriter(folder.steps)) if record else None
            self._telemetry = files.enter_context(AppendOnly(folder.telemetry, fsync_seconds=None))
            self._log = files.enter_context(AppendOnly(folder.log, fsync_seconds=fsync_seconds))
            self._files = files.pop_all()
        if self._steps is not None:
            result.damaged_steps = self._steps.damaged

    def enter(self, played: Played) -> None:
        """Writes a session down."""
        # Before the session itself, so that no session of the log lacks its steps and its cost.
        if self._steps is not None:
            self._steps.add(played.session.key, played.records)
        self._telemetry.append(_telemetry(played))
        self._log.append(encode(played.session, played.cause))
        result = self._result
        result.ends[played.session.end] += 1
        result.played += 1
        result.usd += played.spent.get("usd") or 0.0
        result.seconds = time.perf_counter() - self._started
        if played.failure is not None:
            result.causes[played.failure.cause, played.failure.place] += 1

    def enter_many(self, played: RunResult, files: Mapping[str, bytes]) -> None:
        """Writes down sessions that were played elsewhere.

        Args:
            played: How they ended.
            files: Their parts of the run's files, by name; empty where these are kept elsewhere.
        """
        if self._steps is not None and STEPS_FILE in files:
            self._steps.add_frames(files[STEPS_FILE])
        if files:
            self._telemetry.append(files[TELEMETRY_FILE])
            self._log.append(files[LOG_FILE])
        result = self._result
        result.ends.update(played.ends)
        result.played += played.played
        result.usd += played.usd
        result.seconds = time.perf_counter() - self._started
        result.causes.update(played.causes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._files.close()


def _telemetry(played: Played) -> bytes:
    session = played.session
    content = {
        "session": session.key,
        "end": session.end,
        "cause": played.cause,
        "steps": played.steps,
        "invalid": played.invalid,
        "seconds": round(played.seconds, 6),
        "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
        **played.spent,
    }
    if played.failure is not None:
        content["place"] = played.failure.place
    return json.dumps(content).encode() + b"\n"
