"""Every type of result loads into pandas and polars in one call, and tells what it is."""

from __future__ import annotations

import pytest

from paars_gym.estimate import Tabular
from tests.examples_of_results import example, results

KINDS = results()


def test_all_of_them_are_found() -> None:
    assert set(KINDS) >= {
        "ABTestResult", "AlignmentReport", "BacktestResult", "FittedPopulation", "FittedShopper", "ItemResults",
        "NextResults", "OutcomeResult", "PanelResult", "PeoplePlan", "PersonaValidity", "ProbeResult", "QueryResults",
        "SessionResults", "SurveyResult", "TestPlan", "TextResults", "TwinReport", "ViewResults",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_result_is_a_table_in_one_call(name: str) -> None:
    result: Tabular = example(KINDS[name])
    rows = result.to_dicts()
    assert rows
    for frame in (result.to_pandas(), result.to_polars()):
        assert len(frame) == len(rows)
        assert set(frame.columns) == {column for row in rows for column in row}
    assert result.to_csv().count("\n") > len(rows) - 1
    assert result.summary() != name
    assert result.summary().splitlines()[0] in repr(result)
