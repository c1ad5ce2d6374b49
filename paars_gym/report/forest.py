"""Forest plots in the terminal: relative changes with their intervals around a common zero."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from paars_gym.abtest.estimate import is_told
from paars_gym.estimate import Estimate, Interval

WIDTH = 31
"""Characters of the plot itself; odd, so that zero has one."""


class ForestPlot:
    """Relative changes with their intervals, a line each, around a common zero; a mark alone has no interval.

    Where the lines are longer than the screen, names and numbers stand above them.

    Args:
        rows: Name and relative change.
        beside: What is written after the numbers of each row.
        below: A line below the scale.
    """

    def __init__(
        self, rows: Iterable[tuple[str, Estimate]], *, beside: Sequence[str] | None = None, below: str = ""
    ) -> None:
        self._rows = [(name.replace("\n", " "), estimate) for name, estimate in rows]
        self._beside = list(beside or [""] * len(self._rows))
        self._below = below

    @property
    def rows(self) -> list[tuple[str, Estimate]]:
        """Name and relative change of each line."""
        return self._rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = self.text()
        if max(map(cell_len, text.plain.splitlines())) > options.max_width:
            text = self.text(above=True)
        yield text
        if self._below:
            yield Text(self._below)

    def text(self, *, above: bool = False) -> Text:
        """The lines, with names and numbers beside or above them."""
        return _forest(self._rows, self._beside, above=above)


def _forest(rows: Sequence[tuple[str, Estimate]], beside: Sequence[str], *, above: bool) -> Text:
    marks = [mark for _, estimate in rows for mark in (estimate.low, estimate.high, estimate.value) if mark]
    reach = max([*(abs(mark) for mark in marks if math.isfinite(mark)), 1e-9])
    width, half = WIDTH, WIDTH // 2
    names = 0 if above else max((cell_len(name) for name, _ in rows), default=0)
    text = Text()
    for (name, estimate), after in zip(rows, beside, strict=True):
        line = [" "] * width
        line[half] = "│"
        style = "dim"
        words = briefly(estimate.note) or "–"
        if estimate.value is not None:
            middle, around = half + round(estimate.value / reach * half), estimate.interval
            if around is not None:
                low, high = (half + round(end / reach * half) for end in around.ends)
                line[low : high + 1] = "─" * (high - low + 1)
                style = ("green" if around.low > 0 else "red") if is_told(estimate) else "default"
            line[middle] = "●"
            words = f"{percent(estimate.value)} {percents(around) or estimate.note or 'interval unknown'}".rstrip()
        told = f" {words} {after}".rstrip()
        text.append(f"{name}{told}\n " if above else f"{set_cell_size(name, names)} ")
        text.append("".join(line), style=style).append("\n" if above else f"{told}\n")
    text.append(f"{'':<{names}} {percent(-reach):<{half}}0{percent(reach):>{half}}")
    return text


def briefly(note: str) -> str:
    """Without the reason, which stands among the notes: cells of a table are cut where the terminal is narrow."""
    return note.partition(":")[0]


def percent(value: float | None) -> str:
    """A relative change."""
    return "–" if value is None else f"{value:+.1%}"


def percents(interval: Interval | None, *, digits: int = 1) -> str:
    """The ends of an interval of relative changes; empty where there is none."""
    return "" if interval is None else f"[{interval.low:+.{digits}%}, {interval.high:+.{digits}%}]"
