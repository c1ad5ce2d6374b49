"""What is printed in a terminal as parts of a page: its tables as tables, its sentences as notes below them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from io import StringIO

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from paars_gym.report.forest import ForestPlot
from paars_gym.report.pages.effect_plots import effects_plot
from paars_gym.report.pages.page import PageSection, PageTable, csv_of
from paars_gym.report.printing import Printer

CELL_WIDTH = 200


def printed_sections(pieces: Iterable[RenderableType], *, first: str = "Results") -> list[PageSection]:
    """A section for each table, and in it what is printed below the table: sentences and forest plots.

    Args:
        pieces: As they are printed.
        first: Title of a section for what stands above the first table.
    """
    sections: list[PageSection] = []
    for piece in _flat(pieces):
        if isinstance(piece, Table):
            table = printed_table(piece)
            title, _, more = table.title.partition("; ") if len(table.title) > _LONG_TITLE else (table.title, "", "")
            words = (more,) if more else ()
            sections.append(PageSection(title or f"{first} {len(sections) + 1}", words, (), (table,)))
            continue
        if not sections and printed_text(piece).strip():
            sections.append(PageSection(first))
        if isinstance(piece, ForestPlot):
            plot = effects_plot(piece.rows, title="Relative change, with intervals")
            sections[-1] = replace(sections[-1], plots=(*sections[-1].plots, plot))
            continue
        for line in filter(None, (line.strip().removeprefix("- ") for line in printed_text(piece).splitlines())):
            sections[-1] = replace(sections[-1], notes=(*sections[-1].notes, line))
    return sections


_LONG_TITLE = 70


def printed_table(table: Table) -> PageTable:
    """A table of a terminal as one of a page; its cells as text, and as CSV."""
    columns = [[_line(cell) for cell in column.cells] for column in table.columns]
    head = tuple(_head(column) for column in table.columns)
    body = [list(cells) for cells in zip(*columns, strict=True)]
    rows = [row for row in body if any(row)]
    used = [place for place in range(len(head)) if head[place] or any(row[place] for row in rows)]
    names = [head[place] or f"column {place + 1}" for place in used]
    return PageTable(
        title=_line(table.title or ""),
        head=tuple(head[place] for place in used),
        rows=tuple(tuple(row[place] for place in used) for row in rows),
        csv=csv_of({name: row[place] for name, place in zip(names, used, strict=True)} for row in rows),
        note=_line(table.caption or ""),
    )


def _head(column: Column) -> str:
    return _line(column.header)


def _flat(pieces: Iterable[RenderableType]) -> Iterator[RenderableType]:
    for piece in pieces:
        if isinstance(piece, Group):
            yield from _flat(piece.renderables)
        else:
            yield piece


def _line(cell: RenderableType) -> str:
    return " ".join(printed_text(cell).replace("█", "").split())  # bars of a terminal


def printed_text(piece: RenderableType) -> str:
    """A piece as plain text."""
    if isinstance(piece, str):
        return piece
    if isinstance(piece, Text):
        return piece.plain
    out = StringIO()
    Printer(file=out, width=CELL_WIDTH).print(piece)
    return out.getvalue()
