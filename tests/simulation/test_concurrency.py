from __future__ import annotations

import asyncio
import time
from typing import Any

import numpy as np
import pytest

from paars_gym.shop.open import env_factory
from paars_gym.shop.shop import Shop
from paars_gym.simulation.concurrency import play_all
from paars_gym.simulation.episode import Played
from paars_gym.simulation.schedule import Schedule
from tests.simulation.shoppers import Wanderer


class Drawing(Wanderer):
    """Draws, and has another generator drawn, before it acts."""

    def reset(self, persona: Any, intention: Any, rng: np.random.Generator) -> None:
        super().reset(persona, intention, rng)
        self.patience += int(rng.spawn(1)[0].integers(3))


class LateWaiter(Drawing):
    """Answers at once as a cache would, until a session has something to wait for; says so nowhere."""

    first, played = 0, 0

    def reset(self, *role: Any) -> None:
        super().reset(*role)
        LateWaiter.played += 1

    def act(self, observation: str, info: dict[str, Any]) -> Any:
        late = LateWaiter.played > self.first and info["step"]
        return self.wait(observation, info) if late else super().act(observation, info)

    async def wait(self, observation: str, info: dict[str, Any]) -> str:
        await asyncio.sleep(0)
        return super().act(observation, info)


@pytest.mark.parametrize("first", [0, 1, 7])
def test_a_policy_may_begin_to_wait_in_any_session(shop: Shop, first: int) -> None:
    def sessions(make_policy: type[Wanderer]) -> list[str]:
        played: list[Played] = []
        arrivals = Schedule(sessions=12, seed=0).arrivals()
        play_all(arrivals, make_env=env_factory(shop), make_policy=make_policy, finished=played.append, concurrency=3)
        return sorted(one.session.model_dump_json() for one in played)

    LateWaiter.first, LateWaiter.played = first, 0
    assert sessions(LateWaiter) == sessions(Drawing)
    assert LateWaiter.played == 13, "one session was begun twice"


class Waits(Wanderer):
    """Waits for a server in a plain method."""

    blocking = True
    waiting, most = 0, 0

    def act(self, observation: str, info: dict[str, Any]) -> Any:
        Waits.waiting += 1
        Waits.most = max(Waits.most, Waits.waiting)
        time.sleep(0.01)
        Waits.waiting -= 1
        action = super().act(observation, info)
        name, _, inside = action[:-1].partition("[")
        main = {"search": "query", "view": "product_id", "add_to_cart": "product_id"}.get(name)
        return {"name": name, "arguments": {main: inside} if main else {}}


class Fails(Waits):
    def act(self, observation: str, info: dict[str, Any]) -> Any:
        raise OSError("no server")


def test_plain_methods_that_wait_play_in_threads(shop: Shop) -> None:
    def played(make_policy: type[Wanderer]) -> list[Played]:
        done: list[Played] = []
        arrivals = Schedule(sessions=24, seed=0).arrivals()
        play_all(arrivals, make_env=env_factory(shop), make_policy=make_policy, finished=done.append, concurrency=12)
        return sorted(done, key=lambda one: one.session.key)

    computed, waited = played(Wanderer), played(Waits)
    assert [one.session for one in waited] == [one.session for one in computed], "a mapping is the same action"
    assert Waits.most > 4
    failed = played(Fails)
    assert {(one.session.end, one.cause) for one in failed} == {("policy_error", "OSError: no server")}
    assert failed[0].failure is not None
    assert failed[0].failure.place.startswith(__file__)
