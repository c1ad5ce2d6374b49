"""A persona counted from a shopper's history, without a language model. (Stands in for PAARS section 3.)

Every scale is relative: 3 is the average shopper of `Norms`, and one standard deviation is one point, drawn back
towards 3 while little is known. Demographics are neither used nor guessed: a later measure compares with them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from paars_gym.catalog.store import Catalog
from paars_gym.personas.counting import PRIVATE_LABEL, Statistics, lines_of, product_facts, statistics_of
from paars_gym.personas.history import purchases_before, render_history, with_titles
from paars_gym.personas.persona import (
    ConsumerProfile,
    DecisionStyle,
    Interests,
    Persona,
    Score,
    ShoppingPreferences,
    Trait,
)
from paars_gym.personas.redaction import Redactor, hash_key
from paars_gym.sessions.event import History

HALF_KNOWN = {"price_sensitivity": 30, "quality_focus": 30, "brand_reputation": 30, "brand_loyalty": 15,
              "novelty_seeking": 40, "deal_seeking": 30}  # fmt: skip
"""Purchase lines (of loyalty: repeat purchases) at which a scale's confidence is a half."""
BRANDS = (PRIVATE_LABEL, "National brand")
LEANING = 0.4
"""Share of private label lines from which on the shop's own brand is one of interest."""


class Norms(NamedTuple):
    """Mean and standard deviation, over the shoppers of a shop, of the statistics of the same names."""

    private_share: tuple[float, float]
    price_level: tuple[float, float]
    deal_share: tuple[float, float]
    new_share: tuple[float, float]
    favourite_share: tuple[float, float]
    price_paid: tuple[float, float]


JOURNEY_NORMS = Norms(
    private_share=(0.284, 0.109),
    price_level=(-0.161, 0.108),
    deal_share=(0.188, 0.057),
    new_share=(0.445, 0.151),
    favourite_share=(0.722, 0.077),
    price_paid=(-0.166, 0.140),
)
"""Measured on the households of Complete Journey with 100 purchase lines or more, all of 2017 (`norms_of`)."""


UNKNOWN_NORMS = Norms(*[(math.nan, math.nan)] * len(Norms._fields))
"""Of a shop whose average shopper is not known: no scale gets a value."""


def norms_of(population: Sequence[Statistics]) -> Norms:
    """Mean and standard deviation of each statistic over shoppers, those aside for whom it is unknown.

    Raises:
        ValueError: Fewer than two shoppers.
    """
    if len(population) < 2:
        raise ValueError(f"{len(population)} shoppers, must be 2 or more: an average needs several.")
    columns = np.array([statistics[: len(Norms._fields)] for statistics in population], dtype=np.float64).T
    known = [column[~np.isnan(column)] for column in columns]
    return Norms(*((float(one.mean()), float(one.std())) if len(one) else (math.nan, math.nan) for one in known))


def profile_of(statistics: Statistics) -> ConsumerProfile:
    """Who the shopper seems to be: what and when it buys. Demographic traits stay unknown."""
    lines, sure = statistics.lines, _confidence(statistics.lines, 20)
    if lines == 0:
        return ConsumerProfile()
    brands, share = Interests(), statistics.private_share
    if not math.isnan(share):
        # An average household buys 28% private label: one that buys 40% leans to it, and nobody avoids the other kind.
        names: tuple[str, ...] = ("National brand",) if share < LEANING else (PRIVATE_LABEL,) if share > 0.5 else BRANDS
        brands = Interests(values=names, confidence=sure, evidence=f"{share:.0%} of {lines} lines are private label")
    elif statistics.brands:
        shown = ", ".join(f"{name} {count}" for name, count in statistics.brands[:3])
        names = tuple(name for name, _ in statistics.brands)
        brands = Interests(values=names, confidence=sure, evidence=f"of {lines} purchase lines: {shown}"[:500])
    parts = [f"{name} {count}" for name, count in statistics.categories[:3]]
    categories = Interests(
        values=tuple(name for name, _ in statistics.categories),
        confidence=sure,
        evidence=f"of {lines} purchase lines: {', '.join(parts)}"[:500],
    )
    times = Interests()
    if statistics.times:
        usual = tuple(name for name, part in statistics.times[:2] if part >= 0.15) or (statistics.times[0][0],)
        shares = ", ".join(f"{name} {part:.0%}" for name, part in statistics.times[:3])
        times = Interests(
            values=usual,
            confidence=_confidence(statistics.baskets, 10),
            evidence=f"of {statistics.baskets} baskets: {shares}",
        )
    return ConsumerProfile(categories=categories, brands=brands, times=times)


def preferences_of(statistics: Statistics, norms: Norms = JOURNEY_NORMS) -> ShoppingPreferences:
    """How the shopper chooses, on the scales that purchases can speak to; the others stay unknown."""
    s = statistics

    def score(name: str, value: float, norm: tuple[float, float], evidence: str, *, sign: int = 1) -> Score:
        sure = _confidence(s.repeats if name == "brand_loyalty" else s.lines, HALF_KNOWN[name])
        if math.isnan(value) or sure == 0 or not norm[1] > 0:
            return Score(value=None)
        z = sign * (value - norm[0]) / norm[1]
        return Score(value=round(min(max(3 + sure * z, 1.0), 5.0), 1), confidence=sure, evidence=evidence)

    private = score(
        "brand_reputation", s.private_share, norms.private_share, f"{_percent(s.private_share)} private label", sign=-1
    )
    paid = score(
        "price_sensitivity",
        s.price_paid,
        norms.price_paid,
        f"pays {_ratio(s.price_paid)} of its categories' median price",
        sign=-1,
    )
    level = score(
        "quality_focus", s.price_level, norms.price_level, f"products cost {_ratio(s.price_level)} of the median"
    )
    deals = score(
        "deal_seeking", s.deal_share, norms.deal_share, f"{_percent(s.deal_share)} of lines below usual price"
    )
    new = score(
        "novelty_seeking", s.new_share, norms.new_share, f"{_percent(s.new_share)} of later lines are new to it"
    )
    loyal = score(
        "brand_loyalty",
        s.favourite_share,
        norms.favourite_share,
        f"{_percent(s.favourite_share)} of a category's purchases are its favourite product",
    )
    return ShoppingPreferences(
        price_sensitivity=paid,
        quality_focus=level,
        brand_reputation=private,
        brand_loyalty=loyal,
        novelty_seeking=new,
        deal_seeking=deals,
        decision_style=_style(new, deals),
        notes=_notes(s),
    )


def count_persona(
    history: History,
    catalog: Catalog,
    as_of: datetime | None = None,
    *,
    norms: Norms = JOURNEY_NORMS,
    token_budget: int = 6000,
    shopper: str | None = None,
    redactor: Redactor | None = None,
) -> Persona:
    """A persona computed from a history as of a date. As in mined ones, its history is redacted.

    Args:
        history: Sessions, oldest first.
        catalog: Where its products are described.
        as_of: Nothing at or after it is used; by default the history's own date.
        norms: What an average household of the shop does.
        token_budget: Of the history's text.
        shopper: Name in the persona; by default the keyed hash that mined personas have too.
        redactor: With the caller's names and recognisers; by default one without.
    """
    as_of = as_of or history.as_of
    facts = product_facts(catalog)
    lines = lines_of(history, facts, as_of)
    statistics = statistics_of(lines, facts)
    ids = {event.product for session in history.sessions for event in session.events if event.title is None}
    titles = {key: str(catalog.value("title", catalog.row(key))) for key in ids if key is not None and key in catalog}
    clean, redacted = (redactor or _redactor(hash_key())).redact_history(
        with_titles(history, titles) if titles else history
    )
    rendered = render_history(clean, as_of=as_of, token_budget=token_budget)
    return Persona(
        shopper=shopper or clean.shopper,
        profile=profile_of(statistics),
        preferences=preferences_of(statistics, norms),
        history=rendered.text,
        purchases_before=purchases_before(history, as_of),
        as_of=rendered.as_of,
        left_out=rendered.left_out,
        source="statistics",
        redacted=redacted,
    )


@lru_cache(maxsize=1)
def _redactor(key: bytes) -> Redactor:
    # Shared: it remembers the titles that it has read, and thousands of households buy the same.
    return Redactor(key=key)


def _style(novelty: Score, deals: Score) -> Trait[DecisionStyle]:
    """A word for it, where a scale is well off the middle."""
    if deals.value is not None and deals.value >= 4:
        return Trait[DecisionStyle](value="bargain hunting", confidence=deals.confidence, evidence=deals.evidence)
    if novelty.value is not None and novelty.value <= 2.25:
        return Trait[DecisionStyle](value="routine", confidence=novelty.confidence, evidence=novelty.evidence)
    if novelty.value is not None and novelty.value >= 3.75:
        return Trait[DecisionStyle](value="exploring", confidence=novelty.confidence, evidence=novelty.evidence)
    return Trait[DecisionStyle](value="unknown")


def _notes(statistics: Statistics) -> str:
    if not statistics.lines:
        return ""
    size = statistics.lines / statistics.baskets
    every = "" if math.isnan(statistics.days_between) else f", a visit every {statistics.days_between:.1f} days"
    often = "; ".join(title for title, count in statistics.products if count > 1)
    return f"About {size:.1f} lines a visit{every}." + (f" Buys again and again: {often}." if often else "")


def _confidence(known: int, half: int) -> float:
    return round(known / (known + half), 2)


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _ratio(log: float) -> str:
    return f"{math.exp(log):.0%}"
