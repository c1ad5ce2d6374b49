"""The treatments whose effects are simulated: rankings, prices, contents, ratings, stock and sponsored slots."""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

import numpy as np

from paars_gym.abtest.arms import Arm
from paars_gym.abtest.patch import Change
from paars_gym.catalog.store import Catalog


class Treatment(NamedTuple):
    """What is done to the shop of plain bm25.

    Attributes:
        name: As in tables.
        family: What kind of change it is.
        arm: The shop with it.
    """

    name: str
    family: str
    arm: Arm


RANKINGS = (
    "bm25+rating:0.3",
    "bm25+popularity:0.3",
    "bm25+price:-0.3",
    "bm25+price:0.3",
    "rating",
    "popularity",
    "price",
    "random:1",
)
PRICES: tuple[tuple[str, Change], ...] = (
    ("all prices -10%", Change(all=True, price_percent=-10)),
    ("all prices -25%", Change(all=True, price_percent=-25)),
    ("all prices +10%", Change(all=True, price_percent=10)),
    ("all prices +25%", Change(all=True, price_percent=25)),
    ("prices above 40 -20%", Change(min_price=40, price_percent=-20)),
    ("prices below 20 +20%", Change(max_price=20, price_percent=20)),
    ("prices of the best rated -20%", Change(min_rating=4.3, price_percent=-20)),
)
STOCK = (("most popular", 0.02, 1), ("most popular", 0.1, 1), ("most popular", 0.3, 1), ("least popular", 0.3, -1))
STARS = (("all", 0.3), ("all", -0.3), ("best rated", -0.6), ("worst rated", 0.8))


def treatments(catalog: Catalog) -> list[Treatment]:
    """All of them, against plain bm25."""
    ids: list[str] = catalog.column("id").to_pylist()
    by_popularity = np.argsort(-catalog.popularity, kind="stable")
    found = [Treatment(name, "ranking", Arm(name)) for name in RANKINGS]
    found += [Treatment(name, "price", Arm("bm25", [change])) for name, change in PRICES]
    for name, share, step in STOCK:
        rows = by_popularity[::step][: int(share * len(ids))]
        out = [Change(product=ids[row], available=False) for row in rows]
        found.append(Treatment(f"{share:.0%} {name} sold out", "stock", Arm("bm25", out)))
    found += [
        Treatment(f"stars of {who} {by:+g}", "ratings", Arm("bm25", _stars(catalog, who, by))) for who, by in STARS
    ]
    found += [Treatment(name, "content", Arm("bm25", patch)) for name, patch in _contents(catalog, ids, by_popularity)]
    top = [ids[row] for row in by_popularity[:4]]
    best = [ids[row] for row in np.argsort(-np.nan_to_num(catalog.rating), kind="stable")[:3]]
    for name, spec in (
        ("one advertisement on top", f"{top[0]}@1"),
        ("three advertisements on top", f"{','.join(best)}@1,2,3"),
        ("four advertisements in between", f"{','.join(top)}@2,4,6,8"),
    ):
        found.append(Treatment(name, "sponsored", Arm(f"sponsored:{spec}(bm25)")))
    return found


def folds(every: list[Treatment], number: int) -> list[int]:
    """The fold of each treatment; every family is spread over all of them."""
    seen: Counter[str] = Counter()
    starts = {family: index for index, family in enumerate(dict.fromkeys(one.family for one in every))}
    found = []
    for one in every:
        found.append((starts[one.family] + seen[one.family]) % number)
        seen[one.family] += 1
    return found


def _stars(catalog: Catalog, who: str, by: float) -> list[Change]:
    """What is shown as the mean stars, as by another rule of counting reviews."""
    ratings = catalog.rating
    middle = float(np.nanmedian(ratings))
    changes = []
    for key, stars in zip(catalog.column("id").to_pylist(), ratings.tolist(), strict=True):
        if math.isnan(stars) or (who == "best rated" and stars <= middle) or (who == "worst rated" and stars >= middle):
            continue
        changes.append(Change(product=key, rating=round(float(np.clip(stars + by, 1, 5)), 1)))
    return changes


def _contents(catalog: Catalog, ids: list[str], by_popularity: np.ndarray) -> list[tuple[str, list[Change]]]:  # type: ignore[type-arg]
    """Titles and selling points; invented people read titles alone."""
    titles: list[str] = catalog.column("title").to_pylist()
    rows = by_popularity[: len(ids) // 3]
    short = [Change(product=ids[row], title=titles[row].split(",")[0]) for row in rows]
    vague = [Change(product=ids[row], title=" ".join(titles[row].split()[-2:])) for row in rows]
    bullets = [Change(all=True, bullets=("Thousands of happy customers", "Free returns within 30 days"))]
    return [
        ("titles of the popular cut at the comma", short),
        ("titles of the popular of two words", vague),
        ("selling points alike everywhere", bullets),
    ]
