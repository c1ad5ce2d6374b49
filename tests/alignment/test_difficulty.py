"""Perplexity is conditional, its fallback is never mistaken for it, and quartiles of either are worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from paars_gym.alignment import (
    LanguageModel,
    by_stratum,
    conditional_perplexity,
    overlap_difficulty,
    quantile_strata,
)


class Copying:
    """A model by hand: a word of the context has probability ½, any other 1/100."""

    name = "copying"

    def conditional_log_prob(self, context: str, continuation: str) -> list[float]:
        return [math.log(0.5 if word in context.split() else 0.01) for word in continuation.split()]


def test_it_is_the_geometric_mean_over_the_querys_tokens() -> None:
    model: LanguageModel = Copying()
    values = conditional_perplexity(model, ["red shoes for men"] * 3, ["red shoes", "red hat", "  "])
    assert values[:2] == pytest.approx([2, math.sqrt(2 * 100)])
    assert math.isnan(values[2])


def test_a_broken_model_is_named() -> None:
    class Broken(Copying):
        def conditional_log_prob(self, context: str, continuation: str) -> list[float]:
            return [0.3]

    with pytest.raises(ValueError, match="copying gave log probabilities"):
        conditional_perplexity(Broken(), ["a"], ["b"])
    with pytest.raises(ValueError, match="as many"):
        conditional_perplexity(Copying(), ["a"], [])


def test_overlap_is_the_share_of_words_that_the_title_lacks() -> None:
    values = overlap_difficulty(["Red running shoes, men's"] * 4, ["red shoes", "Red HAT", "hat", "!"])
    assert values[:3] == pytest.approx([0, 0.5, 1])
    assert math.isnan(values[3])
    with pytest.raises(ValueError, match="as many"):
        overlap_difficulty(["a"], [])


def test_quantiles_share_out_the_cases() -> None:
    assert quantile_strata([5, 1, 3, 7, 2, 8, 4, 6]).tolist() == [2, 0, 1, 3, 0, 3, 1, 2]
    assert len(set(quantile_strata([1.0] * 9).tolist())) == 1  # ties stay together


def test_figure_2_by_hand() -> None:
    strata = by_stratum([1.0, 0.8, 0.4, 0.2], [10, 20, 300, 400], strata=2)
    assert [stratum.mean.value for stratum in strata] == pytest.approx([0.9, 0.3])
    assert [(stratum.easiest, stratum.hardest, stratum.mean.sizes["cases"]) for stratum in strata] == [
        (10, 20, 2),
        (300, 400, 2),
    ]
    assert strata[0].label == "Q1"
    assert strata[0].mean.high == pytest.approx(0.9 + 12.7062 * 0.1, abs=1e-3)  # t with one degree of freedom


def test_tied_quantiles_are_fewer_strata_and_none_is_empty() -> None:
    def labels(difficulty: list[float], strata: int = 4) -> list[tuple[str, int]]:
        return [
            (s.label, s.mean.sizes["cases"]) for s in by_stratum(np.ones(len(difficulty)), difficulty, strata=strata)
        ]

    assert labels([3, 3], 2) == [("Q1-Q2", 2)]
    assert labels([0] * 8 + [1, 2]) == [("Q1-Q3", 8), ("Q4", 2)]
    assert labels([0, 1, 2, 5, 5, 5, 5, 5, 5, 5]) == [("Q1", 3), ("Q2-Q4", 7)]
    assert labels([0, 1] * 4) == [("Q1-Q2", 4), ("Q3-Q4", 4)]
    alone = by_stratum([1.0, 2.0, 3.0], [1, 2, 3], strata=2)[1].mean
    assert (alone.sizes, alone.interval) == ({"cases": 1}, None)
    assert "one case" in alone.note
