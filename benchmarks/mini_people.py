"""Who are the synthetic people that three parts of the evaluation compare agents with? The same ones for all."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache

from benchmarks.settings import PEOPLE, SESSION_SEED, SESSIONS
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Session
from paars_gym.synthetic.world import World, mini_world


class MiniPeople:
    """The people of `mini` and what they did. Each is worked out when it is first asked for, and kept.

    Attributes:
        world: They and their shop.
        name: How reports call them.
    """

    def __init__(self, n_sessions: int, seed: int) -> None:
        self.world: World = mini_world(n_shoppers=PEOPLE, seed=seed)
        self.name = "synthetic people of mini"
        self._n_sessions = n_sessions

    @cached_property
    def sessions(self) -> list[Session]:
        """Their sessions."""
        return self.world.humans(self._n_sessions)

    @cached_property
    def personas(self) -> Mapping[str, Persona]:
        """By shopper."""
        return {persona.shopper: persona for persona in self.world.personas}


@lru_cache(maxsize=1)
def mini_people(n_sessions: int = SESSIONS, seed: int = SESSION_SEED) -> MiniPeople:
    """The people of one seed; parts that run in one process share them, for they take seconds to invent."""
    return MiniPeople(n_sessions, seed)
