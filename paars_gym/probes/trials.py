"""Playing the trials of a probe: each shopper and page at every level of the attribute, with the same seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from paars_gym.abtest.estimate import Floats
from paars_gym.abtest.outcomes import FAILED
from paars_gym.abtest.play import play_visits
from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.llm.ledger import left_of
from paars_gym.personas.persona import Persona
from paars_gym.probes.levels import Level, Probe, ProbePage, open_page
from paars_gym.sessions.event import Session, session_rng
from paars_gym.simulation.episode import Played, ScheduledVisit
from paars_gym.simulation.result import PolicyFailures, RunStoppedError
from paars_gym.simulation.steps import StepWriter

OUTCOMES = ("view", "purchase")


class Trials(NamedTuple):
    """Every trial at every level.

    Attributes:
        personas: Who, one entry a trial.
        pages: Number of the page, one entry a trial.
        outcomes: 1 where the target was viewed, bought; by (level, outcome), shape (trials,) each.
        failed: Trials left out.
        complaint: Of a policy that raised in too many sessions, with the commonest cause; empty for any other.
    """

    personas: list[Persona]
    pages: list[int]
    outcomes: dict[tuple[str, str], Floats]
    failed: int
    complaint: str = ""


def play_trials(
    probe: Probe,
    pages: Sequence[ProbePage],
    catalog: Catalog,
    run: RunConfig,
    shop: ShopConfig = ShopConfig(),
    *,
    steps: StepWriter | None = None,
) -> Trials:
    """Plays every trial at every level.

    Args:
        probe: Of which the levels are.
        pages: What is shown, in turn.
        catalog: Whose products they are.
        run: Its personas take turns, its sessions are the trials; one budget for all.
        shop: Of which the environment is used: the pages are the catalog and the ranking.
        steps: Gets the records of every trial's steps, under keys such as ``-10% 0000012``.

    Raises:
        RunStoppedError: The run ended early, as when a budget is spent.
    """
    levels = (probe.baseline, *probe.levels)
    personas, trials = run.personas, run.sessions
    seen: dict[tuple[str, int], tuple[float, float] | None] = {}
    usd, failures = 0.0, PolicyFailures()

    def visit(trial: int, page: ProbePage) -> ScheduledVisit:
        key = f"{trial:07d}"
        persona = personas[trial % len(personas)]
        rng = session_rng(run.seed, f"probe {key}")
        known = None if run.condition == "base" else persona
        return ScheduledVisit(key, persona.shopper, known, page.intention, run.first_day, rng)

    # Persona and page go through all their combinations: both turn, and one is moved on when they would repeat.
    whole_turn = math.lcm(len(personas), len(pages))
    page_of = [(trial + trial // whole_turn) % len(pages) for trial in range(trials)]
    for number, page in enumerate(pages):
        own = [trial for trial in range(trials) if page_of[trial] == number]
        target = page.products[page.target].id
        for level in levels:
            opened = open_page(page, level, catalog)

            def finished(played: Played, level: Level = level, target: str = target) -> None:
                nonlocal usd
                session = played.session
                usd += played.spent.get("usd") or 0.0
                failures.count(played)
                if steps is not None:
                    key = f"{level.name} {session.key}"
                    steps.add(key, [record.model_copy(update={"session": key}) for record in played.records])
                seen[level.name, int(session.key)] = None if session.end in FAILED else _met(session, target)

            left = run.model_copy(update={"budget": left_of(run.budget, usd)})
            stop = play_visits(
                (visit(trial, page) for trial in own), opened, shop, left, finished, record=steps is not None
            )
            if stop.reason:
                raise RunStoppedError(f"The probe ended early: {stop.reason.rstrip('.')}.", stop.exit_code)
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
        failures.complaint,
    )


def _met(session: Session, target: str) -> tuple[float, float]:
    met = {event.kind for event in session.events if event.product == target}
    return float("view" in met), float("purchase" in met)
