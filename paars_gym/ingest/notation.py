"""The notation in which a column of times is written: the one that reads the most of it, if it is the only one."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import polars as pl

from paars_gym.ingest.times import parse_times

COUNTED = ("s", "ms", "us")
DATES = (
    "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y",
    "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%b %d %Y",
)  # fmt: skip
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S")
WITH_ZONE = ("%d/%b/%Y:%H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %z", "%a %b %d %H:%M:%S %z %Y")  # web servers, mail
STRPTIME = (*("".join(pair) for pair in product(DATES, CLOCKS)), *WITH_ZONE)
ENOUGH = 0.5
"""Share of the values that a notation has to read to be one."""


def reads(values: pl.Series, notation: str) -> bool:
    """Whether a notation reads at least `ENOUGH` of the values."""
    given = values.drop_nulls()
    try:
        times = parse_times(given, notation, timezone="UTC").time
    except pl.exceptions.PolarsError:  # no strptime format at all
        return False
    return len(given) - times.null_count() >= ENOUGH * len(given)


class Notation(NamedTuple):
    """What was found.

    Attributes:
        name: As `LogMapping.time` takes it; empty when none fits, or several that read different times.
        doubt: What a person should know; empty when the notation reads every value.
    """

    name: str
    doubt: str


def find_notation(column: str, values: pl.Series) -> Notation:
    """The notation of a column of times."""
    given = values.drop_nulls()
    if given.is_empty():
        return Notation("", f"Column {column!r} has no values to see the notation of its times by.")
    read = {name: parse_times(given, name, timezone="UTC").time for name in ("iso", *COUNTED)}
    if max(len(given) - times.null_count() for times in read.values()) < len(given):
        read |= {name: parse_times(given, name, timezone="UTC").time for name in STRPTIME}
    best = min(read, key=lambda name: read[name].null_count())
    fits = len(given) - read[best].null_count()
    if fits < ENOUGH * len(given):
        return Notation("", f"No notation known here fits the times of {column!r}, such as {given[0]!r}.")
    rivals = [
        name
        for name, times in read.items()
        if times.null_count() == read[best].null_count() and not times.equals(read[best])
    ]
    if rivals:
        several = " and ".join(repr(name) for name in (best, *rivals))
        return Notation("", f"{several} fit the times of {column!r} equally, such as {given[0]!r}.")
    bad = given.filter(read[best].is_null())
    doubt = f"{len(bad)} of {len(given)} values of {column!r} are no times in the notation {best!r}, such as "
    return Notation(best, f"{doubt}{bad[0]!r}." if len(bad) else "")


def looks_like_times(column: str, values: pl.Series) -> bool:
    """Whether the values are times, whatever the column is called; counted ones only where its name hints at time."""
    given = values.drop_nulls()
    if given.is_empty():
        return False
    numbers = given.cast(pl.Float64, strict=False).null_count() == 0
    hinted = any(hint in column.lower() for hint in ("time", "date", "stamp", "when", "clock"))
    if numbers and not hinted:  # ids of ten digits are seconds since 1970 as well
        return False
    names = COUNTED if numbers else ("iso", *STRPTIME)
    return any(not parse_times(given, name, timezone="UTC").time.null_count() for name in names)
