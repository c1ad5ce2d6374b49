"""How is the Best Buy search log read? One click a line, with the search that it came from."""

from __future__ import annotations

import polars as pl

from paars_gym.sessions.ingest.mapping import LogMapping
from paars_gym.sessions.ingest.reading import ROW
from paars_gym.sessions.ingest.sources import LogFormat, Reshaped, Source


def bestbuy() -> LogFormat:
    """``user,sku,category,query,click_time,query_time``: each line is a search event, then a view event."""
    mapping = LogMapping(
        columns={"shopper": "user", "time": "time", "kind": "kind", "query": "query", "product": "sku"}
    )
    reads = {name: pl.String() for name in ("user", "sku", "query", "click_time", "query_time")}
    return LogFormat(
        about="Best Buy (ACM SF hackathon 2012): query to clicked product, with times",
        sources=(Source("*.csv", mapping, reads=reads, reshape=_search_and_view),),
        unknown=("searches",),
        notes=(
            "Only searches with a click are in the log: queries and the views that follow are known, the number of "
            "searches of a session is not.",
        ),
        repeats_searches=True,
    )


def _search_and_view(raw: pl.DataFrame) -> Reshaped:
    times = pl.concat_list("query_time", "click_time").alias("time")
    kinds = pl.lit(["search", "view"]).alias("kind")
    return Reshaped(raw.select(ROW, "user", "sku", "query", times, kinds).explode("time", "kind"), [])
