"""Twins beside their people in the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table

from paars_gym.estimate import Estimate
from paars_gym.probes.twins import TwinReport, TwinScore


def twin_tables(report: TwinReport) -> Iterator[Table]:
    """One by one, then as a group."""
    people = f"{report.people:,} people, {report.questions:,} questions"
    single = _table(
        f"One by one: answers as the person gave them, {people}", "told", "right, 95%", "less the commonest"
    )
    numbered = [("", score) for score in report.bars] + [(f"{n}. ", score) for n, score in enumerate(report.scores, 1)]
    for number, score in numbered:
        less = [score.right.number(f"less_commonest{end}") for end in ("", "_low", "_high")]
        known = [number for number in less if number is not None]
        more = "{:+.1%} [{:+.1%}, {:+.1%}]".format(*known) if len(known) == len(less) else ""
        single.add_row(number + _name(score), _percent(score.right), more)
    yield single
    group = _table(
        f"As a group: shares of answers, in points, {people}",
        "place", f"“{report.first_choice}”", "distance", "JS", "r", "calibrated",
    )  # fmt: skip
    nearest = sorted(report.scores, key=_distance)
    for place, score in enumerate(report.scores, start=1):
        group.add_row(
            f"{place} → {1 + nearest.index(score)}",
            _points(score.share),
            *_compared(score, "halves"),
            _calibrated(score.calibrated),
        )
    if report.scores:
        group.add_row("floor", "", *_compared(report.scores[0], "floor"), "")
    yield group


def twin_notes(report: TwinReport) -> Iterator[str]:
    """How to read them, and where the two tables part."""
    yield f"“{report.first_choice}” are {_percent(report.people_share)} of people's answers."
    yield (
        "place: one by one → as a group. distance: mean difference of shares; JS: of answers to a question, in "
        "thousandths of a nat; r: correlation of shares over questions; each of one half of the twins beside the other "
        "half of the people, and in the last row of one half of the people beside the other. calibrated: distance "
        "before and after shares are mapped as fitted on other people and other questions."
    )
    if not report.scores:
        return
    best, nearest = report.scores[0], min(report.scores, key=_distance)
    if best is not nearest:
        yield f"The most often right is {_name(best)}, the nearest as a group {_name(nearest)}."
    if report.order is not None:
        yield f"Rank correlation of the two orders, {len(report.scores)} constructions: {report.order:+.2f}."
    changes = [
        (after - before, _name(score))
        for score in report.scores
        if score.calibrated is not None
        and (after := score.calibrated.number("right")) is not None
        and (before := score.calibrated.number("right_before")) is not None
    ]
    (least, first), (most, last) = min(changes), max(changes)
    yield (
        "Calibration mends the group, not the person: where twins change answers at random to meet the mapped shares, "
        f"right answers change by {100 * least:+.1f} points ({first}) to {100 * most:+.1f} ({last})."
    )


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(first, title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _name(score: TwinScore) -> str:
    return score.construction or "twins"


def _distance(score: TwinScore) -> float:
    return 0.0 if score.distance is None else score.distance.value or 0.0


def _compared(score: TwinScore, which: str) -> tuple[str, str, str]:
    """Distance, JS and correlation of halves: the twins', or the floor."""
    told = []
    for estimate, form in ((score.distance, "{:.1%}"), (score.js, "{:.2f}"), (score.correlation, "{:+.2f}")):
        value = None if estimate is None else estimate.floor if which == "floor" else estimate.number(which)
        scaled = None if value is None else 1000 * value if estimate is score.js else value
        told.append("" if scaled is None else form.format(scaled).rstrip("%"))
    return told[0], told[1], told[2]


def _calibrated(estimate: Estimate | None) -> str:
    before = None if estimate is None else estimate.number("before")
    return "" if estimate is None or before is None else f"{100 * before:.1f} → {100 * (estimate.value or 0.0):.1f}"


def _percent(estimate: Estimate) -> str:
    ends = "" if estimate.interval is None else " [{:.1%}, {:.1%}]".format(*estimate.interval.ends)
    return f"{estimate.value:.1%}{ends}"


def _points(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return ""
    ends = "" if estimate.interval is None else " [{:+.1f}, {:+.1f}]".format(*(100 * x for x in estimate.interval.ends))
    return f"{100 * estimate.value:+.1f}{ends}"
