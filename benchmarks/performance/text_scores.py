"""What reading a shared context once saves choice by likelihood.

The four titles of an item question follow a household's persona; the time is that of one thread. The whole texts are
what a model without a cache would read. The two ways have to agree to a thousandth of a nat.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.household_choices import HouseholdChoices
from benchmarks.model_rows import one_thread
from benchmarks.performance.rows import SpeedRow, at_most
from paars_gym.alignment.language_model import CausalLM, load_language_model
from paars_gym.prompts import LIKELY_ITEM
from paars_gym.shoppers.text_likelihood import asked_of, who_is_told
from paars_gym.shoppers.text_scorers import WINDOW
from paars_gym.tasks.persona_sources import HISTORY_TOKENS as MOST_TOKENS

CASES = 4
ELSEWHERE = "You were in another shop, and bought one thing."
AGREEMENT = 1e-3
"""Nats by which a token's log-probability may differ."""


class ReadingTimes(NamedTuple):
    """Of one question, means over the cases.

    Attributes:
        whole: Processor seconds, each title read with its context.
        once: Processor seconds, the context read once.
        again: Processor seconds of another question to the same persona: only what differs is read.
        difference: Largest difference of a token's log-probability, nats.
    """

    whole: float
    once: float
    again: float
    difference: float


def measure(model: CausalLM, cases: int = CASES) -> ReadingTimes:
    """Times the two ways of scoring on households that are set aside.

    Args:
        model: Which.
        cases: How many questions.
    """
    choices = HouseholdChoices(cases)
    seconds, furthest = np.zeros((len(choices), 3)), 0.0
    for row, index in enumerate(choices.indices):
        who = who_is_told(choices.persona(index, MOST_TOKENS), "persona")
        titles = [f" {title}\n" for title in choices.titles(index)]
        context, _ = asked_of(model, who, LIKELY_ITEM)
        other, _ = asked_of(model, who, LIKELY_ITEM._replace(happened=ELSEWHERE))
        whole, seconds[row, 0] = _timed(lambda: [model.conditional_log_prob(context, title) for title in titles])  # noqa: B023
        once, seconds[row, 1] = _timed(lambda: model.log_probs_after(context, titles))  # noqa: B023
        _, seconds[row, 2] = _timed(lambda: model.log_probs_after(other, titles))  # noqa: B023
        furthest = max(furthest, *(float(np.abs(a - b).max()) for a, b in zip(whole, once, strict=True)))
    return ReadingTimes(*map(float, seconds.mean(axis=0)), furthest)


def _timed(ask: Callable[[], Any]) -> tuple[Any, float]:
    begun = time.process_time()
    answer = ask()
    return answer, time.process_time() - begun


def rows(reduced: bool) -> list[SpeedRow]:
    """Processor seconds a question, and by how much the two ways differ; a case takes some 12 seconds."""
    cases = 1 if reduced else CASES
    try:
        one_thread()
        model = load_language_model("smollm2", most_tokens=WINDOW)
        assert model is not None
        times = measure(model, cases)
    except ImportError as missing:
        return [SpeedRow(name="choice by likelihood", note=f"not measured: {missing}")]
    asked = f"choice by likelihood, four titles after a persona, {model.name}, one thread"
    rows = [
        SpeedRow(name=f"{asked}{what}", measured=seconds, unit="CPU s", beside="whole texts", peer=times.whole)
        for what, seconds in (("", times.once), (", another question to the same persona", times.again))
    ]
    differ = SpeedRow(
        name="largest difference of a log-probability between the two ways",
        measured=times.difference,
        unit="nats",
        beside="limit",
        peer=AGREEMENT,
        asked=at_most(AGREEMENT),
    )
    return [*rows, differ]
