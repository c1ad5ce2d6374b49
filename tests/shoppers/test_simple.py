"""Uniform, replay and embedding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paars_gym.sessions.event import Event, Intention, Session
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.behavioural import BehaviouralShopper
from paars_gym.shoppers.embedding import EmbeddingShopper, pieces
from paars_gym.shoppers.registry import make_policy
from paars_gym.shoppers.replay import ReplayShopper, actions_of
from paars_gym.shoppers.uniform import UniformShopper
from tests.shoppers.shopping import make_persona, shop_once

NEED = Intention(text="red running shoes", category="Shoes", budget=90)


class Likeness:
    """Counts words of a small vocabulary."""

    name, dim, comparable = "words", 4, False

    def embed(self, texts: Any) -> Any:
        words = ("headphones", "kettle", "shoes", "slippers")
        return np.array([[float(word in text.casefold()) for word in words] for text in texts], dtype=np.float32)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), needy=st.booleans())
def test_uniform_does_only_what_is_possible(small_shop: Shop, seed: int, needy: bool) -> None:
    refused: list[str] = []
    policy = UniformShopper()
    shop_once(small_shop, policy, seed=seed, intention=NEED if needy else None, refused=refused)
    assert refused == []


def test_uniform_does_everything_that_is_possible(small_shop: Shop) -> None:
    policy = UniformShopper()
    kinds = {event.kind for seed in range(60) for event in shop_once(small_shop, policy, seed=seed).events}
    assert kinds == {"search", "next_page", "view", "add", "remove", "purchase", "stop"}


@pytest.mark.parametrize("name", ["uniform", "behavioural"])
def test_replay_does_the_same_again(small_shop: Shop, name: str) -> None:
    policy = make_policy(name)
    for seed in range(30):
        session = shop_once(small_shop, policy, seed=seed, intention=NEED, max_steps=200)
        again = shop_once(small_shop, ReplayShopper(sessions=session), intention=NEED, max_steps=200)
        assert [event.kind for event in again.events] == [event.kind for event in session.events]
        assert [event.product for event in again.events] == [event.product for event in session.events]
        assert [event.query for event in again.events] == [event.query for event in session.events]


def test_replay_of_a_sparse_log_makes_what_is_bought_possible() -> None:
    events = [
        Event(kind="search", query="tea | 3"),
        Event(kind="view", product="k1"),
        Event(kind="next_page"),
        Event(kind="purchase", product="k1", units=2),
        Event(kind="purchase", product="k2"),
    ]
    assert actions_of(events) == [
        "search[tea | 3]",
        "view[k1]",
        "back[]",
        "next_page[]",
        "add_to_cart[k1 | units=2]",
        "add_to_cart[k2]",
        "purchase[]",
    ]


def test_replay_of_a_second_purchase_puts_nothing_into_the_cart_twice() -> None:
    add, buy = Event(kind="add", product="k1", units=1), Event(kind="purchase", product="k1", units=1)
    assert actions_of([add, buy, add, buy]) == ["add_to_cart[k1]", "purchase[]"] * 2
    view = Event(kind="view", product="k1")
    assert actions_of([buy, view, buy]) == [
        "add_to_cart[k1]",
        "purchase[]",
        "view[k1]",
        "add_to_cart[k1]",
        "purchase[]",
    ]


def test_replay_answers_by_what_happened(small_shop: Shop) -> None:
    products = [small_shop.catalog[key] for key in ("h1", "k1", "s1")]
    session = Session(
        shopper="ada",
        key="1",
        events=(
            Event(kind="search", query="something warm"),
            Event(kind="view", product="k1"),
            Event(kind="view", product="s1"),
            Event(kind="purchase", product="s1"),
        ),
    )
    other = Session(shopper="bob", key="2", events=(Event(kind="stop"),))
    shopper = ReplayShopper(sessions=[other, session])
    shopper.reset(make_persona("ada"), None, np.random.default_rng(0))
    assert shopper.write_query(products[1]) == "something warm"
    assert shopper.write_query(products[0]) == "auro wireless headphones"
    assert shopper.choose_item(products) == 2
    assert shopper.choose_view("warm", products) == 1


def test_nobody_chooses_from_nothing(small_shop: Shop) -> None:
    shoppers = [
        UniformShopper(),
        EmbeddingShopper(embedder=Likeness()),
        ReplayShopper(sessions=Session(shopper="ada", key="1")),
        BehaviouralShopper(),
    ]
    for shopper in shoppers:
        shopper.reset(make_persona(), None, np.random.default_rng(0))
        for choose in (shopper.choose_item, lambda products, shopper=shopper: shopper.choose_view("red", products)):
            with pytest.raises(ValueError, match="nothing to choose from; give at least one product"):
                choose([])


def test_embedding_opens_and_buys_what_is_most_alike(small_shop: Shop) -> None:
    policy = EmbeddingShopper(embedder=Likeness(), views=2)
    persona = make_persona(history="2026-01-02 (Friday)\n- 10:30 bought Fann slippers at 9.00")
    refused: list[str] = []
    session = shop_once(small_shop, policy, persona=persona, intention=Intention(text="red"), refused=refused)
    assert refused == []
    assert next(event.product for event in session.events if event.kind == "view") == "s4"
    assert [event.product for event in session.events if event.kind == "purchase"] == ["s4"]
    browsing = shop_once(small_shop, policy, persona=persona, intention=Intention(text="red", goal="browse"))
    assert browsing.count("purchase") == 0


def test_embedding_knows_of_the_persona_what_the_condition_allows(small_shop: Shop) -> None:
    products = [small_shop.catalog[key] for key in ("h1", "k1", "s1")]
    persona = make_persona(categories=("kettle",), history="Visit 1\n- bought shoes")

    def choices(condition: Any) -> set[int]:
        shopper = EmbeddingShopper(condition=condition, embedder=Likeness())
        found = set()
        for seed in range(30):
            shopper.reset(persona, None, np.random.default_rng(seed))
            found.add(shopper.choose_item(products))
        return found

    assert choices("profile") == {1}
    assert choices("history") == {2}
    assert choices("base") == {0, 1, 2}
    assert choices("persona") == {1, 2}  # both are half of it: by lot


def test_a_persona_is_read_in_pieces_whatever_its_length() -> None:
    items = "- bought 3 x Green tea at 1.20 (2 times)\n- viewed Milk"
    text = f"## Shopping history\n<history>\n2026-01-02 (Friday)\n{items}\n</history>"
    assert pieces(text) == ["Milk", "Green tea"]
