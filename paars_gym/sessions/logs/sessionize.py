"""Records cut into sessions: by the log's own session ids, or by half an hour of inactivity."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from paars_gym.sessions.rows import EVENTS, KINDS, SESSIONS

GAP_MINUTES = 30.0
MOST_GAP_MINUTES = 100 * 366 * 24 * 60
FILE_ORDINALS = 1 << 40  # a record's ordinal is its file's number times this, plus its place in the file

UNNAMED = "{}"
"""JSON of `Filters` of which a log says no more than that there were some."""


class Sessionised(NamedTuple):
    """Rows of `EVENTS` and `SESSIONS`, each shopper's together by start, and how many records came too late."""

    events: pl.DataFrame
    sessions: pl.DataFrame
    out_of_order: int


def sessionize(records: pl.DataFrame, *, gap_minutes: float | None = GAP_MINUTES) -> Sessionised:
    """Sorts records and cuts them into sessions.

    Records of kind visit take part in the cutting, and then vanish: a session of visits alone is a session without
    events. So do those of kind filter, once the search before them in the session has been marked as filtered.

    Args:
        records: shopper, given (session id of the log), kind, time, what else `EVENTS` holds, and ordinal
            (see `FILE_ORDINALS`). All of a shopper's records together.
        gap_minutes: A longer time between two records of a shopper begins a session; None cuts where the log's own
            session id changes. Records without times are one session, in the order of the log.

    Raises:
        ValueError: The gap is not positive.
    """
    if gap_minutes is not None and not 0 < gap_minutes <= MOST_GAP_MINUTES:
        raise ValueError(f"gap_minutes == {gap_minutes}, must be > 0 and at most {MOST_GAP_MINUTES:,}, a century.")
    keys = ["shopper"] if gap_minutes is not None else ["shopper", "given"]
    codes = [_codes(records[key]) for key in keys]
    # numpy's stable sort gains from the order that logs mostly have: a tenth of the time of a multi-column sort.
    rows = records[np.lexsort((records["ordinal"].to_numpy(), _instants(records["time"]), *reversed(codes)))]
    late = _late(rows, keys)
    new = pl.any_horizontal(pl.col(key).ne_missing(pl.col(key).shift()) for key in keys)
    if gap_minutes is not None:
        new |= (pl.col("time").diff() > timedelta(minutes=gap_minutes)).fill_null(value=False)
    starts = rows.select((new | (pl.int_range(pl.len()) == 0)).arg_true()).to_series().to_numpy().astype(np.int64)
    lengths = np.diff(np.append(starts, len(rows)))
    heads = rows.select("shopper", "given", "time", "utc_offset_s")[starts].with_columns(
        pl.Series("from", starts), pl.Series("length", lengths)
    )
    if gap_minutes is None:  # by id so far; a shopper's sessions are to stand in the order of their starts
        heads = heads[np.lexsort((heads["from"].to_numpy(), _instants(heads["time"]), _codes(heads["shopper"])))]
        rows = rows[_ranges(heads["from"].to_numpy(), heads["length"].to_numpy())]
    own = pl.col("given") if gap_minutes is None else (pl.int_range(pl.len()).over("shopper") + 1).cast(pl.String)
    numbers = np.repeat(np.arange(len(heads), dtype=np.uint32), heads["length"].to_numpy())
    events = _filtered_searches(rows.with_columns(pl.Series("session", numbers))).filter(pl.col("kind") != "visit")
    per_session = np.bincount(events["session"].to_numpy(), minlength=len(heads))
    positions = np.arange(len(events)) - np.repeat(np.cumsum(per_session) - per_session, per_session)
    shopper = pl.col("shopper").str.replace_all("%", "%25", literal=True).str.replace_all("/", "%2F", literal=True)
    sessions = heads.select(
        pl.int_range(pl.len()).alias("session"),
        "shopper",
        pl.concat_str(shopper, own, separator="/").alias("key"),  # escaped: no two (shopper, id) pairs share one
        pl.col("time").alias("start"),
        "utc_offset_s",
        pl.lit("stop").alias("end"),
        pl.lit(None).alias("intention"),
        pl.Series("events", per_session),
    )
    unrecorded = [name for name in EVENTS if name not in ("session", "position", *events.columns)]
    events = events.with_columns(
        pl.col("kind").cast(pl.String).cast(KINDS),
        pl.Series("position", positions, dtype=pl.UInt32),
        *(pl.lit(None, EVENTS[name]).alias(name) for name in unrecorded),
    )
    return Sessionised(events.select(EVENTS.names()), sessions.cast(dict(SESSIONS)), late)  # type: ignore[arg-type]


def _filtered_searches(rows: pl.DataFrame) -> pl.DataFrame:
    """Marks searches after which the log has a filter, and drops those records; rows have their session."""
    kind = pl.col("kind").cast(pl.String)
    if not rows.select((kind == "filter").any()).item():
        return rows
    searches = (kind == "search").cum_sum().over("session")
    narrowed = (kind == "filter").any().over("session", searches) & (kind == "search")
    filters = pl.col("filters") if "filters" in rows.columns else pl.lit(None, pl.String)
    marked = pl.when(narrowed & filters.is_null()).then(pl.lit(UNNAMED)).otherwise(filters).alias("filters")
    return rows.with_columns(marked).filter(kind != "filter")


def _late(rows: pl.DataFrame, keys: list[str]) -> int:
    """Records that stood in their file after a later one of the same group; rows are sorted by group and time."""
    late = 0
    files = rows["ordinal"] // FILE_ORDINALS
    for file in files.unique():
        part = rows.filter(files == file)
        group = part.select(pl.any_horizontal(pl.col(key).ne_missing(pl.col(key).shift()) for key in keys).cum_sum())
        ordinal = part["ordinal"].to_numpy() % FILE_ORDINALS
        # A later group gets larger numbers, so that the running minimum from the end starts anew in each.
        order = ordinal + group.to_series().to_numpy().astype(np.int64) * (int(ordinal.max()) + 1)
        late += int((order > np.minimum.accumulate(order[::-1])[::-1]).sum())
    return late


def _codes(names: pl.Series) -> npt.NDArray[np.int64]:
    """A number for each name, the same for the same, in the order of first appearance."""
    indices = names.to_arrow().cast("string").dictionary_encode().indices
    codes: npt.NDArray[np.int64] = indices.fill_null(-1).to_numpy().astype(np.int64)
    return codes


def _instants(times: pl.Series) -> npt.NDArray[np.int64]:
    """Times as microseconds, unknown ones last."""
    return times.dt.epoch("us").fill_null(np.iinfo(np.int64).max).to_numpy()


def _ranges(starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """start, start + 1, …, start + length - 1 of each, one after the other."""
    ends: npt.NDArray[np.int64] = np.cumsum(lengths)
    within: npt.NDArray[np.int64] = np.arange(int(lengths.sum())) - np.repeat(ends - lengths, lengths)
    return within + np.repeat(starts, lengths)
