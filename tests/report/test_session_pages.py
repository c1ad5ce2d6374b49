from __future__ import annotations

from dataclasses import replace

import pytest

from paars_gym.report.pages.session_pages import (
    PairView,
    SessionView,
    StepView,
    event_views,
    event_words,
    paired,
    shortened,
    step_views,
    told_before,
)
from paars_gym.report.pages.session_rows import row_of
from paars_gym.sessions.event import Event, Session
from paars_gym.sessions.step import ModelTurn, StepRecord

SESSION = Session(shopper="s", key="k", events=(Event(kind="search", query="kettle", results=("a", "b")),))


def view(*steps: tuple[str, str]) -> SessionView:
    made = tuple(StepView(number, shown=shown, action=action) for number, (shown, action) in enumerate(steps, start=1))
    return SessionView(row_of(SESSION, None, {}, None), "control", "", "", made)


def parts(pair: PairView) -> list[list[str]]:
    return [[step.parts for step in session.steps] for session in pair.sessions]


def test_arms_that_never_part() -> None:
    pair = paired([view(("home", "search[a]"), ("list", "stop[]"))] * 2)
    assert pair.parts == "The same in both arms, from the first step to the last."
    assert parts(pair) == [["", ""], ["", ""]]


def test_the_page_parts_before_the_shopper_does() -> None:
    one = view(("home", "search[a]"), ("list", "next_page[]"), ("list 2", "stop[]"))
    other = view(("home", "search[a]"), ("other list", "next_page[]"), ("other list 2", "view[x]"), ("x", "stop[]"))
    pair = paired([one, other])
    assert pair.parts == "The arms part: at step 2 the page differs, at step 3 the shopper does something else."
    assert parts(pair)[0] == ["", "the page differs", "the shopper does something else"]
    assert parts(pair)[1] == [*parts(pair)[0], ""]


def test_both_part_at_once_or_only_the_page_does() -> None:
    both = paired([view(("home", "search[a]")), view(("home!", "search[b]"))])
    assert both.parts == "The arms part: at step 1 the page differs, and the shopper does something else."
    page = paired([view(("home", "search[a]")), view(("home!", "search[a]"))])
    assert page.parts.endswith("the page differs; the shopper does the same to the end.")


def test_one_goes_on() -> None:
    pair = paired([view(("home", "search[a]")), view(("home", "search[a]"), ("list", "stop[]"))])
    assert pair.parts == "The arms part: at step 2 the shopper does something else."
    assert parts(pair) == [[""], ["", "the shopper does something else"]]


def test_a_session_alone_has_no_arms() -> None:
    assert paired([view(("home", "stop[]"))]).parts == ""


def test_a_step_with_its_model_its_cart_and_what_the_shop_said() -> None:
    added = Event(kind="add", product="k1", title="Steel kettle", units=2)
    turn = ModelTurn(
        prompt=({"role": "system", "text": "You shop."}, {"role": "user", "text": "page"}),
        said={"role": "assistant", "text": "This one."},
        tokens={"input": 9, "cache_read": 0, "output": 2},
        latency_seconds=0.5,
    )
    record = StepRecord(
        session="k", step=1, shown="the page", action="add_to_cart[k1]", valid=True, cart=(("k1", 2),), events=(added,),
        model=turn, latency_seconds=9.0,
    )  # fmt: skip
    refused = StepRecord(session="k", step=2, action="view[zz]", valid=False, error="There is no product 'zz'.")
    (first, second) = step_views([record, refused])
    assert (first.said, first.action, first.cart) == ("This one.", "add_to_cart[k1]", ("2 × Steel kettle",))
    assert (first.tokens, first.seconds) == ({"input": 9, "output": 2}, 0.5)
    assert first.happened == ("put 2 × Steel kettle into the cart",)
    assert second.refused == "There is no product 'zz'."
    assert told_before([record]) == "You shop."


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Event(kind="search", query="a b", results=("x",)), "searched for “a b”, 1 results on the page"),
        (Event(kind="view", product="k1", rank=3), "opened k1, rank 3"),
        (Event(kind="purchase", product="k1", title="Kettle", units=2, price=1234.5), "bought 2 × Kettle at 1,234.50"),
        (Event(kind="remove", product="k1"), "took k1 out of the cart"),
        (Event(kind="next_page", page=2), "went to page 2 of the results"),
        (Event(kind="stop"), "left the shop"),
    ],
)
def test_events_in_words(event: Event, words: str) -> None:
    assert event_words(event) == words


def test_what_the_log_alone_says() -> None:
    assert [step.happened for step in event_views(SESSION)] == [("searched for “kettle”, 2 results on the page",)]


def test_long_texts_are_cut_and_say_so() -> None:
    long = replace(view(("x" * 50, "stop[]")), told="y" * 50)
    cut = shortened(PairView((long,), ""), 20).sessions[0]
    assert cut.steps[0].shown == f"{'x' * 20}\n… 30 more characters: paars view"
    assert cut.told.startswith("y" * 20 + "\n")
    assert shortened(PairView((long,), ""), 50).sessions[0] == long
