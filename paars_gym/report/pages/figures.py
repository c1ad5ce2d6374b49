"""Figures of results, as ``plot()`` gives them: the plots of a report's page, one below the other as one SVG."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from html import escape
from pathlib import Path

from paars_gym.abtest.backtest import BacktestResult
from paars_gym.abtest.result import ABTestResult
from paars_gym.alignment.report import AlignmentReport
from paars_gym.estimate import Detail, Estimate, Interval, Tabular
from paars_gym.files import written_whole
from paars_gym.printable import clean
from paars_gym.report.pages.abtest_page import abtest_plots, backtest_plots
from paars_gym.report.pages.alignment_page import alignment_plots
from paars_gym.report.pages.drawing import INK, can_draw
from paars_gym.report.pages.estimates_plot import estimates_plot
from paars_gym.report.pages.page import PagePlot
from paars_gym.report.pages.table_plots import figure_2_plot, figure_3_plot, table_2_plots, table_3_plots, table_4_plots
from paars_gym.report.session_generation import columns
from paars_gym.tasks.items.results import ItemResults
from paars_gym.tasks.query_results import QueryResults
from paars_gym.tasks.session_results import SessionResults
from paars_gym.tasks.view_selection import PEOPLE_ROW, ViewResults

INSTALL = (
    "Figures need the extra report: python -m pip install 'paars_gym[report]'. The numbers: .to_pandas(), .to_csv()."
)
ENDINGS = (".svg", ".png")
MOST_ROWS = 60
"""Estimates in one figure; tables have all of them."""
MARGIN, HEAD = 12.0, 24.0
"""Around a picture, and above it for its title, in pixels."""
LEAST_WIDE, MOST_WIDE = 420.0, 1_100.0
"""Of a figure; plots that do not fit beside others begin a row."""
LETTER = 8.6
"""Mean width of a title's letter."""
_SIZE = re.compile(r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)"')
_IDS = re.compile(r'(\bid="|url\(#|href="#)')


_Sized = tuple[PagePlot, float, float]


@dataclass(frozen=True, repr=False)
class SvgFigure:
    """Plots one below the other, as one picture.

    Attributes:
        title: Above it.
        plots: From top to bottom; each is drawn.
    """

    title: str
    plots: tuple[PagePlot, ...]

    @property
    def text(self) -> str:
        """What it shows, in words, for who cannot see it."""
        return clean(" ".join(f"{plot.title}. {plot.text}" for plot in self.plots))

    def __repr__(self) -> str:
        return f"<Figure {clean(self.title)!r}: {self.text}>"

    def _repr_svg_(self) -> str:
        return self.svg()

    def svg(self) -> str:
        """The picture on white, with its words."""
        rows = list(_rows([(plot, *_size(plot.svg)) for plot in self.plots]))
        width = max([LEAST_WIDE, *(sum(wide + MARGIN for _, wide, _ in row) for row in rows)]) + MARGIN
        down, parts = MARGIN, []
        for line in textwrap.wrap(clean(self.title), int((width - 2 * MARGIN) / LETTER)):
            down += 20.0
            parts.append(_words(line, MARGIN, down - 5.0, 15))
        down, place = down + MARGIN, 0
        for row in rows:
            right, heads = MARGIN, any(plot.title != self.title for plot, _, _ in row)
            for plot, wide, _ in row:
                parts += [_words(plot.title, right, down + 14.0, 12)] if heads else []
                inner = _IDS.sub(rf"\1plot{place}-", plot.svg)  # ids are of a page, and all plots use the same ones
                below = down + HEAD * heads
                parts.append(inner.replace("<svg ", f'<svg x="{right:g}" y="{below:g}" ', 1))
                right, place = right + wide + MARGIN, place + 1
            down += HEAD * heads + max(tall for _, _, tall in row) + MARGIN
        size = f'width="{width:g}" height="{down:g}" viewBox="0 0 {width:g} {down:g}"'
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
            f'aria-label="{escape(self.text)}" {size} style="max-width:100%;height:auto">'
            f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>'
        )

    def save(self, path: str | Path, *, scale: float = 2.0) -> Path:
        """Writes it, as the name ends: ``.svg`` or ``.png``.

        Args:
            path: The file; one that is there is replaced.
            scale: Of a PNG: pixels a unit of the drawing.

        Raises:
            ValueError: Another ending, or a scale that is not above 0.
        """
        path = Path(path)
        if path.suffix.lower() not in ENDINGS:
            raise ValueError(f"{str(path)!r} ends in {path.suffix!r}, must end in {' or '.join(ENDINGS)}.")
        if not 0 < scale < math.inf:
            raise ValueError(f"scale == {scale}, must be > 0.")
        content = self.svg().encode("utf-8", "replace")
        if path.suffix.lower() == ".png":
            import vl_convert

            content = vl_convert.svg_to_png(content.decode(), scale=scale)
        with written_whole(path, binary=True) as file:
            file.write(content)
        return path


def draw_figure(result: object, *, title: str = "") -> SvgFigure:
    """The figure of a result; what ``plot()`` calls.

    Args:
        result: An estimate, or a table of results.
        title: Above it; by default what the result says of itself.

    Raises:
        ImportError: The extra ``report`` is not installed.
        ValueError: Nothing in the result can be drawn.
        TypeError: There is no figure of such a thing.
    """
    if not can_draw():
        raise ImportError(INSTALL)
    plots = [plot for plot in _plots(result) if plot.svg]
    if not plots and isinstance(result, Tabular):  # a part of what a task measures: each row as it is
        plots = [plot for plot in _row_plots(result) if plot.svg]
    if not plots:
        raise ValueError(f"Nothing to draw in {clean(_name(result))!r}: none of its estimates has a value.")
    return SvgFigure(" ".join(clean(title or _name(result)).split()), tuple(plots))


def _name(result: object) -> str:
    return result.summary() if isinstance(result, Tabular) else str(result)


@singledispatch
def _plots(result: object) -> Iterable[PagePlot]:
    raise TypeError(
        f"There is no figure of a {type(result).__name__}; of an Estimate, or of a table of results, there is."
    )


@_plots.register
def _(result: Estimate) -> Iterable[PagePlot]:
    yield estimates_plot([("", result)], title=str(result))


@_plots.register
def _(result: ABTestResult) -> Iterable[PagePlot]:
    return abtest_plots(result)


@_plots.register
def _(result: BacktestResult) -> Iterable[PagePlot]:
    return backtest_plots(result)


@_plots.register
def _(result: AlignmentReport) -> Iterable[PagePlot]:
    return alignment_plots(result)


@_plots.register
def _(result: ItemResults) -> Iterable[PagePlot]:
    return table_3_plots(result)


@_plots.register
def _(result: QueryResults) -> Iterable[PagePlot]:
    yield figure_2_plot(result)
    yield from table_2_plots(columns(queries=[result]))


@_plots.register
def _(result: ViewResults) -> Iterable[PagePlot]:
    if PEOPLE_ROW in result.ranks:
        yield figure_3_plot(result)
        yield from table_2_plots(columns(views=[result]))


@_plots.register
def _(result: SessionResults) -> Iterable[PagePlot]:
    yield from table_2_plots(columns(sessions=[result]))
    yield from table_4_plots([result])
    yield from alignment_plots(result.report)


@_plots.register
def _(result: Tabular) -> Iterable[PagePlot]:
    return _row_plots(result)


def _row_plots(result: Tabular) -> Iterator[PagePlot]:
    """A picture a unit, of as many rows as can be read."""
    rows = [row for row in result.to_dicts() if isinstance(row.get("value"), int | float)]
    by_unit: dict[tuple[str, str], list[tuple[str, Estimate]]] = {}
    for row in rows[:MOST_ROWS]:
        by_unit.setdefault((_what(row), str(row.get("unit") or "")), []).append((_label(row), _estimate(row)))
    for (what, unit), estimates in by_unit.items():
        title = ", ".join(filter(None, (what, unit))) or "estimates"
        left = f" The first {MOST_ROWS} of {len(rows)} rows." if len(rows) > MOST_ROWS else ""
        yield estimates_plot(estimates, title=title, note=left)


WHAT = ("metric", "quantity", "measure", "outcome")
"""Columns that say what is measured: each of their values has a picture of its own."""


def _what(row: Mapping[str, Detail]) -> str:
    return next((str(row[name]) for name in WHAT if row.get(name)), "")


def _label(row: Mapping[str, Detail]) -> str:
    return ", ".join(_texts(row)) or "all"


def _texts(row: Mapping[str, Detail]) -> Iterator[str]:
    """What stands before the value and tells one row from the others."""
    for name, cell in row.items():
        if name == "value":
            return
        if isinstance(cell, str) and cell and name not in WHAT[:1] and cell != _what(row):
            yield cell


def _estimate(row: Mapping[str, Detail]) -> Estimate:
    value, low, high, floor = (_number(row.get(name)) for name in ("value", "low", "high", "floor"))
    interval = None if low is None or high is None else Interval(low, high)
    return Estimate(value, interval, unit=str(row.get("unit") or ""), floor=floor)


def _number(cell: Detail) -> float | None:
    return float(cell) if isinstance(cell, int | float) else None


def _size(svg: str) -> tuple[float, float]:
    found = _SIZE.search(svg)
    assert found is not None, "Vega's pictures say how large they are."
    return float(found[1]), float(found[2])


def _rows(plots: Sequence[_Sized]) -> Iterator[list[_Sized]]:
    """Plots side by side as far as there is room."""
    row: list[_Sized] = []
    for plot in plots:
        if row and sum(wide + MARGIN for _, wide, _ in (*row, plot)) > MOST_WIDE:
            yield row
            row = []
        row.append(plot)
    yield row


def _words(text: str, right: float, down: float, size: int) -> str:
    style = f'font-family="Arial, Helvetica, Liberation Sans, sans-serif" font-weight="bold" font-size="{size}"'
    return f'<text x="{right:g}" y="{down:g}" {style} fill="{INK}">{escape(clean(text))}</text>'
