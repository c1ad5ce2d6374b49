"""Cases hold no trace of what was bought, and their distractors are what the protocol says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paars_gym.alignment.item_selection import (
    OPTIONS,
    PROTOCOLS,
    DistractorOptions,
    ItemCases,
    Protocol,
    mine_item_cases,
)
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.sessions.event import Event, Session
from paars_gym.sessions.purchases import ProductLog, read_products
from paars_gym.sessions.store import Provenance
from paars_gym.sessions.writer import write_sessions

START = datetime(2020, 1, 1, 12, tzinfo=UTC)
CATEGORIES, EACH, HOUSEHOLDS, VISITS = 12, 15, 30, 12


def products() -> list[Product]:
    """Products whose titles occur twice: under two ids that differ, and once in other letters."""
    made = []
    for category in range(CATEGORIES):
        for number in range(EACH):
            title = f"Thing {category} {number // 2}" if number % 2 else f"thing  {category} {number // 2}"
            made.append(
                Product(
                    id=f"p{category:02d}{number:02d}",
                    title=title,
                    category=("Shop", f"Kind {category}"),
                    available=number != 0,
                )
            )
    return made


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> ProductLog:
    """Thirty households that buy in three categories each, and look at something in each basket."""
    rng = np.random.default_rng(5)
    catalog = Catalog.from_products(products())
    sessions = []
    for household in range(HOUSEHOLDS):
        kinds = rng.choice(CATEGORIES, 3, replace=False)
        for visit in range(VISITS):
            start = START + timedelta(days=visit, minutes=household)
            chosen = [f"p{rng.choice(kinds):02d}{rng.integers(EACH):02d}" for _ in range(5)]
            events = [Event(kind="search", time=start, query="x", results=())]
            events += [Event(kind="view", time=start, product=chosen[0], rank=1)]
            events += [Event(kind="purchase", time=start, product=key, units=1, price=2.0) for key in chosen[1:]]
            events += [Event(kind="purchase", time=start, product="elsewhere", units=1)]
            sessions.append(
                Session(shopper=f"h{household:02d}", key=f"{household}-{visit}", start=start, events=tuple(events))
            )
    folder = tmp_path_factory.mktemp("log")
    store = write_sessions(folder / "store", sessions, provenance=Provenance(name="test", synthetic=True))
    return read_products(store, catalog)


def mined(log: ProductLog, protocol: Protocol, **options: Any) -> ItemCases:
    return mine_item_cases(log, protocol=protocol, **({"min_known": 5, "seed": 1} | options))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_trace_of_any_of_the_four_is_left_by_title(log: ProductLog, protocol: Protocol) -> None:
    cases = mined(log, protocol)
    removed = removed_by_title_alone = 0
    for index, case in enumerate(cases):
        titles = {" ".join(log.catalog[key].title.casefold().split()) for key in case.options}
        history = cases.history(index)
        for session in history.sessions:
            for event in session.events:
                assert " ".join((event.title or "").casefold().split()) not in titles
                assert event.product not in case.options
        first, end = log.bounds[cases.shopper[index]], cases.entry[index]
        removed += (end - first) - len(cases.known(index))
        ids = np.isin(log.row[first:end], cases.options[index])
        removed_by_title_alone += (end - first) - len(cases.known(index)) - ids.sum()
    assert removed > 50
    assert removed_by_title_alone > 20, "the same title under another id goes too"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_only_what_lies_before_the_basket_is_known_and_nothing_else_is_lost(
    log: ProductLog, protocol: Protocol
) -> None:
    cases = mined(log, protocol)
    for index, case in enumerate(cases):
        history = cases.history(index)
        assert history.shopper == case.shopper
        assert history.as_of == case.as_of
        assert all(session.start is not None and session.start < case.as_of for session in history.sessions)
        events = [event for session in history.sessions for event in session.events]
        assert len(events) == len(cases.known(index))
        assert {event.kind for event in events} <= {"view", "purchase"}
        first, end = log.bounds[cases.shopper[index]], cases.entry[index]
        banned = set(log.title[cases.options[index]].tolist())
        assert len(events) == sum(int(log.title[row]) not in banned for row in log.row[first:end])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_answer_was_bought_in_one_of_the_last_two_baskets(log: ProductLog, protocol: Protocol) -> None:
    cases = mined(log, protocol)
    assert max(Counter(case.shopper for case in cases).values()) == 2
    for index, case in enumerate(cases):
        inside = np.flatnonzero(log.session == log.session[cases.entry[index]])
        basket = log.row[inside[log.bought[inside]]]
        assert log.catalog.row(case.options[case.answer]) in basket
        assert case.as_of >= START + timedelta(days=VISITS - 2)
        assert len({int(log.title[row]) for row in cases.options[index]}) == OPTIONS


def test_the_papers_distractors_are_of_no_category_of_interest(log: ProductLog) -> None:
    cases = mined(log, "interests")
    assert len(cases) > 40
    for index, case in enumerate(cases):
        mine = slice(log.bounds[cases.shopper[index]], cases.entry[index])
        interests = {log.catalog.value("category", int(row))[1] for row in np.unique(log.row[mine])}
        for place, key in enumerate(case.options):
            if place != case.answer:
                assert log.catalog[key].category[1] not in interests
                assert log.catalog[key].available


def test_matched_distractors_leave_popularity_no_say_and_were_never_bought(log: ProductLog) -> None:
    cases = mined(log, "popularity", distractors=DistractorOptions(window=10))
    demand = cases.others_purchases
    picked = demand + np.random.default_rng(0).random(demand.shape)
    right = (picked.argmax(axis=1) == cases.answer).mean()
    assert right < 0.45
    assert np.abs(demand - demand[np.arange(len(cases)), cases.answer][:, None]).mean() < demand.std()
    for index in range(len(cases)):
        mine = slice(log.bounds[cases.shopper[index]], log.bounds[cases.shopper[index] + 1])
        wrong = np.delete(cases.options[index], cases.answer[index])
        assert not np.isin(wrong, log.row[mine]).any()


def test_popularity_does_not_count_the_household_itself(log: ProductLog) -> None:
    cases = mined(log, "popularity")
    shopper, row = int(cases.shopper[0]), int(cases.options[0, 0])
    others = np.ones(len(log), dtype=bool)
    others[log.bounds[shopper] : log.bounds[shopper + 1]] = False
    assert cases.others_purchases[0, 0] == (log.bought & others & (log.row == row)).sum()


def test_the_order_is_random_and_the_seed_decides(log: ProductLog) -> None:
    cases = mined(log, "interests")
    assert set(cases.answer.tolist()) == set(range(OPTIONS))
    assert list(mined(log, "interests")) == list(cases)
    assert list(mined(log, "interests", seed=2)) != list(cases)


def test_fewer_cases_are_some_of_the_same(log: ProductLog) -> None:
    every, some = list(mined(log, "interests")), list(mined(log, "interests", n_cases=35))
    assert len(some) == 35
    assert set(some) < set(every)
    assert len({case.shopper for case in some}) == HOUSEHOLDS, "every household's last basket comes first"


def test_too_little_history_gives_no_case(log: ProductLog) -> None:
    cases = mined(log, "interests", min_known=10_000)
    assert len(cases) == 0
    assert cases.without_history == 2 * HOUSEHOLDS


def test_products_that_the_catalog_lacks_are_no_entries(log: ProductLog) -> None:
    assert len(log) == HOUSEHOLDS * VISITS * 5
    assert log.bought.sum() == HOUSEHOLDS * VISITS * 4


def test_impossible_settings_are_refused(log: ProductLog, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Unknown protocol 'x'"):
        mine_item_cases(log, protocol="x")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="n_cases == 0"):
        mined(log, "interests", n_cases=0)
    untimed = [Session(shopper="a", key="a", events=(Event(kind="view", product="p0001"),))]
    store = write_sessions(tmp_path / "untimed", untimed, provenance=Provenance(times="none"))
    with pytest.raises(ValueError, match="Times are on 'none'"):
        read_products(store, log.catalog)
