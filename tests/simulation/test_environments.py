"""Populations in environments that are not the plain `RetailEnv`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest

from paars_gym.catalog.product import Product
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Event, Intention, Session
from paars_gym.shop.env import INFO_KEYS, RetailEnv
from paars_gym.shop.open import env_factory, open_shop, shop_of
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.behavioural import BehaviouralShopper
from paars_gym.shoppers.uniform import UniformShopper
from paars_gym.simulation.concurrency import play_all
from paars_gym.simulation.episode import Played
from paars_gym.simulation.schedule import Schedule
from tests.simulation.shoppers import SlowWanderer, Wanderer

HERE = "tests.simulation.test_environments"
KETTLE = Product(id="kettle", title="Steel kettle", price=20.0)
TEAPOT = Product(id="teapot", title="Steel teapot", price=30.0)


class HiddenPrices(gymnasium.Wrapper[str, str, str, str]):
    """Shows no price to anybody; one tuple a page, as the shop has it."""

    def __init__(self, env: gymnasium.Env[str, str]) -> None:
        super().__init__(env)
        self._shown: dict[int, tuple[Any, tuple[Product, ...]]] = {}

    def reset(self, **begin: Any) -> tuple[str, dict[str, Any]]:
        observation, info = self.env.reset(**begin)
        return observation, self._hidden(info)

    def step(self, action: str) -> tuple[str, Any, bool, bool, dict[str, Any]]:
        *result, info = self.env.step(action)
        return (*result, self._hidden(info))  # type: ignore[return-value]

    def _hidden(self, info: dict[str, Any]) -> dict[str, Any]:
        whole = info["products"]
        if id(whole) not in self._shown:
            self._shown[id(whole)] = whole, tuple(one.model_copy(update={"price": None}) for one in whole)
        return {**info, "products": self._shown[id(whole)][1]}


class Banner(gymnasium.ObservationWrapper[str, str, str]):
    """Adds a line to each page."""

    def observation(self, observation: str) -> str:
        return f"SALE!\n{observation}"


class Kiosk(gymnasium.Env[str, str]):
    """Two products on one page, and nothing of `RetailEnv` but the keys of its info."""

    seeds: ClassVar[list[int]] = []

    def __init__(self, max_steps: int, lacks: str | None = None) -> None:
        self.max_steps = max_steps
        self.lacks = lacks

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        self.seeds.append(int(self.np_random.integers(1_000_000)))
        self.steps, self.open, self.searched, self.cart = 0, None, False, ()
        return "A kiosk.", self._info(())

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        event = None
        if action.startswith("search"):
            self.open, self.searched = None, True
            event = Event(kind="search", query=action[7:-1], results=("kettle", "teapot"), page=1)
        elif action in ("view[kettle]", "view[teapot]"):
            self.open = KETTLE if "kettle" in action else TEAPOT
            event = Event(kind="view", product=self.open.id)
        elif action == "back[]":
            self.open = None
        elif action == "stop[]":
            event = Event(kind="stop")
        events = () if event is None else (event,)
        return "A kiosk.", 0.0, action == "stop[]", self.steps >= self.max_steps, self._info(events)

    def _info(self, events: tuple[Event, ...]) -> dict[str, Any]:
        products = (self.open,) if self.open else (KETTLE, TEAPOT) if self.searched else ()
        page = "product" if self.open else "results" if self.searched else "home"
        info = {
            "step": self.steps,
            "page": page,
            "query": None,
            "results": tuple(one.id for one in products) if page == "results" else (),
            "first_rank": int(page == "results"),
            "product": self.open.id if self.open else None,
            "products": products,
            "more": False,
            "page_size": 10,
            "reviews_per_page": 3,
            "can_back": self.open is not None,
            "cart": self.cart,
            "purchases": (),
            "action_valid": True,
            "error": None,
            "events": events,
        }
        return {key: value for key, value in info.items() if key != self.lacks}


def hidden_prices(**settings: Any) -> gymnasium.Env[str, str]:
    return HiddenPrices(RetailEnv(**settings))


def sessions(
    make_env: Callable[[], Any], make_policy: Callable[[], Any] = BehaviouralShopper, *, n: int = 60, at_once: int = 1
) -> dict[str, Session]:
    """Sessions of visitors who have only just enough money, by key."""

    def wants(persona: Persona | None, rng: np.random.Generator) -> Intention:
        return Intention(text="steel kettle", budget=15.0)

    played: list[Played] = []
    visits = Schedule(sessions=n, seed=1, draw=wants).arrivals()
    play_all(visits, make_env=make_env, make_policy=make_policy, finished=played.append, concurrency=at_once)
    return {one.session.key: one.session for one in sorted(played, key=lambda one: one.session.key)}


def bought(found: dict[str, Session]) -> list[str]:
    return [event.product or "" for one in found.values() for event in one.events if event.kind == "purchase"]


@pytest.fixture(scope="module")
def mini() -> Shop:
    return open_shop("mini", "bm25")


def test_who_sees_no_prices_chooses_otherwise(mini: Shop) -> None:
    seen, unseen = sessions(env_factory(mini)), sessions(env_factory(mini, hidden_prices))
    prices = [[mini.catalog[key].price or 0.0 for key in bought(found)] for found in (seen, unseen)]
    assert bought(seen) != bought(unseen)
    assert np.mean(prices[1]) > 1.2 * np.mean(prices[0])
    again = sessions(env_factory(mini, f"{HERE}:hidden_prices"))
    assert again == unseen, "a factory by name is the same"


def test_only_the_page_of_the_product_shows_a_price(mini: Shop) -> None:
    """What the page of a product says counts there, whatever the results said."""

    class DearWhenOpened(HiddenPrices):
        def _hidden(self, info: dict[str, Any]) -> dict[str, Any]:
            if info["page"] != "product":
                return info
            return {**info, "products": tuple(one.model_copy(update={"price": 999.0}) for one in info["products"])}

    dear = sessions(env_factory(mini, lambda **settings: DearWhenOpened(RetailEnv(**settings))), n=120)
    usual = sessions(env_factory(mini), n=120)
    assert len(bought(dear)) < 0.7 * len(bought(usual))


def test_a_banner_reaches_the_policy(mini: Shop) -> None:
    observations: list[str] = []

    class Reading(Wanderer):
        def act(self, observation: str, info: dict[str, Any]) -> str:
            observations.append(observation)
            return super().act(observation, info)

    with_banner = sessions(env_factory(mini, lambda **settings: Banner(RetailEnv(**settings))), Reading, n=5)
    assert len(observations) > 10
    assert all(page.startswith("SALE!\n") for page in observations)
    assert with_banner == sessions(env_factory(mini), Wanderer, n=5)


def test_an_environment_of_ones_own_is_shopped_in() -> None:
    Kiosk.seeds = []
    make_env = env_factory(open_shop("mini", "bm25"), f"{HERE}:Kiosk", max_steps=6)
    for make_policy in (BehaviouralShopper, UniformShopper, Wanderer):
        found = sessions(make_env, make_policy, n=20)
        viewed = {event.product for one in found.values() for event in one.events if event.kind == "view"}
        assert viewed == {"kettle", "teapot"}
        assert {one.end for one in found.values()} <= {"stop", "max_steps"}
    assert len(set(Kiosk.seeds[:20])) == 20, "each session has a seed of its own"
    assert Kiosk.seeds[:20] == Kiosk.seeds[20:40] == Kiosk.seeds[40:], "whoever shops"


def test_the_environment_truncates() -> None:
    class Staying(Wanderer):
        def act(self, observation: str, info: dict[str, Any]) -> str:
            return "search[kettle]"

    found = sessions(lambda: Kiosk(max_steps=4), Staying, n=2)
    assert [(one.end, len(one.events)) for one in found.values()] == [("max_steps", 4)] * 2
    limited = gymnasium.wrappers.TimeLimit(Kiosk(max_steps=50), 3)
    assert [len(one.events) for one in sessions(lambda: limited, Staying, n=1).values()] == [3]


@pytest.mark.parametrize("key", INFO_KEYS)
def test_a_key_that_is_missing_is_named(key: str) -> None:
    with pytest.raises(ValueError, match=f"info lacks '{key}' after reset. Policies need the keys of RetailEnv's info"):
        sessions(lambda: Kiosk(max_steps=5, lacks=key), n=1)


def test_a_key_that_a_step_drops_is_named() -> None:
    class Forgetful(Kiosk):
        def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
            self.lacks = "products"
            return super().step(action)

    with pytest.raises(ValueError, match="info lacks 'products' after step"):
        sessions(lambda: Forgetful(max_steps=5), n=1)


def test_waiting_policies_play_the_same_sessions_in_a_wrapped_environment(mini: Shop) -> None:
    make_env = env_factory(mini, hidden_prices)
    assert sessions(make_env, SlowWanderer, n=12, at_once=4) == sessions(make_env, Wanderer, n=12)


def needs_more(colour: str, **settings: Any) -> RetailEnv:
    return RetailEnv(**settings)


@pytest.mark.parametrize(
    ("env", "options", "message"),
    [
        ("PAARS-Retial-v0", {}, "Unknown environment 'PAARS-Retial-v0'"),
        ("no_such_module:Env", {}, "No module 'no_such_module'"),
        ("no_such_module:Env-v0", {}, "Unknown environment 'no_such_module:Env-v0'"),
        ("CartPole-v1", {}, "The environment 'CartPole-v1' cannot be made of shop"),
        (f"{HERE}:Nothing", {}, "has no class or function 'Nothing'"),
        (f"{HERE}:Kiosk", {"colour": "red"}, "has no option 'colour'. It takes: max_steps, lacks"),
        ("types:SimpleNamespace", {}, "gave a SimpleNamespace, must give an environment with reset, step and close"),
        (f"{HERE}:needs_more", {}, "cannot be made of shop, max_steps: "),
    ],
)
def test_mistakes_in_the_name_of_an_environment_are_named(
    mini: Shop, env: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        env_factory(mini, env, options=options)()


def test_a_registered_id_may_name_its_module(mini: Shop) -> None:
    env = env_factory(mini, "paars_gym:PAARS-Retail-v0", max_steps=7, options={"reward": "units"})()
    assert isinstance(env.unwrapped, RetailEnv)
    assert (env.unwrapped.shop, env.unwrapped.max_steps) == (mini, 7)


def test_the_environments_of_a_population_share_one_shop() -> None:
    from paars_gym.config import ShopConfig

    config = ShopConfig(page_size=4, env_options={"observation": "json"})
    make_env = env_factory(shop_of(config), config.env, options=config.env_options)
    one, other = make_env().unwrapped, make_env().unwrapped
    assert one.shop is other.shop
    assert one.shop.page_size == 4
    assert one.reset()[0].startswith("{")


def test_a_simulated_run_plays_through_the_environment(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from paars_gym.config import RunConfig\n"
        "from paars_gym.simulation.run import run\n"
        "run(sys.argv[1] + '/a', RunConfig(sessions=2))\n"
        "assert 'reset' in dir(sys.modules['paars_gym.shop.env'].RetailEnv)\n"
        "sys.modules['paars_gym.shop.env'].RetailEnv.reset = lambda *_, **__: sys.exit('played')\n"
        "run(sys.argv[1] + '/b', RunConfig(sessions=2))"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert ended.stderr.strip().endswith("played")
