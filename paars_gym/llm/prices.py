"""Prices of calls by model, and amounts in words."""

from __future__ import annotations

import math
import time
from functools import lru_cache
from typing import Literal, NamedTuple

from paars_gym.llm.chat import Usage
from paars_gym.llm.specs import parse_spec

BATCH_DISCOUNT = 0.5
"""Both providers charge half for batches."""
_FLAT = 100_000
"""Tokens of a call up to which all of them are taken to cost the same, where they do at both ends."""


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
    # Prices may depend on the hour.
    rates = _rates_of(spec, int(time.time() // 3600))
    if rates == "tiered" or (rates and max(usage.all_input, usage.output) > _FLAT):
        return _looked_up(spec, usage)
    return rates.usd(usage) if isinstance(rates, Price) else None


@lru_cache(maxsize=256)
def _rates_of(spec: str, _hour: int) -> Price | Literal["tiered"] | None:
    """The known price of tokens up to `_FLAT`, where it is the same for all of them: a look-up takes milliseconds."""
    rates = []
    for kind in ("input", "output", "cache_read", "cache_write"):
        few, many = (_looked_up(spec, Usage(**{kind: tokens})) for tokens in (_FLAT // 100, _FLAT))
        if few is None or many is None:
            return None
        if not math.isclose(100 * few, many, rel_tol=1e-9):
            return "tiered"
        rates.append(many / _FLAT * 1e6)
    return Price(*rates)


def _looked_up(spec: str, usage: Usage) -> float | None:
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
