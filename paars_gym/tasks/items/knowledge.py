"""What may be known of the household of each item case: its earlier purchases, and the persona counted from them."""

from __future__ import annotations

from typing import NamedTuple

from paars_gym.alignment.item_selection import ItemCases
from paars_gym.personas.counting import Floats, ProductFacts, PurchaseLines, Statistics, statistics_of
from paars_gym.personas.persona import ConsumerProfile, ShoppingPreferences
from paars_gym.personas.statistics import preferences_of, profile_of

DAY = 24 * 3_600_000_000
"""In the microseconds of a log."""


class Household(NamedTuple):
    """Of one case; nothing of any of the four items is in it.

    Attributes:
        lines: Purchases before the case's basket.
        days_ago: How long before it each of them was, shape (lines,).
        statistics: Counts of the lines.
        profile: Who the household seems to be.
        preferences: How it chooses.
    """

    lines: PurchaseLines
    days_ago: Floats
    statistics: Statistics
    profile: ConsumerProfile
    preferences: ShoppingPreferences


def households_of(cases: ItemCases, facts: ProductFacts) -> list[Household]:
    """The household of each case, as of the case."""
    log, households = cases.log, []
    for index in range(len(cases)):
        known = cases.known(index)
        known = known[log.bought[known]]
        lines = PurchaseLines(log.row[known], log.session[known], log.local_hours[known], log.paid[known])
        days_ago = (log.start[cases.entry[index]] - log.start[known]) / DAY
        statistics = statistics_of(lines, facts)
        households.append(Household(lines, days_ago, statistics, profile_of(statistics), preferences_of(statistics)))
    return households
