from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.personas.persona import render
from paars_gym.sessions.event import Session
from paars_gym.shop.open import open_shop
from paars_gym.shop.shop import Shop
from paars_gym.synthetic.people import SEGMENTS, Luck
from paars_gym.synthetic.visit import mistyped
from paars_gym.synthetic.world import AS_OF, DAYS, World, mini_world


@pytest.fixture(scope="module")
def shop() -> Shop:
    return open_shop("mini", "bm25")


@pytest.fixture(scope="module")
def world(shop: Shop) -> World:
    return mini_world(shop, n_shoppers=80, seed=3)


@pytest.fixture(scope="module")
def sessions(world: World) -> list[Session]:
    return world.humans(1000)


def test_the_same_seed_gives_the_same_people_and_another_seed_others(shop: Shop, world: World) -> None:
    again, other = mini_world(shop, n_shoppers=20, seed=3), mini_world(shop, n_shoppers=20, seed=4)
    # More people have no influence on who the first ones are.
    assert again.personas == world.personas[:20]
    assert other.people != again.people
    assert again.humans(40) == mini_world(shop, n_shoppers=20, seed=3).humans(40) != other.humans(40)


def test_a_session_does_not_depend_on_how_many_are_asked_for(world: World, sessions: list[Session]) -> None:
    assert sessions[:25] == world.humans(25)


def test_intentions_are_what_the_sessions_are_for_and_no_more(world: World, sessions: list[Session]) -> None:
    mined = world.mined_intentions(80)
    known = [(session.intention, session.shopper, session.start) for session in sessions[:80]]
    assert [(one.intention, one.shopper, one.start) for one in mined] == known
    assert all(one.intention.target is None for one in mined)
    assert set(Counter(intention.goal for intention in world.intentions(300))) == {"buy", "compare", "browse"}


def test_sessions_lie_in_their_weeks_and_their_clocks_run_forward(sessions: list[Session]) -> None:
    for session in sessions[:150]:
        times = [event.time for event in session.events]
        assert session.start is not None
        assert 0 <= (session.start - AS_OF).days < DAYS
        assert all(time is not None and time.utcoffset() is not None for time in times)
        assert times == sorted(times)  # type: ignore[type-var]
        assert times[0] is not None
        assert times[0] > session.start
        assert session.events[-1].kind == "stop"


def test_ranks_are_those_of_the_shops_own_lists(sessions: list[Session]) -> None:
    ranked = 0
    for session in sessions[:150]:
        shown: tuple[str, ...] = ()
        first = 0
        for event in session.events:
            if event.kind in ("search", "next_page"):
                assert event.results is not None
                shown, first = event.results, 10 * ((event.page or 1) - 1)
            elif event.kind == "view" and event.rank is not None:
                assert shown[event.rank - 1 - first] == event.product
                ranked += 1
    assert ranked > 100


def test_marginals_are_plausible(sessions: list[Session]) -> None:
    bought = np.array([session.count("purchase") > 0 for session in sessions])
    carts = np.array([session.count("add") > 0 for session in sessions])
    views = np.array([session.count("view") for session in sessions])
    assert 0.03 <= bought.mean() <= 0.10
    assert bought.sum() < 0.75 * carts.sum(), "carts are abandoned"
    assert views.max() >= 5 * views.mean(), "few people open very many products"
    assert 0.1 < (views == 0).mean() < 0.5
    per_person = np.array(sorted(Counter(session.shopper for session in sessions).values()))
    assert per_person[-8:].sum() > 0.25 * len(sessions), "a tenth of the people make a quarter of the visits"


def test_people_repeat_mistype_and_come_back(sessions: list[Session]) -> None:
    repeated = sum(
        len(queries) > len(set(queries))
        for session in sessions
        if (queries := [event.query for event in session.events if event.kind == "search"])
    )
    revisits = sum(
        len(products) > len(set(products))
        for session in sessions
        if (products := [event.product for event in session.events if event.kind == "view"])
    )
    empty = sum(event.results == () for session in sessions for event in session.events)
    usual = Counter((s.shopper, s.events[0].query) for s in sessions if s.events[0].kind == "search")
    assert repeated > 20
    assert revisits > 50
    assert empty > 10, "some slips find nothing"
    assert sum(count > 1 for count in usual.values()) > 20, "the same first query on another day"


def test_each_task_of_the_suite_can_be_mined(sessions: list[Session]) -> None:
    quick = [
        (event.query, after.product)
        for session in sessions
        for event, after in zip(session.events, session.events[1:], strict=False)
        if event.kind == "search"
        and after.kind == "view"
        and event.time is not None
        and after.time is not None
        and (after.time - event.time).total_seconds() < 60
    ]
    assert len(quick) > 150
    assert sum(session.count("purchase") for session in sessions) > 15


def test_personas_say_that_they_are_invented_and_hold_only_the_past(world: World) -> None:
    assert world.synthetic
    assert world.provenance.synthetic
    assert "synthetic" in world.name
    assert {persona.source for persona in world.personas} == {"synthetic"}
    assert len({persona.shopper for persona in world.personas}) == 80
    for person in world.people[:30]:
        history = world.history(person)
        assert all(session.start is not None and session.start < AS_OF for session in history.sessions)
    bought = [sum(s.count("purchase") for s in world.history(person).sessions) for person in world.people]
    assert [persona.purchases_before for persona in world.personas] == bought
    assert max(bought) > 0
    texts = [render(persona, "persona") for persona in world.personas]
    assert len(set(texts)) == 80
    assert any("searched" in text and "bought" in text for text in texts)


def test_segments_differ_where_they_should(world: World, sessions: list[Session]) -> None:
    assert sum(segment.share for segment in SEGMENTS) == pytest.approx(1)
    names = {person.name: person.segment.name for person in world.people}
    goals: dict[str, Counter[str]] = {segment.name: Counter() for segment in SEGMENTS}
    for session in sessions:
        assert session.intention is not None
        goals[names[session.shopper]][session.intention.goal] += 1
    assert goals["errand runner"]["buy"] > goals["errand runner"]["browse"]
    assert goals["window shopper"]["browse"] > goals["window shopper"]["buy"]


def test_a_slip_is_one_slip() -> None:
    luck = Luck(np.random.default_rng(0))
    slips = {mistyped("running shoes", luck) for _ in range(200)}
    assert len(slips) > 20
    assert all(abs(len(slip) - 13) <= 1 and slip[0] == "r" for slip in slips)


def test_it_works_in_any_shop(catalog: Catalog) -> None:
    sessions = World(Shop(catalog, open_ranking(catalog)), n_shoppers=5, seed=0).humans(40)
    assert any(session.count("view") for session in sessions)


def open_ranking(catalog: Catalog):  # type: ignore[no-untyped-def]
    from paars_gym.ranking.registry import make_ranking

    return make_ranking("bm25", catalog)


def test_impossible_numbers_are_refused(world: World) -> None:
    with pytest.raises(ValueError, match="n_shoppers == 0"):
        mini_world(world.shop, n_shoppers=0)
    with pytest.raises(ValueError, match="n_sessions == 0"):
        world.humans(0)
    with pytest.raises(ValueError, match="seed == -1"):
        mini_world(world.shop, seed=-1)
