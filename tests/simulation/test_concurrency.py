from __future__ import annotations

import asyncio
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
