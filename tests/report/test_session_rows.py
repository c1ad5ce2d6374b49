from __future__ import annotations

import pytest

from paars_gym.report.pages.session_rows import BookRow, SessionRow, choose, outcome_of, row_of
from paars_gym.sessions.event import Event, Intention, Session

SEARCH, VIEW, ADD = (
    Event(kind="search", query="kettle"),
    Event(kind="view", product="k1"),
    Event(kind="add", product="k1"),
)
BUY = Event(kind="purchase", product="k1", units=2, price=3.5)


def row(key: str, outcome: str = "looked and left", **values: object) -> BookRow:
    names = {"steps": 4, "refused": 0, "searches": 1, "views": 2, "units": 0, "spent": 0.0, "tokens": 0}
    filled = {
        "shopper": "s",
        "who": "",
        "need": "n",
        "goal": "buy",
        "cause": "",
        "seconds": None,
        "trace": "t",
        **names,
    }
    return BookRow((SessionRow(key=key, outcome=outcome, **{**filled, **values}),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("events", "end", "outcome"),
    [
        ((SEARCH, VIEW, ADD, BUY), "stop", "bought"),
        ((SEARCH, ADD), "stop", "left a filled cart"),
        ((SEARCH, VIEW), "stop", "looked and left"),
        ((SEARCH,), "stop", "left at once"),
        ((), "stop", "left at once"),
        ((SEARCH, ADD), "max_steps", "cut off"),
        ((SEARCH, VIEW, ADD, BUY), "gave_up", "gave up"),
        ((), "policy_error", "failed"),
    ],
)
def test_what_became_of_a_session(events: tuple[Event, ...], end: str, outcome: str) -> None:
    assert outcome_of(Session(shopper="s", key="k", events=events, end=end)) == outcome  # type: ignore[arg-type]


def test_a_line_by_hand() -> None:
    session = Session(shopper="s", key="k", events=(SEARCH, VIEW, ADD, BUY), intention=Intention(text="a kettle"))
    line = row_of(session, None, {"steps": 6, "invalid": 2, "input": 10, "output": 5, "seconds": 1.5}, None)
    assert (line.steps, line.refused, line.searches, line.views, line.units, line.spent) == (6, 2, 1, 1, 2, 7.0)
    assert (line.tokens, line.seconds, line.need, line.goal, line.outcome) == (15, 1.5, "a kettle", "buy", "bought")


def test_the_first_few_show_each_outcome_and_every_kind_of_reason() -> None:
    rows = [row(f"{number:03}", steps=3 + number % 3) for number in range(200)]
    rows += [row("buys", "bought", units=1), row("fails", "failed", cause="outage"), row("giveup", "gave up")]
    rows += [row("odd", steps=49, views=30), row("refused", refused=7)]
    chosen = choose(rows, 10)
    keys = [one.row.key for one in chosen]
    assert {"buys", "fails", "giveup", "odd", "refused"} <= set(keys)
    assert len(keys) == len(set(keys)) == 10
    by_why = {one.why: one.row.key for one in chosen[::-1]}  # the first one with each reason
    assert by_why["least typical"] == "odd"
    assert by_why["refused actions"] == "refused"
    assert "drawn by lot" in by_why


def test_the_same_are_chosen_whatever_the_order() -> None:
    rows = [row(f"{number:03}", steps=number % 7) for number in range(50)]
    assert {one.row.key for one in choose(rows, 12)} == {one.row.key for one in choose(rows[::-1], 12)}


def test_all_are_chosen_where_there_are_few() -> None:
    assert {one.row.key for one in choose([row("a"), row("b", "failed")], 40)} == {"a", "b"}
    assert choose([], 5) == []
    assert choose([row("a")], 0) == []


def test_pairs_that_part_are_among_the_chosen() -> None:
    same = [BookRow((row(f"{n}").sessions[0], row(f"{n}").sessions[0])) for n in range(30)]
    parted = BookRow((row("p").sessions[0], row("p", "bought", trace="u").sessions[0]))
    assert parted.parted
    assert parted.outcome == "looked and left / bought"
    assert "p" in [one.row.key for one in choose([*same, parted], 3)]
