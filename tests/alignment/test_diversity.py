"""The measures of variety are right, and compare logs of unequal size."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paars_gym.alignment import hd_d, mattr, rarefied_ttr, tokens, type_token_ratio

words = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=9)


def test_distinct_strings_over_strings() -> None:
    result = type_token_ratio(["a b", "a b", "a c"])
    assert result.value == pytest.approx(0.6667, abs=5e-5)
    assert (result.sizes, result.details["distinct"]) == ({"strings": 3}, 2)
    assert type_token_ratio(["a b", "a b", "a c"], unit="token").value == 0.5


def test_table_4_means_31_queries() -> None:
    assert type_token_ratio([str(i % 31) for i in range(2400)]).value == pytest.approx(0.013, abs=5e-4)


@given(words, st.integers(1, 9))
def test_rarefied_is_the_mean_over_all_subsets(items: list[str], size: int) -> None:
    result = rarefied_ttr(items, size=size)
    if size > len(items):
        assert result.value is None
        assert "Not estimable" in result.note
    else:
        subsets = [len({items[i] for i in chosen}) for chosen in combinations(range(len(items)), size)]
        assert result.value == pytest.approx(np.mean(subsets) / size)


@given(words, st.integers(1, 8))
def test_jackknife_is_that_of_left_out_items(items: list[str], size: int) -> None:
    result, n = rarefied_ttr(items, size=size), len(items)
    if size >= n or size == 1:
        assert result.interval is None
        return
    without = [rarefied_ttr(items[:i] + items[i + 1 :], size=size).value for i in range(n)]
    error = math.sqrt((n - 1) / n * float(((without - np.mean(without)) ** 2).sum()))
    if error < 1e-7:  # every item is as often there as any other
        assert result.interval.low - 1e-9 <= result.value <= result.interval.high + 1e-9
        assert result.interval.method == "rule of three" or result.interval.high - result.value < 1e-6
        return
    assert result.interval is not None
    assert result.interval.high == pytest.approx(min(result.value + 1.959964 * error, 1), abs=1e-6)


def test_sixty_texts_that_leave_the_jackknife_nothing_are_no_proof() -> None:
    unseen = 1 - 0.05 ** (1 / 60)
    alike, different = type_token_ratio(["a", "b"] * 30), type_token_ratio([f"{n}" for n in range(60)])
    assert alike.interval.high == pytest.approx(2 / 60 + unseen)
    assert different.interval.ends == pytest.approx((1 - unseen, 1))


def test_rarefied_compares_sizes_that_the_plain_ratio_cannot() -> None:
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, 3001)
    share /= share.sum()
    traffic = [[rng.choice(3000, size=n, p=share).tolist() for _ in range(10)] for n in (300, 6000)]
    plain = [np.mean([type_token_ratio(list(map(str, each))).value for each in runs]) for runs in traffic]
    rarefied = [np.mean([rarefied_ttr(each, size=300).value for each in runs]) for runs in traffic]
    assert plain[0] > 2 * plain[1]
    assert rarefied[0] == pytest.approx(rarefied[1], abs=0.02)


def test_rarefied_interval_covers() -> None:
    """The jackknife is on the wide side: at least 93%, and not everything."""
    rng = np.random.default_rng(1)
    share = 1 / np.arange(1, 501)
    share /= share.sum()
    truth = float((1 - (1 - share) ** 100).sum()) / 100
    covered = 0
    for _ in range(400):
        interval = rarefied_ttr(rng.choice(500, size=400, p=share).tolist(), size=100).interval
        covered += interval.low <= truth <= interval.high
    assert 0.93 <= covered / 400 < 1


def test_hd_d_is_the_ratio_rarefied_to_42() -> None:
    text = tokens(["the quick brown fox", "jumps over the lazy dog"] * 12)
    missing = [math.comb(len(text) - c, 42) / math.comb(len(text), 42) for c in (24, *[12] * 7)]
    assert hd_d(text).value == pytest.approx(sum(1 - m for m in missing) / 42)


@given(words, st.integers(1, 9))
def test_mattr_is_the_mean_over_windows(items: list[str], window: int) -> None:
    result = mattr(items, window=window)
    if window > len(items):
        assert result.value is None
    else:
        windows = [len(set(items[i : i + window])) / window for i in range(len(items) - window + 1)]
        assert result.value == pytest.approx(np.mean(windows))


def test_mattr_and_hd_d_are_those_of_the_libraries() -> None:
    """Values printed by lexical-diversity 0.1.1 (both) and saphes 0.2.1 (MATTR)."""
    text = (
        "the quick brown fox jumps over the lazy dog while a small red fox sleeps near the old dog and " * 8
    ).split()
    text = [word if i % 7 else f"w{i}" for i, word in enumerate(text)]
    assert mattr(text).value == pytest.approx(0.4628828828828834, rel=1e-9)
    assert hd_d(text).value == pytest.approx(0.48710955454913035, rel=1e-6)


def test_what_is_no_text_is_refused_in_every_mode() -> None:
    for unit in ("string", "token"):
        with pytest.raises(ValueError, match="one string was given"):
            type_token_ratio("abc", unit=unit)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="3 is no text"):
            type_token_ratio(["a", 3], unit=unit)  # type: ignore[list-item, arg-type]
    with pytest.raises(ValueError, match="one string was given"):
        tokens("abc")


def test_tokens_ignore_case() -> None:
    assert tokens(["Red  Shoes", "red hat"]) == ["red", "shoes", "red", "hat"]


def test_one_text_and_all_alike() -> None:
    assert type_token_ratio(["x"]).interval is None
    assert type_token_ratio(["x"] * 10).value == 0.1
    assert rarefied_ttr(["x"] * 10, size=5).value == pytest.approx(0.2)


def test_unusable_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="no texts"):
        type_token_ratio([])
    with pytest.raises(ValueError, match="no texts"):
        mattr([])
    with pytest.raises(ValueError, match="one string"):
        rarefied_ttr("text", size=2)
    with pytest.raises(ValueError, match="size == 0"):
        rarefied_ttr(["a"], size=0)
    with pytest.raises(ValueError, match="window == 0"):
        mattr(["a"], window=0)
    with pytest.raises(ValueError, match="unit == 'word'"):
        type_token_ratio(["a"], unit="word")  # type: ignore[arg-type]
