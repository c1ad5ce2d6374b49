"""How is the DIGINETICA log read? Views, purchases and searches in files of their own, times as day plus offset."""

from __future__ import annotations

import polars as pl

from paars_gym.sessions.ingest.mapping import Field_, LogMapping
from paars_gym.sessions.ingest.sources import LogFormat, Reshaped, Source


def diginetica() -> LogFormat:
    """CIKM Cup 2016: ``train-queries.csv``, ``train-item-views.csv``, ``train-purchases.csv``, separated by ``;``."""
    return LogFormat(
        about="DIGINETICA (CIKM Cup 2016): searches with results, views, purchases, by session",
        sources=(
            _source(
                "train-queries.csv", {"query": "searchstring.tokens", "results": "items", "category": "categoryId"}
            ),
            _source("train-item-views.csv", {"product": "itemId"}),
            _source("train-purchases.csv", {"product": "itemId"}),
        ),
        notes=(
            "Queries are hashed words: they can be counted and compared, not read or embedded.",
            "A search without words is browsing a category; it is a search event with a category filter.",
            "Ranks are positions in the results of the session's search before the view. train-clicks.csv is not "
            "read: its clicks open the pages that train-item-views.csv records.",
        ),
        one_shopper_a_session=True,
        ranks_from_results=True,
    )


def _source(name: str, more: dict[Field_, str]) -> Source:
    kind = {"train-queries.csv": "search", "train-item-views.csv": "view", "train-purchases.csv": "purchase"}[name]
    columns: dict[Field_, str] = {"shopper": "userId", "session": "sessionId", "time": "time", **more}
    mapping = LogMapping.model_validate(
        {"columns": columns, "kind": kind, "separator": ";", "missing": ["NA"], "results_separator": ","}
    )
    reads = {column: pl.String() for column in ("sessionId", "userId", "timeframe", "eventdate", *more.values())}
    return Source(name, mapping, reads=reads, reshape=_with_time)


def _with_time(raw: pl.DataFrame) -> Reshaped:
    day = pl.col("eventdate").str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    since = pl.duration(milliseconds=pl.col("timeframe").cast(pl.Int64, strict=False))
    time = (day + since).dt.to_string("%Y-%m-%d %H:%M:%S%.6f")
    # An unreadable time keeps its text, so that the quarantine shows it.
    shown = pl.coalesce(time, pl.concat_str("eventdate", "timeframe", separator=" + "))
    frame = raw.with_columns(shown.alias("time"))
    if "searchstring.tokens" in raw.columns:
        frame = frame.with_columns(pl.col("searchstring.tokens").str.replace_all(",", " ", literal=True))
    return Reshaped(frame.drop("eventdate", "timeframe"), [])
