"""The outcomes of a session, in the numbers that a retailer looks at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.sessions.event import Session

Floats = npt.NDArray[np.float64]
Columns = Mapping[str, Floats]
"""Numbers by column, one entry a session each."""


class Outcome(NamedTuple):
    """Something that arms are compared in: a mean over sessions, or a ratio of two such means.

    Attributes:
        name: As in reports.
        unit: Of the number.
        numerator: Column of `measure`.
        denominator: Column of `measure`; None for "a session".
    """

    name: str
    unit: str
    numerator: str
    denominator: str | None = None


OUTCOMES: tuple[Outcome, ...] = (
    Outcome("sales_units", "units a session", "units"),
    Outcome("revenue", "currency a session", "revenue"),
    Outcome("conversion", "share of sessions that buy", "converted"),
    Outcome("cart_adds", "additions a session", "adds"),
    Outcome("searches", "searches a session", "searches"),
    Outcome("views", "products opened a session", "views"),
    Outcome("rank_viewed", "mean rank of what is opened", "ranks", "ranked_views"),
    Outcome("abandonment", "share of filled carts that are left", "abandoned", "carts"),
)
PRIMARY = "sales_units"
COLUMNS = (
    "units",
    "revenue",
    "converted",
    "adds",
    "searches",
    "views",
    "ranks",
    "ranked_views",
    "abandoned",
    "carts",
    "priced",
    "unpriced",
)
FAILED = ("policy_error", "gave_up")
"""Ends of sessions that say something about the simulation, and nothing about the arm."""


def check_outcome(name: str) -> None:
    """Refuses what is no outcome.

    Raises:
        ValueError: Says which there are.
    """
    if name not in (names := [one.name for one in OUTCOMES]):
        raise ValueError(f"Unknown outcome {name!r}. Available: {', '.join(names)}.")


def measure(session: Session) -> tuple[float, ...]:
    """The numbers of one session, in the order of `COLUMNS`.

    Revenue is that of the purchase lines with a price; how many have one, and how many do not, is counted beside it. A
    cart counts as abandoned when something was added and nothing bought.
    """
    units = revenue = adds = searches = views = ranks = ranked = bought = priced = unpriced = 0.0
    for event in session.events:
        match event.kind:
            case "search":
                searches += 1
            case "view":
                views += 1
                if event.rank is not None:
                    ranks += event.rank
                    ranked += 1
            case "add":
                adds += 1
            case "purchase":
                bought = 1.0
                units += event.units or 1
                if event.price is None:
                    unpriced += 1
                else:
                    priced += 1
                    revenue += event.price * (event.units or 1)
    carted = float(adds > 0)
    left = carted * (1 - bought)
    return units, revenue, bought, adds, searches, views, ranks, ranked, left, carted, priced, unpriced


def columns_of(rows: Iterable[tuple[float, ...]]) -> dict[str, Floats]:
    """Rows of `measure` as columns, and ``sessions``, a column of ones."""
    table = np.array(list(rows), dtype=np.float64).reshape(-1, len(COLUMNS))
    return {name: table[:, index].copy() for index, name in enumerate(COLUMNS)} | {"sessions": np.ones(len(table))}
