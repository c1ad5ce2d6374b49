"""How is a probe played? Each shopper on each page at every level of the attribute, with the same seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from paars_gym.abtest.estimate import Floats
from paars_gym.abtest.outcomes import FAILED
from paars_gym.catalog.store import Catalog
from paars_gym.config import FIRST_DAY
from paars_gym.personas.persona import Persona
from paars_gym.probes.levels import Level, Probe
from paars_gym.probes.pages import ProbePage, open_page
from paars_gym.sessions.event import Session, session_rng
from paars_gym.shop.open import env_factory
from paars_gym.simulation.concurrency import MakePolicy, StopRequest, play_all
from paars_gym.simulation.episode import Played, ScheduledVisit

OUTCOMES = ("view", "purchase")


class Trials(NamedTuple):
    """Every trial at every level.

    Attributes:
        personas: Who, one entry a trial.
        pages: Number of the page, one entry a trial.
        outcomes: 1 where the target was viewed, bought; by (level, outcome), shape (trials,) each.
        failed: Trials left out.
    """

    personas: list[Persona]
    pages: list[int]
    outcomes: dict[tuple[str, str], Floats]
    failed: int


def play_trials(
    probe: Probe,
    pages: Sequence[ProbePage],
    personas: Sequence[Persona],
    catalog: Catalog,
    make_policy: MakePolicy,
    *,
    trials: int,
    seed: int,
    max_steps: int = 30,
    concurrency: int = 8,
) -> Trials:
    """Plays every trial at every level.

    Raises:
        ValueError: The run ended early, as when a budget is spent.
    """
    levels = (probe.baseline, *probe.levels)
    seen: dict[tuple[str, int], tuple[float, float] | None] = {}

    def arrival(trial: int, page: ProbePage) -> ScheduledVisit:
        key = f"{trial:07d}"
        persona = personas[trial % len(personas)]
        return ScheduledVisit(
            key, persona.shopper, persona, page.intention, FIRST_DAY, session_rng(seed, f"probe {key}")
        )

    # Persona and page go through all their combinations: both turn, and one is moved on when they would repeat.
    whole_turn = math.lcm(len(personas), len(pages))
    page_of = [(trial + trial // whole_turn) % len(pages) for trial in range(trials)]
    for number, page in enumerate(pages):
        own = [trial for trial in range(trials) if page_of[trial] == number]
        target = page.products[page.target].id
        for level in levels:
            stop = StopRequest()

            def finished(played: Played, level: Level = level, target: str = target) -> None:
                session = played.session
                seen[level.name, int(session.key)] = None if session.end in FAILED else _met(session, target)

            play_all(
                (arrival(trial, page) for trial in own),
                make_env=env_factory(open_page(page, level, catalog), max_steps=max_steps),
                make_policy=make_policy,
                finished=finished,
                max_steps=max_steps,
                concurrency=concurrency,
                stop=stop,
            )
            if stop.reason:
                raise ValueError(f"The probe ended early: {stop.reason}.")
    whole = [trial for trial in range(trials) if all(seen[level.name, trial] is not None for level in levels)]
    outcomes = {
        (level.name, outcome): np.array([(seen[level.name, trial] or (0.0, 0.0))[index] for trial in whole])
        for level in levels
        for index, outcome in enumerate(OUTCOMES)
    }
    return Trials(
        [personas[trial % len(personas)] for trial in whole],
        [page_of[trial] for trial in whole],
        outcomes,
        trials - len(whole),
    )


def _met(session: Session, target: str) -> tuple[float, float]:
    met = {event.kind for event in session.events if event.product == target}
    return float("view" in met), float("purchase" in met)
