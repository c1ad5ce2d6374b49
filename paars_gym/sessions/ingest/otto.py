"""How is the OTTO session log read? JSON lines, one shopper's events of several weeks a line, times in ms."""

from __future__ import annotations

import polars as pl

from paars_gym.sessions.ingest.mapping import LogMapping
from paars_gym.sessions.ingest.reading import ROW
from paars_gym.sessions.ingest.sources import LogFormat, Reshaped, Source

EVENT = pl.Struct({"aid": pl.Int64, "ts": pl.Int64, "type": pl.String})


def otto() -> LogFormat:
    """``{"session": 1, "events": [{"aid": 2, "ts": 1659304800025, "type": "clicks"}, …]}``."""
    mapping = LogMapping(
        columns={"shopper": "session", "time": "ts", "kind": "type", "product": "aid"},
        kinds={"clicks": "view", "carts": "add", "orders": "purchase"},
        time="ms",
    )
    return LogFormat(
        about="OTTO: views, adds to cart, purchases",
        sources=(
            Source("*.jsonl", mapping, reads={"session": pl.String(), "events": pl.List(EVENT)}, reshape=_explode),
        ),
        notes=(
            "What the log calls a session spans up to four weeks of one shopper; it is taken for the shopper, and cut "
            "into sessions by inactivity.",
        ),
    )


def _explode(raw: pl.DataFrame) -> Reshaped:
    flat = raw.explode("events", empty_as_null=False).unnest("events")
    return Reshaped(flat.select(ROW, "session", "aid", "ts", "type"), [])
