"""What no test can estimate is said whole, beside the table and not in a cell that a narrow terminal cuts."""

from __future__ import annotations

from rich.console import Console

from paars_gym.abtest.arms import Arm
from paars_gym.abtest.experiment import ABTest
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
