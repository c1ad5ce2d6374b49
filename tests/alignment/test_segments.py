"""Segments are told apart where they differ, small ones are pooled, and chance names no worst one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from paars_gym.alignment import ScoreOptions, groups, score
from paars_gym.alignment.segments import POOLED
from paars_gym.sessions import Session

Population = Callable[..., list[Session]]


def test_the_worst_served_segment_is_named_and_small_ones_are_pooled(population: Population) -> None:
    human = population(900, seed=1)
    agents = population(900, seed=2)
    odd = population(900, seed=3, searches=6.0)
    age = {f"s{i}": {"age": ("young", "old", "other", "rare")[3 if i % 60 == 0 else i % 3]} for i in range(900)}
    agents = [odd[i] if age[f"s{i}"]["age"] == "old" else session for i, session in enumerate(agents)]
    report = score(human, agents, by="age", attributes=age, options=ScoreOptions(minimum=20), embedder=None)
    assert report.segments is not None
    assert report.segments.worst_served == ("old",)
    assert next(iter(report.segments.excess)) == "old"
    assert report.segments.pooled == ("rare",)
    assert set(report.segments.shown) == {"young", "old", "other"}
    assert report.segments.suppressed == 15
    assert report.find("searches", "JS", segment="old").estimate.verdict == "differs"
    assert report.find("searches", "JS", segment="young").estimate.verdict == "not told apart"


def test_a_random_attribute_names_no_worst_segment(population: Population) -> None:
    """Eight levels without meaning, twelve seeds: at 5% some .6 of them may name one."""
    named = 0
    for seed in range(12):
        human = population(400, seed=2 * seed, shoppers=200 if seed % 2 else None)
        agents = population(400, seed=2 * seed + 1, searches=1.0 if seed % 3 else 2.0)
        rng = np.random.default_rng(seed)
        level = {f"s{i}": {"level": str(rng.integers(8))} for i in range(400)}
        report = score(
            human,
            agents,
            by="level",
            attributes=level,
            embedder=None,
            seed=seed,
            options=ScoreOptions(n_resamples=100),
        )
        assert report.segments is not None
        assert len(report.segments.p_values) == 8
        named += bool(report.segments.worst_served)
    assert named <= 2


def test_by_the_goal_of_the_intention(population: Population) -> None:
    report = score(population(120, seed=1), population(120, seed=2), by="goal", embedder=None)
    assert report.segments is not None
    assert set(report.segments.shown) == {"buy", "browse", "compare"}
    assert report.find("views", "JS", segment="buy").estimate.sizes["human"] == 40


def test_an_unknown_attribute_says_what_there_is(population: Population) -> None:
    with pytest.raises(ValueError, match=r"No human session has a 'age'\. Available on both sides: .*goal"):
        score(population(30, seed=1), population(30, seed=2), by="age", embedder=None)


def test_what_is_said_to_be_available_is(population: Population) -> None:
    """A side whose sessions have no intention tells no goal, and the sentence does not offer it."""
    bare = [session.model_copy(update={"intention": None}) for session in population(30, seed=1)]
    with pytest.raises(ValueError, match=r"No human session has a 'goal'\. Available on both sides: nothing"):
        score(bare, population(30, seed=2), by="goal", embedder=None)


def test_small_groups_are_pooled_or_suppressed() -> None:
    pooled = groups(["a"] * 30 + ["b"] * 12 + ["c"] * 9, minimum=20)
    assert list(pooled.rows) == ["a", POOLED]
    assert pooled.rows[POOLED].tolist() == list(range(30, 51))
    assert (pooled.pooled, pooled.suppressed) == (("b", "c"), 0)
    suppressed = groups(["a"] * 30 + ["b"] * 12)
    assert list(suppressed.rows) == ["a"]
    assert suppressed.suppressed == 12
