"""Table 3 as tables, and in sentences what its reader has to know (PAARS section 5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from rich.console import Group
from rich.table import Table

from paars_gym.alignment.item_selection import OPTIONS, Protocol
from paars_gym.estimate import Estimate, Interval
from paars_gym.report.item_bars import CAPTION, ON, bars_in_words, weights
from paars_gym.report.paper import PAPER
from paars_gym.report.tasks import paid_in_words
from paars_gym.tasks.items.groups import AccuracyByGroup, worst_served
from paars_gym.tasks.items.questions import ABOUT
from paars_gym.tasks.items.results import POPULARITY, ConditionGain, ItemResults, ItemRow

SHORT: dict[Protocol, str] = {"interests": "paper's\ndistr.", "popularity": "matched\ndistr."}
SURE = 0.05
BIASED = 0.01


def table_3(results: ItemResults) -> Group:
    """Table 3 with the paper's values beside, what each condition adds, learned weights, and accuracy by group."""
    learned = [weights(results)] if results.coefficients else []
    groups = (by_group(grouped) for grouped in results.groups)
    return Group(accuracies(results), *gains(results), *learned, *groups)


def whose(results: ItemResults) -> str:
    """How titles call the people."""
    return "synthetic people" if results.synthetic else "real households"


def accuracies(results: ItemResults) -> Table:
    """A row a shopper, a column a protocol; the bars first."""
    table = Table(
        title=f"Table 3, item selection: accuracy in %, {whose(results)}",
        title_justify="left",
        caption=CAPTION,
        caption_justify="left",
    )
    table.add_column("shopper")
    for counts in results.cases:
        table.add_column(SHORT[counts.protocol], justify="right", no_wrap=True)
        table.add_column("Wilson 95%\nclustered", justify="right", no_wrap=True)
    table.add_column("place\nbias", justify="right", no_wrap=True)
    lacking = any(row.unanswered or row.failed or row.not_asked for row in results.rows)
    if lacking:
        table.add_column("no answer\nfailed", justify="right", no_wrap=True)
    table.add_column("paper\n(LLM)", justify="right", no_wrap=True)
    shoppers = list(_by_shopper(results))
    for shopper, cells in shoppers:
        texts = []
        for counts in results.cases:
            row = next((row for row in cells if row.protocol == counts.protocol), None)
            value = None if row is None else row.accuracy.value
            texts += ["–", ""] if row is None or value is None else [f"{100 * value:.2f}", _both(row)]
        texts.append("\n".join(_place(row) for row in cells))
        if lacking:
            texts.append("\n".join(f"{row.unanswered} / {row.failed + row.not_asked}" for row in cells))
        paper = cells[0].paper
        last_bar = sum(of[0].bar for _, of in shoppers) == 1 + [name for name, _ in shoppers].index(shopper)
        table.add_row(shopper, *texts, "" if paper is None else f"{100 * paper:.2f}", end_section=last_bar)
    return table


def gains(results: ItemResults) -> Iterator[Table]:
    """What each of Table 3's conditions adds to another; a table for each shopper with several."""
    protocols = [counts.protocol for counts in results.cases]
    for shopper, of in groupby(sorted(results.gains, key=lambda gain: gain.shopper), key=lambda gain: gain.shopper):
        pairs: dict[tuple[str, str], dict[Protocol, ConditionGain]] = {}
        for gain in of:
            pairs.setdefault((gain.first, gain.second), {})[gain.protocol] = gain
        shown = Table(
            title=f"{shopper}: points gained on the same cases (95%, clustered; McNemar's p)", title_justify="left"
        )
        shown.add_column("condition")
        for protocol in protocols:
            shown.add_column(ON[protocol], justify="right", no_wrap=True)
        shown.add_column("paper", justify="right")
        for (first, second), by_protocol in pairs.items():
            cells = [_points(by_protocol[protocol].gain) if protocol in by_protocol else "–" for protocol in protocols]
            shown.add_row(f"{second} − {first}", *cells, f"{100 * next(iter(by_protocol.values())).paper:+.2f}")
        yield shown


def by_group(grouped: AccuracyByGroup) -> Table:
    """Accuracy by group, the worst served marked."""
    protocol = grouped.rows[0].protocol if grouped.rows else None
    title = f"By {grouped.attribute}" + (f", {ON[protocol]}" if protocol else ": no group is large enough")
    shown = Table(title=title, title_justify="left")
    for name in ("shopper", "group", "cases", "accuracy, % (95%)", "less the rest"):
        shown.add_column(name, justify="left" if name in ("shopper", "group") else "right", no_wrap=True)
    for shopper, of in groupby(grouped.rows, key=lambda row: row.shopper):
        rows = list(of)
        worst = worst_served(rows)
        for row in rows:
            mark = " (worst served)" if row is worst else ""
            accuracy = f"{100 * (row.accuracy.value or 0):.1f} ({_bounds(row.accuracy.interval)})"
            cases = f"{row.accuracy.sizes['cases']:,}"
            shown.add_row(shopper, row.group + mark, cases, accuracy, _points(row.rest) if row.rest else "")
        shown.add_section()
    return shown


def table_3_remarks(results: ItemResults) -> list[str]:
    """What a reader of the tables has to know."""
    lines = [f"Stopped early, everything so far is kept: {results.stopped}"] if results.stopped else []
    lines += [f"Humans: {results.humans}.", f"Chance is {1 / OPTIONS:.0%}. Embeddings: {results.embedder}."]
    for counts in results.cases:
        lines.append(
            f"{ABOUT[counts.protocol]}: {counts.cases:,} cases of {counts.shoppers:,} households; no case from "
            f"{counts.without_history:,} baskets with fewer than {results.settings['min_known']} purchases known "
            f"and {counts.without_distractors:,} without distractors."
        )
    lines += bars_in_words(results)
    lines += [
        f"{shopper}: {'; '.join(_verdict(row) for row in cells)}."
        for shopper, cells in _by_shopper(results)
        if shopper == POPULARITY or not cells[0].bar
    ]
    lines += _places(results)
    lines += [line for row in results.rows for line in _lacking(row)]
    for grouped in results.groups:
        lines += _worst(grouped)
    for shopper, about in results.settings.get("asked", {}).items():
        dropped = ", ".join(about.get("not_sent", ()))
        lines.append(f"{shopper}: personas {about['personas']}" + (f"; not sent: {dropped}" if dropped else "") + ".")
    lines += [paid_in_words(report) for report in results.paid]
    return [
        *lines,
        "The paper's values beside ours? " + PAPER["items", "accuracy"].compares,
        "What popularity alone reaches says nothing of the household; what a bar reaches needs no shopper.",
        *results.notes,
    ]


def _verdict(row: ItemRow) -> str:
    """What chance, popularity and the learned scorer make of a row."""
    on = f"on {ON[row.protocol]}"
    value, p_value = row.accuracy.value, row.accuracy.p_value
    if value is None or p_value is None:
        return f"{on} it could not be asked"
    over = 100 * (value - 1 / OPTIONS)
    if p_value >= SURE:
        text = f"{on} not told apart from guessing ({over:+.1f} points, {_p_in_words(p_value)})"
    else:
        text = f"{on} {over:+.1f} points against chance ({_p_in_words(p_value)})"
    text += _against("popularity alone", row.over_popularity)
    return text + _against("the learned scorer", row.over_learned)


def _against(bar: str, over: Estimate | None) -> str:
    if over is None:
        return ""
    points, p_value = 100 * _value(over), over.p_value or 0.0
    if p_value >= SURE:
        return f", not told apart from {bar} ({points:+.1f}, {_p_in_words(p_value)})"
    return f", {points:+.1f} against {bar} ({_p_in_words(p_value)})"


def _places(results: ItemResults) -> list[str]:
    biased = [row for row in results.rows if _is_biased(row)]
    line = "Place bias: share of choices, in points, that the place in the list must have drawn, not the item"
    if not biased:
        return [f"{line}; none beyond noise (p < .01)."]
    by_place = []
    for row in biased:
        assert row.position is not None
        shares = " ".join(f"{100 * share:.0f}" for share in row.position.chosen)
        balanced = "" if row.position.balanced is None else f", {100 * row.position.balanced:.1f}% at balanced places"
        by_place.append(f"{row.shopper} {ON[row.protocol]} (chose places 1 to {OPTIONS} in {shares}%{balanced})")
    return [f"{line}; beyond noise (*, p < .01): {'; '.join(by_place)}."]


def _lacking(row: ItemRow) -> Iterator[str]:
    where = f"{row.shopper}, {ON[row.protocol]}"
    if row.unanswered:
        cause = _first(row, "no usable answer")
        yield f"{where}: {row.unanswered:,} cases without a usable answer count as wrong. {cause}"
    if row.failed:
        yield f"{where}: {row.failed:,} cases failed and are left out. {_first(row, 'failed')}"
    if row.not_asked:
        yield f"{where}: {row.not_asked:,} cases were not asked before the run ended."


def _first(row: ItemRow, kind: str) -> str:
    causes = row.causes.get(kind, {})
    return next((f"The first cause: {cause}" for cause in causes), "")


def _worst(grouped: AccuracyByGroup) -> Iterator[str]:
    left = f"{grouped.did_not_tell:,} cases are of households that did not tell"
    if grouped.pooled:
        left += f"; pooled, being small: {', '.join(grouped.pooled)}"
    if grouped.suppressed:
        left += f"; {grouped.suppressed} cases in groups too small to show"
    yield f"By {grouped.attribute}: {left}."
    named, sure = [], []
    for shopper, of in groupby(grouped.rows, key=lambda row: row.shopper):
        worst = worst_served(list(of))
        if worst is None or worst.rest is None:
            continue
        named.append(f"{shopper}: {worst.group} {100 * _value(worst.accuracy):.1f}%")
        # The least of several is low by chance already, and every shopper had the chance.
        p_value = min(1.0, (worst.rest.p_value or 0.0) * len(grouped.rows))
        if p_value < SURE and _value(worst.rest) < 0:
            sure.append(f"{shopper} ({100 * _value(worst.rest):+.1f} points from the rest, {_p_in_words(p_value)})")
    if named:
        where = ON[grouped.rows[0].protocol]
        yield f"Worst served by {grouped.attribute}, {where}: {'; '.join(named)}."
        yield f"More than chance makes of {len(grouped.rows)} comparisons: {'; '.join(sure) or 'none of these'}."


def _by_shopper(results: ItemResults) -> Iterable[tuple[str, list[ItemRow]]]:
    by_condition: dict[str, list[ItemRow]] = {}
    for row in results.rows:
        by_condition.setdefault(row.shopper, []).append(row)
    # The bars first: they are what the others are read against.
    return sorted(by_condition.items(), key=lambda each: not each[1][0].bar)


def _place(row: ItemRow) -> str:
    if row.position is None:
        return ""
    return f"{100 * _value(row.position.bias):.1f}" + "*" * _is_biased(row)


def _is_biased(row: ItemRow) -> bool:
    return row.position is not None and (row.position.bias.p_value or 0.0) < BIASED


def _both(row: ItemRow) -> str:
    return f"{_bounds(row.wilson)}\n{_bounds(row.accuracy.interval)}"


def _points(estimate: Estimate) -> str:
    low, high = 100 * (estimate.low or 0.0), 100 * (estimate.high or 0.0)
    return f"{100 * _value(estimate):+.1f} [{low:.1f}, {high:.1f}] p {_p(estimate.p_value or 0.0)}"


def _value(estimate: Estimate) -> float:
    return estimate.value or 0.0


def _p(value: float) -> str:
    return "<.001" if value < 0.001 else f"{value:.3f}".lstrip("0")


def _p_in_words(value: float) -> str:
    return "p < .001" if value < 0.001 else f"p = {value:.2g}"


def _bounds(interval: Interval | None) -> str:
    return "" if interval is None else f"{100 * interval.low:.1f}–{100 * interval.high:.1f}"
