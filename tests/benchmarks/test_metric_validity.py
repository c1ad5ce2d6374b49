"""Shares of intervals that hold, and of samples that are noticed, are what they are by construction."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.metric_validity import QUERIES, Share, changed, intervals_hold, noticed

PEOPLE = np.array([0.3, 0.3, 0.2, 0.1, 0.1])


def test_changed_people_are_still_a_population() -> None:
    for name, agents in changed(PEOPLE).items():
        assert agents.sum() == pytest.approx(1)
        assert agents.min() > 0, name
        assert (agents @ np.arange(5)) >= PEOPLE @ np.arange(5)


def test_intervals_mostly_hold() -> None:
    shares = intervals_hold(PEOPLE, changed(PEOPLE)["50% view one more"], 400, 40, np.random.default_rng(0))
    assert set(shares) == {"KL", "JS", "W1"}
    assert all(one.runs == 40 and one.hits >= 32 for one in shares.values()), shares


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_other_words_are_noticed_and_the_same_are_not(share: float) -> None:
    rng = np.random.default_rng(1)
    typed, drawn = (rng.standard_normal((2 * QUERIES, 6)).astype(np.float32) + far for far in (0, 3))
    typed, drawn = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (typed, drawn))
    shares = noticed(typed, drawn, share, 2, rng)
    assert {one.runs for one in shares.values()} == {2}
    assert shares["energy distance"].hits == 2 * share
    assert shares["C2ST AUC"].hits == 2 * share


def test_a_share_shows_its_interval() -> None:
    assert str(Share(5, 10)) == "50% [24, 76]"
