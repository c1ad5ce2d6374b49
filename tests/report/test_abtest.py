"""What no test can estimate is said whole, beside the table and not in a cell that a narrow terminal cuts."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from paars_gym.abtest.arms import Arm
from paars_gym.abtest.experiment import ABTest
from paars_gym.abtest.surrogacy import VarianceComponents
from paars_gym.config import RunConfig
from paars_gym.estimate import Estimate, in_words
from paars_gym.report.abtest import notes, outcome_table, result_forest


def test_why_an_outcome_has_no_estimate_stands_among_the_notes() -> None:
    result = ABTest(Arm("bm25"), Arm("price")).run(RunConfig(sessions=8))
    sizes = result.outcomes["revenue"].difference.sizes
    unknown = Estimate(None, sizes=sizes, note="not estimable: unknown in 8 pairs")
    result.outcomes["revenue"] = result.outcomes["revenue"].model_copy(
        update={"difference": unknown, "relative": unknown}
    )
    console = Console(width=80)
    with console.capture() as shown:
        console.print(outcome_table(result), result_forest(result))
    text = shown.get()
    assert "not estimable" in text
    assert "unknown in 8" not in text
    assert "revenue: not estimable: unknown in 8 pairs." in notes(result)
    assert in_words(unknown) == "not estimable: unknown in 8 pairs"


def test_run_to_run_noise_is_told_apart_where_pairs_were_drawn_again() -> None:
    result = ABTest(Arm("bm25"), Arm("price")).run(RunConfig(sessions=20, draws=2))
    sales = result.outcomes["sales_units"]
    by_hand = VarianceComponents(between=1.0, within=2.0, visits=50, draws=4)
    difference = replace(sales.difference, details={**sales.difference.details, "standard_error": 0.25})
    result.outcomes["sales_units"] = sales.model_copy(update={"components": by_hand, "difference": difference})
    (line,) = [note for note in notes(result) if "run-to-run" in note]
    assert "±0.1 (standard error of run-to-run noise alone, by 4 draws) of a standard error of 0.25 in all" in line


def test_run_to_run_noise_is_said_of_a_model_that_was_asked_once() -> None:
    result = ABTest(Arm("bm25"), Arm("price")).run(RunConfig(sessions=8))
    assert not any("un-to-run" in note for note in notes(result))
    asked = result.model_copy(update={"control": result.control.model_copy(update={"calls": 8})})
    (line,) = [note for note in notes(asked) if "un-to-run" in note]
    assert "--draws 5" in line
