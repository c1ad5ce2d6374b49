from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.config import Condition
from paars_gym.personas.persona import Persona
from paars_gym.ranking.registry import make_ranking
from paars_gym.sessions.event import Intention
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.behavioural import BehaviouralShopper
from paars_gym.shoppers.queries import content_words, draw_query, kept_words
from paars_gym.synthetic.kinds import RESPONSES
from tests.shoppers.shopping import make_persona, shop_often, shop_once


def test_sessions_are_plausible_and_hardly_anything_is_refused(
    mini_shop: Shop, personas: dict[str, Persona], intentions: list[Intention]
) -> None:
    sessions = shop_often(mini_shop, BehaviouralShopper(), 300, personas, intentions)
    assert {session.end for session in sessions} == {"stop"}
    assert all(session.events[0].kind == "search" for session in sessions)
    per_session = {
        kind: np.mean([session.count(kind) for session in sessions]) for kind in ("search", "view", "purchase")
    }
    # The defaults are those of the invented people together: sessions are of the size of theirs.
    for kind, theirs in (("search", "searches"), ("view", "views"), ("purchase", "units")):
        means = [getattr(response, theirs) for response in RESPONSES.values()]
        assert 0.75 * min(means) < per_session[kind] < 1.25 * max(means), kind


def test_only_a_next_page_that_is_not_there_is_refused(small_shop: Shop) -> None:
    policy = BehaviouralShopper(parameters={"next_page": 6.0, "impatience": 0.0})
    refused: list[str] = []
    for seed in range(200):
        shop_once(small_shop, policy, seed=seed, intention=Intention(text="red shoes"), refused=refused)
    assert refused
    assert all("last page" in line for line in refused)


def test_a_session_depends_on_its_seed_and_nothing_before(small_shop: Shop) -> None:
    policy, fresh = BehaviouralShopper(), BehaviouralShopper()
    need = Intention(text="wireless headphones for the office")
    first = shop_once(small_shop, policy, seed=5, intention=need)
    shop_once(small_shop, policy, seed=6, intention=need)
    assert (
        shop_once(small_shop, policy, seed=5, intention=need)
        == first
        == shop_once(small_shop, fresh, seed=5, intention=need)
    )


def test_the_same_visitor_in_two_shops_differs_only_where_the_shops_do(catalog: Catalog) -> None:
    """Another order of results: whatever happens on the first page, the next query is drawn with the same luck."""
    need = Intention(text="red running shoes")
    parameters = {"reformulate": 9.0, "next_page": -99.0, "impatience": 6.0, "attraction": -1.0, "scroll": 9.0}
    queries = []
    for spec in ("bm25", "price"):
        shop = Shop(catalog, make_ranking(spec, catalog), page_size=12)
        policy = BehaviouralShopper(parameters=parameters)
        sessions = [shop_once(shop, policy, seed=seed, intention=need) for seed in range(200)]
        queries.append(
            [[event.query for event in session.events if event.kind == "search"][:2] for session in sessions]
        )
    same = sum(one == other for one, other in zip(*queries, strict=True))
    assert same > 190


def test_arms_that_leave_on_different_pages_check_out_alike(catalog: Catalog) -> None:
    """The cart is bought or left with one chance a session, wherever the session ends."""
    need = Intention(text="red running shoes")
    base = {"outside": -99.0, "attraction": 9.0, "checkout": 0.0, "reformulate": -99.0, "after_add": -99.0}
    ends: list[list[bool]] = []
    for pages in (1, 2):
        shop = Shop(catalog, make_ranking("bm25", catalog), page_size=3)
        onward = {"next_page": 99.0, "impatience": 98.5, "sated": 0.0} if pages == 2 else {"next_page": -99.0}
        policy = BehaviouralShopper(parameters=base | onward)
        sessions = [shop_once(shop, policy, seed=seed, intention=need) for seed in range(60)]
        ends.append([session.count("purchase") > 0 for session in sessions])
    assert ends[0] == ends[1]
    assert 10 < sum(ends[0]) < 50


def test_no_intention_no_persona_and_no_words_are_no_trouble(small_shop: Shop) -> None:
    policy = BehaviouralShopper()
    for seed in range(20):
        assert shop_once(small_shop, policy, seed=seed).events[0].kind == "search"
        odd = shop_once(small_shop, policy, seed=seed, intention=Intention(text="🙂 ??"))
        assert odd.end == "stop"


def _purchases(shop: Shop, persona: Persona | None, intention: Intention, **settings: Any) -> list[str | None]:
    policy = BehaviouralShopper(settings.pop("condition", "persona"), settings)
    sessions = [shop_once(shop, policy, seed=seed, persona=persona, intention=intention) for seed in range(400)]
    return [event.product for session in sessions for event in session.events if event.kind == "purchase"]


def test_goals_shift_the_outside_option(small_shop: Shop) -> None:
    bought = {
        goal: len(_purchases(small_shop, None, Intention(text="shoes", goal=goal)))
        for goal in ("buy", "compare", "browse")
    }
    assert bought["buy"] > 1.3 * bought["compare"] > 1.3 * 1.3 * bought["browse"]


def test_the_budget_counts(small_shop: Shop) -> None:
    free = _purchases(small_shop, None, Intention(text="shoes"))
    poor = _purchases(small_shop, None, Intention(text="shoes", budget=20))
    assert poor.count("s2") < 0.5 * free.count("s2")


@pytest.mark.parametrize(
    ("persona", "condition", "product"),
    [
        (make_persona(price_sensitivity=5, deal_seeking=5), "preferences", "s4"),
        (make_persona(brands=("Ede",)), "profile", "s1"),
        (make_persona(history="Visit 1\n- bought Fann canvas shoes"), "history", "s3"),
    ],
)
def test_each_component_acts_under_its_own_condition_and_the_whole(
    small_shop: Shop, persona: Persona, condition: Condition, product: str
) -> None:
    """A product that the component speaks for is bought more often, and under other conditions not at all more."""
    need = Intention(text="shoes slippers")
    counts = {
        used: _purchases(small_shop, persona, need, condition=used, price_taste=-3.0, brand=2.5, familiarity=2.5)
        for used in ("base", "profile", "preferences", "history", "persona")
    }
    share = {used: found.count(product) / len(found) for used, found in counts.items()}
    assert share[condition] > share["base"] + 0.1
    assert counts["persona"] == counts[condition]
    assert all(counts[used] == counts["base"] for used in counts if used not in (condition, "persona"))


def test_options_asked_for_are_chosen(small_shop: Shop) -> None:
    policy = BehaviouralShopper(parameters={"outside": -9.0, "attraction": 9.0})
    session = shop_once(small_shop, policy, intention=Intention(text="shoes", options={"size": "41", "colour": "blue"}))
    added = [event for event in session.events if event.kind == "add"]
    assert added
    assert all(event.options == (("size", "41"),) for event in added)


def test_what_is_sold_out_is_not_added(small_shop: Shop) -> None:
    policy = BehaviouralShopper(parameters={"outside": -30.0, "attraction": 9.0, "scroll": 9.0})
    refused: list[str] = []
    session = shop_once(small_shop, policy, intention=Intention(text="kids headphones"), refused=refused)
    assert "h4" in {event.product for event in session.events if event.kind == "view"}
    assert "h4" not in {event.product for event in session.events if event.kind == "add"}
    assert not any("stock" in line for line in refused)


def test_answers_follow_the_persona(small_shop: Shop) -> None:
    products = [small_shop.catalog[key] for key in ("h3", "k1", "s4")]
    shopper = BehaviouralShopper(parameters={"relevance": 2.4, "category": 0.5, "familiarity": 0.8})
    shopper.reset(make_persona(history="Visit 1\n- bought Fann red slippers"), None, np.random.default_rng(0))
    assert shopper.choose_item(products) == 2
    views = [shopper.choose_view("steel kettle", products) for _ in range(400)]
    assert np.bincount(views, minlength=3).argmax() == 1
    assert set(views) == {0, 1, 2}, "drawn as in a session, not always the likeliest"
    shopper.reset(make_persona(categories=("kettles",)), None, np.random.default_rng(0))
    assert shopper.choose_item([products[0], products[1]]) == 1
    with pytest.raises(ValueError, match="nothing to choose from"):
        shopper.choose_item([])


def test_a_query_is_some_of_the_words_and_not_the_same_twice() -> None:
    words = content_words("A quiet, QUIET fan for the bedroom")
    assert words == ("quiet", "fan", "bedroom")
    rng = np.random.default_rng(0)
    queries = {draw_query(words, 0.5, rng.random, "fan") for _ in range(200)}
    assert queries == {"quiet", "bedroom", "quiet fan", "quiet bedroom", "fan bedroom", "quiet fan bedroom"}
    assert [kept_words(words, query) for query in ("fan", "quiet bedroom", "bedroom quiet", "big fan", None)] == [
        1, 2, 0, 0, 0,
    ]  # fmt: skip
