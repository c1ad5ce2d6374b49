"""Rows of a log that hold events in nested cells, arrays and several columns, as rows of one event each."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from paars_gym.ingest.account import shown
from paars_gym.ingest.cells import UnreadableError
from paars_gym.ingest.documents import open_feed
from paars_gym.ingest.feed_rows import Row
from paars_gym.ingest.log_blocks import ROW, Reject
from paars_gym.ingest.log_reading import Batch
from paars_gym.ingest.prices import parse_price
from paars_gym.ingest.shaping import (
    CellPath,
    condition_of,
    exploded,
    filled,
    reader_of,
    split_cells,
)
from paars_gym.ingest.text_blocks import TextBlocks, lines_of, text
from paars_gym.ingest.unpacking import CHUNK_BYTES, Unpacked
from paars_gym.sessions.logs.mapping import FIELDS, Columns_, EventRule, LogMapping, Source

BATCH_ROWS = 20_000
IGNORED = "ignore"
Cell = str | list[str] | None
Event_ = dict[str, Any]


class LogShape:
    """The events of a row, as a mapping says.

    Attributes:
        flat: The mapping of what `events` gives: each field is a column of its own name.
    """

    def __init__(self, mapping: LogMapping) -> None:
        """Compiles the paths and conditions of a mapping."""
        self._mapping = mapping
        self._only = condition_of(mapping.only)
        self._explode = [CellPath.parse(text) for text in mapping.explode]
        self._rules = [_Rule.of(rule, mapping.columns) for rule in mapping.events]
        self._plain = _readers(mapping.columns)
        kinded = bool(mapping.events) or "kind" in mapping.columns
        fields = {*_fields(mapping.columns), *(field for rule in mapping.events for field in _fields(rule.columns))}
        fields = (fields - {"total"}) | ({"price"} if "total" in fields else set()) | ({"kind"} if kinded else set())
        self.fields = tuple(field for field in FIELDS if field in fields)
        self.flat = mapping.model_copy(
            update={
                "columns": {field: field for field in self.fields},
                "events": (),
                "explode": (),
                "split": {},
                "only": {},
                "price_divisor": 1.0,
                "otherwise": None,
            }
        )

    def events(self, values: Mapping[str, Any]) -> list[Event_]:
        """Values by field of each event in a row."""
        rows = [split_cells(values, self._mapping.split) if self._mapping.split else values]
        for path in self._explode:
            rows = [part for row in rows for part in exploded(row, path)]
        return [event for row in rows for event in self._of(row)]

    def _of(self, row: Mapping[str, Any]) -> Iterator[Event_]:
        if not self._only(row):
            yield {**self._read(row, self._plain), "kind": IGNORED}
            return
        fits = False
        for rule in self._rules:
            if rule.when(row):
                fits = True
                for part in exploded(row, rule.explode) if rule.explode else [row]:
                    if rule.items(part):
                        yield {**self._read(part, rule.readers), "kind": rule.kind}
        if not fits:
            event = self._read(row, self._plain)
            yield {**event, "kind": self._mapping.otherwise} if self._mapping.otherwise else event

    def _read(self, row: Mapping[str, Any], readers: Mapping[str, Callable[[Any], Any]]) -> Event_:
        event = {field: value for field, read in readers.items() if filled(value := read(row))}
        if "total" in event or self._mapping.price_divisor != 1:
            _price(event, self._mapping.price_divisor)
        return event


class _Rule(NamedTuple):
    kind: str
    when: Callable[[Mapping[str, Any]], bool]
    explode: CellPath | None
    items: Callable[[Mapping[str, Any]], bool]
    readers: dict[str, Callable[[Any], Any]]

    @classmethod
    def of(cls, rule: EventRule, columns: Mapping[Any, Columns_]) -> _Rule:
        explode = None if rule.explode is None else CellPath.parse(rule.explode)
        readers = _readers({**columns, **rule.columns})
        return cls(rule.kind, condition_of(rule.when), explode, condition_of(rule.items), readers)


def _fields(columns: Mapping[Any, Columns_]) -> set[str]:
    several = isinstance(columns.get("shopper"), tuple)
    return {*columns, "visitor"} if several else set(columns)


def _readers(columns: Mapping[Any, Columns_]) -> dict[str, Callable[[Any], Any]]:
    """A reader a field; of several columns for the shopper the last is the device's, the others name people."""
    named = dict(columns)
    shopper = named.get("shopper")
    if isinstance(shopper, tuple) and len(shopper) > 1 and "visitor" not in named:
        named |= {"shopper": shopper[:-1], "visitor": shopper[-1]}
    return {field: reader_of(column) for field, column in named.items()}


def _price(event: Event_, divisor: float) -> None:
    """The price of one unit, out of a line's total or a price in parts."""
    cell = event.pop("total", None)
    try:
        units = float(event.get("units") or 1)
        amount = None if cell is None else parse_price(cell).amount
        if amount is not None and units > 0:
            event["price"] = amount / units / divisor
        elif cell is None and "price" in event:
            amount = parse_price(event["price"]).amount
            event["price"] = None if amount is None else amount / divisor
    except (UnreadableError, ValueError):
        event["price"] = shown(cell if cell is not None else event.get("price"))


def read_shaped(path: Path, source: Source, shape: LogShape) -> Iterator[Batch]:
    """Batches of flat rows, each an event; what could not be read beside them.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It is empty or unreadable from the start.
    """
    frame_of = _Frames(shape.fields)
    records: list[tuple[int, Event_]] = []
    rejects: list[Reject] = []
    with _LogRows(path, source) as rows:
        for row in rows:
            if row.values is None:
                rejects.append(Reject(row.number, "", "", row.problem))
            else:
                records += [(row.number, event) for event in shape.events(row.values)]
            if len(records) + len(rejects) >= BATCH_ROWS:
                yield Batch(frame_of(records), rejects)
                records, rejects = [], []
        yield Batch(frame_of(records), rejects, rows.damage)


class _Frames:
    """Makes frames of texts, the results as lists of them."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self._fields = fields
        self._schema = {
            ROW: pl.Int64(),
            **{field: pl.List(pl.String()) if field == "results" else pl.String() for field in fields},
        }

    def __call__(self, records: list[tuple[int, Event_]]) -> pl.DataFrame:
        columns: dict[str, list[Any]] = {ROW: [row for row, _ in records]}
        for field in self._fields:
            cell = _listed if field == "results" else _cell
            columns[field] = [cell(event.get(field)) for _, event in records]
        return pl.DataFrame(columns, schema=self._schema)


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return _cell(value[0]) if len(value) == 1 else shown(value, 10_000)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return str(int(value))
    return str(value)


def _listed(value: Any) -> list[str] | None:
    if value is None:
        return None
    items = value if isinstance(value, list) else str(value).replace(",", " ").split()
    return [text for item in items if (text := _cell(item))]


class _LogRows:
    """The rows of a file: as `open_feed` reads them, or of a table whose header lies beside it."""

    def __init__(self, path: Path, source: Source) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"No log {str(path)!r}.")
        beside = path.parent / source.header_file if source.header_file else None
        self._path, self._separator = path, source.mapping.separator
        self._names: tuple[str, ...] = ()
        if beside is not None and beside.is_file():
            self._names = tuple(beside.read_text(encoding="utf-8").splitlines()[0].split(self._separator))
        self._file = None if self._names else open_feed(path, written=source.mapping)
        self.damage = ""

    def __enter__(self) -> _LogRows:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.__exit__(*error)

    def __iter__(self) -> Iterator[Row]:
        if self._file is not None:
            yield from self._file
            self.damage = self._file.damage
            return
        with Unpacked(self._path) as raw:
            buffered: io.BufferedReader[Any] = io.BufferedReader(raw, CHUNK_BYTES)
            lines = (line for block in _blocks(TextBlocks(buffered, "utf-8")) for line in lines_of(block))
            # No quotes: the separator inside of a value is escaped, as in Adobe's data feeds.
            cells = csv.reader(lines, delimiter=self._separator, quoting=csv.QUOTE_NONE, escapechar="\\")
            for number, line in enumerate(cells, start=1):
                if len(line) != len(self._names):
                    yield Row(number, None, f"{len(line)} fields, {len(self._names)} expected")
                elif tuple(line) != self._names:  # the header may stand in the file as well
                    yield Row(number, dict(zip(self._names, line, strict=True)))
            self.damage = raw.damage


def _blocks(blocks: TextBlocks) -> Iterator[str]:
    yield from (text(block) for block in blocks if block is not None)
    yield text(blocks.tail)
