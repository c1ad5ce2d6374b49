"""How do the same visitors get through both arms? In memory, or into a run folder each, which outlives a crash."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from paars_gym.abtest.arms import OpenArm, logged_of
from paars_gym.abtest.outcomes import FAILED, measure
from paars_gym.config import Condition, RunConfig, ShopConfig
from paars_gym.personas.intentions import MinedIntention
from paars_gym.personas.persona import Persona
from paars_gym.ranking.logged import Logged
from paars_gym.sessions.event import Session
from paars_gym.shop.open import env_factory
from paars_gym.simulation.concurrency import MakePolicy, StopRequest, play_all
from paars_gym.simulation.default_people import inhabitants
from paars_gym.simulation.episode import Played
from paars_gym.simulation.schedule import Draw, Schedule

Progress = Callable[[str, int, int], None]
"""Told the arm, and how many of how many sessions are played."""


@dataclass(frozen=True)
class Visitors:
    """Who comes, for what, and how: the same in both arms.

    Attributes:
        policy: A short name, ``module:Class``, or a function that makes a policy.
        policy_options: For a policy given by name.
        condition: What of their persona they are given.
        personas: Who.
        intentions: What for; None for the catalog's own mix.
        pairs: Persona × intention pairs.
        draws: Sessions of each pair in each arm.
        seed: Of everything random.
        independent_noise: Gives each arm's sessions seeds of their own.
        max_steps: Actions until a session is cut off.
        page_size: Results a page.
        concurrency: Sessions at once, for policies that wait.
        env: What is played through, see `paars_gym.shop.open.env_factory`.
    """

    policy: str | MakePolicy
    policy_options: Mapping[str, Any]
    condition: Condition
    personas: Sequence[Persona]
    intentions: Draw | Sequence[MinedIntention]
    pairs: int
    draws: int
    seed: int
    independent_noise: bool
    max_steps: int
    page_size: int
    concurrency: int
    env: str | Callable[..., Any] = "PAARS-Retail-v0"

    def noise(self, arm: str) -> str:
        """What tells the arms' sessions apart; nothing when they share their seeds."""
        return arm if self.independent_noise else ""

    def policy_factory(self) -> MakePolicy:
        """What makes the policies of an arm."""
        from paars_gym.shoppers.registry import policy_factory

        return policy_factory(RunConfig(policy=self.policy, condition=self.condition, options=self.policy_options))


class ArmRun(NamedTuple):
    """What came out of one arm.

    Attributes:
        rows: `measure` of each session by its key; None for one that failed.
        shoppers: By key.
        searches: How many, and how many of them a logged arm had no list for.
        usd: Cost.
        tokens: Input and output.
    """

    rows: dict[str, tuple[float, ...] | None]
    shoppers: dict[str, str]
    searches: Counter[str]
    usd: float
    tokens: int

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

    def closed(self, usd: float, tokens: int) -> ArmRun:
        return self.run._replace(usd=usd, tokens=tokens)


def play_in_memory(arm: OpenArm, name: str, visitors: Visitors, progress: Progress | None = None) -> ArmRun:
    """Plays an arm and keeps nothing but its numbers.

    Raises:
        ValueError: The run ended early, as when a budget is spent.
    """
    who = inhabitants(arm.shop.catalog, visitors.personas, visitors.intentions)
    plan = Schedule(
        sessions=visitors.pairs * visitors.draws,
        seed=visitors.seed,
        personas=who.personas,
        draw=who.draw,
        mined=who.mined,
        draws=visitors.draws,
        noise=visitors.noise(name),
    )
    book, stop = _Book(logged_of(arm.shop.ranking)), StopRequest()
    usd, tokens = 0.0, 0

    def finished(played: Played) -> None:
        nonlocal usd, tokens
        book.take(played.session)
        usd += played.spent.get("usd") or 0.0
        tokens += tokens_of(played.spent)
        if progress is not None:
            progress(name, len(book.run.rows), plan.sessions)

    arrivals = plan.arrivals()
    if visitors.condition == "base":
        arrivals = (arrival._replace(persona=None) for arrival in arrivals)
    play_all(
        arrivals,
        make_env=env_factory(arm.shop, visitors.env, max_steps=visitors.max_steps),
        make_policy=visitors.policy_factory(),
        finished=finished,
        max_steps=visitors.max_steps,
        concurrency=min(visitors.concurrency, plan.sessions),
        stop=stop,
    )
    if stop.reason:
        raise ValueError(f"The {name} arm ended early: {stop.reason}. Give --out DIR to keep what is played.")
    return book.closed(usd, tokens)


def play_into(
    folder: Path, arm: OpenArm, name: str, visitors: Visitors, *, resume: bool, progress: Progress | None = None
) -> ArmRun:
    """Plays an arm into the run folder ``folder/<name>``, or goes on with it.

    Raises:
        FileExistsError: There is one already, and ``resume`` is False.
        ValueError: It has other settings, or the run ended early; everything so far is kept.
    """
    from paars_gym.simulation.log import read_log
    from paars_gym.simulation.run import RunResult, run

    def told(result: RunResult) -> None:
        if progress is not None:
            progress(name, result.done, result.planned)

    visiting = RunConfig(
        sessions=visitors.pairs * visitors.draws,
        policy=visitors.policy,
        options=visitors.policy_options,
        condition=visitors.condition,
        personas=visitors.personas,
        intentions=visitors.intentions,
        seed=visitors.seed,
        max_steps=visitors.max_steps,
        draws=visitors.draws,
        noise=visitors.noise(name),
        concurrency=visitors.concurrency,
    )
    shop = ShopConfig(
        catalog=arm.shop.catalog, ranking=arm.shop.ranking, page_size=visitors.page_size, env=visitors.env
    )
    result = run(folder / name, visiting, shop, resume=resume, progress=told)
    if result.stopped:
        raise ValueError(f"The {name} arm ended early: {result.stopped}. What is played is kept; go on with --resume.")
    book = _Book(logged_of(arm.shop.ranking))
    for session in read_log(folder / name / "sessions.jsonl"):
        book.take(session)
    return book.closed(*_spent(folder / name / "telemetry.jsonl"))


def tokens_of(spent: Mapping[str, Any]) -> int:
    """Tokens that a policy's telemetry tells of; those for reasoning are output."""
    return sum(int(spent.get(kind) or 0) for kind in ("input", "cache_read", "cache_write", "output"))


def _spent(telemetry: Path) -> tuple[float, int]:
    lines = [json.loads(line) for line in telemetry.read_bytes().splitlines() if line.endswith(b"}")]
    return sum(line.get("usd") or 0.0 for line in lines), sum(map(tokens_of, lines))
