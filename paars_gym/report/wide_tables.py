"""Tables that are wider than the screen, in parts: no number is cut, and none leaves its row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from typing import NamedTuple

from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.table import Column, Table

WRAPPED, LONGEST_WORD = 18, 30
"""Characters that a column of words may be narrowed to, unless it has a ``min_width``, and those that its longest word
may ask for."""


class _Widths(NamedTuple):
    """Of a column's content: as wide as it would like to be, as it has to be, and what stands around it."""

    natural: int
    needed: int
    around: int


def in_parts(table: Table, console: Console, options: ConsoleOptions) -> list[Table]:
    """The table itself where it fits, else with narrower columns of words, else several, one below the other.

    Each part begins with the columns that name a row. Numbers and columns that must not wrap keep their width.

    Args:
        table: With a head; one without is left as it is.
        console: That measures texts.
        options: Of the place where it goes.
    """
    room = options.max_width
    if not table.show_header or table.expand or table.width is not None or not table.columns:
        return [table]
    frame = table._extra_width - len(table.columns) + 1  # the lines between columns are counted with the columns
    widths = [_widths(table, number, console, options) for number in range(len(table.columns))]
    if frame + sum(one.natural + one.around for one in widths) <= room:
        return [table]
    groups = list(_groups(widths, _labels(table.columns), room - frame))
    return [_part(table, group, widths, room - frame, number, len(groups)) for number, group in enumerate(groups)]


def _widths(table: Table, number: int, console: Console, options: ConsoleOptions) -> _Widths:
    column, around = table.columns[number], table._get_padding_width(number) + 1
    cells = [Measurement.get(console, options.update(width=10_000), cell) for cell in column.cells]
    head = Measurement.get(console, options.update(width=10_000), column.header)
    natural = max(head.maximum, *(cell.maximum for cell in cells), 0) if cells else head.maximum
    if column.no_wrap:
        needed = natural
    elif column.justify == "right":
        needed = max([head.minimum, *(cell.maximum for cell in cells)])
    else:
        longest = max([head.minimum, *(cell.minimum for cell in cells)])
        needed = min(natural, max(min(longest, LONGEST_WORD), column.min_width or WRAPPED))
    return _Widths(natural, needed, around)


def _labels(columns: Sequence[Column]) -> int:
    """How many of the first columns name a row: those of words before the first one of numbers."""
    numbers = [number for number, column in enumerate(columns) if column.justify == "right"]
    return max(numbers[0], 1) if numbers else 1


def _groups(widths: Sequence[_Widths], labels: int, room: int) -> Iterator[list[int]]:
    names = list(range(labels))
    group, used = names, sum(widths[number].needed + widths[number].around for number in names)
    first = used
    for number in range(labels, len(widths)):
        takes = widths[number].needed + widths[number].around
        if used + takes > room and len(group) > labels:
            yield group
            group, used = names, first
        group, used = [*group, number], used + takes
    yield group


def _part(table: Table, group: list[int], widths: Sequence[_Widths], room: int, number: int, of: int) -> Table:
    part = copy(table)
    part.columns = [copy(table.columns[index]) for index in group]
    spare = room - sum(widths[index].needed + widths[index].around for index in group)
    for column, index in zip(part.columns, group, strict=True):
        more = max(0, min(spare, widths[index].natural - widths[index].needed))
        column.width, spare = widths[index].needed + more, spare - more
    if number and table.title:
        part.title = f"{table.title}, continued"
    if number < of - 1:
        part.caption = None
    return part
