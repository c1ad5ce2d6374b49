"""The kinds of invented people, and how each responds to where a product stands in a list.

None of them is the shopper that is judged (`paars_gym.shoppers.behavioural`), and no two of them choose alike:

- ``habitual``: by habits and chances of their segment (`paars_gym.synthetic.visit`); the mini catalog's own people.
- ``satisficer``: the first product that is good enough (`paars_gym.synthetic.satisficers`).
- ``cascade``: attention falls from place to place, lists are abandoned (`paars_gym.synthetic.cascade`).

All of them come for the same visits of one `World`: the same persons, on the same days, for the same needs. A kind
decides how a visit goes. `paars_gym.simulation.synthetic_visits.play_people` plays it in any environment, so that the
true effect of any arm can be known.

They differ most in what a place in the list is worth; `RESPONSES` has the measured numbers. The steepest that we know
of are a travel log with displayed lists, 31% of clicks at the first rank and 11% at the second, and another log with
87, 28 and 18 of 133 first clicks at the first three. Cascade people lie between the two; the others mind less than
people in those logs, so that results that hold for all kinds do not hang on one guess about position.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Intention
from paars_gym.shoppers.protocol import Policy
from paars_gym.synthetic.cascade import CascadePerson
from paars_gym.synthetic.prices import UsualPrices, usual_prices
from paars_gym.synthetic.satisficers import Satisficer
from paars_gym.synthetic.visit import Acts, Outing
from paars_gym.synthetic.world import World

KINDS = ("habitual", "satisficer", "cascade")


class Response(NamedTuple):
    """How people of one kind respond in the mini catalog, measured.

    Attributes:
        clicks: Shares of opened results at ranks 1 to 10 under bm25.
        searches: A session under bm25.
        views: A session under bm25.
        conversion: Share of sessions that buy, under bm25.
        units: Bought a session, under bm25.
        sales: Relative effect on units sold against bm25, and its standard error (clustered by person), by ranking.
    """

    clicks: tuple[float, ...]
    searches: float
    views: float
    conversion: float
    units: float
    sales: Mapping[str, tuple[float, float]]


RESPONSES: Mapping[str, Response] = {
    "habitual": Response(
        clicks=(0.241, 0.174, 0.127, 0.092, 0.073, 0.052, 0.048, 0.038, 0.034, 0.038),
        searches=1.76,
        views=2.82,
        conversion=0.079,
        units=0.103,
        sales={"random:1": (-0.088, 0.017), "price": (-0.091, 0.018), "bm25+rating:0.3": (-0.004, 0.015)},
    ),
    "satisficer": Response(
        clicks=(0.223, 0.216, 0.147, 0.101, 0.066, 0.046, 0.030, 0.021, 0.012, 0.009),
        searches=1.10,
        views=1.99,
        conversion=0.105,
        units=0.105,
        sales={"random:1": (-0.112, 0.018), "price": (0.039, 0.024), "bm25+rating:0.3": (0.180, 0.018)},
    ),
    "cascade": Response(
        clicks=(0.428, 0.138, 0.094, 0.071, 0.053, 0.040, 0.032, 0.027, 0.022, 0.019),
        searches=1.23,
        views=1.11,
        conversion=0.081,
        units=0.081,
        sales={"random:1": (-0.355, 0.017), "price": (-0.253, 0.021), "bm25+rating:0.3": (0.205, 0.021)},
    ),
}
"""24,000 sessions of 1,500 people in each arm, mini catalog, pages of ten; the same visits in all arms of a kind."""


class HabitualPerson:
    """A `Policy` that plays one visit of the world's own people; in the world's shop it is that of `World.humans`."""

    name = "habitual"

    def __init__(self, outing: Outing) -> None:
        """Args:
        outing: The visit, which is used up; what `reset` is given changes nothing about it.
        """
        self._outing = outing
        self._acts: Acts | None = None

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        """See `Policy.reset`."""

    @property
    def expected_units(self) -> float:
        """See `Outing.expected_units`."""
        return self._outing.expected_units

    def act(self, observation: str, info: dict[str, Any]) -> str:
        """See `Policy.act`."""
        if self._acts is None:
            self._acts = self._outing.actions()
            return next(self._acts).action
        return self._acts.send(info).action


class SyntheticPeople:
    """The people of a world, as people of one kind.

    Attributes:
        kind: Its name, of `KINDS`.
        world: Who they are, and what they come for.
    """

    def __init__(self, kind: str, world: World) -> None:
        """Args:
            kind: Its name.
            world: Who they are, and what they come for.

        Raises:
            ValueError: No such kind.
        """
        if kind not in KINDS:
            raise ValueError(f"Unknown kind of people {kind!r}. Available: {', '.join(KINDS)}.")
        self.kind, self.world = kind, world

    def outings(self, n_sessions: int, *, seed: int | None = None) -> Iterator[Outing]:
        """The visits to come; the same for every kind. See `World.outings`."""
        return self.world.outings(n_sessions, seed=seed)

    def persona(self, shopper: str) -> Persona:
        """The persona of one of them."""
        return self._personas[shopper]

    def policy(self, outing: Outing) -> Policy:
        """How a visit goes: a policy for it alone."""
        if self.kind == "habitual":
            return HabitualPerson(outing)
        return Satisficer(self._usual) if self.kind == "satisficer" else CascadePerson(self._usual)

    @cached_property
    def _personas(self) -> Mapping[str, Persona]:
        return {persona.shopper: persona for persona in self.world.personas}

    @cached_property
    def _usual(self) -> UsualPrices:
        return usual_prices(self.world.shop.catalog)
