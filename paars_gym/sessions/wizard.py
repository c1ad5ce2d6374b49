"""A mapping proposed for an unknown log from its first rows, to be confirmed or changed."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow.parquet as pq

from paars_gym.ingest.log_reading import as_text
from paars_gym.ingest.notation import find_notation, looks_like_times, reads
from paars_gym.ingest.opening import open_log, suffix
from paars_gym.sessions.mapping import FIELDS, WORDS, LogMapping

SAMPLE_ROWS = 1000
NONE = "-"
# Names seen in public and shop logs, lower case without punctuation; the best first.
NAMES: dict[str, tuple[str, ...]] = {
    "session": ("sessionid", "usersession", "sessionidhash", "session", "visitid", "sid"),
    "shopper": ("userid", "visitorid", "customerid", "shopperid", "householdid", "clientid", "user", "visitor",
                "customer", "shopper", "uid"),
    "time": ("eventtime", "timestamp", "time", "ts", "datetime", "createdat", "eventtimestamp",
             "servertimestampepochms", "date", "eventdate", "when"),
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
    """A mapping, the first rows it was read off, what could not be placed, and what is doubtful.

    Attributes:
        mapping: What the wizard would import with; None when it found no shopper, session or event column.
        head: First rows of the log, as text.
        unplaced: Event words without a kind; they would be quarantined.
        missing: What a log needs and this one seems not to have.
        doubts: What a person should decide or know, in sentences.
    """

    mapping: LogMapping | None
    head: pl.DataFrame
    unplaced: tuple[str, ...]
    missing: tuple[str, ...]
    doubts: tuple[str, ...] = ()


def propose(log: str | Path, *, answers: dict[str, str] | None = None) -> Proposal:
    """Proposes a mapping from column names and values of the first thousand rows.

    Args:
        log: A CSV, JSON-lines or Parquet file.
        answers: Field to column, ``time_format`` to notation, and ``kinds.<word>`` to kind, to be taken instead of the
            wizard's own guess; an empty column leaves the field out.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It has no rows, or an answer names no column of it or no kind.
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
    notation, doubts = "iso", []
    if "time" in columns:
        answer = answers.get("time_format")
        notation, doubt = (answer, "") if answer else find_notation(columns["time"], head[columns["time"]])
        doubts += [doubt] if doubt else []
        if not notation:
            doubts[-1] += " It is left out: map it yourself, with its strptime format (time_format)."
            del columns["time"]
    elif "time" not in answers:
        doubts.append("No column looks like times: the events of a shopper become one session, in the log's order.")
    words = head[columns["kind"]].drop_nulls().unique().sort().to_list() if "kind" in columns else []
    kinds = {word: kind for word in words if (kind := answers.get(f"kinds.{word}") or _kind(word))}
    for word, kind in kinds.items():
        if kind not in WORDS:
            raise ValueError(f"Event {word!r} is a {kind!r}? Must be one of {', '.join(WORDS)}.")
    missing = [] if {"shopper", "session"} & set(columns) else ["shopper or session"]
    missing += [] if "kind" in columns else ["kind"]
    mapping = (
        None
        if missing
        else LogMapping.model_validate(
            {
                "columns": columns,
                "kinds": {word: kind for word, kind in kinds.items() if word not in WORDS or word != kind},
                "time": notation or "iso",
                "separator": separator,
                "newlines": newlines,
            }
        )
    )
    unplaced = tuple(word for word in words if word not in kinds)
    return Proposal(mapping, head, unplaced, tuple(missing), tuple(doubts))


def ask(log: str | Path, answer: Callable[[str, str], str]) -> LogMapping:
    """Asks about every field and event word, offering the proposal, and again where a reply is none of the possible.

    Args:
        log: The file.
        answer: Called with a question and a default; gives the reply. `NONE` leaves a field out.

    Raises:
        ValueError: The replies make no mapping.
    """
    proposal = propose(log)
    guessed = _columns(proposal.head)
    answers = {}
    for field in FIELDS:
        question = f"Column for {field} ({NONE}: none)"
        reply = _one_of((NONE, *proposal.head.columns), question, guessed.get(field, NONE), answer)
        answers[field] = "" if reply == NONE else reply
    if answers["time"]:
        answers |= _ask_notation(answers["time"], proposal.head[answers["time"]], answer)
    words = propose(log, answers=answers)
    if words.mapping is None:
        raise ValueError(f"A log needs a column for {', and for '.join(words.missing)}.")
    for word in words.head[answers["kind"]].drop_nulls().unique().sort():
        question = f"Event {word!r} is a ({', '.join(WORDS)})"
        answers[f"kinds.{word}"] = _one_of(WORDS, question, _kind(word) or "ignore", answer)
    mapping = propose(log, answers=answers).mapping
    assert mapping is not None
    return mapping


def _ask_notation(column: str, values: pl.Series, answer: Callable[[str, str], str]) -> dict[str, str]:
    notation = find_notation(column, values)
    if notation.name:
        return {}
    question = f"{notation.doubt} Its notation (iso, s, ms, us or a strptime format; {NONE}: leave the times out)"
    while (reply := answer(question, NONE).strip() or NONE) != NONE:
        if reads(values, reply):
            return {"time_format": reply}
        question = f"{reply!r} does not read them. Its notation ({NONE}: leave the times out)"
    return {"time": ""}


def _one_of(possible: Sequence[str], question: str, default: str, answer: Callable[[str, str], str]) -> str:
    """A reply that is possible; an empty one is none."""
    reply = answer(question, default).strip() or NONE
    while reply not in possible:
        reply = answer(f"{reply!r} is none of {', '.join(possible)}. {question}", default).strip() or NONE
    return reply


def _columns(head: pl.DataFrame) -> dict[str, str]:
    free = {_plain(column): column for column in reversed(head.columns)}
    columns = {}
    for field, names in NAMES.items():
        name = next((name for name in names if name in free), None)
        if name is not None:
            columns[field] = free.pop(name)
    # A name promises times; values are them. Split dates and clocks, and names in other languages, are found so.
    named = columns.get("time")
    if named is None or not find_notation(named, head[named]).name:
        others = [column for column in head.columns if column not in columns.values()]
        timelike = next((column for column in others if looks_like_times(column, head[column])), None)
        columns |= {} if timelike is None else {"time": timelike}
    return columns


def _kind(word: str) -> str | None:
    plain = _plain(word)
    return next((kind for kind, words in KINDS.items() if plain in words or plain == _plain(kind)), None)


def _head(path: Path) -> tuple[pl.DataFrame, str, bool]:
    """First rows as text, the CSV separator, and whether quoted fields hold line ends."""
    if suffix(path) == ".parquet":
        batch = next(pq.ParquetFile(path).iter_batches(batch_size=SAMPLE_ROWS), None)
        frame = pl.DataFrame() if batch is None else pl.DataFrame(pl.from_arrow(batch))
        return pl.DataFrame([as_text(column) for column in frame.get_columns()]), ",", False
    with open_log(path) as file:
        text = file.read1(1 << 20).decode(errors="replace").removeprefix("\ufeff")  # type: ignore[attr-defined]
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
