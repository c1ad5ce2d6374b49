"""How do many shoppers share one model, so that they share its limits, its budget and its cache?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from paars_gym.config import Condition
from paars_gym.llm.budget import Price, parse_price
from paars_gym.llm.chat import ChatModel
from paars_gym.llm.families import fit
from paars_gym.llm.stack import Stack, payable
from paars_gym.llm.stand_in import StandIn
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.llm import ANSWER_TEMPERATURE, SESSION_TEMPERATURE, LLMShopper

BATCHED_AT_ONCE = 10_000
"""Questions put at once when they go out as batches: each waits in some ten kilobytes of memory."""


class Crew:
    """Makes the shoppers of a run: call it for each.

    Attributes:
        model: What they share.
        settings: What shapes the sessions, for the run's settings: every option with its value, not the limits, which
            another try may change, and never a key. ``not_sent`` names the parameters that this family of models does
            not accept, and ``reasoning=none`` an effort that we had to choose; what a server refuses only when it is
            asked is in the telemetry.
        at_once: How many questions to put at once: with batches as many as there are, so that they go out together.
        stand_in: What is asked instead of the model in a dry run; else None.
    """

    def __init__(
        self,
        model: Stack,
        condition: Condition,
        options: dict[str, Any],
        *,
        at_once: int = 64,
        stand_in: StandIn | None = None,
    ) -> None:
        self.model = model
        self.at_once = at_once
        self.stand_in = stand_in
        self._condition = condition
        self._options = options
        shopper = LLMShopper(None, model, condition="base", **options)
        requests = shopper.session_request(None), shopper.question(None, "?")
        self.settings = {
            "model": model.spec,
            "family": model.family.name,
            "temperature": {"sessions": SESSION_TEMPERATURE, "answers": ANSWER_TEMPERATURE},
            "not_sent": sorted({name for request in requests for name in fit(request, model.family)[1]}),
            **shopper.options,
        }

    def __call__(self) -> LLMShopper:
        return LLMShopper(None, self.model, condition=self._condition, **self._options)

    async def aclose(self) -> None:
        """Closes the model."""
        await self.model.aclose()


def llm_crew(
    *,
    shop: Shop | None = None,  # noqa: ARG001 (every policy is offered it)
    condition: Condition = "persona",
    model: str | ChatModel | None = None,
    cache: str | Path | None = None,
    offline: bool = False,
    max_usd: float | None = None,
    price: Price | tuple[float, ...] | str | None = None,
    concurrency: int = 64,
    tokens_per_minute: float | None = None,
    attempts: int = 6,
    timeout_seconds: float = 120.0,
    stream: bool = False,
    batches: str | Path | None = None,
    announce: Callable[[str], None] | None = None,
    dry_run: bool = False,
    **options: Any,
) -> Crew:
    """Shoppers that share one model with cache, budget, retries and limits.

    Args:
        shop: Not used: the model sees the pages.
        condition: A row of Table 3.
        model: A spec string, or a bare model.
        cache: SQLite file of replies, which makes a repeated or resumed run free.
        offline: Forbid calls; everything has to be in the cache.
        max_usd: Most that may be spent by this process.
        price: Dollars per million tokens (input, output, and where they differ read from and written to the
            provider's cache), instead of the known ones; as text with commas between.
        concurrency: Most calls at once.
        tokens_per_minute: Input and output together.
        attempts: Most calls for one request.
        timeout_seconds: For one attempt.
        stream: Receive answers in pieces.
        batches: File of batches handed in; for the single questions alone. Put `Crew.at_once` of them at once.
        announce: Told the id of each batch.
        dry_run: Ask nobody, so that no key is needed: a `StandIn` answers, and ``Crew.model.report()`` says what the
            calls would have taken.
        options: Of `LLMShopper`.

    Raises:
        ValueError: No model is named, or a setting is wrong.
        MissingKeyError: The key is not in the environment.
    """
    if model is None:
        raise ValueError("A policy that asks a language model needs one: --model openai:gpt-4.1-mini, for example.")
    stand_in = StandIn(model if isinstance(model, str) else model.spec) if dry_run else None
    if isinstance(price, str):
        price = parse_price(price)
    if dry_run:
        cache, offline, max_usd = None, False, None
    shared = payable(
        stand_in or model,
        cache=None if cache is None else Path(cache),
        offline=offline,
        max_usd=max_usd,
        price=None if price is None else Price(*price),
        concurrency=concurrency,
        tokens_per_minute=tokens_per_minute,
        attempts=attempts,
        timeout_seconds=timeout_seconds,
        stream=stream,
        batches=None if batches is None or dry_run else Path(batches),
        announce=announce,
    )
    at_once = concurrency if batches is None else BATCHED_AT_ONCE
    return Crew(shared, condition, options, at_once=at_once, stand_in=stand_in)
