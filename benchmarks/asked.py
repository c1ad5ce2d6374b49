"""A policy or language model of the user's own in the main job: the same tables, its rows beside the offline ones.

It is asked after the offline parts and part by part, so that one budget serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from benchmarks import session_generation
from benchmarks.reference import everybody, judges
from benchmarks.settings import ITEM_MIN_KNOWN, ITEM_RUN, QUERY_RUN, SESSION_RUN, VIEW_RUN
from paars_gym.config import BudgetConfig, ModelConfig, RunConfig
from paars_gym.llm.dry_run import Forecast
from paars_gym.shoppers.registry import answerer_factory, policy_factory
from paars_gym.tasks.items.questions import ItemDesign
from paars_gym.tasks.items.selection import forecast_items, select_items
from paars_gym.tasks.people import reference_people
from paars_gym.tasks.query_generation import forecast_queries, generate_queries
from paars_gym.tasks.session_generation import forecast_sessions
from paars_gym.tasks.view_selection import forecast_views, select_views

NEEDS_ANSWERS = ("query_generation", "view_selection", "item_selection")
"""Parts that put single questions."""


class AskedPolicy(NamedTuple):
    """Whom the user wants to see in the tables.

    Attributes:
        policy: Its name.
        model: Which language model it asks; None for its own, or none.
        budget: What all parts together may take.
        options: Of the policy.
        cases: Sessions of each of its populations, and questions of each other task; None for as many as everybody's.
    """

    policy: str
    model: ModelConfig | None
    budget: BudgetConfig
    options: dict[str, Any]
    cases: int | None = None

    def run(self, of: RunConfig) -> RunConfig:
        """A part's run with this policy in place of the offline one.

        Args:
            of: As it is for offline shoppers.
        """
        changes: dict[str, Any] = {"policy": self.policy, "model": self.model, "options": self.options}
        changes |= {"budget": self.budget, "sessions": of.sessions if self.cases is None else self.cases}
        return of.model_copy(update=changes)

    @property
    def calls_model(self) -> bool:
        """Whether a language model is named."""
        return self.model is not None

    def named(self) -> str:
        """How the first line of the report calls it."""
        return self.policy if self.model is None else f"{self.policy} ({self.model.spec})"


class AskedRun(NamedTuple):
    """What came of one part.

    Attributes:
        results: As those of the offline part.
        usd: What it cost.
    """

    results: BaseModel
    usd: float


def check_asked(asked: AskedPolicy) -> str:
    """Finds out what the policy can do before anything runs.

    Returns:
        Why it cannot be put single questions; empty where it can.

    Raises:
        ValueError: There is no such policy, or an option is wrong.
    """
    # With the stand-in of a dry run: nothing is sent, no key is needed.
    trial = asked._replace(budget=asked.budget.model_copy(update={"dry_run": True})).run(SESSION_RUN)
    policy_factory(trial)
    try:
        answerer_factory(trial)
    except ValueError as cannot:
        return str(cannot)
    return ""


def run_asked(part: str, asked: AskedPolicy, out: Path, progress: Callable[[str], None]) -> AskedRun:
    """One part with the policy of the user.

    Args:
        part: Its name; of `ASKED_PARTS`.
        asked: The policy, with what is left of its budget.
        out: Folder of its runs.
        progress: Told what is going on.
    """
    results: Any
    if part == "session_generation":
        results = session_generation.run_policy(asked.run(SESSION_RUN), out, progress=progress)
        return AskedRun(results, results.usd)
    if part == "query_generation":
        results = generate_queries(judges(), asked.run(QUERY_RUN), progress=progress)
    elif part == "view_selection":
        results = select_views(judges(), asked.run(VIEW_RUN), progress=progress)
    else:
        design = ItemDesign(min_known=ITEM_MIN_KNOWN)
        households = reference_people("journey")
        results = select_items(
            households, asked.run(ITEM_RUN), policies=(asked.policy,), design=design, progress=progress
        )
    return AskedRun(results, sum(float(report.get("usd") or 0.0) for report in results.paid))


def forecast_asked(parts: list[str], asked: AskedPolicy) -> dict[str, Forecast]:
    """What each part would take of the language model; nothing is sent."""
    found: dict[str, Forecast] = {}
    if "session_generation" in parts:
        found |= forecast_sessions(everybody(), asked.run(SESSION_RUN))
    if "query_generation" in parts:
        found |= _named("queries", forecast_queries(judges(), asked.run(QUERY_RUN)))
    if "view_selection" in parts:
        found |= _named("views", forecast_views(judges(), asked.run(VIEW_RUN)))
    if "item_selection" in parts:
        design = ItemDesign(min_known=ITEM_MIN_KNOWN)
        items = forecast_items(
            reference_people("journey"), asked.run(ITEM_RUN), policies=(asked.policy,), design=design
        )
        found |= _named("items", items)
    return found


def _named(part: str, forecasts: dict[str, Forecast]) -> dict[str, Forecast]:
    return {f"{spec}, {part}": forecast for spec, forecast in forecasts.items()}


ASKED_PARTS = ("session_generation", *NEEDS_ANSWERS)
"""Those that have rows for a policy; the A/B test has none."""
