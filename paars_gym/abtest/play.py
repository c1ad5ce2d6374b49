"""Playing the same visitors through both arms: in memory, or into a run folder each, which outlives a crash."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from paars_gym.abtest.arms import OpenArm, logged_of
from paars_gym.abtest.outcomes import FAILED, measure
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.ranking.logged import Logged
from paars_gym.sessions.event import Session
from paars_gym.shop.open import env_factory
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.registry import policy_factory
from paars_gym.simulation.concurrency import StopRequest, play_all
from paars_gym.simulation.default_people import read_people
from paars_gym.simulation.episode import Played, ScheduledVisit
from paars_gym.simulation.result import PolicyFailures, RunResult
from paars_gym.simulation.run import run as play_run
from paars_gym.simulation.schedule import make_schedule, visits

Progress = Callable[[str, int, int], None]
"""Told the arm, and how many of how many sessions are played."""


class ArmRun(NamedTuple):
    """What came out of one arm.

    Attributes:
        rows: `measure` of each session by its key; None for one that failed.
        shoppers: By key.
        searches: How many, and how many of them a logged arm had no list for.
        usd: Cost.
        tokens: Input and output.
        complaint: Of a policy that raised in too many sessions, with the commonest cause; empty for any other.
    """

    rows: dict[str, tuple[float, ...] | None]
    shoppers: dict[str, str]
    searches: Counter[str]
    usd: float
    tokens: int
    complaint: str = ""

    @property
    def failed(self) -> int:
        """Sessions that count for nothing."""
        return sum(row is None for row in self.rows.values())

    @property
    def share_fell_back(self) -> float | None:
        """Share of searches without a recorded list; None without a logged arm, or a search."""
        asked = self.searches["recorded"] + self.searches["fell back"]
        return self.searches["fell back"] / asked if asked else None


class _Book:
    """Takes sessions as they end, and keeps of them what a test needs."""

    def __init__(self, logged: Logged | None) -> None:
        self.logged = logged
        self.run = ArmRun({}, {}, Counter(), 0.0, 0)

    def take(self, session: Session) -> None:
        self.run.rows[session.key] = None if session.end in FAILED else measure(session)
        self.run.shoppers[session.key] = session.shopper
        if self.logged is not None:
            asked = (event.query or "" for event in session.events if event.kind == "search")
            self.run.searches.update("recorded" if self.logged.recorded(query) else "fell back" for query in asked)

    def closed(self, usd: float, tokens: int, complaint: str) -> ArmRun:
        return self.run._replace(usd=usd, tokens=tokens, complaint=complaint)


def play_visits(
    visiting: Iterable[ScheduledVisit],
    opened: Shop,
    shop: ShopConfig,
    run: RunConfig,
    finished: Callable[[Played], None],
    *,
    record: bool = False,
) -> str:
    """Plays visits to a shop in memory.

    Args:
        visiting: Who comes.
        opened: The shop.
        shop: Its configuration, of which the environment is used.
        run: How they shop.
        finished: Given each session when it has ended.
        record: Whether it is given the records of the steps too.

    Returns:
        Why it ended early; empty when it did not.
    """
    stop = StopRequest()
    play_all(
        visiting,
        make_env=env_factory(opened, shop.env, max_steps=run.max_steps, options=shop.env_options),
        make_policy=policy_factory(run),
        finished=finished,
        max_steps=run.max_steps,
        concurrency=min(run.concurrency, run.sessions),
        stop=stop,
        record=record,
    )
    return stop.reason


def play_in_memory(arm: OpenArm, name: str, run: RunConfig, progress: Progress | None = None) -> ArmRun:
    """Plays an arm and keeps nothing but its numbers.

    Args:
        arm: Where.
        name: Of the arm, for messages.
        run: Who comes, and how often, all draws counted.
        progress: Called after each session.

    Raises:
        ValueError: The run ended early, as when a budget is spent.
    """
    schedule = make_schedule(run, read_people(run, arm.shop.catalog))
    book = _Book(logged_of(arm.shop.ranking))
    failures = PolicyFailures()
    usd, tokens = 0.0, 0

    def finished(played: Played) -> None:
        nonlocal usd, tokens
        book.take(played.session)
        failures.count(played)
        usd += played.spent.get("usd") or 0.0
        tokens += tokens_of(played.spent)
        if progress is not None:
            progress(name, len(book.run.rows), run.sessions)

    stopped = play_visits(visits(run, schedule), arm.shop, arm.config, run, finished)
    if stopped:
        raise ValueError(f"The {name} arm ended early: {stopped}. Give --out DIR to keep what is played.")
    return book.closed(usd, tokens, failures.complaint)


def play_into(
    folder: Path, arm: OpenArm, name: str, run: RunConfig, *, resume: bool, progress: Progress | None = None
) -> ArmRun:
    """Plays an arm into the run folder ``folder/<name>``, or goes on with it; else as `play_in_memory`.

    Raises:
        FileExistsError: There is one already, and ``resume`` is False.
        ValueError: It has other settings, or the run ended early; everything so far is kept.
    """
    from paars_gym.sessions.run_log import read_log

    def tell(result: RunResult) -> None:
        if progress is not None:
            progress(name, result.done, result.planned)

    result = play_run(folder / name, run, arm.config, resume=resume, progress=tell)
    if result.stopped:
        raise ValueError(f"The {name} arm ended early: {result.stopped}. What is played is kept; go on with --resume.")
    book = _Book(logged_of(arm.shop.ranking))
    for session in read_log(folder / name / "sessions.jsonl"):
        book.take(session)
    return book.closed(*_spent(folder / name / "telemetry.jsonl"), result.complaint)


def tokens_of(spent: Mapping[str, Any]) -> int:
    """Tokens that a policy's telemetry tells of; those for reasoning are output."""
    return sum(int(spent.get(kind) or 0) for kind in ("input", "cache_read", "cache_write", "output"))


def _spent(telemetry: Path) -> tuple[float, int]:
    lines = [json.loads(line) for line in telemetry.read_bytes().splitlines() if line.endswith(b"}")]
    return sum(line.get("usd") or 0.0 for line in lines), sum(map(tokens_of, lines))
