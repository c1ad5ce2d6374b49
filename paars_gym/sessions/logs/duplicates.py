"""Rows of a log that repeat an earlier one: counted, and left out where they are proven to be the same event."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

MICROSECONDS = 1_000_000


class Deduplicated(NamedTuple):
    """What is left of some records.

    Attributes:
        records: Without those left out.
        repeated: Rows of the log that repeat an earlier one.
        left_out: How many of these were left out.
        first: The first of these by ``line``; None where there is none.
    """

    records: pl.DataFrame
    repeated: int = 0
    left_out: int = 0
    first: int | None = None


def deduplicate(records: pl.DataFrame, *, drop: bool) -> Deduplicated:
    """Finds rows that have the event id of an earlier row, or equal it in all that is read of them, time included.

    The same event id, or the same time that is finer than a second, proves that they are one event, written twice. At
    a whole second a shopper may have done the same thing twice: both are kept, unless ``drop``. Without a time only
    event ids are compared. Equal events of one row, as two equal lines of an order, are never repeats.

    Args:
        records: All of a shopper's together, with ``time``, ``event_id``, ``line`` (the row of the log that a record
            comes from) and ``ordinal``.
        drop: Whether all that repeat an earlier one are left out.
    """
    text = [
        pl.col(name).list.join("\0").alias(name) if isinstance(dtype, pl.List) else pl.col(name)
        for name, dtype in records.schema.items()
        if name not in ("ordinal", "line")
    ]
    same = records.select(text).hash_rows()
    named = records["event_id"].is_not_null()
    if same.is_first_distinct().all() and not named.any():
        return Deduplicated(records)
    line = pl.col("line")
    repeats = records.with_columns(same.alias("same")).select(
        line,
        by_id=pl.col("event_id").is_not_null() & (line != line.min().over("shopper", "event_id")),
        equal=pl.col("time").is_not_null() & (line != line.min().over("same")),
        fine=(pl.col("time").dt.epoch("us") % MICROSECONDS != 0).fill_null(value=False),
    )
    repeated = repeats["by_id"] | repeats["equal"]
    if not repeated.any():
        return Deduplicated(records)
    out = repeated if drop else repeats["by_id"] | (repeats["equal"] & repeats["fine"])
    kept, lines = records.filter(~out), repeats["line"]
    left_out = lines.filter(out).unique().is_in(kept["line"].unique().implode()).not_().sum()
    first = lines.filter(repeated).min()
    return Deduplicated(kept, lines.filter(repeated).n_unique(), int(left_out), int(first))  # type: ignore[arg-type]
