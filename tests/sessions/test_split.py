from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from paars_gym.sessions import Provenance, Session, Store, split_by_shopper, split_by_time, write_sessions
from paars_gym.sessions.split import check_split, is_held_out, split_held_out
from tests.sessions.test_store import NOON, visit


@pytest.fixture
def store(tmp_path):
    sessions = [
        visit(f"{shopper}/{day}", "search", "view", "purchase", shopper=shopper, start=NOON + timedelta(days=day))
        for shopper in ("ann", "bob", "cem", "dot", "eve")
        for day in range(4)
    ]
    sessions.append(Session(shopper="fay", key="empty", start=NOON))
    return write_sessions(tmp_path / "all", sessions, provenance=Provenance(name="mine"))


def test_by_time_nothing_of_the_test_is_known_before(store, tmp_path):
    # bob's session of that day began a second before the date: it runs across, and is in neither
    at = NOON + timedelta(days=3, seconds=1)
    crossing = [*store, visit("late", "view", shopper="gil", start=at)]
    both = write_sessions(tmp_path / "more", crossing, provenance=store.provenance)
    split = split_by_time(both, tmp_path / "split", at=at)
    assert (len(split.train), len(split.test), split.dropped) == (16, 1, 5)
    assert list(Store(tmp_path / "split" / "test")) == [crossing[-1]]
    expected = [one for one in crossing if one.start is not None and one.start < NOON + timedelta(days=3)]
    assert list(split.train) == expected
    assert split.test.provenance.name == "mine"
    assert f"Test side of a split by time at {at.isoformat()}." in split.test.provenance.notes


def test_by_time_a_fraction(store, tmp_path):
    split = split_by_time(store, tmp_path / "split", fraction=0.25)
    assert (len(split.train), len(split.test), split.dropped) == (16, 5, 0)
    assert {session.start for session in split.test} == {NOON + timedelta(days=3)}


def test_by_shopper_is_seeded_and_whole(store, tmp_path):
    split = split_by_shopper(store, tmp_path / "a", fraction=0.5, seed=1)
    held = {session.shopper for session in split.test}
    assert len(held) == 3
    assert not held & {session.shopper for session in split.train}
    assert len(split.train) + len(split.test) == len(store)
    assert sorted([*split.train, *split.test], key=lambda one: one.key) == sorted(store, key=lambda one: one.key)
    again = split_by_shopper(store, tmp_path / "b", fraction=0.5, seed=1)
    assert {session.shopper for session in again.test} == held
    drawn = [
        frozenset(one.shopper for one in split_by_shopper(store, tmp_path / f"s{seed}", fraction=0.5, seed=seed).test)
        for seed in range(5)
    ]
    assert len(set(drawn)) > 1


def test_a_leak_is_found(store, tmp_path):
    copy = write_sessions(tmp_path / "copy", [visit("other", "view", start=NOON)], provenance=Provenance())
    with pytest.raises(ValueError, match="1 shoppers are on both sides, 'ann' first"):
        check_split(store, copy, by="shopper")
    with pytest.raises(ValueError, match="training events run to"):
        check_split(store, copy, by="time")
    with pytest.raises(ValueError, match="21 keys are on both sides"):
        check_split(store, store, by="time")


def test_what_cannot_be_split(store, tmp_path):
    for fraction in (0.0, 1.0, -1.0):
        with pytest.raises(ValueError, match="must be above 0 and below 1"):
            split_by_shopper(store, tmp_path / "x", fraction=fraction)
    with pytest.raises(ValueError, match="no time zone"):
        split_by_time(store, tmp_path / "x", at=datetime(2026, 5, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="0 to test"):
        split_by_time(store, tmp_path / "x", at=NOON + timedelta(days=99))
    untimed = write_sessions(tmp_path / "u", [visit("1")], provenance=Provenance(times="none"))
    with pytest.raises(ValueError, match="split this log by shopper"):
        split_by_time(untimed, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_who_is_held_out_depends_on_the_name_alone():
    names = [f"shopper-{index}" for index in range(4_000)]
    held_out = [is_held_out(name) for name in names]
    assert held_out == [is_held_out(name) for name in names]
    assert sum(held_out) == pytest.approx(2_000, abs=150)
    # A smaller share is a part of a larger one, and another salt another split.
    assert all(is_held_out(name) for name in names if is_held_out(name, fraction=0.2))
    both = sum(one and is_held_out(name, salt="choice") for name, one in zip(names, held_out, strict=True))
    assert both == pytest.approx(1_000, abs=120)
    with pytest.raises(ValueError, match="fraction == 1"):
        is_held_out("ann", fraction=1)


def test_the_half_that_judges_is_the_one_that_is_held_out(tmp_path):
    names = ("fay", "gil", "hal", "ida")
    store = write_sessions(
        tmp_path / "all",
        [visit(f"{name}/{day}", "view", shopper=name, start=NOON) for name in names for day in range(3)],
        provenance=Provenance(name="mine"),
    )
    split = split_held_out(store, tmp_path / "halves")
    sides = [{session.shopper for session in side} for side in (split.train, split.test)]
    assert sides == [{"hal", "ida"}, {"fay", "gil"}]
    assert all(is_held_out(name) for name in sides[1])
    assert not any(is_held_out(name) for name in sides[0])
    assert len(split.train) + len(split.test) == len(store)
