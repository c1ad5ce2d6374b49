"""Invented people of one kind visit an environment, through the loop that shoppers are played by."""

from __future__ import annotations

from collections.abc import Iterator

from paars_gym.sessions.event import Session, session_rng
from paars_gym.shop.open import MakeEnv, env_factory
from paars_gym.simulation.episode import ScheduledVisit, play
from paars_gym.synthetic.kinds import SyntheticPeople
from paars_gym.synthetic.visit import MOST_STEPS


def play_people(
    people: SyntheticPeople, n_sessions: int, *, make_env: MakeEnv | None = None, seed: int | None = None
) -> Iterator[Session]:
    """Plays people's visits, one after another; session i is the same however many are asked for.

    >>> from paars_gym.synthetic.kinds import SyntheticPeople
    >>> from paars_gym.synthetic.world import mini_world
    >>> people = SyntheticPeople("cascade", mini_world(n_shoppers=5))
    >>> [session.count("search") > 0 for session in play_people(people, 2)]
    [True, True]

    Args:
        people: Who come.
        n_sessions: How many.
        make_env: Makes the environment, such as that of an arm (`paars_gym.shop.open.env_factory`); it must not
            truncate a visit before `MOST_STEPS` actions. None for the world's own shop.
        seed: Of the visits: with the same one the same people come for the same needs to every environment. None for
            the world's own.

    Raises:
        ValueError: Fewer than one session, or the environment's ``info`` lacks a key.
        RuntimeError: The policy of a person failed, which is a mistake in it or in the environment.
    """
    make_env = make_env or env_factory(people.world.shop, max_steps=MOST_STEPS)
    noise = people.world.seed if seed is None else seed
    env = make_env()
    try:
        for outing in people.outings(n_sessions, seed=seed):
            shopper = outing.person.name
            rng = session_rng(noise, f"{people.kind} {outing.key}")
            visit = ScheduledVisit(
                outing.key, shopper, people.persona(shopper), outing.need.intention, outing.start, rng
            )
            played = play(people.policy(outing), env, visit, max_steps=MOST_STEPS)
            if played.failure is not None:
                raise RuntimeError(f"{people.kind} person in session {outing.key}: {played.failure.traceback}")
            yield played.session
    finally:
        env.close()
