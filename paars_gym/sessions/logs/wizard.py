"""A mapping proposed for an unknown log from its first rows, to be confirmed or changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import polars as pl

from paars_gym.ingest.feed_rows import FeedFile
from paars_gym.ingest.log_blocks import ROW
from paars_gym.ingest.log_reading import frame_of
from paars_gym.ingest.notation import find_notation, looks_like_times, reads
from paars_gym.sessions.logs.converting import convert
from paars_gym.sessions.logs.mapping import FIELDS, WORDS, LogMapping

SAMPLE_ROWS = 1000
NONE = "-"
FIRST = ("shopper", "session", "kind")
"""Fields asked for first: without them the other questions lead nowhere."""
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
    "filter": ("filter", "filters", "applyfilter", "filterapplied", "facet", "refine"),
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
    head, file = _head(path)
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
                "separator": file.table.separator if file.kind == "csv" else "",
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
    answers: dict[str, str] = {}
    for field in (*FIRST, *(field for field in FIELDS if field not in FIRST)):
        if field in ("visitor", "total", "since"):  # for mappings by hand
            continue
        question = f"Column for {field} ({NONE}: none)"
        reply = _one_of((NONE, *proposal.head.columns), question, guessed.get(field, NONE), answer)
        answers[field] = "" if reply == NONE else reply
        if field == FIRST[-1] and (missing := _lacking(answers)):
            raise ValueError(f"A log needs a column for {', and for '.join(missing)}.")
    if answers["time"]:
        answers |= _ask_notation(answers["time"], proposal.head[answers["time"]], answer)
    words = propose(log, answers=answers)
    for word in words.head[answers["kind"]].drop_nulls().unique().sort():
        question = f"Event {word!r} is a ({', '.join(WORDS)})"
        answers[f"kinds.{word}"] = _one_of(WORDS, question, _kind(word) or "ignore", answer)
    mapping = propose(log, answers=answers).mapping
    assert mapping is not None
    if reason := why_none(proposal.head, mapping):
        raise ValueError(f"With these answers none of the first {len(proposal.head):,} records can be used: {reason}.")
    return mapping


def _lacking(answers: Mapping[str, str]) -> list[str]:
    """What a log needs and the answers do not name."""
    lacking = [] if answers.get("shopper") or answers.get("session") else ["shopper or session"]
    return lacking if answers.get("kind") else [*lacking, "kind"]


def why_none(head: pl.DataFrame, mapping: LogMapping) -> str:
    """Why a mapping can use none of some records; empty when it can use one."""
    rows = head.insert_column(0, pl.int_range(1, len(head) + 1, dtype=pl.Int64, eager=True).alias(ROW))
    converted = convert(rows.select(ROW, *set(mapping.plain_columns.values())), mapping, timezone="UTC")
    if len(converted.frame) or not converted.rejects:
        return ""
    first = converted.rejects[0]
    return f"{first.field} {first.value!r}, {first.reason}"


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
    empty = {column for column in head.columns if head[column].null_count() == len(head)}
    free = {_plain(column): column for column in reversed(head.columns) if column not in empty}
    columns = {}
    for field, names in NAMES.items():
        name = next((name for name in names if name in free), None)
        if name is not None:
            columns[field] = free.pop(name)
    # A name promises times; values are them. Split dates and clocks, and names in other languages, are found so.
    named = columns.get("time")
    if named is None or not find_notation(named, head[named]).name:
        others = [column for column in head.columns if column not in columns.values() and column not in empty]
        timelike = next((column for column in others if looks_like_times(column, head[column])), None)
        columns |= {} if timelike is None else {"time": timelike}
    return columns


def _kind(word: str) -> str | None:
    plain = _plain(word)
    return next((kind for kind, words in KINDS.items() if plain in words or plain == _plain(kind)), None)


def _head(path: Path) -> tuple[pl.DataFrame, FeedFile]:
    """First rows as text, and how the file is written."""
    with FeedFile(path) as file:
        rows = [row for row in islice(file, SAMPLE_ROWS) if row.values is not None]
        names = file.columns or tuple(dict.fromkeys(name for row in rows for name in row.values or ()))
        frame = frame_of(rows, dict.fromkeys(names, pl.String())).frame.drop(ROW)
    return frame.with_columns(pl.when(pl.all() != "").then(pl.all())), file


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())
