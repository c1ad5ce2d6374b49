"""The tables of speed and growth as `benchmarks/README.md` shows them, put between their markers there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from benchmarks.performance.growth import Curve, bytes_more, fit
from benchmarks.performance.record import Measurement
from benchmarks.performance.rows import SpeedBar, SpeedRow, number, times

BEGIN, END = "<!-- speed: begin -->", "<!-- speed: end -->"
_PLACE = re.compile(rf"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", re.DOTALL)
PEAK = ("sessions", "peak memory", "MB")
HEADINGS = ("what", "measured", "beside it, in the same run", "ratio", "asked")


def cells(row: SpeedRow) -> tuple[str, ...]:
    """The five cells of a row."""
    beside = row.beside
    if row.peer is not None:
        beside = f"{beside}: {number(row.peer)} {row.unit}".strip()
    measured = "" if row.measured is None else f"{number(row.measured)} {row.unit}".strip()
    asked = "; ".join(map(_in_words, row.asked)) + (", **missed**" if row.missed() else "")
    return (
        f"{row.name} ({row.note})" if row.note else row.name,
        measured,
        beside,
        "" if row.ratio is None else times(row.ratio),
        asked,
    )


def speed_table(outcomes: Iterable[Measurement]) -> str:
    """All rows in Markdown; a benchmark that failed has one row that says how."""
    lines = [_line(HEADINGS), _line(["---"] * len(HEADINGS))]
    for outcome in outcomes:
        if outcome.failed:
            lines.append(_line([f"{outcome.name} (failed: {outcome.failed})", "", "", "", ""]))
        before = ""
        for row in outcome.rows:
            name, *others = cells(row)
            lines.append(_line(["" if name == before else name, *others]))
            before = name
    return "\n".join(lines)


def growth_table(curves: Sequence[Curve]) -> str:
    """Every curve in Markdown, a column a size, with its exponent; 1 is in proportion to the size."""
    pieces = []
    for unit in dict.fromkeys(curve.unit_of_size for curve in curves):
        own = [curve for curve in curves if curve.unit_of_size == unit]
        sizes = sorted({size for curve in own for size in curve.sizes})
        lines = [_line([unit, *(f"{size:,}" for size in sizes), "exponent"]), _line(["---"] * (len(sizes) + 2))]
        for curve in own:
            at = dict(zip(curve.sizes, curve.values, strict=True))
            values = [number(at[size]) if size in at else "" for size in sizes]
            lines.append(_line([f"{curve.name}, {curve.unit}", *values, _exponent(curve)]))
        pieces.append("\n".join(lines))
    peaks = [curve for curve in curves if (curve.unit_of_size, curve.name, curve.unit) == PEAK]
    if peaks and (more := bytes_more(peaks[0])) is not None:
        pieces.append(f"Between its two largest sizes a population takes {number(more)} bytes more for each session.")
    return "\n\n".join(pieces)


def with_speed(readme: str, text: str) -> str:
    """The page with other text between the markers.

    Args:
        readme: Its text.
        text: Tables in Markdown.

    Raises:
        ValueError: It has no such place.
    """
    replaced, times = _PLACE.subn(lambda _: f"\n{text.strip()}\n\n", readme, count=1)
    if not times:
        raise ValueError(f"The page has no lines {BEGIN} and {END}; where should the tables go?")
    return replaced


def _in_words(bar: SpeedBar) -> str:
    in_figures, unit = (times, " times") if bar.of == "ratio" else (number, "")
    return f"≥ {in_figures(bar.least)}{unit}" if bar.least is not None else f"≤ {in_figures(bar.most or 0.0)}{unit}"


def _exponent(curve: Curve) -> str:
    fitted = fit(curve.sizes, curve.values)
    if fitted is None:
        return ""
    return f"{fitted.exponent:.2f}" + ("" if fitted.error is None else f" ± {fitted.error:.2f}")


def _line(parts: Iterable[str]) -> str:
    return "| " + " | ".join(part.replace("|", "\\|") for part in parts) + " |"
