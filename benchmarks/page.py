"""The report of the main job as a page: its tables, who is nearer to people, and sessions step by step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import RenderableType

from benchmarks.parts import Results
from paars_gym.report.pages.abtest_page import backtest_section
from paars_gym.report.pages.alignment_page import alignment_section, alignment_words, roles
from paars_gym.report.pages.drawing import INSTALL, can_draw
from paars_gym.report.pages.page import PagePlot, PageSection, ReportPage
from paars_gym.report.pages.plots import shares_plot, strata_plot
from paars_gym.report.pages.printed_page import printed_sections
from paars_gym.report.pages.run_page import shown_sessions
from paars_gym.report.pages.session_book import SessionBook
from paars_gym.sessions.store import SETTINGS_FILE
from paars_gym.tasks.query_results import QueryResults
from paars_gym.tasks.view_selection import PEOPLE_ROW, ViewResults
from paars_gym.version import __version__

SESSIONS_OF = "session_generation/mini-persona-fitted"
"""The run whose sessions the page shows: shoppers with personas, fitted to people."""
SHOWN = 30


def _ranks(results: ViewResults) -> PagePlot:
    """Ranks opened by people, and by the last two shoppers, without and with personas."""
    shown = [PEOPLE_ROW, *[name for name in results.ranks if name != PEOPLE_ROW][-2:]]
    bins = [str(rank + 1) for rank in range(len(results.ranks[PEOPLE_ROW]))]
    return shares_plot("Rank opened", "rank", bins, {name: results.ranks[name] for name in shown})


def _similarity(results: QueryResults) -> PagePlot:
    """Similarity with the person's own query by difficulty; of shoppers with the same queries one."""
    shown = [(one.shopper, one.stratum, one.similarity) for one in results.strata if one.shopper not in results.same]
    title = f"Mean cosine with the person's own query, by {results.difficulty}"
    return strata_plot(shown, title=title, of="mean cosine")


def page(pieces: Sequence[RenderableType], results: Results, folder: Path) -> ReportPage:
    """The page.

    Args:
        pieces: The report as it is printed; the first line says which shoppers these are.
        results: By part.
        folder: Of the whole run.
    """
    first = str(pieces[0]) if pieces else ""
    sections = printed_sections(pieces[1:])
    headline: list[str] = []
    ran = results.get("session_generation")
    if ran is not None:
        report = ran.fitted.report
        headline += alignment_words(report, roles(report))
        beside = alignment_section(report, f"{ran.fitted.shopper} with and without personas, beside people")
        sections.insert(0, beside)
    if "view_selection" in results:
        sections.insert(1, PageSection("Ranks opened (Figure 3)", plots=(_ranks(results["view_selection"]),)))
    if "query_generation" in results:
        sections.insert(
            1, PageSection("Queries by difficulty (Figure 2)", plots=(_similarity(results["query_generation"]),))
        )
    if "abtest" in results:
        sections.append(backtest_section(results["abtest"].past))
    headline = headline or [first]
    if not can_draw():
        headline.append(INSTALL)
    run = folder / SESSIONS_OF
    sessions = (shown_sessions(SessionBook(run), SHOWN),) if (run / SETTINGS_FILE).is_file() else ()
    return ReportPage(
        title="Do simulated shoppers behave like people?",
        under=f"The main job of paars_gym, python -m benchmarks. {first}",
        headline=tuple(headline),
        facts=(
            ("parts", ", ".join(results)),
            ("paars_gym", __version__),
            ("settings", "settings.json"),
        ),
        sections=tuple(sections),
        sessions=sessions,
    )
