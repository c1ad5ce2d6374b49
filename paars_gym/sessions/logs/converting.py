"""Raw log records as typed records, and a reason for each that is refused."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from paars_gym.ingest.log_blocks import ROW, Reject
from paars_gym.ingest.log_reading import as_text, is_flat_list
from paars_gym.ingest.times import FIRST_YEAR, LAST_YEAR, TIME, parse_times
from paars_gym.sessions.event import ANONYMOUS
from paars_gym.sessions.logs.mapping import WORDS, LogMapping

# A record is an event that has no session yet; its kind may still be visit, which is activity without an event.
RECORDS = pl.Schema(
    {
        ROW: pl.Int64(),
        "shopper": pl.String(),
        "named": pl.Boolean(),  # whether the log names the shopper, and not a device or a visit in its place
        "visitor": pl.String(),  # the device's own id
        "given": pl.String(),  # the log's own session id
        "kind": pl.Enum(WORDS),
        "time": TIME,
        "utc_offset_s": pl.Int32(),
        "query": pl.String(),
        "filters": pl.String(),
        "results": pl.List(pl.String()),
        "page": pl.Int64(),
        "product": pl.String(),
        "title": pl.String(),
        "rank": pl.Int64(),
        "units": pl.Int64(),
        "price": pl.Float64(),
        "since": pl.Int64(),  # milliseconds to add to the time
        "event_id": pl.String(),
    }
)
NUMBERS: dict[str, tuple[pl.DataType, int, str]] = {
    "page": (pl.Int64(), 1, "a whole number from 1"),
    "rank": (pl.Int64(), 1, "a whole number from 1"),
    "units": (pl.Int64(), 1, "a whole number from 1"),
    "price": (pl.Float64(), 0, "a number from 0"),
    "since": (pl.Int64(), 0, "a whole number from 0"),
}
WITH_PRODUCT = ("view", "add", "remove", "purchase")
USED_BY = {
    "query": ("search", "next_page"),
    "filters": ("search", "next_page"),
    "results": ("search", "next_page"),
    "page": ("search", "next_page"),
    "product": WITH_PRODUCT,
    "title": WITH_PRODUCT,
    "rank": ("view",),
    "units": ("add", "remove", "purchase"),
    "price": ("purchase",),
    "since": WORDS,
}
MOST_VALUE = 200  # characters of a bad value that are kept


class Converted(NamedTuple):
    """Good records of schema `RECORDS`, refused ones, and whether a naive time was seen."""

    frame: pl.DataFrame
    rejects: list[Reject]
    naive: bool


def convert(raw: pl.DataFrame, mapping: LogMapping, *, timezone: str) -> Converted:
    """Types one batch of records.

    Args:
        raw: `ROW`, and the log's columns that the mapping names; text, or typed where they come from Parquet.
        mapping: Says which column is what.
        timezone: Zone of times that have none.
    """
    raw = _without_nested(raw, mapping)
    nothing = pl.lit(None, pl.String)
    text: dict[str, pl.Expr] = {
        field: _text(raw.schema[column], column, mapping) for field, column in mapping.plain_columns.items()
    }
    session = text.get("session", nothing)
    typed = {
        "shopper": pl.coalesce(
            text.get("shopper", nothing), text.get("visitor", nothing), pl.concat_str(pl.lit(ANONYMOUS), session)
        ),
        "named": text.get("shopper", nothing).is_not_null(),
        "visitor": text.get("visitor", nothing),
        "given": session,
        "kind": _kind(text.get("kind"), mapping),
        "filters": nothing,
        "results": _results(raw, mapping),
    } | {field: text.get(field, nothing) for field in ("query", "product", "title", "event_id")}
    if "category" in text:
        encoded = pl.struct(text["category"].alias("category")).struct.json_encode()
        typed["filters"] = pl.when(text["category"].is_not_null()).then(encoded)
    for field, (dtype, _, _) in NUMBERS.items():
        typed[field] = _number(text[field], dtype) if field in text else nothing.cast(dtype)
    frame = raw.select(pl.col(ROW), *(expression.alias(name) for name, expression in typed.items()))
    used = {field: frame["kind"].is_in(kinds) for field, kinds in USED_BY.items()}
    frame = frame.with_columns(pl.when(used[field]).then(pl.col(field)).alias(field) for field in USED_BY)
    naive = False
    if "time" in text:
        column = raw[mapping.plain_columns["time"]]
        source = raw.select(text["time"]).to_series() if column.dtype == pl.String else column
        times = parse_times(source, mapping.time, timezone=timezone)
        naive = times.naive
        frame = frame.with_columns(times.time.alias("time"), times.utc_offset_s.alias("utc_offset_s"))
    else:
        frame = frame.with_columns(pl.lit(None, TIME).alias("time"), pl.lit(None, pl.Int32).alias("utc_offset_s"))

    faults = _faults(frame, raw, text, mapping)
    bad = frame.select(pl.any_horizontal(*faults.values()) & (pl.col("kind").ne_missing("ignore"))).to_series()
    rejects = _rejects(frame, raw, text, faults, bad) if bad.any() else []
    good = frame.filter(~bad & frame["kind"].ne_missing("ignore")).select(RECORDS.names()).cast(dict(RECORDS))  # type: ignore[arg-type]
    return Converted(good, rejects, naive)


def _without_nested(raw: pl.DataFrame, mapping: LogMapping) -> pl.DataFrame:
    """Nested columns as JSON text, but for lists of results.

    Raises:
        ValueError: Results are lists of something else than product ids.
    """
    results = mapping.plain_columns.get("results")
    for column in raw.columns:
        dtype = raw.schema[column]
        if column == results and is_flat_list(dtype):
            raw = raw.with_columns(pl.col(column).cast(pl.List(pl.String)))
        elif column == results and dtype.is_nested():
            raise ValueError(f"Column {column!r} holds {dtype}; results must be lists of product ids, or text.")
        elif dtype.is_nested() or dtype in (pl.Binary, pl.Duration):
            raw = raw.with_columns(as_text(raw[column]))
    return raw


def _number(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    number = text.cast(dtype, strict=False)
    if not dtype.is_integer():
        return number
    fraction = text.cast(pl.Float64, strict=False)  # whole numbers beside missing ones are often written as 2.0
    return pl.coalesce(number, pl.when(fraction == fraction.floor()).then(fraction.cast(dtype, strict=False)))


def _text(dtype: pl.DataType, column: str, mapping: LogMapping) -> pl.Expr:
    expression = pl.col(column)
    if dtype.is_float():  # ids beside missing values come as 17.0
        whole = (expression == expression.floor()) & expression.is_finite()
        expression = (
            pl.when(whole)
            .then(expression.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(expression.fill_nan(None).cast(pl.String))
        )
    elif isinstance(dtype, pl.List):  # of results; the others are text by now
        expression = expression.cast(pl.List(pl.String)).list.join(mapping.results_separator)
    else:
        expression = expression.cast(pl.String)
    expression = expression.str.strip_chars()
    return pl.when(~expression.is_in(["", *mapping.missing])).then(expression)


def _kind(text: pl.Expr | None, mapping: LogMapping) -> pl.Expr:
    kinds = pl.Enum(WORDS)
    if text is None:
        return pl.lit(mapping.kind, kinds)
    words = {**{word: word for word in WORDS}, **mapping.kinds}
    return text.replace_strict(list(words), list(words.values()), default=None, return_dtype=kinds)


def _results(raw: pl.DataFrame, mapping: LogMapping) -> pl.Expr:
    column = mapping.plain_columns.get("results")
    if column is None:
        return pl.lit(None, pl.List(pl.String))
    if isinstance(raw.schema[column], pl.List):
        return pl.col(column).cast(pl.List(pl.String))
    text = _text(raw.schema[column], column, mapping)
    listed = text.str.extract_all(r"""[^\s,\[\]"']+""")
    split = text.str.split(mapping.results_separator).list.eval(
        pl.element().str.strip_chars().filter(pl.element() != "")
    )
    return pl.when(text.str.starts_with("[")).then(listed).otherwise(split)


def _faults(
    frame: pl.DataFrame, raw: pl.DataFrame, text: dict[str, pl.Expr], mapping: LogMapping
) -> dict[tuple[str, str], pl.Series]:
    """(field, reason) to where it holds, worst first."""

    def given(field: str) -> pl.Series:
        return raw.select(text[field].is_not_null()).to_series()

    nothing, faults = pl.Series([False]).new_from_index(0, len(frame)), {}
    kind = frame["kind"]
    seen = given("kind") if "kind" in text else ~nothing
    faults["kind", "no event word"] = ~seen
    faults["kind", "unknown event word: map it to a kind, to visit or to ignore"] = kind.is_null() & seen
    missing = "no shopper" if "session" not in text else "neither shopper nor session"
    faults["shopper", missing] = frame["shopper"].is_null()
    if "session" in text:
        faults["session", "no session id"] = frame["given"].is_null()
    if "time" in text:
        faults["time", "no time"] = ~given("time")
        allowed = (
            f"not a time in the notation {mapping.time!r}, within {FIRST_YEAR}–{LAST_YEAR}, that exists in its zone; "
            "the mapping's time_format is iso, s, ms, us (since 1970) or a strptime format"
        )
        faults["time", allowed] = frame["time"].is_null() & given("time")
    if not mapping.product_optional:
        faults["product", "no product"] = frame["product"].is_null() & kind.is_in(WITH_PRODUCT)
    for field, (_, least, allowed) in NUMBERS.items():
        if field in text:
            value = frame[field]
            fine = ((value >= least) & value.cast(pl.Float64).is_finite()).fill_null(value=False)
            faults[field, f"not {allowed}"] = given(field) & kind.is_in(USED_BY[field]) & ~fine
    return {key: where.fill_null(value=False) for key, where in faults.items()}


def _rejects(
    frame: pl.DataFrame,
    raw: pl.DataFrame,
    text: dict[str, pl.Expr],
    faults: dict[tuple[str, str], pl.Series],
    bad: pl.Series,
) -> list[Reject]:
    """One reject a bad record, naming the first of its faults."""
    values = raw.select(expression.cast(pl.String).alias(field) for field, expression in text.items()).filter(bad)
    rows = frame[ROW].filter(bad)
    where = {key: series.filter(bad).to_list() for key, series in faults.items()}
    rejects = []
    for i, row in enumerate(rows.to_list()):
        field, reason = next(key for key, fault in where.items() if fault[i])
        value = values[field][i] if field in values.columns else None
        rejects.append(Reject(row, field, (value or "")[:MOST_VALUE], reason))
    return rejects
