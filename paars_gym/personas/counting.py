"""Counts of a shopper's purchases: shares, prices and habits, without judgement."""

from __future__ import annotations

import math
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.catalog.store import Catalog
from paars_gym.sessions.event import History

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TOP_CATEGORIES, TOP_PRODUCTS = 8, 6
PRIVATE_LABEL = "Private label"
DEAL = 0.85
"""Paid less than this part of the product's usual price: a deal."""
TIMES = {"mornings": (5, 12), "afternoons": (12, 17), "evenings": (17, 22), "nights": (22, 29)}


class PurchaseLines(NamedTuple):
    """Purchases in order of time, each array of shape (lines,).

    Attributes:
        row: Catalog row.
        basket: Any number that is the same within a basket and grows with time.
        hour: Hours since 1970 on the shopper's clock; -1 where the log has no times.
        paid: Price of one unit; NaN when unknown.
    """

    row: Ints
    basket: Ints
    hour: Ints
    paid: Floats


class Statistics(NamedTuple):
    """What the lines show; NaN where there is nothing to show it.

    Attributes:
        private_share: Of the lines, those of the shop's own brand.
        price_level: Mean log of a product's usual price over the median of its kind.
        deal_share: Of the lines, those paid well below the product's usual price.
        new_share: Of the later half of the lines, those of products not bought before.
        favourite_share: Of purchases in a kind, those of its most-bought product.
        price_paid: Mean log of the price paid over the median price of the product's kind.
        lines: Purchase lines.
        repeats: Purchases in categories bought from at least three times.
        baskets: Visits.
        days_between: Mean days from basket to basket.
        categories: Most bought, with lines.
        products: Titles most bought, with lines.
        times: Share of baskets by part of the week, largest first.
        brands: Most bought, with lines.
    """

    private_share: float
    price_level: float
    deal_share: float
    new_share: float
    favourite_share: float
    price_paid: float
    lines: int
    repeats: int
    baskets: int
    days_between: float
    categories: tuple[tuple[str, int], ...]
    products: tuple[tuple[str, int], ...]
    times: tuple[tuple[str, float], ...]
    brands: tuple[tuple[str, int], ...] = ()


class ProductFacts:
    """What has to be known of a catalog's products to count purchases: made once a catalog.

    Attributes:
        row: Catalog row by id.
        titles: Of the products, by row.
        names: Categories, at the second level of the path.
        category: Number of each product's category, shape (products,).
        kind: Number of the whole category path, shape (products,).
        usual: Price, shape (products,).
        level: Log of the price over the median of the kind, shape (products,).
        brands: Names of the brands.
        brand: Number of each product's brand, shape (products,).
        private: Whether the brand is the shop's own, shape (products,).
    """

    def __init__(self, catalog: Catalog) -> None:
        paths = catalog.frame("category")["category"].to_list()
        seconds = [path[1] if len(path) > 1 else path[0] if path else "" for path in paths]
        names, category = np.unique(seconds, return_inverse=True)
        _, kind = np.unique([" > ".join(path) for path in paths], return_inverse=True)
        frame = catalog.frame("id", "title")
        self.row: dict[str, int] = {key: row for row, key in enumerate(frame["id"])}
        self.titles: list[str] = frame["title"].to_list()
        self.names: list[str] = names.tolist()
        self.category: Ints = category.astype(np.int64)
        self.kind: Ints = kind.astype(np.int64)
        self.usual = catalog.price
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(np.where(self.usual > 0, self.usual, np.nan))
        self.level = logs - _medians(logs, self.kind)[self.kind]
        brands, self.brand = np.unique(catalog.column("brand").to_pylist(), return_inverse=True)
        self.brands: list[str] = brands.tolist()
        self.private = np.array([brand == PRIVATE_LABEL for brand in brands], dtype=bool)[self.brand]


@lru_cache(maxsize=4)
def product_facts(catalog: Catalog) -> ProductFacts:
    """The catalog's facts, remembered."""
    return ProductFacts(catalog)


def lines_of(history: History, facts: ProductFacts, as_of: datetime | None = None) -> PurchaseLines:
    """The purchases of a history before a date; products that the facts do not have are left out."""
    bought: list[tuple[int, int, int, float]] = []
    for number, session in enumerate(history.sessions):
        for event in session.events:
            time = event.time or session.start
            row = facts.row.get(event.product or "")
            if event.kind != "purchase" or row is None:
                continue
            if as_of is not None and (time is None or time >= as_of):
                continue
            offset = time.utcoffset() if time is not None else None
            local = time.timestamp() + (offset.total_seconds() if offset else 0.0) if time is not None else -1.0
            paid = math.nan if event.price is None else event.price
            bought.append((row, number, math.floor(local / 3600), paid))
    columns = zip(*bought, strict=True) if bought else ((), (), (), ())
    rows, baskets, hours, prices = columns
    return PurchaseLines(
        np.array(rows, dtype=np.int64),
        np.array(baskets, dtype=np.int64),
        np.array(hours, dtype=np.int64),
        np.array(prices, dtype=np.float64),
    )


def statistics_of(lines: PurchaseLines, facts: ProductFacts) -> Statistics:
    """Counts what some purchases show."""
    row = lines.row
    n = len(row)
    level = facts.level[row]
    with np.errstate(divide="ignore", invalid="ignore"):
        discount = lines.paid / facts.usual[row]
        paid = level + np.log(discount)
    first_here = np.zeros(n, dtype=bool)
    first_here[np.unique(row, return_index=True)[1]] = True
    late = first_here[n // 2 :]
    repeats, favourite = _favourites(row, facts.kind)
    baskets, firsts = np.unique(lines.basket, return_index=True)
    hours = lines.hour[firsts]
    timed = hours[hours >= 0]
    days = (timed.max() - timed.min()) / 24 / (len(timed) - 1) if len(timed) > 1 else math.nan
    categories = _most(facts.category[row], TOP_CATEGORIES)
    named = facts.brand[row[np.array([facts.brands[code] != "" for code in facts.brand[row]], dtype=bool)]]
    return Statistics(
        private_share=_mean(facts.private[row].astype(np.float64)) if facts.private.any() else math.nan,
        price_level=_mean(level),
        deal_share=_mean(np.where(np.isnan(discount), np.nan, discount < DEAL)),
        new_share=_mean(late.astype(np.float64)),
        favourite_share=favourite,
        price_paid=_mean(np.where(np.isfinite(paid), paid, np.nan)),
        lines=n,
        repeats=repeats,
        baskets=len(baskets),
        days_between=days,
        categories=tuple((facts.names[code], count) for code, count in categories),
        products=tuple((facts.titles[r], count) for r, count in _most(row, TOP_PRODUCTS)),
        times=_times(timed),
        brands=tuple((facts.brands[code], count) for code, count in _most(named, TOP_CATEGORIES)),
    )


def _medians(values: Floats, group: Ints) -> Floats:
    """Median of each group, NaN aside, shape (groups,)."""
    result = np.full(int(group.max()) + 1, np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.lexsort((values[known], group[known]))]
    groups, starts, counts = np.unique(group[order], return_index=True, return_counts=True)
    low, high = values[order[starts + (counts - 1) // 2]], values[order[starts + counts // 2]]
    result[groups] = (low + high) / 2
    return result


def _favourites(row: Ints, kind: Ints) -> tuple[int, float]:
    """Purchases in kinds bought at least three times, and the part of them that are the kind's favourite."""
    products, counts = np.unique(row, return_counts=True)
    kinds, place = np.unique(kind[products], return_inverse=True)
    total, top = np.zeros(len(kinds), dtype=np.int64), np.zeros(len(kinds), dtype=np.int64)
    np.add.at(total, place, counts)
    np.maximum.at(top, place, counts)
    often = total >= 3
    repeats = int(total[often].sum())
    return repeats, float(top[often].sum() / repeats) if repeats else math.nan


def _most(values: Ints, count: int) -> list[tuple[int, int]]:
    """Most frequent values with their counts; ties by value."""
    distinct, counts = np.unique(values, return_counts=True)
    top = np.lexsort((distinct, -counts))[:count]
    return list(zip(distinct[top].tolist(), counts[top].tolist(), strict=True))


def _times(hours: Ints) -> tuple[tuple[str, float], ...]:
    """Share of visits by part of the week, largest first; by day alone where the log tells no time of day."""
    if not len(hours):
        return ()
    weekend = (hours // 24 + 3) % 7 >= 5  # 1970 began on a Thursday
    shares = []
    if not (hours % 24).any():
        on_weekends = float(weekend.mean())
        return tuple(sorted((("weekdays", 1 - on_weekends), ("weekends", on_weekends)), key=lambda pair: -pair[1]))
    for part, (start, end) in TIMES.items():
        inside = (hours % 24 - start) % 24 < end - start
        for days, which in (("weekday", ~weekend), ("weekend", weekend)):
            shares.append((f"{days} {part}", float((inside & which).mean())))
    return tuple(sorted(shares, key=lambda pair: -pair[1]))


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan
