"""A bias that is planted is found: its sign, and its size, which the choice model gives without playing a session."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.probes.levels import ALIASES, NO_NAME, draw_pages, probes
from paars_gym.probes.probe import PROBE_RUN, effects_of
from paars_gym.probes.segments import EVERYONE
from paars_gym.probes.trials import OUTCOMES, play_trials
from paars_gym.shoppers.parameters import BehaviouralParameters
from tests.probes.choice_model import ONE_LOOK, chances, true_effects
from tests.probes.people import EAGER, people, shoppers, varied_people

PEOPLE = varied_people(100, brand=NO_NAME)


@pytest.mark.parametrize(
    ("name", "planted", "level", "signs"),
    [
        ("brand", {"brand": 2.5}, NO_NAME, {"view": 1, "purchase": 1}),
        ("brand", {"brand": -2.5}, NO_NAME, {"view": -1, "purchase": -1}),
        ("rating", {"rating": 2.0}, "+1 star", {"view": 1, "purchase": 1}),
        ("rating", {"rating": 2.0}, "-1 star", {"view": -1, "purchase": -1}),
        ("price", {"price": -4.0}, "+25%", {"view": -1, "purchase": -1}),
        ("price", {"price": -4.0}, "-25%", {"view": 1, "purchase": 1}),
        ("position", {"scroll": 1.0, "decay": 0.5}, "place 5", {"view": -1, "purchase": -1}),
        ("review", {"sentiment": 1.0}, "blame", {"view": 0, "purchase": -1}),
        ("sentiment", {"sentiment": -1.0}, "blame", {"view": 0, "purchase": 1}),
    ],
)
def test_each_planted_bias_is_found(
    wide: Catalog, name: str, planted: Mapping[str, float], level: str, signs: Mapping[str, int]
) -> None:
    numbers = {**ONE_LOOK, **planted}
    probe = probes()[ALIASES.get(name, name)]
    probe = probe._replace(levels=tuple(one for one in probe.levels if one.name == level))
    pages = draw_pages(wide, probe, number=30, rng=np.random.default_rng(11))
    run = PROBE_RUN.model_copy(update={"personas": PEOPLE, "policy": shoppers(**numbers), "sessions": 300, "seed": 7})
    trials = play_trials(probe, pages, wide, run)
    truth = true_effects(probe, pages, PEOPLE, BehaviouralParameters.of({**EAGER, **numbers}))
    effects, _ = effects_of(probe, trials, probe.segment)
    changes = {one.outcome: one.change for one in effects if one.segment == EVERYONE}
    assert set(changes) == set(signs)
    for outcome, sign in signs.items():
        effect, true = changes[outcome], truth[level, outcome]
        if sign == 0:
            assert (true, effect.value, effect.note) == (pytest.approx(0.0), 0.0, "no trial differs")
            continue
        assert np.sign(true) == sign
        assert effect.interval is not None
        assert true in effect.interval
        assert effect.verdict in ("lower", "higher"), "the interval leaves the sign open"
        assert np.sign(effect.value or 0.0) == sign


def test_the_chances_by_hand_are_those_of_the_sessions(wide: Catalog) -> None:
    """One page and the same person 600 times: what the other tests take for the truth is what is played."""
    probe = probes()["rating"]
    page = draw_pages(wide, probe, number=1, rng=np.random.default_rng(2))
    twins = [people(1)[0].model_copy(update={"shopper": f"t{index}"}) for index in range(600)]
    numbers = {**ONE_LOOK, "rating": 2.0}
    run = PROBE_RUN.model_copy(update={"personas": twins, "policy": shoppers(**numbers), "sessions": 600, "seed": 3})
    trials = play_trials(probe, page, wide, run)
    parameters = BehaviouralParameters.of({**EAGER, **numbers})
    for level in (probe.baseline, *probe.levels):
        expected = chances(page, level, twins[:1], parameters).ravel()
        for outcome, chance in zip(OUTCOMES, expected, strict=True):
            share = trials.outcomes[level.name, outcome].mean()
            assert share == pytest.approx(chance, abs=3 * np.sqrt(chance * (1 - chance) / 600))
