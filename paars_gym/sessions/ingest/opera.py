"""How is OPeRA read? One browser action a row; searches, product links and purchases are picked out of the clicks."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from paars_gym.sessions.ingest.mapping import LogMapping
from paars_gym.sessions.ingest.reading import ROW
from paars_gym.sessions.ingest.sources import LogFormat, Reshaped, Source

READ = ("session_id", "timestamp", "action_type", "click_type", "element_meta", "products", "input_text")
RECORD = {
    ROW: pl.Int64,
    "shopper": pl.String,
    "session": pl.String,
    "time": pl.String,
    "kind": pl.String,
    "query": pl.String,
    "product": pl.String,
    "title": pl.String,
    "units": pl.String,
    "price": pl.String,
}
CLICKS = {"search": "search", "suggested_term": "search", "product_link": "view", "purchase": "purchase"}


def opera() -> LogFormat:
    """The action table of OPeRA, in its Parquet files; the user is the first part of ``session_id``."""
    mapping = LogMapping(
        columns={"shopper": "shopper", "session": "session", "time": "time", "kind": "kind", "query": "query",
                 "product": "product", "title": "title", "units": "units", "price": "price"},
        product_optional=True,
    )  # fmt: skip
    reads = {column: pl.String() for column in READ}
    return LogFormat(
        about="OPeRA: searches, product links and purchases of recorded browser sessions",
        sources=(Source("*.parquet", mapping, reads=reads, reshape=_actions),),
        notes=(
            "A search's query is the text typed last before it. Clicks that the log calls 'purchase' are taken for "
            "purchases; they may include adding to the cart. All other clicks only mark activity.",
        ),
    )


def _actions(raw: pl.DataFrame) -> Reshaped:
    rows: list[tuple[Any, ...]] = []
    typed: dict[str, str] = {}
    for row, session, time, action, click, element, products, text in raw.select(ROW, *READ).iter_rows():
        common = (row, (session or "").split("_")[0] or None, session, time)
        kind = CLICKS.get(click, "visit") if action == "click" else {"terminate": "stop"}.get(action, "visit")
        if action == "input" and text:
            typed[session] = text
        item = _item(element)
        if kind == "search":
            rows.append((*common, kind, text or typed.get(session), None, None, None, None))
        elif kind == "purchase":
            for bought in _items(products) or [item]:
                rows.append((*common, kind, None, *_line(bought)))
        elif kind == "view":
            rows.append((*common, kind, None, item.get("asin"), item.get("title"), None, None))
        else:
            rows.append((*common, kind, None, None, None, None, None))
    return Reshaped(pl.DataFrame(rows, schema=RECORD, orient="row"), [])


def _item(element: str | None) -> dict[str, Any]:
    """The product that an element stands for: its ``data`` is JSON within the JSON."""
    meta = _json(element)
    data = meta.get("data") if isinstance(meta, dict) else None
    item = _json(data) if isinstance(data, str) else data
    return item if isinstance(item, dict) else {}


def _items(products: str | None) -> list[dict[str, Any]]:
    found = _json(products)
    listed = found if isinstance(found, list) else [found]
    return [item for item in listed if isinstance(item, dict) and item]


def _line(item: dict[str, Any]) -> tuple[str | None, str | None, str | None, str | None]:
    price = "".join(char for char in str(item.get("price") or "") if char.isdigit() or char == ".")
    return item.get("asin"), item.get("title"), str(item.get("quantity") or "") or None, price or None


def _json(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None
