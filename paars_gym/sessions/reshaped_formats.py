"""Public logs whose rows are no events yet: DIGINETICA, OPeRA and UCI Online Shoppers."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from paars_gym.ingest.log_blocks import ROW, Reject
from paars_gym.sessions.mapping import Field_, LogFormat, LogMapping, Reshaped, Source

OPERA_COLUMNS = ("session_id", "timestamp", "action_type", "click_type", "element_meta", "products", "input_text")
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
MOST_VIEWS = 10_000  # more is a misread column, not a shopper


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


def opera() -> LogFormat:
    """The action table of OPeRA, in its Parquet files; the user is the first part of ``session_id``."""
    mapping = LogMapping(
        columns={"shopper": "shopper", "session": "session", "time": "time", "kind": "kind", "query": "query",
                 "product": "product", "title": "title", "units": "units", "price": "price"},
        product_optional=True,
    )  # fmt: skip
    reads = {column: pl.String() for column in OPERA_COLUMNS}
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
    for row, session, time, action, click, element, products, text in raw.select(ROW, *OPERA_COLUMNS).iter_rows():
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
    content = _json(products)
    listed = content if isinstance(content, list) else [content]
    return [item for item in listed if isinstance(item, dict) and item]


def _line(item: dict[str, Any]) -> tuple[str | None, str | None, str | None, str | None]:
    price = "".join(char for char in str(item.get("price") or "") if char.isdigit() or char == ".")
    return item.get("asin"), item.get("title"), str(item.get("quantity") or "") or None, price or None


def _json(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def uci_shoppers() -> LogFormat:
    """Each line becomes a session of ``ProductRelated`` views, and of one purchase where ``Revenue`` is true."""
    mapping = LogMapping(columns={"session": "session", "kind": "kind"}, product_optional=True)
    return LogFormat(
        about="UCI Online Shoppers: product pages seen a session and whether it bought",
        sources=(
            Source(
                "*.csv", mapping, reads={"ProductRelated": pl.String(), "Revenue": pl.String()}, reshape=_uci_sessions
            ),
        ),
        unknown=("purchases",),
        notes=(
            "Views are pages about products, of unknown product. A session that bought has one purchase event of an "
            "unknown product: that it bought is known, how many lines is not. Searches are not recorded.",
        ),
    )


def _uci_sessions(raw: pl.DataFrame) -> Reshaped:
    views = raw["ProductRelated"].cast(pl.Int64, strict=False)
    bought = (
        raw["Revenue"]
        .str.to_uppercase()
        .replace_strict(["TRUE", "FALSE", "1", "0"], [True, False, True, False], default=None, return_dtype=pl.Boolean)
    )
    rejects = []
    faults = {
        "ProductRelated": (~views.is_between(0, MOST_VIEWS).fill_null(value=False), "not a number of pages"),
        "Revenue": (bought.is_null(), "neither TRUE nor FALSE"),
    }
    bad = pl.Series([False]).new_from_index(0, len(raw))
    for column, (where, reason) in faults.items():
        bad_rows = raw.filter(where & ~bad)
        rejects += [Reject(row, column, value or "", reason) for row, value in bad_rows.select(ROW, column).iter_rows()]
        bad = bad | where
    purchases = bought.cast(pl.UInt32)
    frame = raw.filter(~bad).select(
        ROW,
        pl.col(ROW).cast(pl.String).alias("session"),
        pl.concat_list(
            pl.lit(["visit"]),
            pl.lit("view").repeat_by(views.filter(~bad)),
            pl.lit("purchase").repeat_by(purchases.filter(~bad)),
        ).alias("kind"),
    )
    return Reshaped(frame.explode("kind"), rejects)
