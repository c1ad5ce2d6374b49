"""Whose events those are that a log records before somebody logs in, or after somebody logged out."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import polars as pl


class Stitched(NamedTuple):
    """Records with the shopper of their visit, and in how many visits a login named events around it."""

    records: pl.DataFrame
    joined: int


def stitch(records: pl.DataFrame, *, gap_minutes: float | None) -> Stitched:
    """Gives the events of a visit that name nobody to whoever logged in during it.

    A visit is what one device does under one session id, or without a longer pause than ``gap_minutes``; without
    devices, what bears one session id. An event that names nobody belongs to the next login of its visit, or else to
    the last before it. Session ids that several people share, in a log without devices, are not unique: there nothing
    is joined.

    Args:
        records: Of schema `converting.RECORDS`, with ordinal; all of a device's, or of a session id's, together.
        gap_minutes: None where the log's own session ids are used.
    """
    with_device = records["visitor"].null_count() < len(records)
    device = pl.col("visitor") if with_device else pl.lit(None, pl.String)
    rows = records.with_columns(device.alias("__device")).sort("__device", "time", "ordinal", nulls_last=True)
    visit = ["__device"]
    if gap_minutes is None:
        visit.append("given")
    else:
        new = (pl.col("__device").ne_missing(pl.col("__device").shift())) | (
            pl.col("time").diff() > timedelta(minutes=gap_minutes)
        )
        rows = rows.with_columns(new.fill_null(value=True).cum_sum().alias("__pause"))
        visit.append("__pause")
    named = pl.when(pl.col("named")).then(pl.col("shopper"))
    rows = rows.with_columns(named.alias("__named"))
    filled = pl.col("__named").backward_fill().over(visit)
    filled = pl.coalesce(filled, pl.col("__named").forward_fill().over(visit))
    known = pl.col("__device").is_not_null()
    unique = pl.col("__named").n_unique().over(visit) - pl.col("__named").has_nulls().over(visit).cast(pl.UInt32) == 1
    able = (known | (pl.col("given").is_not_null() & unique)) if gap_minutes is None else known
    joins = able & ~pl.col("named") & filled.is_not_null()
    rows = rows.with_columns(joins.alias("__joins"), pl.when(joins).then(filled).otherwise("shopper").alias("shopper"))
    joined = rows.filter("__joins").select(pl.struct(visit).n_unique()).item() if rows["__joins"].any() else 0
    if gap_minutes is None and with_device:  # a device's session numbers may be those of another as well
        own = pl.when(known).then(pl.concat_str("visitor", "given", separator="."))
        rows = rows.with_columns(pl.coalesce(own, "given").alias("given"))
    return Stitched(
        rows.drop("__device", "__named", "__joins", *(["__pause"] if gap_minutes is not None else [])), joined
    )


def on_own_days(records: pl.DataFrame) -> pl.DataFrame:
    """Times of a log that dates each event by its day, and counts milliseconds from its session's unknown start.

    The start is the earliest instant with which every event falls on its own day, or after it where the log
    contradicts itself: order and distances within a session are kept.

    Args:
        records: With the day's midnight in ``time``, the milliseconds in ``since``, and a session's together.
    """
    since = pl.duration(milliseconds=pl.col("since").fill_null(0))
    start = (pl.col("time") - since).max().over("given")
    return records.with_columns((start + since).alias("time"))
