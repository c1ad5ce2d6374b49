"""Perplexity is conditional, and its fallback is never mistaken for it."""

from __future__ import annotations

import math

import pytest

from paars_gym.alignment import LanguageModel, conditional_perplexity, overlap_difficulty


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
