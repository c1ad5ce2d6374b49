from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import PassiveEnvChecker, RecordEpisodeStatistics
from hypothesis import given, settings
from hypothesis import strategies as st

from paars_gym.catalog.store import Catalog
from paars_gym.ranking.registry import make_ranking
from paars_gym.sessions.event import Intention
from paars_gym.shop.env import RetailEnv
from paars_gym.shop.shop import Shop

INFO_KEYS = {
    "step", "page", "query", "results", "first_rank", "product", "products", "more", "page_size", "reviews_per_page",
    "can_back", "cart", "purchases", "action_valid", "error", "events",
}  # fmt: skip


@pytest.mark.parametrize(
    "settings_", [{}, {"observation": "json"}, {"reward": "goal"}, {"reward": "revenue"}, {"render_mode": "ansi"}]
)
def test_gymnasiums_checker_finds_nothing(catalog: Catalog, settings_: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make("PAARS-Retail-v0", catalog=catalog, **settings_).unwrapped)


def test_make_with_gymnasiums_wrappers(catalog: Catalog) -> None:
    env = RecordEpisodeStatistics(PassiveEnvChecker(gymnasium.make("PAARS-Retail-v0", catalog=catalog, reward="units")))
    env.reset(seed=1)
    for action in ("add_to_cart[h1 | units=2]", "purchase[]"):
        env.step(action)
    *_, terminated, truncated, info = env.step("stop[]")
    assert (terminated, truncated) == (True, False)
    assert (info["episode"]["r"], info["episode"]["l"]) == (2.0, 3)


def test_info_is_flat_and_has_the_same_keys_always(shop: Shop) -> None:
    env = RetailEnv(shop=shop)
    _, info = env.reset(seed=0)
    assert set(info) == INFO_KEYS
    for action in ("search[kettle]", "view[k1]", "add_to_cart[k1]", "nonsense", "purchase[]", "stop[]"):
        *_, info = env.step(action)
        assert set(info) == INFO_KEYS
        assert info["action_valid"] == (info["error"] is None) == (action != "nonsense")
        assert not any(isinstance(value, dict) for value in info.values())
    assert info["step"] == 6
    assert [line.product for line in info["purchases"]] == ["k1"]


def test_truncation_and_the_end(shop: Shop) -> None:
    env = RetailEnv(shop=shop, max_steps=2)
    env.reset()
    assert env.step("search[kettle]")[2:4] == (False, False)
    assert env.step("back[]")[2:4] == (False, True)
    env.reset()
    env.step("stop[]")
    observation, _, terminated, _, info = env.step("search[kettle]")
    assert terminated
    assert info["error"] == "The visit is over."
    assert observation.startswith("Not possible")


def test_reset_options(shop: Shop) -> None:
    env = RetailEnv(shop=shop)
    observation, _ = env.reset(options={"persona": "p", "intention": {"text": "tea for two"}, "session_key": "s-1"})
    assert "tea for two" in observation
    assert (env.persona, env.session_key, env.intention) == ("p", "s-1", Intention(text="tea for two"))
    observation, _ = env.reset()
    assert "tea for two" not in observation
    assert (env.persona, env.session_key, env.intention) == (None, None, None)
    for options, says in (
        ({"sesion_key": "x"}, "Unknown reset option 'sesion_key'"),
        ({"intention": "tea"}, "must be an Intention"),
        ({"session_key": 5}, "must be text"),
    ):
        with pytest.raises(ValueError, match=says):
            env.reset(options=options)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"render_mode": "html"}, "render_mode == 'html'"),
        ({"max_steps": 0}, "max_steps == 0"),
        ({"reward": "fame"}, "Available: none, units, revenue, goal"),
        ({"page_size": 0}, "page_size == 0"),
        ({"observation": "html"}, "observation == 'html'"),
        ({"ranking": "bm52"}, "bm25"),
    ],
)
def test_bad_arguments_say_what_is_allowed(catalog: Catalog, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        RetailEnv(catalog, **arguments)


def test_goals_are_drawn_by_seed_and_key_not_by_order(shop: Shop) -> None:
    def goal(env: RetailEnv, **how: Any) -> Intention | None:
        env.reset(**how)
        return env.intention

    env, other = RetailEnv(shop=shop, reward="goal"), RetailEnv(shop=shop, reward="goal")
    first = [goal(env, seed=7, options={"session_key": f"s{i}"}) for i in range(5)]
    second = [goal(other, seed=7, options={"session_key": f"s{i}"}) for i in reversed(range(5))]
    assert first == second[::-1]
    assert len({intention.target for intention in first if intention}) > 1
    assert goal(env, seed=7) == goal(other, seed=7) is not None
    # Without a new seed the key goes with the seed given before.
    assert goal(env, options={"session_key": "s3"}) == first[3]


def test_snapshot_and_restore(shop: Shop) -> None:
    env = RetailEnv(shop=shop)
    env.reset(options={"intention": {"text": "tea"}})
    for action in ("search[kettle]", "view[k1]", "add_to_cart[k1]"):
        env.step(action)
    snapshot = pickle.loads(pickle.dumps(env.snapshot()))
    here = env.step("search[shoes]")
    env.step("purchase[]")
    env.reset()
    page, info = env.restore(snapshot)
    assert (info["step"], info["cart"][0].product, info["product"]) == (3, "k1", "k1")
    assert "[k1] Calor steel kettle" in page
    assert "Your cart:" in page
    assert env.step("search[shoes]") == here
    assert env.intention == Intention(text="tea")


def test_render(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    env = RetailEnv(shop=shop, render_mode="ansi")
    observation, _ = env.reset()
    assert env.render() == observation
    human = RetailEnv(shop=shop, render_mode="human")
    human.reset()
    human.step("search[kettle]")
    assert 'results for "kettle"' in capsys.readouterr().out


def test_tools_are_offered_in_both_styles(shop: Shop) -> None:
    env = RetailEnv(shop=shop)
    assert env.tools("openai")[0]["function"]["name"] == env.tools("anthropic")[0]["name"] == "search"


ROLLOUT = """
import hashlib, json, sys
import gymnasium, paars_gym
def rollout(seeds, steps):
    env = gymnasium.make("PAARS-Retail-v0", catalog="mini", reward="goal", max_steps=40)
    digest = hashlib.sha256()
    for seed in seeds:
        observation, info = env.reset(seed=seed)
        env.action_space.seed(seed)
        digest.update(repr((observation, info)).encode())
        for _ in range(steps):
            result = env.step(env.action_space.sample())
            digest.update(repr(result).encode())
            if result[2] or result[3]:
                digest.update(repr(env.reset()).encode())
    return digest.hexdigest()
"""


def test_twin_rollouts_are_equal_across_processes(tmp_path: Path) -> None:
    namespace: dict[str, Any] = {}
    exec(ROLLOUT, namespace)
    here = namespace["rollout"](range(12), 100)
    assert here == namespace["rollout"](range(12), 100)
    assert here != namespace["rollout"](range(1, 13), 100)
    for hash_seed in ("0", "123"):
        script = ROLLOUT + "\nprint(rollout(range(12), 100))"
        environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
        there = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
        assert there.stdout.strip() == here


def test_pages_forgotten_and_remembered_are_the_same(catalog: Catalog, shop: Shop) -> None:
    forgetful = Shop(catalog, shop.ranking, page_size=3, reviews_per_page=2, max_remembered=1)
    a, b = RetailEnv(shop=shop), RetailEnv(shop=forgetful)
    for env in (a, b):
        env.reset(seed=3)
        env.action_space.seed(3)
    for _ in range(300):
        action = a.action_space.sample()
        if action != "stop[]":
            assert a.step(action)[0] == b.step(action)[0]


TEXT = st.text(max_size=60) | st.binary(max_size=30).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
KNOWN = st.sampled_from(["search[kettle]", "view[k1]", "add_to_cart[k1]", "purchase[]", "back[]", "next_page[]"])


@settings(max_examples=80, deadline=None)
@given(st.lists(st.builds("search[{}]".format, TEXT) | TEXT | KNOWN | st.dictionaries(TEXT, TEXT), max_size=15))
def test_no_action_raises_and_counts_equal_events(shop: Shop, actions: list[Any]) -> None:
    env = RetailEnv(shop=shop, max_steps=1_000)
    env.reset(seed=0)
    bought = 0
    for action in actions:
        observation, reward, _, _, info = env.step(action)
        assert env.observation_space.contains(observation)
        observation.encode("utf-8")
        assert reward == 0.0
        bought += sum(event.kind == "purchase" for event in info["events"])
        assert bought == len(info["purchases"])


def test_importing_costs_little_and_loads_nothing_heavy() -> None:
    script = (
        "import sys, time, gymnasium\n"
        "started = time.perf_counter()\n"
        "import paars_gym\n"
        "cost = time.perf_counter() - started\n"
        "import json\n"
        "heavy = ['torch', 'scipy.stats', 'polars', 'openai', 'anthropic', 'pyarrow', 'tantivy', 'pydantic']\n"
        "print(json.dumps([cost, [name for name in heavy if name in sys.modules]]))\n"
    )
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]
    assert all(heavy == [] for _, heavy in runs)
    assert min(cost for cost, _ in runs) < 0.060


def test_made_by_module_prefix_without_an_import(tmp_path: Path) -> None:
    script = "import gymnasium; env = gymnasium.make('paars_gym:PAARS-Retail-v0'); print(env.reset(seed=1)[0][:15])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.startswith("Welcome to mini")


def test_samples_are_well_formed(shop: Shop) -> None:
    env = RetailEnv(shop=shop, max_steps=10_000)
    env.reset(seed=0)
    env.action_space.seed(0)
    errors = [env.step(env.action_space.sample())[4]["error"] for _ in range(200)]
    assert not any(error and "not an action" in error for error in errors)
    assert np.mean([error is None for error in errors]) > 0.3


@pytest.mark.parametrize("ranking", ["bm25", "bm25+rating:0.3", "price"])
def test_objects_given_to_make_survive_gymnasiums_copies(catalog: Catalog, ranking: str) -> None:
    policy = make_ranking(ranking, catalog)
    env = gymnasium.make("PAARS-Retail-v0", catalog=catalog, ranking=policy)
    assert env.spec is not None
    again = gymnasium.make(env.spec)
    env.reset(seed=0)
    again.reset(seed=0)
    assert env.step("search[headphones]")[0] == again.step("search[headphones]")[0]
    assert pickle.loads(pickle.dumps(policy)).rank("kettle") == policy.rank("kettle")


def test_a_visit_without_a_key_after_one_with_a_key_draws_from_the_seed(shop: Shop) -> None:
    def draws(*, used: bool) -> tuple[float, float]:
        env = RetailEnv(shop=shop)
        env.reset(seed=3, options={"session_key": "a"})
        keyed = env.np_random.random() if used else 0.0
        env.reset(options={"session_key": "a"})
        again = env.np_random.random()
        assert not used or keyed == again
        env.reset(seed=3, options={"session_key": "b"})
        env.reset()
        return again, env.np_random.random()

    assert draws(used=True) == draws(used=False)
    assert len(set(draws(used=True))) == 2
