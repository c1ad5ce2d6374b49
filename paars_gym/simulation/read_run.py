"""A run folder read back: its settings, its sessions, and each session's steps and conversation."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from paars_gym.sessions.event import Session
from paars_gym.sessions.opening import local_folder
from paars_gym.sessions.run_log import LogLine, read_log, scan
from paars_gym.sessions.step import StepRecord
from paars_gym.sessions.store import Store
from paars_gym.simulation.account import RunAccount, read_account
from paars_gym.simulation.run_folder import RunFolder, Settings
from paars_gym.simulation.steps import StepReader

log = logging.getLogger(__name__)
STEPS_LOST = "The sessions themselves are kept; to have their steps, play them again in another folder: paars simulate"


@dataclass(frozen=True)
class PlayedSession:
    """One session of a run, and how it came about.

    Attributes:
        session: What happened.
        cause: Why it ended, for ``gave_up`` and ``policy_error``; else None.
        steps: A record each, the page that was shown included; empty where steps were not recorded.
    """

    session: Session
    cause: str | None
    steps: tuple[StepRecord, ...]

    def conversation(self) -> tuple[Mapping[str, Any], ...]:
        """The messages as a model saw and said them, in order; empty where no model was asked.

        Those of the first request; then the model's message of each step, and what it was answered. A prompt that was
        shortened on the way stands as it was sent in ``steps[…].model.prompt``.
        """
        messages: list[Mapping[str, Any]] = []
        for step in self.steps:
            if step.model is None:
                continue
            messages += _since_last_said(step.model.prompt) if messages else step.model.prompt
            if step.model.said:
                messages.append(step.model.said)
        return tuple(messages)


class Run:
    """A run folder, finished or not; read-only.

    ``Run("RUN").session("0000003").steps`` are the steps of one session; iteration gives the keys of all.
    """

    def __init__(self, folder: str | Path) -> None:
        """Args:
            folder: Of ``run`` or ``paars simulate --out``.

        Raises:
            FileNotFoundError: It holds no run.
            ValueError: Its settings are damaged.
        """
        self._folder = RunFolder(local_folder(folder))
        self.settings: Settings = self._folder.settings

    def __repr__(self) -> str:
        state = "finished" if self._folder.is_finished() else "not finished"
        return f"<Run {str(self._folder.path)!r}: {len(self):,} sessions of {self.settings.run.policy}, {state}>"

    @property
    def sessions(self) -> Iterable[Session]:
        """Its sessions: a `Store` when the run is finished, else those of the log so far."""
        return Store(self._folder.store) if self._folder.is_finished() else tuple(read_log(self._folder.log))

    @property
    def account(self) -> RunAccount:
        """What the sessions took of a model."""
        return read_account(self._folder.telemetry, self._folder.taken())

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._places))

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def session(self, key: str) -> PlayedSession:
        """One session by its key.

        Raises:
            KeyError: The log has no such session.
        """
        if key not in self._places:
            raise KeyError(f"No session {key!r} in {str(self._folder.path)!r}, which has {len(self):,} of them.")
        with self._folder.log.open("rb") as file:
            file.seek(self._places[key])
            line = LogLine(0, self._places[key], file.readline(), None)
        steps = self._steps.read(key) if self._steps is not None and key in self._steps else ()
        return PlayedSession(line.session(), line.cause(), steps)

    @cached_property
    def _places(self) -> dict[str, int]:
        lines = list(scan(self._folder.log)) if self._folder.log.exists() else []
        damaged = [line.number for line in lines if line.fault not in (None, "cut off")]
        places = {line.key(): line.offset for line in lines if line.fault is None}
        if damaged:
            self._warn(f"lines {', '.join(map(str, damaged))} of its log are damaged: their sessions are missing")
        elif self._folder.is_finished() and len(places) < len(Store(self._folder.store)):
            self._warn(f"its log has {len(places):,} of {len(Store(self._folder.store)):,} sessions: it was cut")
        return places

    def _warn(self, fault: str, advice: str = "") -> None:
        advice = advice or f"Mend it: paars sessions check {self._folder.path} --mend"
        log.warning("%s: %s. %s.", self._folder.path, fault, advice)

    @cached_property
    def _steps(self) -> StepReader | None:
        if not self._folder.steps.exists():
            if self.settings.run.record == "steps" and self._places:
                self._warn("its step records are missing", STEPS_LOST)
            return None
        reader = StepReader(self._folder.steps)
        if self._folder.is_finished() and (lacking := self._places.keys() - set(reader.keys())):
            self._warn(
                f"the step records of {len(lacking):,} sessions are missing, such as {min(lacking)!r}", STEPS_LOST
            )
        return reader


def _since_last_said(prompt: tuple[Mapping[str, Any], ...]) -> tuple[Mapping[str, Any], ...]:
    said = [place for place, message in enumerate(prompt) if message.get("role") == "assistant"]
    return prompt[said[-1] + 1 :] if said else prompt[-1:]
