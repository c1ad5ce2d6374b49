"""Which mapping fits a log that nobody has described? A proposal from its first rows, to be confirmed or changed."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow.parquet as pq

from paars_gym.sessions.ingest.mapping import FIELDS, WORDS, LogMapping
from paars_gym.sessions.ingest.reading import OPENERS, suffix
from paars_gym.sessions.ingest.times import parse_times

SAMPLE_ROWS = 1000
# Names seen in public and shop logs, lower case without punctuation; the best first.
NAMES: dict[str, tuple[str, ...]] = {
    "session": ("sessionid", "usersession", "sessionidhash", "session", "visitid", "sid"),
    "shopper": ("userid", "visitorid", "customerid", "shopperid", "householdid", "clientid", "user", "visitor",
                "customer", "shopper", "uid"),
    "time": ("eventtime", "timestamp", "time", "ts", "datetime", "createdat", "eventtimestamp",
             "servertimestampepochms", "date", "eventdate"),
    "kind": ("eventtype", "eventname", "event", "action", "type", "behavior", "kind", "productaction"),
    "query": ("query", "searchterm", "searchquery", "searchstring", "keyword", "keywords", "q", "term"),
    "results": ("results", "impressions", "shown", "productskushash", "items"),
    "product": ("productid", "itemid", "product", "item", "sku", "asin", "aid", "articleid", "skuid", "productskuhash"),
    "title": ("title", "productname", "itemname", "name", "producttitle"),
    "rank": ("rank", "position", "slot", "pos"),
    "units": ("units", "quantity", "qty", "count"),
    "price": ("price", "unitprice", "saleprice"),
    "page": ("page", "pagenumber"),
    "category": ("filtercategory",),
}  # fmt: skip
KINDS: dict[str, tuple[str, ...]] = {
    "search": ("search", "query", "searchquery", "viewsearchresults", "search_results", "results"),
    "next_page": ("nextpage", "page", "pagination", "loadmore"),
    "view": (
        "view",
        "click",
        "clicks",
        "detail",
        "productview",
        "viewitem",
        "pv",
        "productclick",
        "viewproduct",
        "clk",
    ),
    "add": ("add", "cart", "carts", "addtocart", "addcart", "basket", "addtobasket", "atc"),
    "remove": ("remove", "removefromcart", "removecart", "removefrombasket"),
    "purchase": ("purchase", "buy", "order", "orders", "transaction", "pay", "checkout", "sale", "bought"),
    "stop": ("stop", "exit", "logout", "leave"),
    "visit": ("pageview", "home", "homepage", "visit", "scroll", "sessionstart"),
}


class Proposal(NamedTuple):
    """A mapping, the first rows it was read off, what could not be placed, and how sure it is of nothing else.

    Attributes:
        mapping: What the wizard would import with; None when it found no shopper, session or event column.
        head: First rows of the log, as text.
        unplaced: Event words without a kind; they would be quarantined.
        missing: What a log needs and this one seems not to have.
    """

    mapping: LogMapping | None
    head: pl.DataFrame
    unplaced: tuple[str, ...]
    missing: tuple[str, ...]


def propose(log: str | Path, *, answers: dict[str, str] | None = None) -> Proposal:
    """Proposes a mapping from column names and values of the first thousand rows.

    Args:
        log: A CSV, JSON-lines or Parquet file.
        answers: Field to column, and ``kinds.<word>`` to kind, to be taken instead of the wizard's own guess; an empty
            column leaves the field out.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It has no rows.
    """
    path = Path(log)
    if not path.is_file():
        raise FileNotFoundError(f"No log {str(log)!r}.")
    head, separator, newlines = _head(path)
    if head.is_empty():
        raise ValueError(f"{path.name!r} has no rows to look at.")
    answers = answers or {}
    columns = _columns(head)
    columns |= {field: column for field, column in answers.items() if field in FIELDS}
    columns = {field: column for field, column in columns.items() if column}
    unknown = [column for column in columns.values() if column not in head.columns]
    if unknown:
        raise ValueError(f"{path.name!r} has no column {unknown[0]!r}; it has {', '.join(map(repr, head.columns))}.")
    words = head[columns["kind"]].drop_nulls().unique().sort().to_list() if "kind" in columns else []
    kinds = {word: kind for word in words if (kind := answers.get(f"kinds.{word}") or _kind(word))}
    missing = [] if {"shopper", "session"} & set(columns) else ["shopper or session"]
    missing += [] if "kind" in columns else ["kind"]
    mapping = (
        None
        if missing
        else LogMapping.model_validate(
            {
                "columns": columns,
                "kinds": {word: kind for word, kind in kinds.items() if word not in WORDS or word != kind},
                "time": _notation(head[columns["time"]]) if "time" in columns else "iso",
                "separator": separator,
                "newlines": newlines,
            }
        )
    )
    return Proposal(mapping, head, tuple(word for word in words if word not in kinds), tuple(missing))


def ask(log: str | Path, answer: Callable[[str, str], str]) -> LogMapping:
    """Asks about every field and event word, offering the proposal.

    Args:
        log: The file.
        answer: Called with a question and a default; gives the reply.

    Raises:
        ValueError: The replies make no mapping.
    """
    proposal = propose(log)
    guessed = _columns(proposal.head)
    answers = {field: answer(f"Column for {field} (empty: none)", guessed.get(field, "")).strip() for field in FIELDS}
    words = propose(log, answers=answers)
    if words.mapping is None:
        raise ValueError(f"A log needs a column for {', and for '.join(words.missing)}.")
    for word in words.head[answers["kind"]].drop_nulls().unique().sort():
        answers[f"kinds.{word}"] = answer(f"Event {word!r} is a ({', '.join(WORDS)})", _kind(word) or "ignore").strip()
    mapping = propose(log, answers=answers).mapping
    assert mapping is not None
    return mapping


def _columns(head: pl.DataFrame) -> dict[str, str]:
    free = {_plain(column): column for column in reversed(head.columns)}
    columns = {}
    for field, names in NAMES.items():
        name = next((name for name in names if name in free), None)
        if name is not None:
            columns[field] = free.pop(name)
    return columns


def _kind(word: str) -> str | None:
    plain = _plain(word)
    return next((kind for kind, words in KINDS.items() if plain in words or plain == _plain(kind)), None)


def _notation(values: pl.Series) -> str:
    """The notation that reads most of the values as times."""
    found = {unit: parse_times(values, unit, timezone="UTC").time.null_count() for unit in ("iso", "s", "ms", "us")}
    return min(found, key=lambda unit: found[unit])


def _head(path: Path) -> tuple[pl.DataFrame, str, bool]:
    """First rows as text, the CSV separator, and whether quoted fields hold line ends."""
    if suffix(path) == ".parquet":
        batch = next(pq.ParquetFile(path).iter_batches(batch_size=SAMPLE_ROWS), None)
        frame = pl.DataFrame() if batch is None else pl.DataFrame(pl.from_arrow(batch))
        return frame.with_columns(pl.all().cast(pl.String, strict=False)), ",", False
    with OPENERS.get(path.suffix, open)(path, "rb") as file:
        text = file.read1(1 << 20).decode(errors="replace").removeprefix("\ufeff")
    lines = text.splitlines()[:SAMPLE_ROWS] if text.endswith("\n") else text.splitlines()[:SAMPLE_ROWS] or [text]
    if suffix(path) == ".jsonl":
        records = [record for line in lines if isinstance(record := _json(line), dict)]
        names = dict.fromkeys(name for record in records for name in record)
        columns = {name: [_shown(record.get(name)) for record in records] for name in names}
        return pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String)), ",", False
    separator = max(",;\t|", key=lambda char: lines[0].count(char) if lines else 0)
    rows = list(csv.reader(text.splitlines(keepends=True)[:SAMPLE_ROWS], delimiter=separator))
    header, body = (rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]) if rows else ([], [])
    frame = pl.DataFrame(body, schema=dict.fromkeys(header, pl.String), orient="row")
    newlines = any("\n" in cell for row in body for cell in row)
    return frame.with_columns(pl.when(pl.all() != "").then(pl.all())), separator, newlines


def _json(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _shown(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())
