"""Rows of results as aligned lines and as an HTML table, for terminals and notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from paars_gym.printable import clean

Cell = float | int | bool | str | None
_CELL = "text-align:left;padding:2px 10px;border-bottom:1px solid #ddd"
_HEAD = "text-align:left;padding:2px 10px;border-bottom:2px solid #888"
"""Styles stand in the elements: a mail or a notebook drops style sheets."""


def rectangular(rows: list[dict[str, Cell]]) -> list[dict[str, Cell]]:
    """The rows with the same columns each, None where one had none."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return [{column: row.get(column) for column in columns} for row in rows]


def shown(row: Mapping[str, Cell], column: str) -> str:
    """A cell as text; ``estimate`` stands for the value and its interval, unless there is such a column."""
    if column == "estimate" and column not in row:
        return with_ends(*(row.get(name) for name in ("value", "low", "high")))
    return _text(row.get(column))


def with_ends(value: Cell, low: Cell, high: Cell) -> str:
    """A value, with its interval in brackets where there is one."""
    return _text(value) + ("" if low is None else f" [{_text(low)}, {_text(high)}]")


def aligned(rows: list[dict[str, str]]) -> list[str]:
    """A line of heads and one for each row, in columns as wide as they need to be."""
    if not rows:
        return []
    columns = list(rows[0])
    widths = [max(len(column), *(len(row[column]) for row in rows)) for column in columns]
    table = [columns, *(list(row.values()) for row in rows)]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in table]


def html_table(title: str, rows: list[dict[str, str]], max_rows: int | None) -> str:
    """The first ``max_rows`` rows, or all, as an HTML table below a title; everything in it is escaped."""
    kept = rows if max_rows is None else rows[:max_rows]
    heads = "".join(f'<th style="{_HEAD}">{escape(column)}</th>' for column in (rows[0] if rows else ()))
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{escape(text)}</td>' for text in row.values()) + "</tr>" for row in kept
    )
    rest = f"<p>… {len(rows) - len(kept)} more rows.</p>" if len(kept) < len(rows) else ""
    table = f'<table style="border-collapse:collapse"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
    return f"<div><p><b>{escape(title)}</b></p>{table}{rest}</div>"


def _text(value: Cell) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else " ".join(clean(value).split())
