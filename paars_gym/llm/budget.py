"""Prices of calls, what was spent on which kind of token, and the limit on it."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from paars_gym.llm.chat import ChatModel, Reply, Request, Usage, Wrapper, expected_tokens
from paars_gym.llm.errors import BudgetSpentError
from paars_gym.llm.families import parse_spec
from paars_gym.sessions.step import ModelTurn

BATCH_DISCOUNT = 0.5
"""Both providers charge half for batches."""


class Price(NamedTuple):
    """US dollars per million tokens. ``cache_read`` and ``cache_write`` of None cost what plain input costs."""

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None

    def usd(self, usage: Usage) -> float:
        """Price of these tokens."""
        read = self.input if self.cache_read is None else self.cache_read
        write = self.input if self.cache_write is None else self.cache_write
        parts = (
            usage.input * self.input,
            usage.cache_read * read,
            usage.cache_write * write,
            usage.output * self.output,
        )
        return sum(parts) / 1e6


def parse_price(text: str) -> Price:
    """A price as it is written on a command line: ``IN,OUT`` or ``IN,OUT,READ,WRITE``.

    Raises:
        ValueError: It is not two, three or four numbers of at least 0.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not 2 <= len(numbers) <= 4 or not all(0 <= number < math.inf for number in numbers):
        raise ValueError(
            f"price {text!r}, must be IN,OUT or IN,OUT,READ,WRITE: US dollars per million tokens of input, output, "
            "input that the provider had in its cache, and input that it wrote there."
        )
    return Price(*numbers)


def usd_of(spec: str, usage: Usage, price: Price | None = None) -> float | None:
    """Price of these tokens by genai-prices, or by ``price`` when that is given; None when nobody knows one.

    Scripted models cost nothing. genai-prices carries its table along and asks no network.
    """
    if price is not None:
        return price.usd(usage)
    provider, model, base_url = parse_spec(spec)
    if provider == "scripted":
        return 0.0
    import genai_prices

    tokens = genai_prices.Usage(
        input_tokens=usage.all_input,
        cache_read_tokens=usage.cache_read or None,
        cache_write_tokens=usage.cache_write or None,
        output_tokens=usage.output,
    )
    try:
        if base_url is not None:
            return float(genai_prices.calc_price(tokens, model, provider_api_url=base_url).total_price)
        return float(genai_prices.calc_price(tokens, model, provider_id=provider).total_price)
    except (LookupError, ValueError):
        return None


def cost_in_words(usd: float, calls: int, unpriced_calls: int, unpriced_tokens: int) -> str:
    """Dollars in words, and what has no price: never 0 for what nobody knows the price of."""
    unpriced = f"unpriced: {unpriced_tokens:,} tokens of {unpriced_calls:,} calls; give a price as --price IN,OUT"
    if unpriced_calls and unpriced_calls == calls:
        return unpriced
    return money(usd) + (f", and {unpriced}" if unpriced_calls else "")


def money(usd: float) -> str:
    """Dollars, with enough digits to be more than nought."""
    return f"{usd:,.2f}" if usd >= 1 or not usd else f"{usd:.4f}"


@dataclass
class Spending:
    """What was used so far.

    Attributes:
        calls: Answered and paid for.
        usage: By kind of token.
        usd: Of the calls with a known price.
        unpriced: Calls without one.
        unpriced_tokens: Of those calls, input and output.
        dropped: How many calls went without a parameter that the model does not accept, by its name.
    """

    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    usd: float = 0.0
    unpriced: int = 0
    unpriced_tokens: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def add(self, reply: Reply) -> None:
        """Counts a reply, unless it came from our cache."""
        if reply.cached:
            return
        self.calls += 1
        self.usage = self.usage + reply.usage
        self.dropped.update(reply.dropped)
        if reply.usd is None:
            self.unpriced += 1
            self.unpriced_tokens += reply.usage.all_input + reply.usage.output
        else:
            self.usd += reply.usd


class Budgeted(Wrapper):
    """Prices every call, and makes none that could exceed the limit.

    A call is held against the budget at its worst, all of ``max_tokens`` used, until its true price is known. When it
    does not fit it waits for the calls under way; when it does not fit without them either,
    :class:`BudgetSpentError` is raised, so that the limit holds at any concurrency.

    Args:
        model: What to call.
        max_usd: The limit; None for none.
        price: Instead of the one that genai-prices knows.
        discount: Factor on every price, for batches.

    Raises:
        ValueError: There is a limit, and no price is known for the model.
    """

    def __init__(
        self, model: ChatModel, *, max_usd: float | None = None, price: Price | None = None, discount: float = 1.0
    ) -> None:
        super().__init__(model)
        if max_usd is not None:
            if not max_usd >= 0:
                raise ValueError(f"max_usd == {max_usd}, must be at least 0.")
            if usd_of(self.spec, Usage(input=1, output=1), price) is None:
                raise ValueError(
                    f"max_usd needs a price for {self.spec!r}, and none is known: give one as "
                    "--price IN,OUT[,READ,WRITE], US dollars per million tokens (price= in Python)."
                )
        self.spending = Spending()
        self._max_usd = max_usd
        self._price = price
        self._discount = discount
        self._reserved = 0.0
        self._freed = asyncio.Condition()

    async def complete(self, request: Request) -> Reply:
        """Answers, with the price in the reply.

        Raises:
            BudgetSpentError: The call might exceed the limit.
        """
        if self._max_usd is None:
            return self._count(await self.model.complete(request))
        worst = self.usd_of(Usage(input=expected_tokens(request), output=request.max_tokens)) or 0.0
        async with self._freed:
            while self.spending.usd + self._reserved + worst > self._max_usd:
                if self._reserved == 0:
                    raise BudgetSpentError(
                        f"{self.spending.usd:.4f} USD of {self._max_usd:g} are spent; "
                        f"the next call may cost {worst:.4f}."
                    )
                await self._freed.wait()
            self._reserved += worst
        try:
            return self._count(await self.model.complete(request))
        finally:
            async with self._freed:
                # Rounding must not leave a crumb behind that would be waited for.
                self._reserved = max(0.0, self._reserved - worst) if self._reserved - worst > 1e-12 else 0.0
                self._freed.notify_all()

    def usd_of(self, usage: Usage) -> float | None:
        """Price of these tokens, any discount taken off; None when none is known."""
        usd = usd_of(self.spec, usage, self._price)
        return None if usd is None else usd * self._discount

    def _count(self, reply: Reply) -> Reply:
        if reply.usd is None:
            reply = reply.model_copy(update={"usd": self.usd_of(reply.usage)})
        self.spending.add(reply)
        return reply


class Metered(Wrapper):
    """Counts the replies of a model that several shoppers may share, for one of them, and tells of the last request."""

    def __init__(self, model: ChatModel) -> None:
        super().__init__(model)
        self.begin()

    def begin(self) -> None:
        """Starts from nothing."""
        self._last: tuple[Request, Reply | None, float] | None = None
        self._spending = Spending()
        self._from_cache = 0
        self._not_sent: set[str] = set()

    async def complete(self, request: Request) -> Reply:
        """Answers; raises a :class:`ModelError`."""
        reply, started = None, time.perf_counter()
        try:
            reply = await self.model.complete(request)
        finally:
            self._last = request, reply, time.perf_counter() - started
        self._spending.add(reply)
        self._from_cache += reply.cached
        self._not_sent.update(reply.dropped)
        return reply

    def trace(self) -> ModelTurn | None:
        """The last request and its reply, for the record of a step: told once, None when there was none since."""
        if self._last is None:
            return None
        (request, reply, seconds), self._last = self._last, None
        turn = ModelTurn(
            prompt=tuple(message.model_dump(exclude_defaults=True) for message in request.messages),
            parameters=request.model_dump(mode="json", exclude={"messages"}, exclude_defaults=True),
            latency_seconds=round(seconds, 6),
        )
        if reply is None:
            return turn
        answered = {
            "said": reply.message().model_dump(exclude_defaults=True),
            "tokens": reply.usage.model_dump(exclude_defaults=True),
            "from_cache": reply.cached,
            "not_sent": reply.dropped,
        }
        return turn.model_copy(update=answered)

    def report(self) -> dict[str, Any]:
        """Calls paid for, answers from our cache, tokens by kind, usd, and what the model did not accept.

        ``usd`` is that of the calls with a known price; ``unpriced`` counts the others, and ``unpriced_tokens`` what
        they took. ``not_sent`` names what the replies went without, whether a server or our table refused it.
        """
        spending = self._spending
        return {
            "calls": spending.calls,
            "from_cache": self._from_cache,
            **spending.usage.model_dump(),
            "usd": spending.usd,
            "unpriced": spending.unpriced,
            "unpriced_tokens": spending.unpriced_tokens,
            "not_sent": sorted(self._not_sent),
        }
