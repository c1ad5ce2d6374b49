"""Who comes when, and for what: each visit follows from the seed and the session's key alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from paars_gym.config import DAYS, FIRST_DAY, RunConfig
from paars_gym.personas.intentions import MinedIntention
from paars_gym.personas.persona import Persona
from paars_gym.personas.redaction import pseudonym
from paars_gym.sessions.event import Intention, session_rng
from paars_gym.simulation.episode import ScheduledVisit

Draw = Callable[[Persona | None, np.random.Generator], Intention | None]
"""Draws the intention of one session."""

OPENS, CLOSES = 8, 22
"""Hours of the day, UTC, between which shoppers arrive, evenly."""


class Inhabitants(NamedTuple):
    """Who shops, and what for.

    Attributes:
        personas: In their order.
        draw: Draws intentions; None with mined ones.
        mined: Mined intentions; empty with ``draw``.
        intentions: How settings name the source of intentions.
        independent: Whether needs have nothing to do with who comes.
        told: Where needs come from, in words.
    """

    personas: Sequence[Persona]
    draw: Draw | None
    mined: Sequence[MinedIntention]
    intentions: str
    independent: bool = False
    told: str = ""


class Schedule:
    """The arrivals of a population, any of them at any time, in memory that does not grow with their number."""

    def __init__(
        self,
        *,
        sessions: int,
        seed: int,
        personas: Sequence[Persona] = (),
        draw: Draw | None = None,
        mined: Sequence[MinedIntention] = (),
        independent: bool = False,
        first_day: datetime = FIRST_DAY,
        days: int = DAYS,
        draws: int = 1,
        noise: str = "",
    ) -> None:
        """Args:
            sessions: How many, all draws counted.
            seed: Of everything that is drawn.
            personas: Take turns in a random order, so that their numbers of sessions differ by at most one; none
                gives each session a shopper of its own, nobody in particular.
            draw: Gives the intentions; None gives none.
            mined: Mined intentions instead of drawn ones: they take turns, each with the date of its session and its
                own shopper's persona where there is one.
            independent: Whether needs have nothing to do with who comes: a mined one falls to anybody, and a drawn one
                is that of a random person of the population.
            first_day: Arrivals are spread evenly over ``days`` days from here, or from the persona's ``as_of`` if that
                is later.
            days: See ``first_day``.
            draws: How often each comes, as the same persona for the same thing, with noise of its own: the sessions
                ``0000012.0``, ``0000012.1`` and so on.
            noise: Plans that differ in this alone have the same visitors, whose sessions' generators differ.

        Raises:
            ValueError: A number out of range, or a date without a zone.
        """
        if sessions < 1:
            raise ValueError(f"sessions == {sessions}, must be >= 1.")
        if days < 1:
            raise ValueError(f"days == {days}, must be >= 1.")
        if draws < 1 or sessions % draws:
            raise ValueError(f"draws == {draws}, must be >= 1 and divide the {sessions} sessions.")
        if first_day.tzinfo is None:
            raise ValueError(f"The first day {first_day} has no time zone; give one, such as {first_day}+00:00.")
        self.sessions = sessions
        self.seed = seed
        self.personas = personas
        self.mined = mined
        self.first_day = first_day
        self.days = days
        self.draws = draws
        self.noise = noise
        self.independent = independent
        self._draw = draw
        self._turns = session_rng(seed, "turns of personas").permutation(len(personas)).tolist()
        # Mined intentions were called so when the first runs were drawn; other words would give other turns.
        self._mined_turns = session_rng(seed, "turns of errands").permutation(len(mined)).tolist()
        self._by_shopper = {persona.shopper: persona for persona in personas} if mined and not independent else {}
        # In an order that does not tell who comes when.
        self._population = sorted(personas, key=lambda persona: persona.shopper) if draw and independent else []

    @staticmethod
    def key(index: int) -> str:
        """Key of the session with a number from 0; keys sort as their numbers up to ten million."""
        return f"{index:07d}"

    def session_key(self, index: int) -> str:
        """Key of the session with a number from 0, its draw included."""
        return self.key(index) if self.draws == 1 else f"{self.key(index // self.draws)}.{index % self.draws}"

    def arrival(self, index: int) -> ScheduledVisit:
        """The arrival of the session with a number from 0."""
        visit = self._visit(index // self.draws)
        if self.draws == 1 and not self.noise:
            return visit
        key = self.session_key(index)
        return visit._replace(key=key, rng=session_rng(self.seed, f"{self.noise} {key}"))

    def _visit(self, index: int) -> ScheduledVisit:
        key = self.key(index)
        rng = session_rng(self.seed, key)
        persona = self.personas[self._turns[index % len(self._turns)]] if self._turns else None
        day, hour = rng.random(2).tolist()
        if self.mined:
            wanted = self.mined[self._turn_of_need(index, key)]
            persona = self._persona_of(wanted.shopper) or persona
            nobody = f"visitor {key}" if self.independent else wanted.shopper
            shopper = nobody if persona is None else persona.shopper
            start = wanted.start or self._spread(persona, day, hour)
            return ScheduledVisit(key, shopper, persona, wanted.intention, start, rng)
        intention = None if self._draw is None else self._need(self._draw, key, persona, rng)
        shopper = f"visitor {key}" if persona is None else persona.shopper
        return ScheduledVisit(key, shopper, persona, intention, self._spread(persona, day, hour), rng)

    def _turn_of_need(self, index: int, key: str) -> int:
        if not self.independent:
            return int(self._mined_turns[index % len(self._mined_turns)])
        # Turns would pair each persona with the same few needs again and again.
        return int(session_rng(self.seed, f"need of {key}").integers(len(self.mined)))

    def _need(self, draw: Draw, key: str, persona: Persona | None, rng: np.random.Generator) -> Intention | None:
        if not self.independent:
            return draw(persona, rng)
        # Drawn apart from the visit's own generator, which may have served the persona.
        apart = session_rng(self.seed, f"need of {key}")
        somebody = self._population[int(apart.integers(len(self._population)))] if self._population else None
        return draw(somebody, apart)

    def arrivals(self, done: Iterable[str] = ()) -> Iterator[ScheduledVisit]:
        """The arrivals, one when it is asked for, without those whose keys are done."""
        gone = done if isinstance(done, set | dict | frozenset) else set(done)
        return (
            self.arrival(index) for index in range(self.sessions) if not gone or self.session_key(index) not in gone
        )

    def _persona_of(self, shopper: str) -> Persona | None:
        # A mined persona bears the shopper's pseudonym, one from statistics may bear the id.
        return self._by_shopper.get(shopper) or (self._by_shopper and self._by_shopper.get(pseudonym(shopper))) or None

    def _spread(self, persona: Persona | None, day: float, hour: float) -> datetime:
        first = self.first_day
        if persona is not None and persona.as_of is not None and persona.as_of > first:
            first = persona.as_of + timedelta(days=1)
        midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + timedelta(days=int(day * self.days), seconds=round((OPENS + (CLOSES - OPENS) * hour) * 3600))


def make_schedule(run: RunConfig, people: Inhabitants) -> Schedule:
    """Who comes when.

    Raises:
        ValueError: ``draws`` does not divide the sessions.
    """
    return Schedule(
        sessions=run.sessions,
        seed=run.seed,
        personas=people.personas,
        draw=people.draw,
        mined=people.mined,
        independent=people.independent,
        first_day=run.first_day,
        days=run.days,
        draws=run.draws,
        noise=run.noise,
    )


def visits(run: RunConfig, schedule: Schedule, done: Collection[str] = ()) -> Iterator[ScheduledVisit]:
    """The visits of a run that are still to be played; under the condition ``base`` nobody has a persona."""
    return (_told(run, visit) for visit in schedule.arrivals(done))


def visits_between(run: RunConfig, schedule: Schedule, first: int, last: int) -> Iterator[ScheduledVisit]:
    """The visits with the numbers from ``first`` to ``last``, both included."""
    return (_told(run, schedule.arrival(index)) for index in range(first, last + 1))


def _told(run: RunConfig, visit: ScheduledVisit) -> ScheduledVisit:
    return visit._replace(persona=None) if run.condition == "base" else visit


def fingerprint(items: Iterable[Persona | MinedIntention]) -> str:
    """Hash of personas or mined intentions: equal exactly when they and their order are."""
    digest = hashlib.blake2b(digest_size=16)
    for item in items:
        if isinstance(item, Persona):
            digest.update(item.model_dump_json().encode())
        else:
            digest.update(f"{item.intention.model_dump_json()}|{item.shopper}|{item.start}".encode())
        digest.update(b"\n")
    return digest.hexdigest()
