"""Public logs whose rows are no events yet: DIGINETICA, OPeRA and UCI Online Shoppers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import polars as pl

from paars_gym.ingest.log_blocks import ROW, Reject
from paars_gym.sessions.logs.mapping import Field_, LogFormat, LogMapping, Reshaped, Source

OPERA_COLUMNS = ("session_id", "timestamp", "action_type", "click_type", "element_meta", "products", "input_text")
OPERA_MADE_OF = {
    "shopper": ("session_id",), "session": ("session_id",), "time": ("timestamp",),
    "kind": ("action_type", "click_type"), "query": ("input_text",), "title": ("element_meta", "products"),
    "product": ("element_meta", "products"), "units": ("products",), "price": ("products",),
}  # fmt: skip
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
LEADS_ON = ("product_link", "filter", "page_related")
"""Clicks on a page of results: who typed before has searched."""
MOST_VIEWS = 10_000  # more is a misread column, not a shopper


def diginetica() -> LogFormat:
    """CIKM Cup 2016: ``train-queries.csv``, ``train-item-views.csv``, ``train-purchases.csv``, separated by ``;``.

    ``eventdate`` is the event's own day, ``timeframe`` the milliseconds since the first query of its session (Track 2's
    description, competitions.codalab.org/competitions/11161): to add one to the other would count days twice.
    """
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
            "The log dates each event by its day and counts milliseconds from the session's first query: days, order "
            "and pauses within a session are known, hours of the day are not.",
            "Ranks are positions in the results of the session's search before the view. train-clicks.csv is not "
            "read: its clicks open the pages that train-item-views.csv records.",
        ),
        one_shopper_a_session=True,
        ranks_from_results=True,
        own_days=True,
    )


def _source(name: str, more: dict[Field_, str]) -> Source:
    kind = {"train-queries.csv": "search", "train-item-views.csv": "view", "train-purchases.csv": "purchase"}[name]
    columns: dict[Field_, str] = {
        "shopper": "userId", "session": "sessionId", "time": "eventdate", "since": "timeframe", **more,
    }  # fmt: skip
    mapping = LogMapping.model_validate(
        {"columns": columns, "kind": kind, "separator": ";", "missing": ["NA"], "results_separator": ","}
    )
    reads = {column: pl.String() for column in ("sessionId", "userId", "timeframe", "eventdate", *more.values())}
    return Source(name, mapping, reads=reads, reshape=_with_words)


def _with_words(raw: pl.DataFrame) -> Reshaped:
    if "searchstring.tokens" in raw.columns:
        raw = raw.with_columns(pl.col("searchstring.tokens").str.replace_all(",", " ", literal=True))
    return Reshaped(raw, [])


def opera() -> LogFormat:
    """The action table of OPeRA, in its Parquet files; the user is the first part of ``session_id``.

    Its card calls a click ``search`` on the search button and on the search box alike, and ``purchase`` on whatever
    leads to buying: checkout, buy now, a subscription, adding to the cart. The notes say what is made of that here.
    """
    mapping = LogMapping(
        columns={"shopper": "shopper", "session": "session", "time": "time", "kind": "kind", "query": "query",
                 "product": "product", "title": "title", "units": "units", "price": "price"},
        product_optional=True,
    )  # fmt: skip
    reads = {column: pl.String() for column in OPERA_COLUMNS}
    events = OperaEvents()
    return LogFormat(
        about="OPeRA: searches, product links and purchases of recorded browser sessions",
        sources=tuple(
            Source(pattern, mapping, reads=reads, reshape=events, made_of=OPERA_MADE_OF)
            for pattern in ("action*.parquet", "opera*.parquet", "train-0*.parquet", "test-0*.parquet")
        ),
        signature=(frozenset(OPERA_COLUMNS),),
        notes=(
            "Sessions are the log's own: one recording of a browser.",
            "A search is a click on the search button or on a suggested term, or text typed and a page or product "
            "opened after it; the click into the search box before typing is no second search. Its words are the text "
            "typed last since the search before; where none was recorded they are unknown, and of a suggested term "
            "they are what was typed before it.",
            "A view is a click on a product link; pages reached in another way are not counted.",
            "A purchase is a click that the log calls 'purchase': checkout and buy now, and adding to the cart too.",
            "A click on a filter marks the search before it as filtered, by what is not told. Whether pages were "
            "turned is unknown: what the log calls 'page_related' is clicked on pages of products too.",
            "All other actions only mark activity.",
        ),
    )


class OperaEvents:
    """Makes events of OPeRA's actions. One reads one log, in its order: it remembers what was typed in each session."""

    def __init__(self) -> None:
        self._typing: dict[str, _Typing] = {}

    def __call__(self, raw: pl.DataFrame) -> Reshaped:
        rows: list[tuple[Any, ...]] = []
        for row, session, time, action, click, element, products, text in raw.select(ROW, *OPERA_COLUMNS).iter_rows():
            common = (row, (session or "").split("_")[0] or None, session, time)
            typing = self._typing.setdefault(session or "", _Typing())
            searched, query = typing.after(action, click, text)
            if searched:
                rows.append((*common, "search", query, None, None, None, None))
            if action == "click" and click == "purchase":
                rows += [(*common, "purchase", None, *_line(one)) for one in _items(products) or [_item(element)]]
            elif action == "click" and click == "product_link":
                item = _item(element)
                rows.append((*common, "view", None, item.get("asin"), item.get("title"), None, None))
            elif action == "click" and click == "filter":
                rows.append((*common, "filter", None, None, None, None, None))
            elif not searched:
                kind = "stop" if action == "terminate" else "visit"
                rows.append((*common, kind, None, None, None, None, None))
        return Reshaped(pl.DataFrame(rows, schema=RECORD, orient="row"), [])


@dataclass
class _Typing:
    """What was done at the search box since the last search.

    Attributes:
        text: Typed last; None where nothing was recorded.
        typed: Whether something was typed.
        clicked: Whether the box or the button was clicked, and it is not known yet which of the two.
    """

    text: str | None = None
    typed: bool = False
    clicked: bool = False

    def after(self, action: str | None, click: str | None, text: str | None) -> tuple[bool, str | None]:
        """Whether an action shows that a search was made, and its words."""
        if action in ("scroll", "terminate"):
            return False, None
        searching = action == "click" and click == "search"
        self.text = text or self.text
        if action == "input":
            self.typed = True
            return False, None
        if searching and not (self.typed or self.clicked):
            self.clicked = True
            return False, None
        opened = action in ("navigation", "tab_activate") or (action == "click" and click in LEADS_ON)
        done = searching or (action == "click" and click == "suggested_term") or self.clicked or (self.typed and opened)
        query = self.text
        self.text, self.typed, self.clicked = None, False, False
        return done, query if done else None


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
    except (ValueError, RecursionError):
        return None


def uci_shoppers() -> LogFormat:
    """Each line becomes a session of ``ProductRelated`` views, and of one purchase where ``Revenue`` is true."""
    mapping = LogMapping(columns={"session": "session", "kind": "kind"}, product_optional=True)
    return LogFormat(
        about="UCI Online Shoppers: product pages seen a session and whether it bought",
        sources=(
            Source(
                "*.csv",
                mapping,
                reads={"ProductRelated": pl.String(), "Revenue": pl.String()},
                reshape=_uci_sessions,
                made_of={"session": ("each row",), "kind": ("ProductRelated", "Revenue")},
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
