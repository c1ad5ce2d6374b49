"""The report of the main job as a page: who is nearer to people, the paper's tables and figures, sessions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import RenderableType

from benchmarks import settings
from benchmarks.abtest import TestBesideTruth
from benchmarks.parts import Beside, Results, sessions_of, table_2_columns
from paars_gym.alignment.dice import guess_dice
from paars_gym.report.dice import table_5, table_5_plots, table_5_remarks
from paars_gym.report.pages.abtest_page import backtest_section
from paars_gym.report.pages.alignment_page import alignment_section, alignment_words, roles
from paars_gym.report.pages.drawing import INSTALL, can_draw
from paars_gym.report.pages.page import PagePlot, PageSection, ReportPage
from paars_gym.report.pages.printed_page import printed_sections
from paars_gym.report.pages.run_page import shown_sessions
from paars_gym.report.pages.session_book import SessionBook
from paars_gym.report.pages.table_plots import (
    figure_2_plot,
    figure_3_plot,
    table_2_plots,
    table_3_plots,
    table_4_plots,
)
from paars_gym.report.session_generation import by_people, further_columns
from paars_gym.report.tasks import paid_in_words
from paars_gym.sessions.store import SETTINGS_FILE
from paars_gym.version import __version__

SESSIONS_OF = "session_generation/mini-persona-fitted"
"""The run whose sessions the page shows: shoppers with personas, fitted to people."""
SHOWN = 30
DICE_SEED = 5


def page(pieces: Sequence[RenderableType], results: Results, folder: Path, beside: Beside = ()) -> ReportPage:
    """The page.

    Args:
        pieces: The report as it is printed; the first line says which shoppers these are.
        results: By part.
        folder: Of the whole run.
        beside: Results of a language model, and of a policy of the user's own.
    """
    first = str(pieces[0]) if pieces else ""
    sections = [_with_plots(section, _plots(results, beside)) for section in printed_sections(pieces[1:])]
    headline: list[str] = []
    ran = results.get("session_generation")
    if ran is not None:
        report = ran.fitted.report
        headline += alignment_words(report, roles(report))
        title = f"{ran.fitted.shopper} with and without personas, beside people"
        sections.insert(0, alignment_section(report, title))
    if "abtest" in results:
        headline += effect_words(results["abtest"])
        sections.append(backtest_section(results["abtest"].past))
    sections.append(dice_section())
    headline = headline or [first]
    if not can_draw():
        headline.append(INSTALL)
    run = folder / SESSIONS_OF
    sessions = (shown_sessions(SessionBook(run), SHOWN),) if (run / SETTINGS_FILE).is_file() else ()
    return ReportPage(
        title="Do simulated shoppers behave like people?",
        under=f"The main job of paars_gym, python -m benchmarks. {first}",
        headline=tuple(headline),
        facts=tuple(_facts(results)),
        sections=tuple(sections),
        sessions=sessions,
    )


def effect_words(test: TestBesideTruth) -> Iterator[str]:
    """What the A/B test of the main job would have said, beside what people did."""
    simulated, true, left = test.simulated, test.true, test.shrunken
    if simulated.value is None or true.value is None:
        return
    yield (
        f"An A/B test of “{test.treatment}” against “{test.control}”: simulated, units sold change by "
        f"{_percents(simulated.value, simulated.low, simulated.high)}; the people of the shop, played in both arms, "
        f"change by {_percents(true.value, true.low, true.high)}."
    )
    if left.value is not None:
        yield (
            f"By what past tests show of real sizes, {_percents(left.value, left.low, left.high)} is left of the "
            "simulated change."
        )


def _percents(value: float, low: float | None, high: float | None) -> str:
    ends = "" if low is None or high is None else f" ({low:+.1%} to {high:+.1%})"
    return f"{value:+.1%}{ends}"


def dice_section() -> PageSection:
    """Table 5, tossed anew with a fixed seed."""
    rows = guess_dice(np.random.default_rng(DICE_SEED))
    (section,) = printed_sections([table_5(rows)])
    return replace(section, plots=tuple(table_5_plots(rows)), notes=tuple(table_5_remarks(rows)))


def _plots(results: Results, beside: Beside) -> dict[str, tuple[PagePlot, ...]]:
    """The pictures of each table, by how its title begins."""
    sessions = sessions_of(results, beside)
    parts = {name: [each[name] for each in (results, *beside) if name in each] for name in ("query_generation",
             "view_selection", "item_selection")}  # fmt: skip
    found = {
        "Table 2": tuple(table_2_plots(table_2_columns(results, beside))),
        "Beside Table 2": tuple(table_2_plots(further_columns(sessions))),
    }
    for each in parts["query_generation"]:
        found.setdefault(f"Mean cosine with the person's own query, by {each.difficulty}", (figure_2_plot(each),))
    for each in parts["view_selection"]:
        found.setdefault("Figure 3", (figure_3_plot(each),))
    for each in parts["item_selection"]:
        found.setdefault("Table 3", tuple(table_3_plots(each)))
    for those in by_people(sessions):
        found[f"Table 4, diversity: distinct strings over strings, people {those[0].label}"] = tuple(
            table_4_plots(those)
        )
    return found


def _with_plots(section: PageSection, plots: dict[str, tuple[PagePlot, ...]]) -> PageSection:
    """The section with the pictures of its table, where they were not shown yet."""
    whole = section.tables[0].title if section.tables else section.title
    name = next((name for name in plots if whole.startswith(name)), None)
    return section if name is None else replace(section, plots=(*section.plots, *plots.pop(name)))


def _facts(results: Results) -> Iterator[tuple[str, str]]:
    yield "parts", ", ".join(results)
    run = settings.SESSION_RUN
    yield "shoppers", f"{run.policy}, without and with personas, as it is and fitted to the half that does not judge"
    yield "catalogs", "mini (generated: people and products are synthetic); journey (real households' baskets)"
    yield "sessions", f"{run.sessions:,} of each population; {settings.ITEM_CASES:,} choices of an item"
    yield "seeds", f"sessions {run.seed}, items {settings.ITEM_SEED}, A/B test {settings.ABTEST_SEED}"
    paid = [report for part in results.values() for report in getattr(part, "paid", ())]
    told = "; ".join(map(paid_in_words, paid)).rstrip(".")
    yield "cost", told or "none: no model was asked for money"
    yield "paars_gym", __version__
    yield "all settings", "settings.json, beside this file"
