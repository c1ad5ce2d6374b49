"""Cuts of a persona's text, and the log-probability of a choice: no model runs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.household_choices import choice_log_probs
from benchmarks.told_cuts import CUTS, newest_first, without_reasons
from paars_gym.personas.persona import Interests, Score, render
from tests.shoppers.shopping import make_persona

HISTORY = "2017-03, bought:\n- Tea at 2.00 (3 times)\n2017-11-03 (Friday) 18:00, bought:\n- Milk\n- Bread"
PERSONA = make_persona("ann", brands=("Dunk",), history=HISTORY)
PERSONA = PERSONA.model_copy(
    update={
        "profile": PERSONA.profile.model_copy(update={"brands": Interests(values=("Dunk",), evidence="9 (of 10)")}),
        "preferences": PERSONA.preferences.model_copy(
            update={"price_sensitivity": Score(value=4, evidence="pays 80%")}
        ),
    }
)


def test_cuts_leave_the_rest_as_it_is() -> None:
    turned = newest_first(render(PERSONA, "history")).splitlines()
    assert turned[2:4] == ["2017-11-03 (Friday) 18:00, bought:", "- Milk"]
    assert sorted(turned) == sorted(render(PERSONA, "history").splitlines())
    told = without_reasons(render(PERSONA, "persona")).splitlines()
    assert "- brands: Dunk" in told
    assert "- price sensitivity: 4 of 5" in told
    assert len({cut(PERSONA) for cut in CUTS.values()}) == len(CUTS)


def test_the_coefficient_is_fitted_on_the_other_half() -> None:
    rng = np.random.default_rng(0)
    truth, folds = rng.integers(4, size=400), np.arange(400) % 2 == 0
    scores = rng.normal(size=(400, 4))
    noise, _ = choice_log_probs(scores, truth, folds)
    assert noise.mean() == pytest.approx(math.log(1 / 4), abs=0.03), "noise is not believed"
    scores[np.arange(400), truth] += 2
    told, right = choice_log_probs(scores, truth, folds)
    assert told.mean() > -0.9
    assert right > 0.7
