"""Fits recover planted tastes, cover them as often as they say, and learn more from past tests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from paars_gym.abtest.patch import Change, patched
from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig
from paars_gym.personas.persona import Persona
from paars_gym.ranking.registry import make_ranking
from paars_gym.sessions.event import Event, Intention, Session
from paars_gym.sessions.split import is_held_out
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.behavioural import BehaviouralShopper
from paars_gym.shoppers.decisions import read_evidence
from paars_gym.shoppers.fit import LEVELS
from paars_gym.shoppers.fitted import FittedShopper
from paars_gym.shoppers.fitting import FitSettings, LoggedArm, LoggedTest, fit_shopper
from paars_gym.shoppers.likelihood import NAMES, log_likelihood
from paars_gym.shoppers.parameters import BehaviouralParameters
from paars_gym.shoppers.reference_prices import reference_prices
from tests.conftest import twelve_products
from tests.shoppers.shopping import shop_often, shop_once

OFF = np.random.default_rng(17).normal(0, 0.25, len(NAMES))
PLANTED = {
    **{name: getattr(BehaviouralParameters(), name) + off for name, off in zip(NAMES, OFF.tolist(), strict=True)},
    "price": -1.1,
    "price_level": 0.2,
    "rating": 0.1,
    "attraction": -1.5,
    "outside": 2.4,
}
"""Other people than the defaults."""
WEAK = FitSettings(strength=3.0)


def visit(
    shop: Shop,
    n_sessions: int,
    personas: dict[str, Persona],
    intentions: list[Intention],
    *,
    seed: int = 0,
    parameters: Mapping[str, float] = PLANTED,
    before: Catalog | None = None,
) -> list[Session]:
    """Sessions of planted people, who remember the prices of a catalog: the shop's, or that before a test."""
    policy = BehaviouralShopper(parameters=parameters, reference_prices=reference_prices(before or shop.catalog))
    return shop_often(shop, policy, n_sessions, personas, intentions, seed=seed)


def coverage(
    shop: Shop, personas: dict[str, Persona], intentions: list[Intention], *, repeats: int, n_sessions: int
) -> tuple[float, int]:
    covered = []
    for repeat in range(repeats):
        sessions = visit(shop, n_sessions, personas, intentions, seed=repeat)
        fit = fit_shopper(sessions, shop.catalog, personas=personas, settings=WEAK)
        assert fit.held == ()
        covered += [low <= PLANTED[name] <= high for name, (low, high) in fit.intervals(0.95).items()]
    return float(np.mean(covered)), len(covered)


def test_intervals_cover_the_planted_parameters(
    mini_shop: Shop, personas: dict[str, Persona], intentions: list[Intention]
) -> None:
    share, n = coverage(mini_shop, personas, intentions, repeats=6, n_sessions=500)
    assert n == 6 * len(NAMES)
    assert abs(share - 0.95) < 3 * math.sqrt(0.95 * 0.05 / n)


@pytest.mark.slow
def test_intervals_cover_the_truth_93_to_97_percent_of_the_time(
    mini_shop: Shop, personas: dict[str, Persona], intentions: list[Intention]
) -> None:
    share, _ = coverage(mini_shop, personas, intentions, repeats=50, n_sessions=1_000)
    assert 0.93 <= share <= 0.97


def test_planted_tastes_are_found_and_other_people_are_told_better(
    mini_shop: Shop, personas: dict[str, Persona], intentions: list[Intention]
) -> None:
    sessions = visit(mini_shop, 1_500, personas, intentions)
    fit = fit_shopper(sessions, mini_shop.catalog, personas=personas, settings=WEAK)
    assert fit.fitting.sessions == sum(not is_held_out(session.shopper) for session in sessions)
    assert fit.fitting.sessions + fit.judging.sessions == len(sessions)
    assert fit.judging.gain > 0.2
    for name in ("price", "rating", "relevance", "attraction"):
        error = fit.standard_errors[name]
        assert abs(fit.parameters[name] - PLANTED[name]) < 3 * error, name
        assert error < 0.3, name
    assert abs(fit.parameters["price"] - BehaviouralParameters().price) > 3 * fit.standard_errors["price"]


def test_who_judges_changes_nothing_about_the_fit(
    mini_shop: Shop, personas: dict[str, Persona], intentions: list[Intention]
) -> None:
    sessions = visit(mini_shop, 300, personas, intentions)
    mild = visit(mini_shop, 300, personas, intentions, parameters={"outside": 9.0})
    mixed = [one if is_held_out(one.shopper) else other for one, other in zip(mild, sessions, strict=True)]
    whole, other = (fit_shopper(one, mini_shop.catalog, personas=personas, settings=WEAK) for one in (sessions, mixed))
    assert whole.parameters == other.parameters
    assert whole.judging != other.judging


def test_past_tests_tell_tastes_that_one_ranking_cannot(
    mini_shop: Shop, personas: dict[str, Persona], intentions: list[Intention]
) -> None:
    """A test of the order of results and one of prices, of people who buy more readily."""
    catalog = mini_shop.catalog
    own = visit(mini_shop, 500, personas, intentions)
    eager = {**PLANTED, "outside": 0.5, "attraction": -1.0, "scroll": 3.4}
    cheaper, _ = patched(catalog, [Change(all=True, price_percent=-60)])
    arms = []
    for number, (spec, seen_in) in enumerate((("bm25", catalog), ("random:1", catalog), ("bm25", cheaper))):
        shop = mini_shop if number == 0 else Shop(seen_in, make_ranking(spec, seen_in))
        logged = visit(shop, 600, personas, intentions, seed=50 + number, parameters=eager, before=catalog)
        arms.append(LoggedArm(logged, seen_in))
    tests = [LoggedTest("order", arms[0], arms[1]), LoggedTest("prices", arms[0], arms[2])]
    alone = fit_shopper(own, catalog, personas=personas, settings=WEAK)
    more = fit_shopper(own, catalog, personas=personas, settings=WEAK, tests=tests)
    for name, shrinks in (("price_level", 0.6), ("rating", 0.7), ("price_level_taste", 0.7), ("rating_taste", 0.7)):
        assert more.standard_errors[name] < shrinks * alone.standard_errors[name], name
        assert abs(more.parameters[name] - PLANTED[name]) < 3 * more.standard_errors[name], name
    for name in ("outside", "attraction", "scroll"):
        assert name in LEVELS
        assert abs(more.parameters[name] - PLANTED[name]) < 3 * more.standard_errors[name], name
    assert more.tests == ("order", "prices")
    assert more.test_sessions == sum(
        not is_held_out(session.shopper)
        for test in tests
        for arm in (test.control, test.treatment)
        for session in arm.sessions
    )


def test_the_prior_holds_and_people_set_aside_choose_its_strength(
    mini_shop: Shop, personas: dict[str, Persona], intentions: list[Intention]
) -> None:
    sessions = visit(mini_shop, 300, personas, intentions)
    default = BehaviouralParameters()
    off = {
        strength: fit_shopper(
            sessions, mini_shop.catalog, personas=personas, settings=FitSettings(strength=strength)
        ).parameters["attraction"]
        - default.attraction
        for strength in (0.001, 0.1, 3.0)
    }
    assert abs(off[0.001]) < 0.01 < abs(off[0.1]) < abs(off[3.0])
    chosen = fit_shopper(sessions, mini_shop.catalog, personas=personas)
    assert chosen.strength_chosen
    assert chosen.strength >= 0.3
    few = fit_shopper(sessions[:60], mini_shop.catalog, personas=personas)
    assert (few.strength, few.strength_chosen) == (1.0, False)


def test_what_a_log_cannot_tell_is_held_and_said(mini_shop: Shop, intentions: list[Intention]) -> None:
    buyers = [intention for intention in intentions if intention.goal == "buy"]
    policy = BehaviouralShopper(reference_prices=reference_prices(mini_shop.catalog))
    sessions = [
        shop_once(mini_shop, policy, key=str(number), intention=buyers[number % len(buyers)]).model_copy(
            update={"shopper": f"s{number}"}
        )
        for number in range(400)
    ]
    centre = BehaviouralParameters(compare=0.123)
    fit = fit_shopper(sessions, mini_shop.catalog, settings=FitSettings(strength=3.0, centre=centre))
    without_personas = {"brand", "category", "familiarity", "impulse", "comparing"}
    without_personas |= {name for name in NAMES if name.endswith("_taste")}
    assert set(fit.held) == without_personas | {"compare", "browse"}
    assert fit.parameters["compare"] == 0.123
    assert set(fit.standard_errors) == set(fit.prior_errors) == set(NAMES) - set(fit.held)
    assert fit.fitting.gain > 0
    assert f"brand held at {centre.brand:g}: nothing in the log depends on it." in fit.notes()
    halved = [session for session in sessions if not is_held_out(session.shopper)]
    evidence = read_evidence(halved, mini_shop.product, remembered=reference_prices(mini_shop.catalog))
    truth = np.array([getattr(BehaviouralParameters(), name) for name in NAMES])
    assert fit.fitting.default == pytest.approx(log_likelihood(truth, evidence)[0] / len(halved))


def test_a_decision_that_always_went_one_way_is_held_back_by_the_prior(small_shop: Shop) -> None:
    """Nobody in this log abandons a cart: the log alone would send its log odds to infinity."""
    policy = BehaviouralShopper(parameters={"checkout": 30.0, "outside": 0.0})
    sessions = several(small_shop, policy, 80)
    fit = fit_shopper(sessions, small_shop.catalog, settings=FitSettings(strength=1.0))
    assert 2 < fit.parameters["checkout"] < 8
    assert 0.3 < fit.standard_errors["checkout"] < 1.0
    assert fit.prior_errors["checkout"] == 1.0


def several(shop: Shop, policy: BehaviouralShopper, number: int) -> list[Session]:
    need = Intention(text="running shoes")
    return [
        shop_once(shop, policy, key=str(one), intention=need).model_copy(update={"shopper": f"s{one}"})
        for one in range(number)
    ]


def test_without_reviews_that_differ_sentiment_is_held_and_said(small_shop: Shop) -> None:
    """Two reviews of each product are shown, of 1 and 2 stars: a second constant beside the outside option."""
    sessions = several(small_shop, BehaviouralShopper(), 80)
    bare = Catalog.from_products([product.model_copy(update={"reviews": ()}) for product in twelve_products()])
    for catalog in (small_shop.catalog, bare):
        fit = fit_shopper(sessions, catalog)
        assert "sentiment" in fit.held
        assert fit.parameters["sentiment"] == BehaviouralParameters().sentiment
        assert math.isfinite(fit.standard_errors["outside"])
        assert [note for note in fit.notes() if note.startswith("sentiment held")] == [
            f"sentiment held at {BehaviouralParameters().sentiment:g}: no product opened shows reviews, or their stars "
            "are all alike."
        ]


def test_a_fitted_shopper_is_kept_and_used_for_what_it_was_fitted_for(small_shop: Shop, tmp_path: Path) -> None:
    catalog = small_shop.catalog
    fit = BehaviouralShopper.fit(several(small_shop, BehaviouralShopper(), 60), catalog, condition="base")
    file = tmp_path / "shopper.json"
    fit.write(file)
    assert FittedShopper.read(file) == fit
    run = fit.applied_to(RunConfig(condition="base"), catalog)
    shopper = BehaviouralShopper("base", **run.options)
    assert shopper.parameters == BehaviouralParameters.of(fit.parameters)
    assert shopper.reference_prices is not None
    assert shopper.reference_prices.prices == reference_prices(catalog).prices
    other = Catalog.from_products(list(catalog), name="other")
    for changes, where, says in (
        ({"condition": "persona"}, catalog, "in condition 'base', not for 'behavioural' in 'persona'"),
        ({"policy": "uniform"}, catalog, "not for 'uniform'"),
        ({"options": {"parameters": {}}}, catalog, "one or the other"),
        ({}, other, "fitted in catalog 'twelve', not in 'other'"),
    ):
        with pytest.raises(ValueError, match=says):
            fit.applied_to(RunConfig(**{"condition": "base", **changes}), where)
    with pytest.raises(FileNotFoundError, match="paars fit"):
        FittedShopper.read(tmp_path / "none.json")
    for text in ("{}", "[", fit.model_dump_json().replace('"price":', '"prize":', 1)):
        file.write_text(text)
        with pytest.raises(ValueError, match="is no fitted shopper"):
            FittedShopper.read(file)


def test_what_cannot_be_fitted_is_refused(small_shop: Shop) -> None:
    empty = [Session(shopper=f"h{number}", key=str(number), events=(Event(kind="stop"),)) for number in range(20)]
    with pytest.raises(ValueError, match=r"None of \d+ sessions shows results"):
        fit_shopper(empty, small_shop.catalog)
    with pytest.raises(ValueError, match="1 sessions are all of shoppers of one half"):
        fit_shopper(empty[:1], small_shop.catalog)
    with pytest.raises(ValueError, match="strength == 0, must be > 0"):
        fit_shopper(empty, small_shop.catalog, settings=FitSettings(strength=0))
    sessions = several(small_shop, BehaviouralShopper(), 40)
    held_out = [session for session in sessions if is_held_out(session.shopper)]
    arm = LoggedArm(held_out, small_shop.catalog)
    with pytest.raises(ValueError, match="An arm of the test 'old' has no session of a shopper of the fitting half"):
        fit_shopper(sessions, small_shop.catalog, tests=[LoggedTest("old", arm, arm)])
    with pytest.raises(ValueError, match=r"level == 1\.5,"):
        fit_shopper(sessions, small_shop.catalog).intervals(1.5)


def test_half_of_all_prices_moves_the_sales_of_the_defaults(
    mini_shop: Shop, personas: dict[str, Persona], intentions: list[Intention]
) -> None:
    half, _ = patched(mini_shop.catalog, [Change(all=True, price_percent=-50)])
    cheap = Shop(half, make_ranking("bm25", half))
    units = [
        sum(
            one.count("purchase")
            for one in visit(where, 1_000, personas, intentions, parameters={}, before=mini_shop.catalog)
        )
        for where in (mini_shop, cheap)
    ]
    assert units[1] > 1.15 * units[0]
