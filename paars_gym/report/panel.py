"""People and agents before the same shelves, in the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table

from paars_gym.estimate import Estimate
from paars_gym.probes.panel import PanelResult
from paars_gym.probes.shelf import POINTS
from paars_gym.report.tasks import paid_in_words
from paars_gym.shoppers.registry import UNCALIBRATED


def panel_table(result: PanelResult) -> Table:
    """Elasticities in percent per percent, effects of marks in points; people, agents and their difference."""
    table = Table(title=result.summary(), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("quantity")
    for name in ("people", "agents", "agents less people"):
        table.add_column(name, justify="right", no_wrap=True)
    last = ""
    for one in result.quantities:
        if one.quantity != last:
            table.add_row(f"{one.quantity}, {_unit(one.people)}" if _unit(one.people) else one.quantity)
            last = one.quantity
        table.add_row(f"  {one.of}", _cell(one.people), _cell(one.agents), _cell(one.difference))
    return table


def panel_notes(result: PanelResult) -> Iterator[str]:
    """What else must be said."""
    yield (
        f"Conditional logit of {result.answered:,} answers to {result.purchases:,} shelves; 95% intervals are "
        "clustered by household, and those of a difference take the shelves as given."
    )
    for side in ("people", "agents"):
        missing: dict[str, list[str]] = {}
        for one in result.quantities:
            if (estimate := getattr(one, side)).value is None:
                missing.setdefault(estimate.note, []).append(f"{one.quantity} of {one.of}")
        for note, names in missing.items():
            which = "" if len(names) == len(result.quantities) else f" ({'; '.join(names)})"
            yield f"{side.capitalize()}: {note}{which}."
    if result.uncalibrated:
        yield UNCALIBRATED
    yield from result.notes
    yield from map(paid_in_words, result.paid)


def _cell(estimate: Estimate) -> str:
    if estimate.value is None:
        return "–"
    digits = 1 if estimate.unit == POINTS else 2
    text = f"{estimate.value:+.{digits}f}"
    if estimate.interval is None:
        return text
    low, high = (f"{end:+.{digits}f}" for end in estimate.interval.ends)
    return f"{text} [{low}, {high}]"


def _unit(estimate: Estimate) -> str:
    return estimate.unit
