"""Navigation is counted as by hand, stands beside people's, and is unknown where a log has not recorded it."""

from __future__ import annotations

import io

import numpy as np
import pytest

from paars_gym.alignment import score
from paars_gym.alignment.navigation import FILTERED, RETURNS, SORTED, TURNS
from paars_gym.alignment.session_generation import navigation_counts
from paars_gym.alignment.session_log import open_log
from paars_gym.alignment.session_shares import SHARE, clustered_share, share_difference_p
from paars_gym.catalog.filters import Filters
from paars_gym.report.alignment import render
from paars_gym.report.printing import Printer
from paars_gym.sessions import Event, Provenance, Session, write_sessions


def search(*, filters: Filters | None = None, sort: str | None = "relevance") -> Event:
    return Event(kind="search", query="fan", filters=filters, sort=sort)  # type: ignore[arg-type]


def view(product: str) -> Event:
    return Event(kind="view", product=product)


TURN, ADD = Event(kind="next_page", query="fan", page=2), Event(kind="add", product="a")


def session(number: int, *events: Event, shopper: str = "") -> Session:
    return Session(shopper=shopper or f"s{number}", key=str(number), events=events)


BY_HAND = {
    # events: turns, filtered, sorted, returns
    (search(), view("a"), view("b")): (0, 0, 0, 1),
    (search(), view("a"), ADD, view("b"), TURN, view("c")): (1, 0, 0, 2),  # to b, and to the next page
    (search(), view("a"), view("a")): (0, 0, 0, 0),  # a page loaded again
    (view("a"), view("b"), search(), view("c")): (0, 0, 0, 0),  # no results yet
    (search(), view("a"), search(filters=Filters(max_price=9)), view("b")): (0, 1, 0, 0),
    (search(sort="price_low"), search(filters=Filters()), search(sort=None)): (0, 1, 1, 0),
    (): (0, 0, 0, 0),
}


def test_each_way_is_counted_as_by_hand() -> None:
    log = open_log([session(i, *events) for i, events in enumerate(BY_HAND)])
    counts = navigation_counts(log)
    found = np.stack([counts[name] for name in (TURNS, FILTERED, SORTED, RETURNS)], axis=1)
    assert [tuple(row) for row in found.tolist()] == list(BY_HAND.values())


def population(n: int, turns: float, *, seed: int, shoppers: int | None = None) -> list[Session]:
    rng = np.random.default_rng(seed)
    inclined = rng.random(shoppers or n) < turns  # a shopper always turns, or never
    owners = np.arange(n) % (shoppers or n)
    return [
        session(i, search(), *[TURN] * int(inclined[owner]), view("a"), shopper=f"s{owner}")
        for i, owner in enumerate(owners)
    ]


def test_the_share_that_turns_pages_stands_beside_that_of_people() -> None:
    human, same, other = (population(400, share, seed=i) for i, share in enumerate((0.3, 0.3, 0.6)))
    report = score(human, same, baseline=other, embedder=None)
    people, agents, baseline = (
        report.find(TURNS, SHARE, population=role).estimate for role in ("human", "agents", "baseline")
    )
    assert people.low < 0.3 < people.high  # type: ignore[operator]
    assert agents.floor == baseline.floor == people.value
    assert (agents.verdict, baseline.verdict) == ("not told apart", "differs")
    assert report.find(TURNS, "JS").estimate.verdict == "not told apart"
    assert report.find(TURNS, "JS", population="baseline").estimate.verdict == "differs"
    assert any(each.of == TURNS and each.estimate.verdict == "closer" for each in report.improvements)


def test_what_a_log_does_not_record_is_unknown_and_the_row_says_so(tmp_path) -> None:  # type: ignore[no-untyped-def]
    people = write_sessions(
        tmp_path / "people",
        population(40, 0.5, seed=1),
        provenance=Provenance(name="people", what_is_known=("searches", "views", "purchases")),
    )
    report = score(people, population(40, 0.5, seed=2), embedder=None)
    assert not {TURNS, FILTERED, SORTED} & {each.of for each in report.measures}
    console = Printer(width=80, record=True, file=io.StringIO())
    console.print(render(report))
    rows = [line.strip() for line in console.export_text().splitlines()]
    for of in (TURNS, FILTERED, SORTED):
        assert rows[rows.index(of) + 1] == "not recorded: human"
    assert rows[rows.index(RETURNS) + 1] == "nobody does it"


def test_a_run_of_before_records_navigation_too(tmp_path) -> None:  # type: ignore[no-untyped-def]
    old = Provenance(name="run", format="paars simulate", what_is_known=("searches", "views", "purchases"))
    store = write_sessions(tmp_path / "run", population(40, 0.5, seed=1), provenance=old)
    assert set(navigation_counts(open_log(store))) == {TURNS, FILTERED, SORTED, RETURNS}


@pytest.mark.parametrize("per_shopper", [1, 8])
def test_intervals_cover_and_the_test_keeps_its_level(per_shopper: int) -> None:
    """Shoppers who always or never do it: eight sessions of one say no more than one. 400 draws: 95% +- 2.2."""
    rng = np.random.default_rng(per_shopper)
    covered = differs = 0
    for _ in range(400):
        sides = []
        for shoppers in (40, 60):
            does = np.repeat(rng.random(shoppers) < 0.25, per_shopper)
            sides.append(clustered_share(does, np.repeat(np.arange(shoppers), per_shopper)))
        interval = sides[0].estimate().interval
        covered += 0.25 in interval  # type: ignore[operator]
        differs += share_difference_p(*sides) < 0.05
    assert covered >= 0.92 * 400
    assert differs <= 0.08 * 400


def test_a_share_of_none_says_how_many_may_have_been_missed() -> None:
    nobody = clustered_share([False] * 30, np.arange(30) % 10)
    assert (nobody.value, nobody.shoppers) == (0.0, 10)
    assert 0.2 < nobody.estimate().high < 0.4  # type: ignore[operator]
    assert share_difference_p(nobody, nobody) == 1.0
    assert clustered_share([True, False], [0, 0]).estimate().interval is None
    with pytest.raises(ValueError, match="2 sessions of 1 shoppers"):
        clustered_share([True, False], [0])
