"""What shoppers are told that they came for: needs of people who do not judge, or of the persona itself.

``marginal``: a need of somebody of the fitting half, drawn at random, whoever comes. ``persona``: one of the persona's
own, from visits that nobody is compared with, or one of its interests. ``same``: what ``persona`` would draw, told to
the shopper without a persona as well. No need is a word of the half that judges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from paars_gym.catalog.store import Catalog
from paars_gym.personas.intentions import Goal, IntentionMix, MinedIntention
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Intention
from paars_gym.sessions.split import is_held_out
from paars_gym.simulation.schedule import Draw, fingerprint
from paars_gym.synthetic.world import World

OTHER_VISITS = 8
"""Visits of each invented person, on average, that nobody is compared with."""


class MarginalNeeds:
    """A need of the pool, whoever comes.

    Attributes:
        name: How settings name it.
    """

    def __init__(self, pool: Sequence[MinedIntention]) -> None:
        """Raises ValueError where the pool is empty."""
        if not pool:
            raise ValueError("No need was found in the sessions of the half that shoppers are fitted to.")
        self._pool = [mined.intention for mined in pool]
        self.name = f"marginal, {len(pool)} needs, {fingerprint(pool)}"

    def __call__(self, persona: Persona | None, rng: np.random.Generator) -> Intention:
        """The need of one session."""
        return self._pool[int(rng.integers(len(self._pool)))]


class OwnNeeds:
    """A need of the persona's own; of who has none, one of the pool.

    Attributes:
        name: How settings name it.
    """

    def __init__(self, own: Mapping[str, Sequence[Intention]], others: MarginalNeeds) -> None:
        """Args:
        own: By shopper.
        others: For everybody else.
        """
        self._own, self._others = own, others
        mined = [MinedIntention(need, name, None) for name, needs in own.items() for need in needs]
        self.name = f"the persona's own, {len(mined)} needs, {fingerprint(mined)}"

    def __call__(self, persona: Persona | None, rng: np.random.Generator) -> Intention:
        """The need of one session."""
        own = self._own.get(persona.shopper) if persona is not None else None
        return own[int(rng.integers(len(own)))] if own else self._others(persona, rng)


def needs_of_world(world: World, sessions: int) -> tuple[MarginalNeeds, OwnNeeds]:
    """Of invented people: those of the fitting half's visits, and each person's at other times.

    Args:
        world: The people.
        sessions: How many of theirs there are, in both halves.
    """
    fitting = [mined for mined in world.mined_intentions(sessions) if not is_held_out(mined.shopper)]
    own: dict[str, list[Intention]] = {}
    # Other visits, none of which is among the people's sessions.
    for outing in world.outings(OTHER_VISITS * len(world.people), kind="need"):
        own.setdefault(outing.person.name, []).append(outing.need.intention)
    others = MarginalNeeds(fitting)
    return others, OwnNeeds(own, others)


def needs_of_log(
    mined: Iterable[MinedIntention], catalog: Catalog, *, goals: Mapping[Goal, float]
) -> tuple[Draw, Draw]:
    """Of logged people: those mined from the fitting half, and the interests of a persona.

    Args:
        mined: Of the fitting half.
        catalog: Of the shop.
        goals: Shares of goals of a persona's needs.
    """
    return MarginalNeeds(list(mined)), IntentionMix(catalog, goals)
