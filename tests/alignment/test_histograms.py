"""Counts, ranks and actions land in the bins they should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paars_gym.alignment import Bins, count_bins, histogram, joint_histogram, rank_bins, transition_histogram
from paars_gym.alignment.histograms import JOINT_BINS


def test_counts_have_unit_bins_to_twenty_and_one_above() -> None:
    bins = count_bins()
    assert len(bins) == 22
    assert bins.labels[0] == "0"
    assert bins.labels[20:] == ("20", ">20")
    assert bins.codes([0, 20, 21, 10**9]).tolist() == [0, 20, 21, 21]


def test_ranks_have_one_bin_a_position() -> None:
    assert rank_bins(3).labels == ("1", "2", "3", ">3")
    assert histogram([1, 1, 3, 7], rank_bins(3)).tolist() == [2, 0, 1, 1]


def test_wide_bins_are_named_by_their_ends() -> None:
    assert JOINT_BINS.labels == ("0", "1", "2", "3-5", "6-10", ">10")


def test_clusters_give_one_row_each() -> None:
    table = histogram([0, 1, 1, 2], count_bins(1), clusters=["b", "a", "b", "a"])
    assert table.tolist() == [[0, 1, 1], [1, 1, 0]]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 3)), min_size=1))
def test_rows_of_clusters_add_up_to_the_histogram(rows: list[tuple[int, int]]) -> None:
    values, owners = zip(*rows, strict=True)
    table = histogram(values, count_bins(), owners)
    assert np.array_equal(table.sum(axis=0), histogram(values, count_bins()))


def test_joint_counts_tell_apart_what_marginals_cannot() -> None:
    searches, views = [1, 1, 2, 2], [1, 1, 2, 2]
    crossed = [2, 2, 1, 1]
    assert np.array_equal(histogram(views, count_bins()), histogram(crossed, count_bins()))
    assert not np.array_equal(joint_histogram([searches, views]), joint_histogram([searches, crossed]))
    assert joint_histogram([searches, views]).shape == (36,)


def test_transitions_include_start_and_end() -> None:
    # Two sessions over the kinds 0 and 1: (0, 1) and (0).
    table = transition_histogram([0, 1, 0], ["x", "x", "y"], kinds=2).reshape(3, 3)
    assert table.tolist() == [[0, 1, 1], [0, 0, 1], [2, 0, 0]]


def test_transitions_do_not_depend_on_the_order_of_sessions() -> None:
    one = transition_histogram([0, 1, 2, 2, 0], [1, 1, 1, 2, 2], kinds=3)
    other = transition_histogram([2, 0, 0, 1, 2], [2, 2, 1, 1, 1], kinds=3)
    assert np.array_equal(one, other)


def test_transitions_by_cluster_add_up() -> None:
    actions, sessions = [0, 1, 0, 1, 1], [1, 1, 2, 3, 3]
    table = transition_histogram(actions, sessions, kinds=2, clusters=[7, 7, 8, 7, 7])
    assert table.shape == (2, 9)
    assert np.array_equal(table.sum(axis=0), transition_histogram(actions, sessions, kinds=2))


def test_no_session_at_all_counts_nothing() -> None:
    assert histogram([], count_bins()).sum() == 0
    assert transition_histogram([], [], kinds=2).sum() == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: count_bins().codes([-1]), "below the first bin"),
        (lambda: rank_bins(3).codes([0]), "below the first bin"),
        (lambda: count_bins().codes([0.5]), "whole numbers"),
        (lambda: count_bins().codes([np.nan]), "whole numbers"),
        (lambda: Bins((2, 1)), "rising"),
        (lambda: Bins(()), "rising"),
        (lambda: histogram([1, 2], count_bins(), [1]), "as many"),
        (lambda: joint_histogram([[1, 2], [1]]), "equally long"),
        (lambda: transition_histogram([3], [0], kinds=2), "0 .. 1"),
        (lambda: transition_histogram([0, 1], [0], kinds=2), "as many"),
    ],
)
def test_what_has_no_bin_is_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
