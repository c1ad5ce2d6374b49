"""Simulated beside true effects: what is judged, by made-up cases whose answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.validity import visits
from benchmarks.validity.direction import SHOPPERS, WITH_TESTS, Case
from benchmarks.validity.judging import ALL, all_scores, cases_table, direction_bars, judge, rows, scores, scores_table
from benchmarks.validity.treatments import folds, treatments
from benchmarks.validity.visits import Crowd, play
from paars_gym.catalog.load import load_catalog
from paars_gym.estimate import Estimate
from paars_gym.sessions.split import is_held_out
from paars_gym.synthetic.kinds import KINDS


def effect(value: float, error: float = 0.005) -> Estimate:
    return Estimate(value, details={"standard_error": error})


def made_up(gain: float, misfit: float, *, treatments: int = 30, seed: int = 0) -> list[Case]:
    """Effects of 10% that come out in simulation with a gain and a misfit, on all kinds of people."""
    rng = np.random.default_rng(seed)
    cases = []
    for kind in KINDS:
        for number in range(treatments):
            true = 0.1 * rng.standard_normal()
            shown = gain * true + misfit * rng.standard_normal()
            cases.append(
                Case(kind, str(number), "ranking", number % 3, effect(true), dict.fromkeys(SHOPPERS, effect(shown)))
            )
    return cases


def test_a_good_simulation_is_told_from_a_bad_one() -> None:
    good, bad = (scores(judge(made_up(*how), WITH_TESTS)) for how in ((1.0, 0.01), (0.0, 0.1)))
    assert good["direction"].value > 0.95
    assert good["slope"].value == pytest.approx(1.0, abs=0.05)
    assert good["rmse, simulated"].value == pytest.approx(0.01, abs=0.002)
    assert good["rmse, shrunken"].value < 0.2 * good["rmse, no effect"].value
    assert bad["direction"].value == pytest.approx(0.5, abs=0.15)
    assert bad["slope"].low < 0 < bad["slope"].high
    # What says nothing is shrunken to nothing, and so is no worse than to say nothing.
    assert bad["rmse, shrunken"].value < 1.1 * bad["rmse, no effect"].value < bad["rmse, simulated"].value


def test_predictions_of_people_cover_as_often_as_they_say() -> None:
    found = [scores(judge(made_up(1.7, 0.05, seed=seed), WITH_TESTS))["coverage"].value for seed in range(5)]
    assert np.mean(found) == pytest.approx(0.95, abs=0.03)


def test_a_case_is_predicted_without_its_kind_and_its_treatment() -> None:
    cases = made_up(1.0, 0.01, treatments=12)
    changed = [
        case._replace(true=effect(-5.0)) if case.kind == "cascade" or case.treatment == "0" else case for case in cases
    ]
    first = next(one for one in judge(cases, WITH_TESTS) if one.case[:2] == ("cascade", "0"))
    again = next(one for one in judge(changed, WITH_TESTS) if one.case[:2] == ("cascade", "0"))
    assert first.predicted == again.predicted
    assert first.shrunken == again.shrunken
    assert again.true == -5.0


def test_bars_break_beyond_their_noise_alone() -> None:
    good = all_scores(made_up(1.0, 0.01, treatments=12))
    bad = {(WITH_TESTS, ALL): scores(judge(made_up(-1.0, 0.01, treatments=12), WITH_TESTS))}
    assert [bar.holds for bar in direction_bars(good)][:2] == [True, True]
    assert [bar.broken for bar in direction_bars(bad)][:2] == [True, True]
    assert set(good) == {(shopper, kind) for shopper in SHOPPERS for kind in (*KINDS, ALL)}


def test_tables_and_rows_hold_every_case_and_score() -> None:
    cases = made_up(1.0, 0.01, treatments=6)
    found = all_scores(cases)
    assert cases_table(cases).row_count == 18
    assert scores_table(found).row_count == 12
    written = rows(cases, found)
    assert len(written["cases"]) == 18 * 4
    assert {row["shopper"] for row in written["scores"]} == set(SHOPPERS)


def test_treatments_are_of_six_families_spread_over_the_folds() -> None:
    every = treatments(load_catalog("mini"))
    assert len({one.name for one in every}) == len(every) >= 24
    assert {one.family for one in every} == {"ranking", "price", "stock", "ratings", "content", "sponsored"}
    of = folds(every, 3)
    for family in {one.family for one in every}:
        assert {fold for one, fold in zip(every, of, strict=True) if one.family == family} == {0, 1, 2}


@pytest.mark.parametrize("kind", ["habitual", "cascade", "satisficer", "shopper"])
def test_people_of_one_half_play_the_same_visits_to_all_arms(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAARS_CACHE", str(tmp_path))
    monkeypatch.setattr(visits, "CHUNK", 20)
    crowd = Crowd(kind, 30, True, 0, "{}" if kind == "shopper" else "", ("bm25", "bm25", "price"))
    played = play(crowd, 30)
    assert played.units.shape == (40, 3)
    assert all(map(is_held_out, played.shoppers))
    assert (played.units[:, 0] == played.units[:, 1]).all()
    told: list[str] = []
    again = play(crowd, 40, progress=told.append)
    assert (told, again.shoppers) == ([], played.shoppers)
    assert (again.units == played.units).all()
