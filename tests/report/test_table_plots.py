"""The paper's tables as pictures: every row stands in them, and the paper's values only where they compare."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.page import dice_section, page
from benchmarks.parts import report as printed
from paars_gym.alignment.dice import guess_dice
from paars_gym.alignment.report import Measure
from paars_gym.estimate import Estimate, Interval
from paars_gym.report.dice import PAPER_DICE, table_5_remarks
from paars_gym.report.pages.estimates_plot import estimates_plot
from paars_gym.report.pages.table_plots import table_2_plots, table_3_plots
from paars_gym.report.paper import PAPER
from paars_gym.report.session_generation import Column, TableRow
from paars_gym.tasks.items.results import ItemResults
from paars_gym.tasks.view_selection import PEOPLE_ROW, ViewResults
from tests.examples_of_results import example
from tests.report.documents import Document

pytest.importorskip("vl_convert")


def measure(value: float, population: str) -> Measure:
    estimate = Estimate(value, Interval(value / 2, 2 * value), unit="nats", floor=0.02, verdict="differs")
    return Measure(of="rank chosen", metric="KL", population=population, estimate=estimate)


def column(compares: str) -> Column:
    rows = {
        TableRow("behavioural", False, one): measure(value, one) for one, value in (("base", 2.5), ("persona", 1.5))
    }
    return Column("item\nrank", "synthetic", rows, {}, PAPER["rank chosen", "KL"], compares)


@pytest.mark.parametrize("compares", ["No: other people.", "In kind: the same people."])
def test_a_column_of_table_2_is_a_picture(compares: str) -> None:
    (plot,) = table_2_plots([column(compares)])
    assert plot.title == "Item rank (people: synthetic)"
    assert [row[0] for row in plot.table.rows] == [
        "behavioural, base",
        "behavioural, persona",
        "paper (LLM), base",
        "paper (LLM), persona",
    ]
    assert f"The paper's values: base 2.4, persona 1.08. Beside these? {compares}" in plot.text
    drawn = plot.svg.count("paper (LLM)")
    assert (drawn > 0) is compares.startswith("In kind")
    assert "1.08" in plot.table.csv


def test_table_3_has_a_picture_a_protocol_with_chance_and_the_bars_first() -> None:
    results = example(ItemResults)
    plots = list(table_3_plots(results))
    assert len(plots) == len(results.cases)
    assert plots[0].title.startswith("Right item of four, on ")
    assert "Blue marks: the floor." in plots[0].text
    assert "its cases are not public" in plots[0].text
    assert "<svg" in plots[0].svg


def test_hostile_names_stay_words() -> None:
    evil = "</svg><script>window.ran='plot'</script>"
    plot = estimates_plot([(evil, Estimate(0.5))], title=evil, paper={evil: 0.4}, compares="In kind: yes.")
    assert "<script" not in plot.svg


def test_table_5_is_tossed_anew_and_stands_beside_the_papers() -> None:
    first, second = guess_dice(np.random.default_rng(5))
    again = guess_dice(np.random.default_rng(5))
    assert again == (first, second)
    for row, (squared, right, divergence) in zip((first, second), PAPER_DICE, strict=True):
        assert row.squared_error.low - 0.2 < squared < row.squared_error.high + 0.2
        assert row.accuracy.low - 0.02 < right < row.accuracy.high + 0.02
        assert row.as_published.value == pytest.approx(divergence, abs=0.5 if divergence > 1 else 0.01)
    # Guess by guess A is no worse, and as a group it is far off.
    assert first.squared_error.high < second.squared_error.low
    assert first.divergence.low > 100 * second.divergence.high
    assert "groups are compared" in table_5_remarks([first, second])[0]
    with pytest.raises(ValueError, match="tosses == 1, must be > 1"):
        guess_dice(np.random.default_rng(0), tosses=1)


def test_the_page_of_table_5() -> None:
    section = dice_section()
    assert section.title.startswith("Table 5")
    assert len(section.plots) == 3
    assert all("paper, A" in plot.svg for plot in section.plots)


def test_the_page_of_the_main_job_shows_each_figure_once(tmp_path: Path) -> None:
    ranks = {PEOPLE_ROW: (6, 3, 1), "uniform, base": (4, 3, 3), "uniform, persona": (5, 3, 2)}
    measures = tuple(
        measure(0.1, name).model_copy(update={"metric": metric})
        for name in ranks
        if name != PEOPLE_ROW
        for metric in ("KL", "JS", "W1")
    )
    views = ViewResults(people="synthetic people", searches=20, cases=10, measures=measures, ranks=ranks, notes=())
    results = {"view_selection": views}
    whole = page(["No model ran.", "", *printed(results)], results, tmp_path)
    titles = [plot.title for section in whole.sections for plot in section.plots]
    assert titles.count("Rank opened") == 1
    assert titles.count("Item rank (people: synthetic)") == 1
    assert "KL of the two groups, in the paper's form" in titles
    document = Document(whole.html())
    assert document.faults == []
    assert document.loaded() == []
    assert len(document.all("figure")) == len(titles)
