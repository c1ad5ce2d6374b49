"""``python -m benchmarks.performance.text_scores``: what reading a shared context once saves choice by likelihood.

The four titles of an item question follow a household's persona; the time is that of one thread. The whole texts are
what a model without a cache would read. The two ways have to agree to a thousandth of a nat.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from rich.table import Table

from benchmarks.household_choices import HouseholdChoices
from benchmarks.model_rows import one_thread
from paars_gym.alignment.language_model import CausalLM, load_language_model
from paars_gym.cli.running import run_command
from paars_gym.prompts import LIKELY_ITEM
from paars_gym.report.printing import Printer
from paars_gym.shoppers.text_likelihood import asked_of, who_is_told
from paars_gym.shoppers.text_scorers import WINDOW
from paars_gym.tasks.persona_sources import HISTORY_TOKENS as MOST_TOKENS

CASES = 10
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


def main(cases: Annotated[int, typer.Option(min=1, help="Questions, some 12 seconds each.")] = CASES) -> None:
    """Prints processor seconds a question, and by how much the two ways differ."""
    one_thread()
    model = load_language_model("smollm2", most_tokens=WINDOW)
    assert model is not None
    times = measure(model, cases)
    shown = Table(title=f"Four titles after a persona, {model.name}, one thread", title_justify="left")
    for column in ("context", "processor seconds a question", "times faster"):
        shown.add_column(column, justify="left" if column == "context" else "right")
    shown.add_row("read with each title", f"{times.whole:.2f}", "")
    shown.add_row("read once", f"{times.once:.2f}", f"{times.whole / times.once:.1f}")
    shown.add_row("another question to the same persona", f"{times.again:.2f}", f"{times.whole / times.again:.1f}")
    console = Printer()
    console.print(shown)
    console.print(f"Log-probabilities differ by {times.difference:.1e} nats at most.")
    if times.difference > AGREEMENT:
        raise ValueError(f"They may differ by {AGREEMENT:g}.")


if __name__ == "__main__":
    run_command(main)
