"""Probes in the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table

from paars_gym.probes.probe import ProbeResult
from paars_gym.probes.segments import EVERYONE, OTHERS, SMALLEST
from paars_gym.shoppers.registry import UNCALIBRATED


def probe_table(result: ProbeResult) -> Table:
    """Effects by segment and level, in percentage points."""
    table = Table(
        title=result.summary(),
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for name in ("segment", "level", "view, points", "purchase, points"):
        table.add_column(name, justify="left" if name == "segment" else "right", no_wrap=True)
    cells: dict[tuple[str, str], list[str]] = {}
    for effect in result.effects:
        change = effect.change
        text = "cannot react" if result.cannot_react else change.note or "–"
        if change.value is not None and change.interval is not None:
            low, high = (100 * end for end in change.interval.ends)
            text = f"{100 * change.value:+.1f} [{low:+.1f}, {high:+.1f}]"
        cells.setdefault((effect.segment, effect.level), []).append(text)
    for (segment, level), row in cells.items():
        table.add_row(segment, level, *row)
    return table


def probe_notes(result: ProbeResult) -> Iterator[str]:
    """What else must be said: what the intervals are about, segments too small, trials that failed."""
    sizes = result.effects[0].change.sizes
    yield (
        f"{sizes['trials']:,} trials of {sizes['personas']:,} personas on {sizes['pages']:,} pages; intervals are "
        "about other such personas and pages too."
    )
    if result.cannot_react:
        yield f"{result.cannot_react[0].upper()}{result.cannot_react[1:]}."
    if result.uncalibrated:
        yield UNCALIBRATED
    yield from _segment_notes(result)
    if result.failed:
        yield f"{result.failed:,} trials are left out because a session of theirs failed."


def _segment_notes(result: ProbeResult) -> Iterator[str]:
    shown = {effect.segment for effect in result.effects} - {EVERYONE}
    if result.small:
        listed = ", ".join(f"{name} ({trials})" for name, trials in result.small.items())
        outcome = f"pooled as {OTHERS!r}" if OTHERS in shown else "not shown"
        yield f"Fewer than {SMALLEST} trials: {listed}; {outcome}."
    elif not shown:
        yield f"No persona says its {result.segment}: there are no segments to tell apart."
