"""Cases are taken from logged lists only, and the ranks chosen compared as by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from paars_gym.alignment import kl_divergence, mine_rank_cases, score_ranks
from paars_gym.alignment.rank_selection import compare_ranks
from paars_gym.sessions import Event, Session


def search(*results: str) -> Event:
    return Event(kind="search", query="fan", results=results)


def view(product: str) -> Event:
    return Event(kind="view", product=product)


def case(key: str, *events: Event) -> Session:
    return Session(shopper=key, key=key, events=events)


def test_a_case_is_a_logged_list_whose_next_event_opens_one_of_it() -> None:
    sessions = [
        case("a", search("x", "y", "z"), view("z"), view("x"), search("y", "x"), view("y")),
        case("b", search("x", "y"), view("elsewhere")),
        case("c", search("x", "y")),
        case("d", Event(kind="search", query="fan"), view("x")),
    ]
    mined = mine_rank_cases(sessions)
    assert [(c.key, c.results, c.chosen) for c in mined.cases] == [("a", ("x", "y", "z"), 3), ("a", ("y", "x"), 1)]
    assert mined.searches == 4
    assert mined.notes == ("1 views were not of a product on the page before, and left out.",)


def test_ranks_are_compared_as_by_hand() -> None:
    sessions = [case(str(i), search("x", "y", "z"), view("xyz"[i % 3])) for i in range(9)]
    cases = mine_rank_cases(sessions).cases
    selection = score_ranks(cases, [1] * 9, rng=np.random.default_rng(0))
    assert selection.whole.human.tolist() == [3, 3, 3, 0]
    assert selection.whole.agent.tolist() == [9, 0, 0, 0]
    assert selection.whole.kl.value == kl_divergence([3, 3, 3], [9, 0, 0], n_resamples=0).value
    assert selection.whole.w1 is not None
    assert selection.whole.w1.value == pytest.approx(1.0)
    same = score_ranks(cases, [c.chosen for c in cases], rng=np.random.default_rng(0))
    assert same.whole.kl.value == 0.0


def test_ranks_by_any_attribute_are_those_of_the_group_alone() -> None:
    sessions = [case(str(i), search("x", "y", "z"), view("xyz"[i % 3])) for i in range(75)]
    cases = mine_rank_cases(sessions).cases
    label = ["old"] * 30 + ["young"] * 25 + ["a", "b"] * 10
    chosen = [1] * 30 + [2] * 45
    selection = score_ranks(cases, chosen, by=label, rng=np.random.default_rng(0))
    assert list(selection.groups) == ["old", "young", "other (pooled)"]
    assert (selection.pooled, selection.suppressed) == (("a", "b"), 0)
    assert selection.groups["old"].agent.tolist() == [30, 0, 0, 0]
    alone = score_ranks(cases[:30], chosen[:30], rng=np.random.default_rng(0))
    assert selection.groups["old"].js.value == alone.whole.js.value
    for group in selection.groups.values():
        assert group.js.interval is not None
        assert group.js.floor is not None
    few = score_ranks(cases, chosen, by=label, minimum=26, rng=np.random.default_rng(0))
    assert list(few.groups) == ["old", "other (pooled)"]
    assert score_ranks(cases, chosen, rng=np.random.default_rng(0)).groups == {}
    with pytest.raises(ValueError, match="2 labels for 75 cases"):
        score_ranks(cases, chosen, by=["a", "b"], rng=np.random.default_rng(0))
    with pytest.raises(TypeError, match="rng == 0"):
        score_ranks(cases, chosen, rng=0)  # type: ignore[arg-type]


def test_some_cases_can_be_drawn(population: Callable[..., list[Session]]) -> None:
    sessions = population(100, seed=1)
    everything = mine_rank_cases(sessions).cases
    some = mine_rank_cases(sessions, most=10, rng=np.random.default_rng(0)).cases
    assert len(some) == 10
    assert set(some) < set(everything)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="no result lists"):
        mine_rank_cases([case("d", Event(kind="search", query="fan"), view("x"))])
    cases = mine_rank_cases([case("a", search("x", "y"), view("y"))]).cases
    with pytest.raises(ValueError, match=r"choice 3 in case 0, must lie in 1 \.\. 2"):
        score_ranks(cases, [3], rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="2 choices for 1 cases"):
        score_ranks(cases, [1, 1], rng=np.random.default_rng(0))


def test_two_agents_in_the_same_lists_differ_by_their_distances() -> None:
    sessions = [case(f"{i % 12}", search("x", "y", "z"), view("xyz"[i % 3])) for i in range(60)]
    cases = mine_rank_cases(sessions).cases
    first, second = [1 + i % 2 for i in range(60)], [1] * 60
    found = {one.metric: one.estimate for one in compare_ranks(cases, first, second, rng=np.random.default_rng(0))}
    kls = [score_ranks(cases, picks, rng=np.random.default_rng(0)).whole.kl.value for picks in (first, second)]
    assert found["KL"].value == pytest.approx(kls[0] - kls[1])  # type: ignore[operator]
    assert found["W1"].value == pytest.approx(-0.5)
    assert found["W1"].unit == "steps"
    same = compare_ranks(cases, first, first, rng=np.random.default_rng(0))
    assert {one.estimate.value for one in same} == {0.0}
    with pytest.raises(ValueError, match="choice 4 in case 0"):
        compare_ranks(cases, [4] * 60, second, rng=np.random.default_rng(0))
