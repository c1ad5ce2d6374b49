"""What would it take to ask a model all cases? Real prompts of a sample, with counted personas; none is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.items.personas import HISTORY_TOKENS, Source
from benchmarks.items.shoppers import Unasked
from paars_gym.alignment.item_selection import OPTIONS, ItemCases
from paars_gym.config import Condition
from paars_gym.llm.budget import BATCH_DISCOUNT, Price, usd_of
from paars_gym.llm.chat import Usage, expected_tokens
from paars_gym.personas.mining_many import forecast_mining
from paars_gym.personas.statistics import count_persona
from paars_gym.shoppers.llm import LLMShopper
from paars_gym.shoppers.llm_prompts import choice_form, item_question

SAMPLE = 24
ANSWER_TOKENS = 12
"""``{"choice": 3}``; reasoning comes on top."""


class Forecast(NamedTuple):
    """Calls, tokens and dollars, about.

    Attributes:
        calls: One a question, and two for each persona mined; no repairs.
        input: Tokens.
        output: Tokens, without reasoning.
        usd: Without any discount for cached prompts; None when no price is known.
        sampled: Cases it was reckoned from.
    """

    calls: int
    input: int
    output: int
    usd: float | None
    sampled: int

    def facts(self) -> list[tuple[str, str]]:
        """To be told, a line each."""
        return [
            ("calls", f"{self.calls:,}"),
            ("input tokens", f"{self.input:,}"),
            ("output tokens", f"{self.output:,}, without reasoning"),
            ("US dollars", "no price is known: --price" if self.usd is None else f"{self.usd:,.2f} at most"),
            ("reckoned from", f"{self.sampled} cases with counted personas; nothing was sent"),
        ]


def forecast_items(
    sets: Sequence[ItemCases],
    spec: str,
    conditions: Sequence[Condition],
    *,
    personas: Source,
    price: Price | None = None,
    batch: bool = False,
    history_tokens: int = HISTORY_TOKENS,
) -> Forecast:
    """What a model would be asked for all cases under these conditions; see `item_shoppers.shoppers`."""
    shoppers = {condition: LLMShopper(None, Unasked(spec), condition=condition) for condition in conditions}
    schema = choice_form(OPTIONS).model_json_schema()
    calls = tokens = written = 0.0
    sample = [
        (cases, index, len(cases) / min(SAMPLE, len(cases)))
        for cases in sets
        for index in np.linspace(0, len(cases) - 1, min(SAMPLE, len(cases))).astype(int).tolist()
    ]
    for cases, index, each in sample:
        persona = count_persona(cases.history(index), cases.log.catalog, token_budget=history_tokens)
        question = item_question([cases.log.catalog[product] for product in cases[index].options])
        for condition, shopper in shoppers.items():
            request = shopper.question(None if condition == "base" else persona, question)
            tokens += each * expected_tokens(request.model_copy(update={"output_schema": schema}))
            calls, written = calls + each, written + each * ANSWER_TOKENS
    if personas == "mined" and set(conditions) - {"base"}:
        histories = (cases.history(index) for cases, index, _ in sample)
        mined = forecast_mining(histories, spec, token_budget=history_tokens)
        each = _different_histories(sets) / len(sample)
        calls, tokens, written = calls + each * mined.calls, tokens + each * mined.input, written + each * mined.output
    usage = Usage(input=round(tokens), output=round(written))
    usd = usd_of(spec, usage, price)
    discount = BATCH_DISCOUNT if batch else 1.0
    return Forecast(round(calls), usage.input, usage.output, None if usd is None else usd * discount, len(sample))


def _different_histories(sets: Sequence[ItemCases]) -> int:
    """Protocols often leave the same of a basket's history, and the same question is asked once."""
    return len(
        {
            (int(cases.shopper[index]), int(cases.entry[index]), cases.known(index).tobytes())
            for cases in sets
            for index in range(len(cases))
        }
    )
