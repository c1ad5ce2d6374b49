"""The likelihood is exact, its gradient right, and intervals cover the truth as often as they say."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Event, Intention, Session
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.behavioural import BehaviouralShopper
from paars_gym.shoppers.decisions import read_evidence
from paars_gym.shoppers.fit import fit_behaviour
from paars_gym.shoppers.likelihood import NAMES, log_likelihood
from paars_gym.shoppers.parameters import BehaviouralParameters
from tests.conftest import twelve_products
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
    total = 0.0
    for events in _one_page_sessions():
        # Cut off after the move: what the next page brings is not part of it.
        end = "stop" if events[-1].kind == "stop" else "max_steps"
        session = Session(shopper="ada", key="1", events=events, intention=intention, end=end)
        evidence = read_evidence([session], small_shop.product, personas={"ada": persona}, page_size=3)
        assert evidence.unexplained == 0
        given = session.model_copy(update={"events": events[:1], "end": "max_steps"})
        before = read_evidence([given], small_shop.product, personas={"ada": persona}, page_size=3)
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
    sessions = shop_often(mini_shop, BehaviouralShopper(), 40, personas, intentions)
    sessions += [
        shop_once(mini_shop, BehaviouralShopper(), seed=seed, intention=intentions[seed], max_steps=5)
        for seed in range(20)
    ]
    evidence = read_evidence(sessions, mini_shop.product, personas=personas)
    assert evidence.unexplained == 0
    parameters = TRUTH + np.random.default_rng(2).normal(0, 0.3, len(TRUTH))
    _, gradient = log_likelihood(parameters, evidence)
    for at, name in enumerate(NAMES):
        step = np.zeros(len(NAMES))
        step[at] = 1e-5
        up, down = (log_likelihood(parameters + sign * step, evidence)[0] for sign in (1, -1))
        assert gradient[at] == pytest.approx((up - down) / 2e-5, rel=1e-4, abs=1e-3), name
        assert gradient[at] != 0, name


def _coverage(
    shop: Shop, personas: dict[str, Persona], intentions: list[Intention], *, repeats: int, n_sessions: int
) -> tuple[float, int]:
    covered = []
    for repeat in range(repeats):
        sessions = shop_often(shop, BehaviouralShopper(), n_sessions, personas, intentions, seed=repeat)
        fit = BehaviouralShopper.fit(sessions, shop.catalog, personas=personas)
        assert fit.held == ()
        intervals = fit.intervals(0.95)
        truth = BehaviouralParameters()
        covered += [low <= getattr(truth, name) <= high for name, (low, high) in intervals.items()]
    return float(np.mean(covered)), len(covered)


def test_intervals_cover_the_parameters_that_made_the_log(
    mini_shop: Shop, personas: dict[str, Persona], intentions: list[Intention]
) -> None:
    share, n = _coverage(mini_shop, personas, intentions, repeats=6, n_sessions=250)
    # 186 intervals, nearly independent: three standard errors of a share of 95%.
    assert n == 6 * len(NAMES)
    assert abs(share - 0.95) < 3 * math.sqrt(0.95 * 0.05 / n)


@pytest.mark.slow
def test_intervals_cover_the_truth_93_to_97_percent_of_the_time(
    mini_shop: Shop, personas: dict[str, Persona], intentions: list[Intention]
) -> None:
    share, _ = _coverage(mini_shop, personas, intentions, repeats=100, n_sessions=500)
    assert 0.93 <= share <= 0.97


def test_what_a_log_cannot_tell_is_held_and_said(mini_shop: Shop, intentions: list[Intention]) -> None:
    buyers = [intention for intention in intentions if intention.goal == "buy"]
    policy = BehaviouralShopper()
    sessions = [
        shop_once(mini_shop, policy, key=str(number), intention=buyers[number % len(buyers)]) for number in range(200)
    ]
    start = BehaviouralParameters(compare=0.123)
    fit = fit_behaviour(sessions, mini_shop.catalog, start=start)
    without_personas = {"brand", "category", "familiarity", "impulse", "comparing"}
    without_personas |= {name for name in NAMES if name.endswith("_taste")}
    assert set(fit.held) == without_personas | {"compare", "browse"}
    assert fit.parameters.compare == 0.123
    assert set(fit.standard_errors) == set(NAMES) - set(fit.held)
    assert fit.log_likelihood > log_likelihood(TRUTH, read_evidence(sessions, mini_shop.product))[0]


def test_a_decision_that_always_went_one_way_has_no_finite_error(small_shop: Shop) -> None:
    """Nobody in this log abandons a cart."""
    policy = BehaviouralShopper(parameters={"checkout": 30.0})
    sessions = [
        shop_once(small_shop, policy, key=str(number), intention=Intention(text="running shoes"))
        for number in range(80)
    ]
    fit = fit_behaviour(sessions, small_shop.catalog)
    assert fit.parameters.checkout > 8
    assert math.isinf(fit.standard_errors["checkout"]) or fit.standard_errors["checkout"] > 10
    assert math.isfinite(fit.standard_errors["scroll"])


def test_a_planted_sentiment_is_estimated_where_reviews_differ(
    mini_shop: Shop, personas: dict[str, Persona], intentions: list[Intention]
) -> None:
    """It acts on the purchase alone: the click does not see the reviews."""
    planted = {"sentiment": 1.0, "outside": 2.0}
    sessions = shop_often(mini_shop, BehaviouralShopper(parameters=planted), 300, personas, intentions)
    fit = fit_behaviour(sessions, mini_shop.catalog, personas=personas)
    low, high = fit.intervals()["sentiment"]
    assert 0 < low <= 1.0 <= high
    assert fit.notes() == ()


def test_without_reviews_that_differ_sentiment_is_held_and_said(small_shop: Shop) -> None:
    """Two reviews of each product are shown, of 1 and 2 stars: a second constant beside the outside option."""
    policy = BehaviouralShopper()
    sessions = [
        shop_once(small_shop, policy, key=str(number), intention=Intention(text="running shoes"))
        for number in range(80)
    ]
    bare = Catalog.from_products([product.model_copy(update={"reviews": ()}) for product in twelve_products()])
    for catalog in (small_shop.catalog, bare):
        fit = fit_behaviour(sessions, catalog)
        assert "sentiment" in fit.held
        assert fit.parameters.sentiment == 0.0
        assert math.isfinite(fit.standard_errors["outside"])
        assert [note for note in fit.notes() if "sentiment" in note] == [
            "sentiment held at 0: no product opened shows reviews, or their stars are all alike."
        ]


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


def test_a_log_without_decisions_is_refused(small_shop: Shop) -> None:
    session = Session(shopper="h", key="1", events=(Event(kind="stop"),))
    with pytest.raises(ValueError, match="None of 1 sessions shows results"):
        fit_behaviour([session], small_shop.catalog)
    fit = fit_behaviour(
        [Session(shopper="h", key="1", events=(Event(kind="view", product="s1"), Event(kind="view", product="s2")))],
        small_shop.catalog,
    )
    with pytest.raises(ValueError, match=r"level == 1\.5,"):
        fit.intervals(1.5)
