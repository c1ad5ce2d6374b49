"""How does a probe look in the terminal?"""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table

from paars_gym.probes.probe import ProbeResult


def probe_table(result: ProbeResult) -> Table:
    """Effects by segment and level, in percentage points."""
    synthetic = " (synthetic)" if result.synthetic else ""
    table = Table(
        title=f"{result.question} {result.policy} in {result.catalog}{synthetic}, against {result.baseline!r}",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for name in ("segment", "level", "view, points", "purchase, points"):
        table.add_column(name, justify="left" if name == "segment" else "right", no_wrap=True)
    cells: dict[tuple[str, str], list[str]] = {}
    for effect in result.effects:
        told = effect.note or "–"
        if effect.estimate is not None and effect.interval is not None:
            low, high = (100 * end for end in effect.interval)
            told = f"{100 * effect.estimate:+.1f} [{low:+.1f}, {high:+.1f}]"
        cells.setdefault((effect.segment, effect.level), []).append(told)
    for (segment, level), row in cells.items():
        table.add_row(segment, level, *row)
    return table


def probe_notes(result: ProbeResult) -> Iterator[str]:
    """What else must be said: what the intervals are about, segments too small, trials that failed."""
    everyone = result.effects[0]
    yield (
        f"{everyone.trials:,} trials of {everyone.personas:,} personas on {everyone.pages:,} pages; intervals are "
        "about other such personas and pages too."
    )
    yield from result.notes
    if result.failed:
        yield f"{result.failed:,} trials are left out because a session of theirs failed."
