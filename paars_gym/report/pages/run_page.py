"""The page of a run or of an A/B test: its results, its settings, and a sample of its sessions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from paars_gym.abtest.result import ABTestResult
from paars_gym.alignment.report import AlignmentReport
from paars_gym.remote import named
from paars_gym.report.abtest import cost_of_test
from paars_gym.report.pages.abtest_page import abtest_section, abtest_words
from paars_gym.report.pages.alignment_page import alignment_section, alignment_words, roles
from paars_gym.report.pages.drawing import INSTALL, can_draw
from paars_gym.report.pages.page import SESSION_BYTES, PageSection, PageTable, ReportPage, ShownSessions, csv_of
from paars_gym.report.pages.page import render_template as rendered
from paars_gym.report.pages.session_book import SessionBook
from paars_gym.report.pages.session_pages import PairView, shortened
from paars_gym.report.pages.session_rows import OUTCOMES, choose
from paars_gym.shoppers.registry import UNCALIBRATED, is_uncalibrated
from paars_gym.simulation.read_run import Run
from paars_gym.version import __version__

SHOWN = 40
"""Sessions that a file holds, unless somebody wants more."""
LONGEST_TEXT = 6_000
"""Characters of a page or a message in a file."""


class Findings(NamedTuple):
    """What was computed of a run or a test.

    Attributes:
        alignments: Comparisons with people; of several the same run stands beside different ones.
        test: Of an A/B test; else None.
    """

    alignments: tuple[AlignmentReport, ...] = ()
    test: ABTestResult | None = None


def run_page(book: SessionBook, results: Findings | None = None, *, shown: int = SHOWN) -> ReportPage:
    """The page of a run, or of a test.

    Args:
        book: Its sessions.
        results: What was computed of it; None for nothing.
        shown: How many sessions the page holds, at most; fewer where the file would be too large.
    """
    results = results or Findings()
    first = book.runs[0]
    headline, sections = _told(results)
    sections.append(happened_section(book))
    headline += _left_out(book)
    if not results.alignments and results.test is None:
        headline.insert(0, f"{_who(first)}: {_outcomes_in_words(book)}. Nobody has compared them with people here.")
        if is_uncalibrated(first.settings.run):
            headline.append(UNCALIBRATED)
    if not can_draw():
        headline.append(INSTALL)
    title = results.test.summary() if results.test is not None else f"{_who(first)}, in {first.settings.shop.catalog}"
    return ReportPage(
        title=title,
        under=f"{len(book):,} {'pairs of visits' if len(book.arms) > 1 else 'visits'}; {book.folder.name}",
        headline=tuple(headline),
        facts=tuple(facts(book)),
        sections=tuple(sections),
        sessions=(shown_sessions(book, shown),),
    )


def findings_page(results: Findings) -> ReportPage:
    """The page of results alone: it holds no session and no persona.

    Args:
        results: At least one.
    """
    headline, sections = _told(results)
    first = results.test or results.alignments[0]
    test = results.test
    told = () if test is None else facts_of_test(test)
    if not can_draw():
        headline.append(INSTALL)
    under = f"Results alone; paars_gym {__version__}"
    return ReportPage(first.summary(), under, tuple(headline), facts=tuple(told), sections=tuple(sections))


def _told(results: Findings) -> tuple[list[str], list[PageSection]]:
    """The headline and the sections of results."""
    headline: list[str] = []
    sections: list[PageSection] = []
    if results.test is not None:
        headline += abtest_words(results.test)
        sections.append(abtest_section(results.test))
    for alignment in results.alignments:
        names = roles(alignment)
        headline += [line for line in alignment_words(alignment, names) if line not in headline]
        against = f"Beside {names['human']}"
        against += f", and beside {names['baseline']}" if "baseline" in names else ""
        sections.append(alignment_section(alignment, against))
    return headline, sections


def facts_of_test(test: ABTestResult) -> Iterator[tuple[str, str]]:
    """Settings and cost of a test, as names and texts."""
    yield "shoppers", f"{test.policy}, {test.condition}{' (uncalibrated)' * test.uncalibrated}"
    yield "catalog", f"{test.catalog}{' (synthetic)' * test.synthetic}, fingerprint {test.catalog_fingerprint}"
    for arm in (test.control, test.treatment):
        patched = f", {arm.patched_products:,} products changed ({arm.patch})" if arm.patch else ""
        yield f"arm {arm.name}", f"ranking {arm.ranking}{patched}; {arm.sessions:,} sessions, {arm.failed:,} failed"
    yield "pairs", f"{test.pairs:,} × {test.draws} draws, {test.personas:,} personas"
    yield "seed", str(test.seed)
    if test.needs:
        yield "needs", test.needs
    yield "cost", cost_of_test(test) or "none: no model was asked"


def shown_sessions(book: SessionBook, most: int, *, room: int = SESSION_BYTES) -> ShownSessions:
    """The sample of sessions that a file holds.

    Args:
        book: All of them.
        most: How many at most.
        room: Bytes that they may take; the last chosen are left away first.
    """
    chosen, views, taken = [], [], 0
    for one in choose(book.rows, most):
        view = shortened(book.open(one.row.key), LONGEST_TEXT)
        size = len(session_html(view).encode("utf-8", "replace"))
        if taken + size > room:
            break
        taken += size
        chosen.append(one)
        views.append(view)
    return ShownSessions(
        name=book.folder.name,
        chosen=tuple(chosen),
        views=tuple(views),
        of=len(book),
        note=next((session.note for view in views for session in view.sessions if session.note), ""),
        command=named(f"paars view {book.folder}"),
    )


def session_html(view: PairView) -> str:
    """The steps of a session, as a page holds them."""
    return rendered("steps.html", {"view": view})


def happened_section(book: SessionBook) -> PageSection:
    """What became of the sessions, by arm."""
    rows = [["", *(arm or "sessions" for arm in book.arms)]]
    columns = [[row.sessions[number] for row in book.rows] for number in range(len(book.arms))]
    counts = [Counter(session.outcome for session in column) for column in columns]
    for outcome in OUTCOMES:
        if any(count[outcome] for count in counts):
            rows.append(
                [outcome, *(f"{count[outcome]:,} ({count[outcome] / max(len(book), 1):.1%})" for count in counts)]
            )
    for name in ("steps", "searches", "views", "units", "refused"):
        means = [sum(getattr(one, name) for one in column) / max(len(column), 1) for column in columns]
        rows.append([f"{name} a session", *(f"{mean:.2f}" for mean in means)])
    numbers = [
        {"key": session.key, "arm": arm, **{name: getattr(session, name) for name in _LISTED}}
        for row in book.rows
        for arm, session in zip(book.arms, row.sessions, strict=True)
    ]
    # A line a session, but not of so many that the file would be full of it.
    csv = csv_of(numbers) if len(numbers) <= _MOST_LISTED else ""
    table = PageTable.of("What became of the sessions", rows, csv=csv)
    parted = sum(row.parted for row in book.rows)
    words = (f"In {parted:,} of {len(book):,} pairs the shopper does something else in the other arm.",)
    return PageSection("What happened", words if len(book.arms) > 1 else (), (), (table,))


_LISTED = ("shopper", "goal", "outcome", "steps", "refused", "searches", "views", "units", "spent", "tokens")
_MOST_LISTED = 3_000


def facts(book: SessionBook) -> Iterator[tuple[str, str]]:
    """Settings, seed, model, catalog and cost, as names and texts."""
    settings = book.runs[0].settings
    run, shop = settings.run, settings.shop
    yield "shoppers", _who(book.runs[0])
    if run.model is not None:
        yield "model", str(run.model.spec)
    name = str(shop.catalog).removesuffix(f" ({settings.fingerprints.catalog})")
    yield "catalog", f"{name}, fingerprint {settings.fingerprints.catalog}"
    for arm, one in zip(book.arms, book.runs, strict=True):
        yield f"ranking, {arm}" if arm else "ranking", str(one.settings.shop.ranking)
    yield "sessions", f"{len(book):,}" + (" pairs" if len(book.arms) > 1 else "")
    number, _, told = settings.fingerprints.personas.partition(", ")
    yield "personas", f"{number}, fingerprint {told}"
    yield "needs", settings.fingerprints.intentions
    yield "seed", str(run.seed)
    yield "longest session", f"{run.max_steps} actions"
    for arm, one in zip(book.arms, book.runs, strict=True):
        for name, text in one.account.facts():
            yield f"{name}, {arm}" if arm else name, text
    yield "paars_gym", settings.version


def _who(run: Run) -> str:
    uncalibrated = " (uncalibrated)" if is_uncalibrated(run.settings.run) else ""
    return f"{run.settings.run.policy}, {run.settings.run.condition}{uncalibrated}"


def _outcomes_in_words(book: SessionBook) -> str:
    counts = Counter(session.outcome for row in book.rows for session in row.sessions)
    total = max(counts.total(), 1)
    verbs = {"cut off": "were cut off"}
    told = (f"{counts[one] / total:.0%} {verbs.get(one, one)}" for one in OUTCOMES if counts[one])
    return f"of {total:,} sessions {', '.join(told)}"


def _left_out(book: SessionBook) -> Iterator[str]:
    causes: Counter[str] = Counter(
        (session.cause or session.outcome).partition("; the last:")[0]
        for row in book.rows
        for session in row.sessions
        if session.failed
    )
    if causes:
        why, often = causes.most_common(1)[0]
        total = sum(len(row.sessions) for row in book.rows)
        yield (
            f"Left out: {causes.total():,} of {total:,} sessions failed and count for nothing, most often ({often:,}) "
            f"because: {why.rstrip('.')}."
        )
    if book.unpaired:
        yield f"Left out: {book.unpaired:,} sessions that have no counterpart in the other arm yet."
