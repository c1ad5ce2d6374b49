from __future__ import annotations

import pickle
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paars_gym.sessions.event import Event
from paars_gym.shop.actions import parse_action
from paars_gym.shop.shop import Shop
from paars_gym.shop.state import MAX_LINES, TRAIL_LENGTH, Bought, CartLine, Detail, Home, Results, State, apply


def walk(shop: Shop, *actions: str) -> tuple[State, list[Event], list[str | None]]:
    state, events, errors = State(), [], []
    for action in actions:
        state, happened, error = apply(shop, state, parse_action(action))
        events.extend(happened)
        errors.append(error)
    return state, events, errors


def test_search_shows_results_and_logs_them(shop: Shop) -> None:
    state, events, _ = walk(shop, "search[headphones]")
    assert state.page == Results("headphones")
    assert state.trail == (Home(),)
    (event,) = events
    assert event.kind == "search"
    assert event.query == "headphones"
    assert event.page == 1
    assert event.results is not None
    assert set(event.results) <= {"h1", "h2", "h3", "h4"}
    assert len(event.results) == 3


def test_pages_join_to_the_whole_list(shop: Shop) -> None:
    _, events, errors = walk(shop, "search[headphones]", "next_page[]", "next_page[]")
    assert errors == [None, None, "Page 2 is the last page of these results."]
    assert [event.kind for event in events] == ["search", "next_page"]
    shown = [product for event in events for product in event.results or ()]
    assert sorted(shown) == ["h1", "h2", "h3", "h4"]


def test_a_view_knows_its_rank_also_from_another_detail_page(shop: Shop) -> None:
    _, events, _ = walk(shop, "search[headphones]", "next_page[]")
    last = events[-1].results
    assert last is not None
    first = events[0].results
    assert first is not None
    state, events, _ = walk(shop, "search[headphones]", f"view[{first[2]}]", f"view[{first[0]}]", "view[k1]")
    assert [event.rank for event in events if event.kind == "view"] == [3, 1, None]
    assert state.page == Detail("k1", Results("headphones"))
    _, events, _ = walk(shop, "search[headphones]", "next_page[]", f"view[{last[0]}]")
    assert events[-1].rank == 4
    assert events[-1].title == shop.catalog[last[0]].title


def test_reviews_are_paged(shop: Shop) -> None:
    state, events, errors = walk(shop, "view[k1]", "next_page[]", "next_page[]", "next_page[]")
    assert state.page == Detail("k1", None, 3)
    assert errors == [None, None, None, "There are no more reviews."]
    assert [event.kind for event in events] == ["view"]


def test_back_follows_the_trail(shop: Shop) -> None:
    state, _, errors = walk(shop, "search[kettle]", "view[k1]", "back[]", "back[]", "back[]")
    assert state.page == Home()
    assert errors[-1] == "There is no page to go back to."


def test_the_trail_is_bounded(shop: Shop) -> None:
    state, _, _ = walk(shop, *["view[k1]", "view[k2]"] * TRAIL_LENGTH)
    assert len(state.trail) == TRAIL_LENGTH


def test_cart_and_purchase(shop: Shop) -> None:
    state, events, errors = walk(
        shop,
        "add_to_cart[h1]",
        "add_to_cart[h1 | units=2]",
        "add_to_cart[s1 | size=41]",
        "add_to_cart[s1 | size=42]",
        "add_to_cart[k4]",
        "remove_from_cart[s1]",
        "purchase[]",
        "add_to_cart[h2]",
    )
    assert errors == [None] * 8
    assert state.cart == (CartLine("h2", 1),)
    assert state.bought == (Bought("h1", 3, 59.0), Bought("k4", 1, None))
    assert Counter(event.kind for event in events) == {"add": 6, "remove": 2, "purchase": 2}
    purchase = next(event for event in events if event.kind == "purchase")
    assert (purchase.product, purchase.units, purchase.price) == ("h1", 3, 59.0)


@pytest.mark.parametrize(
    ("actions", "says"),
    [
        (["view[nothing]"], "no product 'nothing'"),
        (["add_to_cart[nothing]"], "no product 'nothing'"),
        (["add_to_cart[h4]"], "out of stock"),
        (["add_to_cart[h1 | units=6]", "add_to_cart[h1 | units=5]"], "At most 10 units"),
        (["add_to_cart[s1 | size=99]"], "size: 40, 41, 42"),
        (["add_to_cart[h1 | size=40]"], "Choices: none"),
        (["remove_from_cart[h1]"], "the cart holds nothing"),
        (["purchase[]"], "cart is empty"),
        (["next_page[]"], "no next page here"),
        (["search[]"], "needs a filter"),
        (["stop[]", "search[kettle]"], "visit is over"),
        (["shout[]"], "Unknown action"),
    ],
)
def test_what_is_not_possible_leaves_the_state_alone(shop: Shop, actions: list[str], says: str) -> None:
    before, _, _ = walk(shop, *actions[:-1])
    after, events, error = apply(shop, before, parse_action(actions[-1]))
    assert after is before
    assert events == ()
    assert error is not None
    assert says in error


def test_a_full_cart_takes_no_further_line(shop: Shop) -> None:
    full = State(cart=tuple(CartLine(f"x{i}", 1) for i in range(MAX_LINES)))
    state, _, error = apply(shop, full, parse_action("add_to_cart[h1]"))
    assert state is full
    assert error == f"The cart is full: it holds at most {MAX_LINES} lines."


IDS = ["h1", "h4", "k4", "s1", "nobody", "é", "x]y"]
MOVES = st.one_of(
    st.sampled_from(["next_page[]", "back[]", "purchase[]", "search[headphones]", "search[ | category=Shoes]"]),
    st.builds("{}[{}]".format, st.sampled_from(["view", "add_to_cart", "remove_from_cart"]), st.sampled_from(IDS)),
    st.builds(
        "add_to_cart[{} | units={} | size={}]".format, st.sampled_from(IDS), st.integers(0, 11), st.integers(39, 43)
    ),
    st.builds("search[{}]".format, st.text(max_size=30)),
    st.text(max_size=30),
)


@settings(max_examples=150)
@given(st.lists(MOVES, max_size=40))
def test_invariants_hold_on_every_path(shop: Shop, actions: list[str]) -> None:
    state = State()
    counts: Counter[str] = Counter()
    was_in_cart: Counter[str] = Counter()
    for action in actions:
        before = state
        state, events, error = apply(shop, state, parse_action(action))
        counts.update(event.kind for event in events)
        assert (error is None) or (state is before and not events)
        for event in events:
            if event.kind == "add":
                was_in_cart[str(event.product)] += event.units or 0
        for line in state.cart:
            assert shop.catalog[line.product].available
            assert 1 <= line.units <= 10
        bought = Counter({line.product: 0 for line in state.bought})
        for line in state.bought:
            bought[line.product] += line.units
        assert all(bought[product] <= was_in_cart[product] for product in bought)
        assert counts["purchase"] == len(state.bought)
    assert pickle.loads(pickle.dumps(state)) == state


@pytest.mark.parametrize(
    "written",
    ["[k1] Calor steel kettle 1.7 l", "[k1]", "1. [k1] Calor steel kettle | $34.90", "k1 Calor steel", "#k1", "id: k1"],
)
def test_a_line_of_the_page_means_its_product(shop: Shop, written: str) -> None:
    call = {"name": "add_to_cart", "arguments": {"product_id": written, "units": 2}}
    state, events, errors = walk(shop, "search[kettle]", f"view[{written}]")
    assert errors == [None, None]
    assert state.page == Detail("k1", Results("kettle"))
    assert events[-1].product == "k1"
    state, _, error = apply(shop, state, parse_action(call))
    assert error is None
    assert state.cart == (CartLine("k1", 2, ()),)
    state, _, error = apply(shop, state, parse_action(f"remove_from_cart[{written}]"))
    assert (state.cart, error) == ((), None)


def test_what_names_no_product_is_none(shop: Shop) -> None:
    for written in ("result 1", "kettle", "[kettle]", "the first one"):
        assert walk(shop, f"view[{written}]")[2] == [
            f"There is no product {written!r} in this shop; use an id shown in brackets."
        ]
