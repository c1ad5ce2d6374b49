"""The likelihood is exact, and its gradient right; what a log may hold that the model does not make."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Event, Intention, Session
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.behavioural import BehaviouralShopper
from paars_gym.shoppers.decisions import read_evidence
from paars_gym.shoppers.fit import LEVELS, Maximum, Prior, taught
from paars_gym.shoppers.likelihood import NAMES, log_likelihood
from paars_gym.shoppers.parameters import BehaviouralParameters
from paars_gym.shoppers.reference_prices import reference_prices
from tests.shoppers.shopping import make_persona, shop_often, shop_once

TRUTH = np.array([getattr(BehaviouralParameters(), name) for name in NAMES])
SHOWN = ("s1", "s3", "h4")  # the last is sold out


def _one_page_sessions() -> list[tuple[Event, ...]]:
    """Everything that can be done on one page of three results and left in a log."""
    search = Event(kind="search", query="red shoes", results=SHOWN, page=1)
    found = []
    for fates in itertools.product(("skip", "view", "add"), ("skip", "view", "add"), ("skip", "view")):
        events = [search]
        for product, fate in zip(SHOWN, fates, strict=True):
            if fate != "skip":
                events.append(Event(kind="view", product=product))
            if fate == "add":
                events.append(Event(kind="add", product=product, units=1))
        stop = Event(kind="stop")
        ends = [[stop], [Event(kind="next_page", query="red shoes", results=(), page=2)]]
        ends += [[Event(kind="search", query=query, results=())] for query in ("red", "shoes")]
        added = [event.product for event in events if event.kind == "add"]
        if added:
            ends.append([*(Event(kind="purchase", product=product, units=1) for product in added), stop])
        found += [(*events, *end) for end in ends]
    return found


def test_the_probabilities_of_all_logs_of_a_page_sum_to_one(small_shop: Shop) -> None:
    """A session ends here after its first page; the query that led to it is given."""
    persona = make_persona(price_sensitivity=5, comparison=5, impulsiveness=1, brands=("Ede",))
    intention = Intention(text="red shoes", goal="compare", budget=50)
    parameters = TRUTH + np.random.default_rng(1).normal(0, 0.5, len(TRUTH))
    remembered = reference_prices(small_shop.catalog)
    total = 0.0
    for events in _one_page_sessions():
        # Cut off after the move: what the next page brings is not part of it.
        end = "stop" if events[-1].kind == "stop" else "max_steps"
        session = Session(shopper="ada", key="1", events=events, intention=intention, end=end)
        evidence = read_evidence(
            [session], small_shop.product, personas={"ada": persona}, page_size=3, remembered=remembered
        )
        assert evidence.unexplained == 0
        given = session.model_copy(update={"events": events[:1], "end": "max_steps"})
        before = read_evidence(
            [given], small_shop.product, personas={"ada": persona}, page_size=3, remembered=remembered
        )
        total += math.exp(log_likelihood(parameters, evidence)[0] - log_likelihood(parameters, before)[0])
    assert total == pytest.approx(1.0, abs=1e-12)


def test_a_next_page_that_names_no_query_is_of_the_search_before(small_shop: Shop) -> None:
    """Logs of people have no intention, and few repeat the query with each page: what is wanted is what was asked."""

    def features(query: str | None) -> np.ndarray:
        events = (
            Event(kind="search", query="red shoes", results=SHOWN[1:], page=1),
            Event(kind="next_page", query=query, results=SHOWN[:1], page=2),
            Event(kind="stop"),
        )
        session = Session(shopper="a", key="1", events=events, end="stop")
        return read_evidence([session], small_shop.product, page_size=2).pages.features

    assert features(None).any()
    np.testing.assert_array_equal(features(None), features("red shoes"))


def test_the_probabilities_of_all_queries_sum_to_one(small_shop: Shop) -> None:
    words = ("red", "canvas", "shoes")
    queries = [" ".join(some) for size in (1, 2, 3) for some in itertools.combinations(words, size)]

    def chance(*said: str) -> float:
        events = tuple(Event(kind="search", query=query) for query in said)
        session = Session(
            shopper="a", key="1", events=events, intention=Intention(text="red canvas shoes"), end="max_steps"
        )
        return math.exp(log_likelihood(TRUTH, read_evidence([session], small_shop.product))[0])

    assert sum(chance(query) for query in queries) == pytest.approx(1.0)
    again = sum(chance("red shoes", query) for query in queries if query != "red shoes")
    assert again == pytest.approx(chance("red shoes"))


def test_the_gradient_is_that_of_the_likelihood(
    mini_shop: Shop, personas: dict[str, Persona], intentions: list[Intention]
) -> None:
    policy = BehaviouralShopper(parameters={"outside": 0.0, "after_add": 0.0})  # several lines in a cart
    sessions = shop_often(mini_shop, policy, 40, personas, intentions)
    sessions += [shop_once(mini_shop, policy, seed=seed, intention=intentions[seed], max_steps=5) for seed in range(20)]
    remembered = reference_prices(mini_shop.catalog)
    evidence = read_evidence(sessions, mini_shop.product, personas=personas, remembered=remembered)
    assert evidence.unexplained == 0
    parameters = TRUTH + np.random.default_rng(2).normal(0, 0.3, len(TRUTH))
    _, gradient = log_likelihood(parameters, evidence)
    for at, name in enumerate(NAMES):
        step = np.zeros(len(NAMES))
        step[at] = 1e-5
        up, down = (log_likelihood(parameters + sign * step, evidence)[0] for sign in (1, -1))
        assert gradient[at] == pytest.approx((up - down) / 2e-5, rel=1e-4, abs=1e-3), name
        assert gradient[at] != 0, name


def test_human_logs_may_do_what_the_model_does_not(small_shop: Shop) -> None:
    """Views up the list, twice, and from nowhere; purchases without a cart; no stop event; products long gone."""
    session = Session(
        shopper="h",
        key="1",
        events=(
            Event(kind="search", query="shoes", results=("s1", "s2", "s3")),
            Event(kind="view", product="s3", rank=3),
            Event(kind="view", product="s1", rank=1),
            Event(kind="view", product="s1", rank=1),
            Event(kind="view", product="gone"),
            Event(kind="view", product="k1"),
            Event(kind="purchase", product="k1", units=1),
            Event(kind="search", query="kettles"),
            Event(kind="remove", product="k1"),
        ),
    )
    evidence = read_evidence([session], small_shop.product)
    assert evidence.unexplained == 5
    assert evidence.offers.taken.tolist() == [False, False, False, True]
    assert evidence.checkouts.tolist() == [True]
    value, gradient = log_likelihood(TRUTH, evidence)
    assert math.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("apart", [0.0, 0.5, 2.0])
def test_other_people_tell_of_tastes_as_far_as_they_are_alike(apart: float) -> None:
    """Three groups of people whose tastes are off by as much as is planted, each known with an error of its own."""
    rng, n = np.random.default_rng(5), len(NAMES)
    ridge = Prior(TRUTH, rng.uniform(0.5, 2.0, n))
    tastes = np.array([name not in LEVELS for name in NAMES])
    found = []
    for error in (0.3, 0.05, 0.05):  # of the decisions alone, in prior standard deviations
        said = rng.normal(0, apart, n) + rng.normal(0, error, n)
        whole = 1 + 1 / error**2
        values = TRUTH + ridge.scale * said * (whole - 1) / whole
        found.append(Maximum(values, ridge.scale / np.sqrt(whole), np.zeros(n, dtype=bool)))
    prior, estimated = taught(ridge, found[0], found[1:])
    assert estimated == pytest.approx(apart, abs=0.05 + 0.3 * apart)
    assert np.array_equal(prior.centre[~tastes], TRUTH[~tastes])
    assert np.array_equal(prior.scale[~tastes], ridge.scale[~tastes])
    width = float(np.mean(prior.scale[tastes] / ridge.scale[tastes]))
    assert (width < 0.1) if apart == 0 else (width > 0.4 * apart or width == 1)
    nothing = Maximum(TRUTH, np.zeros(n), np.ones(n, dtype=bool))
    same, _ = taught(ridge, found[0], [nothing])
    assert np.array_equal(same.centre, ridge.centre)
    assert np.array_equal(same.scale, ridge.scale)
