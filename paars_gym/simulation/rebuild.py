"""The pages of a session that has no step records: its logged actions are done again in the same shop."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from paars_gym.catalog.load import load_catalog
from paars_gym.catalog.store import Catalog
from paars_gym.config import FIRST_DAY
from paars_gym.ranking.registry import ranking_from_file
from paars_gym.sessions.event import Event, Session, session_rng
from paars_gym.sessions.step import StepRecord
from paars_gym.shop.open import env_factory, open_shop
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.replay import ReplayShopper
from paars_gym.simulation.episode import Env, ScheduledVisit, play
from paars_gym.simulation.run_folder import Settings

OUR_SHOP = "PAARS-Retail-v0"
"""The only environment that a run folder may name: any other would have to be imported."""
MOST_STEPS = 10_000


class Rebuilt(NamedTuple):
    """The steps of a session, as the shop answers now.

    Attributes:
        steps: One an action. Actions that the shop refused are in no log, nor are most steps back.
        same: Whether the shop answered as the log has it: the same results, products and purchases.
    """

    steps: tuple[StepRecord, ...]
    same: bool


class Rebuilder:
    """Plays logged sessions again in the shop of their run.

    Nothing that the run's settings name is imported: a shop with a ranking or an environment of one's own is not
    rebuilt, unless the caller gives it.
    """

    def __init__(self, settings: Settings, *, catalog: str | Path | Catalog | None = None, shop: Shop | None = None):
        """Args:
        settings: Of the run.
        catalog: Where its products lie, for settings that only tell their name.
        shop: The open shop itself, where the caller has it.
        """
        self._settings = settings
        self._catalog = catalog
        self._shop = shop
        self._env: Env | None = None

    @cached_property
    def why_not(self) -> str:
        """Why pages cannot be rebuilt, in a sentence; empty when they can."""
        shop = self._settings.shop
        if shop.env != OUR_SHOP or shop.env_options:
            return f"It was played in an environment of its own, {shop.env!s}."
        if self._shop is None:
            try:
                self._shop = self._opened()
            except (ValueError, KeyError, OSError, ImportError, TypeError) as error:
                return f"{error.args[0] if isinstance(error, KeyError) else error}"
        wanted, there = self._settings.fingerprints.catalog, self._shop.catalog.fingerprint
        if there != wanted:
            return f"Its catalog has the fingerprint {wanted}, and {self._shop.catalog.name} now has {there}."
        return ""

    def steps(self, session: Session) -> Rebuilt:
        """The steps of one session of the run.

        Raises:
            ValueError: They cannot be rebuilt, see ``why_not``.
        """
        if self.why_not or self._shop is None:
            raise ValueError(self.why_not)
        if self._env is None:
            self._env = env_factory(self._shop, max_steps=MOST_STEPS)()
        visit = ScheduledVisit(
            session.key,
            session.shopper,
            None,
            session.intention,
            session.start or FIRST_DAY,
            session_rng(0, session.key),
        )
        played = play(ReplayShopper(sessions=session), self._env, visit, max_steps=MOST_STEPS, record=True)
        steps = [step for step in played.records if step.action is not None]
        if not any(event.kind == "stop" for event in session.events):
            # The replay leaves when the log ends; this shopper was cut off, or failed.
            steps = [step for step in steps if not any(event.kind == "stop" for event in step.events)]
        # The dwell times of the replay are not those of the session.
        steps = [step.model_copy(update={"latency_seconds": None, "time": None}) for step in steps]
        return Rebuilt(
            tuple(steps), _traces(event for step in steps for event in step.events) == _traces(session.events)
        )

    def _opened(self) -> Shop:
        shop = self._settings.shop
        name = str(shop.catalog).removesuffix(f" ({self._settings.fingerprints.catalog})")
        ranking = ranking_from_file(str(shop.ranking))
        return open_shop(load_catalog(self._catalog or name), ranking, page_size=shop.page_size)


def _traces(events: Any) -> list[tuple[Any, ...]]:
    return [_trace(event) for event in events]


def _trace(event: Event) -> tuple[Any, ...]:
    return event.kind, event.query, event.product, event.rank, event.results, event.units
