from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paars_gym.config import FIRST_DAY
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Intention, Session, session_rng
from paars_gym.sessions.run_log import encode
from paars_gym.shop.env import RetailEnv
from paars_gym.shop.shop import Shop
from paars_gym.simulation.episode import Played, ScheduledVisit, play, play_async
from paars_gym.simulation.schedule import Schedule
from tests.simulation.shoppers import SlowWanderer, Wanderer


class Script:
    """Gives the actions of a list, then raises."""

    name = "script"

    def __init__(self, *actions: Any) -> None:
        self.actions = actions

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        self.left = list(self.actions)

    def act(self, observation: str, info: dict[str, Any]) -> Any:
        action = self.left.pop(0)
        if isinstance(action, BaseException):
            raise action
        return action


def visit(shop: Shop, max_steps: int = 10) -> RetailEnv:
    return RetailEnv(shop=shop, max_steps=max_steps)


def ann(key: str = "a") -> ScheduledVisit:
    return ScheduledVisit(key, "ann", None, Intention(text="a kettle"), FIRST_DAY, session_rng(0, key))


def kinds(played: Played) -> list[str]:
    return [event.kind for event in played.session.events]


def test_a_session_ends_by_stop_by_the_limit_or_by_the_policy(shop: Shop) -> None:
    buying = play(Script("search[kettle]", "view[k1]", "add_to_cart[k1]", "purchase[]", "stop[]"), visit(shop), ann())
    assert kinds(buying) == ["search", "view", "add", "purchase", "stop"]
    assert (buying.session.end, buying.cause, buying.steps, buying.invalid) == ("stop", None, 5, 0)
    limited = play(Script("search[kettle]", "gibberish", "view[k1]"), visit(shop, 3), ann())
    assert kinds(limited) == ["search", "view"]
    assert (limited.session.end, limited.steps, limited.invalid) == ("max_steps", 3, 1)
    failing = play(Script("search[kettle]", "view[k1]", OSError("no line")), visit(shop), ann())
    assert kinds(failing) == ["search", "view"], "what happened before is kept"
    assert (failing.session.end, failing.cause) == ("policy_error", "OSError: no line")
    at_reset = play(Script(StopIteration("at once")), visit(shop), ann())
    assert (at_reset.session.end, at_reset.cause) == ("policy_error", "StopIteration: at once")


@pytest.mark.parametrize(
    ("action", "cause"),
    [
        (None, "TypeError: act returned NoneType, must be text or a mapping"),
        (7, "TypeError: act returned int, must be text or a mapping"),
        (SystemExit("bye"), "SystemExit: bye"),
    ],
)
def test_what_is_no_action_is_an_error_of_the_policy(shop: Shop, action: object, cause: str) -> None:
    class Waiting(Script):
        async def act(self, observation: str, info: dict[str, Any]) -> Any:
            await asyncio.sleep(0)
            return super().act(observation, info)

    for policy in (Script, Waiting):
        played = asyncio.run(play_async(policy("search[kettle]", action), visit(shop), ann()))
        assert kinds(played) == ["search"]
        assert (played.session.end, played.cause, played.steps) == ("policy_error", cause, 1)
    assert play(Script("search[kettle]", action), visit(shop), ann()).session == played.session


def test_time_begins_at_the_sessions_date_and_advances_by_dwelling(shop: Shop) -> None:
    played = play(Script("search[kettle]", "view[k1]", "add_to_cart[k1]", "purchase[]", "stop[]"), visit(shop), ann())
    times = [event.time for event in played.session.events]
    assert None not in times
    assert played.session.start == FIRST_DAY
    assert times[0] > FIRST_DAY  # type: ignore[operator]
    assert times == sorted(set(times))  # type: ignore[type-var]
    again = play(Script("search[kettle]", "view[k1]", OSError("!")), visit(shop), ann())
    assert [event.time for event in again.session.events] == times[:2], "the clock does not depend on the policy"
    assert all(event.time is None for event in shop.scene(shop.entrance(None).page).info.get("events", ()))


@given(st.lists(st.one_of(st.text(max_size=20), st.none(), st.integers(), st.sampled_from(["stop[]", "search[red]"]))))
def test_no_action_of_a_policy_breaks_a_session_or_its_line(shop: Shop, actions: list[object]) -> None:
    played = play(Script(*actions), visit(shop), ann())
    line = encode(played.session, played.cause)
    assert line.count(b"\n") == 1
    assert played.session.end in ("stop", "max_steps", "policy_error")
    assert Session.model_validate(played.session.model_dump()) == played.session


def test_waiting_policies_play_the_same_and_fail_the_same(shop: Shop) -> None:
    arrivals = [Schedule(sessions=3, seed=2).arrival(index) for index in (0, 0, 1)]
    alone = play(Wanderer(), visit(shop), arrivals[0]).session
    assert asyncio.run(play_async(SlowWanderer(), visit(shop), arrivals[1])).session == alone
    with pytest.raises(TypeError, match="play_async"):
        play(SlowWanderer(), visit(shop), arrivals[2])

    class Dropping(Script):
        async def act(self, observation: str, info: dict[str, Any]) -> str:
            await asyncio.sleep(0)
            raise TimeoutError("no answer")

    played = asyncio.run(play_async(Dropping(), visit(shop), ann()))
    assert (played.session.end, played.cause) == ("policy_error", "TimeoutError: no answer")


def test_a_plan_gives_any_arrival_at_any_time_and_personas_equal_turns(shop: Shop) -> None:
    plan = Schedule(sessions=30, seed=4)
    assert plan.arrival(17)._replace(rng=None) == Schedule(sessions=30, seed=4).arrival(17)._replace(rng=None)  # type: ignore[arg-type]
    assert plan.arrival(17).start != plan.arrival(18).start
    done = {plan.key(index) for index in range(28)}
    assert [arrival.key for arrival in plan.arrivals(done)] == ["0000028", "0000029"]
    assert plan.arrival(5).rng.random() == plan.arrival(5).rng.random()
    with pytest.raises(ValueError, match="time zone"):
        Schedule(sessions=1, seed=0, first_day=FIRST_DAY.replace(tzinfo=None))
