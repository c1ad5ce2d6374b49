"""Playing the same visitors through both arms: in memory, or into a run folder each, which outlives a crash."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from paars_gym.abtest.arms import OpenArm, logged_of
from paars_gym.abtest.outcomes import FAILED, measure
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.llm.chat import Usage
from paars_gym.llm.ledger import ledger_of, sharing
from paars_gym.ranking.logged import Logged
from paars_gym.sessions.event import Session
from paars_gym.shop.open import env_factory
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.registry import policy_factory, remembering
from paars_gym.simulation.account import RunAccount, of_ledger
from paars_gym.simulation.concurrency import StopRequest, play_all
from paars_gym.simulation.episode import Played, ScheduledVisit
from paars_gym.simulation.needs import read_people
from paars_gym.simulation.result import PolicyFailures, RunResult, RunStoppedError
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
        account: What it took of a language model, former tries of the same run included.
        complaint: Of a policy that raised in too many sessions, with the commonest cause; empty for any other.
    """

    rows: dict[str, tuple[float, ...] | None]
    shoppers: dict[str, str]
    searches: Counter[str]
    account: RunAccount = RunAccount()
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
        self.run = ArmRun({}, {}, Counter())

    def take(self, session: Session) -> None:
        self.run.rows[session.key] = None if session.end in FAILED else measure(session)
        self.run.shoppers[session.key] = session.shopper
        if self.logged is not None:
            asked = (event.query or "" for event in session.events if event.kind == "search")
            self.run.searches.update("recorded" if self.logged.recorded(query) else "fell back" for query in asked)

    def closed(self, account: RunAccount, complaint: str) -> ArmRun:
        return self.run._replace(account=account, complaint=complaint)


def play_visits(
    visiting: Iterable[ScheduledVisit],
    opened: Shop,
    shop: ShopConfig,
    run: RunConfig,
    finished: Callable[[Played], None],
    *,
    record: bool = False,
) -> StopRequest:
    """Plays visits to a shop in memory.

    Args:
        visiting: Who comes.
        opened: The shop.
        shop: Its configuration, of which the environment is used.
        run: How they shop; without reference prices of its own they remember this shop's.
        finished: Given each session when it has ended.
        record: Whether it is given the records of the steps too.

    Returns:
        Why it ended early, if it did.
    """
    stop = StopRequest()
    play_all(
        visiting,
        make_env=env_factory(opened, shop.env, max_steps=run.max_steps, options=shop.env_options),
        make_policy=policy_factory(remembering(run, opened.catalog)),
        finished=finished,
        max_steps=run.max_steps,
        concurrency=min(run.concurrency, run.sessions),
        stop=stop,
        record=record,
    )
    return stop


def play_in_memory(arm: OpenArm, name: str, run: RunConfig, progress: Progress | None = None) -> ArmRun:
    """Plays an arm and keeps nothing but its numbers.

    Args:
        arm: Where.
        name: Of the arm, for messages.
        run: Who comes, and how often, all draws counted.
        progress: Called after each session.

    Raises:
        RunStoppedError: The run ended early, as when a budget is spent.
    """
    schedule = make_schedule(run, read_people(run, arm.shop.catalog))
    book = _Book(logged_of(arm.shop.ranking))
    failures = PolicyFailures()
    told: Counter[str] = Counter()
    # Of its own, should another test with such an arm share the budget.
    part = f"{name} {secrets.token_hex(4)}"
    run = run.model_copy(update={"budget": sharing(run.budget).model_copy(update={"part": part})})

    def finished(played: Played) -> None:
        book.take(played.session)
        failures.count(played)
        told.update({kind: played.spent.get(kind) or 0 for kind in ("calls", "usd", *Usage.model_fields)})
        if progress is not None:
            progress(name, len(book.run.rows), run.sessions)

    stop = play_visits(visits(run, schedule), arm.shop, arm.config, run, finished)
    if stop.reason:
        reason = stop.reason.rstrip(".")
        raise RunStoppedError(
            f"The {name} arm ended early: {reason}. Give --out DIR to keep what is played.", stop.exit_code
        )
    taken = ledger_of(run.budget.ledger).taken(part)
    if taken.calls or taken.open:
        return book.closed(RunAccount(**of_ledger(taken)), failures.complaint)
    tokens = Usage(**{kind: told[kind] for kind in Usage.model_fields})
    return book.closed(RunAccount(calls=told["calls"], usd=told["usd"], tokens=tokens), failures.complaint)


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
        reason = result.stopped.rstrip(".")
        raise RunStoppedError(
            f"The {name} arm ended early: {reason}. What is played is kept; go on with --resume.", result.exit_code
        )
    book = _Book(logged_of(arm.shop.ranking))
    for session in read_log(folder / name / "sessions.jsonl"):
        book.take(session)
    return book.closed(result.account, result.complaint)
