"""Rows as a mapping needs them: paths into nested cells, arrays one row an item, the first of several columns, groups.

A path names a column, and what lies in it: ``properties.products[*].id``. ``[*]`` is every item of an array, ``[0]``
the first, ``[key=ga_session_id]`` the first item whose ``key`` is that. A cell that holds JSON as text is opened on the
way. A column whose name is the whole path, dots included, goes before. Everything here
streams, and knows no field of ours.
"""

from __future__ import annotations

import json
import pickle
import re
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from paars_gym.ingest.cells import MISSING

FILLED = "*"
"""As a condition: the column has a value. The empty text is the condition that it has none."""
JOINED = " + "
"""Between paths whose values together are one: an id that only two columns make unique."""
HELD_ROWS = 200_000
"""Rows that are grouped in memory; more are spilled to disk, in buckets by their group."""
BUCKETS = 64
MOST_JSON = 16 << 20
_STEP = re.compile(r"([^.\[\]]+)|\[(\*|\d+|[^\[\]=]+=[^\[\]]*)\]")

Values = Mapping[str, Any]
Columns = str | Sequence[str]


class EveryItem:
    """The step ``[*]``."""


class Matching(NamedTuple):
    """The step ``[key=value]``: the first item of an array of objects whose key has that value."""

    key: str
    value: str


class _Item(NamedTuple):
    """One item of an exploded array, in the array's place."""

    value: Any


EVERY = EveryItem()
Step = str | int | EveryItem | Matching


class CellPath(NamedTuple):
    """A path, as text and as steps; the first step is a column."""

    text: str
    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a path; what is no path (``Body (HTML)``, ``Dr. Oetker [alt]``) is a column of that name."""
        steps: list[Step] = []
        position = 0
        for match in _STEP.finditer(text):
            between = text[position : match.start()]
            if between not in ("", ".") or (between == "." and not steps):
                return cls(text, (text,))
            position = match.end()
            name, bracket = match.groups()
            if name is not None:
                steps.append(name)
            elif bracket == "*":
                steps.append(EVERY)
            elif bracket.isdigit():
                steps.append(int(bracket))
            else:
                key, _, value = bracket.partition("=")
                steps.append(Matching(key, value))
        return (
            cls(text, tuple(steps))
            if position == len(text) and steps and isinstance(steps[0], str)
            else cls(text, (text,))
        )

    @property
    def column(self) -> str:
        """The column that it begins in."""
        return str(self.steps[0])

    def find(self, row: Values) -> Any:
        """What it leads to in a row: one value or None, or the list of all that ``[*]`` leads to."""
        if self.text in row:
            value = row[self.text]
            return value.value if isinstance(value, _Item) else value
        if len(self.steps) == 1:
            return None
        return _walk(row, self.steps)


def filled(value: Any) -> bool:
    """Whether a cell says something: neither missing, empty, nor a word for nothing."""
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124  (NaN)
        return False
    if isinstance(value, str):
        text = value.strip()
        return bool(text) and not (len(text) <= 9 and text.casefold() in MISSING)
    return bool(value) or isinstance(value, (bool, int, float))


def reader_of(columns: Columns) -> Callable[[Values], Any]:
    """A function that reads a column, a path, paths joined by `JOINED`, or the first of several that is filled."""
    reads = [_reader_of_one(text) for text in ((columns,) if isinstance(columns, str) else columns)]
    if len(reads) == 1:
        return reads[0]

    def first(row: Values) -> Any:
        for read in reads:
            if filled(value := read(row)):
                return value
        return None

    return first


def _reader_of_one(text: str) -> Callable[[Values], Any]:
    if JOINED not in text:
        return CellPath.parse(text).find
    whole, parts = CellPath(text, (text,)), [CellPath.parse(part) for part in text.split(JOINED)]

    def joined(row: Values) -> Any:
        if text in row:
            return whole.find(row)
        values = [part.find(row) for part in parts]
        return ".".join(map(_text, values)) if all(map(filled, values)) else None

    return joined


def columns_of(columns: Columns) -> tuple[str, ...]:
    """The columns that a path, or each of several, may begin in: the whole text, and its first step."""
    texts = (columns,) if isinstance(columns, str) else tuple(columns)
    parts = [part for text in texts for part in (text, *text.split(JOINED))]
    return tuple(dict.fromkeys(name for text in parts for name in (text, CellPath.parse(text).column)))


def condition_of(conditions: Mapping[str, Columns]) -> Callable[[Values], bool]:
    """A function that says whether all conditions hold of a row.

    Args:
        conditions: Path to the value, or the values of which one, that it has to lead to: compared as text; `FILLED`
            for any, the empty text for none. A path with ``[*]`` holds where one of its items does.
    """
    tests = [
        (CellPath.parse(text), frozenset((wanted,) if isinstance(wanted, str) else wanted))
        for text, wanted in conditions.items()
    ]

    def holds(row: Values) -> bool:
        return all(_fits(path.find(row), wanted) for path, wanted in tests)

    return holds


def split_cells(row: Values, separators: Mapping[str, str]) -> dict[str, Any]:
    """A row with some of its texts taken apart.

    Args:
        row: A row.
        separators: Column to the characters that separate: ``","`` makes a list, ``",;"`` a list of lists.
    """
    return {**row, **{name: _split(row[name], marks) for name, marks in separators.items() if row.get(name)}}


def exploded(row: Values, path: CellPath) -> list[Values]:
    """A row for each item of an array, the item in the array's place; the row itself when there is none.

    Args:
        row: A row.
        path: Ends in ``[*]`` or names the array. Later paths through it, ``hits[*].product``, lead into the item.
    """
    steps = path.steps[:-1] if path.steps[-1] is EVERY else path.steps
    if path.text in row:
        steps = (path.text,)
    items = _opened(_walk(row, steps))
    if not isinstance(items, (list, tuple)) or not items:
        return [row] if not isinstance(items, Mapping) else [_replaced(row, steps, _Item(items))]
    return [_replaced(row, steps, _Item(item)) for item in items]


def grouped(rows: Iterable[Any], key: Callable[[Any], str], *, held_rows: int | None = None) -> Iterator[list[Any]]:
    """Rows with the same key together, wherever they stand; those without a key (empty) alone.

    Groups come in the order of their first rows. Beyond ``held_rows`` (`HELD_ROWS`) they are spilled, and come bucket
    by bucket.
    """
    limit = HELD_ROWS if held_rows is None else held_rows
    groups: dict[str, list[Any]] = {}
    held = 0
    with tempfile.TemporaryDirectory(prefix="paars-groups-") as folder:
        files = [Path(folder, str(number)) for number in range(BUCKETS)]
        spilled = False
        for row in rows:
            name = key(row)
            if not name:
                yield [row]
                continue
            groups.setdefault(name, []).append(row)
            held += 1
            if held > limit:
                _spill(groups, files)
                groups, held, spilled = {}, 0, True
        if not spilled:
            yield from groups.values()
            return
        _spill(groups, files)
        for path in files:
            yield from _collected(path).values()


def _spill(groups: Mapping[str, list[Any]], files: Sequence[Path]) -> None:
    parts: dict[int, list[tuple[str, list[Any]]]] = {}
    for name, rows in groups.items():
        parts.setdefault(zlib.crc32(name.encode("utf-8", "surrogatepass")) % len(files), []).append((name, rows))
    for number, part in parts.items():
        with files[number].open("ab") as file:
            pickle.dump(part, file)  # our own rows in a folder of our own, read back by this process alone


def _collected(path: Path) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    if path.exists():
        with path.open("rb") as file:
            while file.peek(1):
                for name, rows in pickle.load(file):  # noqa: S301
                    groups.setdefault(name, []).extend(rows)
        path.unlink()
    return groups


def _fits(value: Any, wanted: frozenset[str]) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_fits(item, wanted) for item in value) if value else "" in wanted
    if not filled(value):
        return "" in wanted
    return FILLED in wanted or _text(value) in wanted


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _split(value: Any, separators: str) -> Any:
    if not separators or not isinstance(value, str):
        return value
    return [_split(part, separators[1:]) for part in value.split(separators[0])]


def _opened(value: Any) -> Any:
    """The array or object that a text holds as JSON; anything else as it is."""
    if isinstance(value, _Item):
        return _opened(value.value)
    if isinstance(value, str) and value[:1] in "[{" and value and len(value) <= MOST_JSON:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _walk(value: Any, steps: tuple[Step, ...]) -> Any:
    for index, step in enumerate(steps):
        if step is EVERY:
            if isinstance(value, _Item):
                value = value.value
                continue
            items = _opened(value)
            if not isinstance(items, (list, tuple)):
                value = items
                continue
            found = [_walk(item, steps[index + 1 :]) for item in items]
            flat = [one for item in found for one in (item if isinstance(item, list) else [item])]
            return [item for item in flat if item is not None]
        value = _stepped(_opened(value), step)
        if value is None:
            return None
    return value.value if isinstance(value, _Item) else value


def _stepped(value: Any, step: Step) -> Any:
    if isinstance(step, str):
        return value.get(step) if isinstance(value, Mapping) else None
    if isinstance(step, int):
        return value[step] if isinstance(value, (list, tuple)) and step < len(value) else None
    if isinstance(step, Matching) and isinstance(value, (list, tuple)):
        fitting = (item for item in value if isinstance(item, Mapping) and _text(item.get(step.key)) == step.value)
        return next(fitting, None)
    return None


def _replaced(value: Any, steps: tuple[Step, ...], item: _Item) -> Any:
    """A copy of the way to an array, with the item in the array's place."""
    if not steps:
        return item
    wrapped = isinstance(value, _Item)
    inner = _opened(value)
    step, rest = steps[0], steps[1:]
    result: Any = inner
    if step is EVERY:  # through an item that an earlier explosion put there
        result = _replaced(inner, rest, item)
    elif isinstance(step, str) and isinstance(inner, Mapping):
        result = {**inner, step: _replaced(inner.get(step), rest, item)}
    elif isinstance(step, int) and isinstance(inner, (list, tuple)):
        result = [_replaced(one, rest, item) if place == step else one for place, one in enumerate(inner)]
    return _Item(result) if wrapped else result
