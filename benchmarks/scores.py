"""What ``python -m benchmarks --json FILE`` holds: every number by table and figure, under names that stay.

`benchmarks/README.md` documents them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from benchmarks.parts import Beside, Results, sessions_of, table_2_columns
from paars_gym.estimate import Detail, Estimate, Tabular
from paars_gym.report.diversity import table_4_rows
from paars_gym.report.persona_gain import paired_rows
from paars_gym.report.session_generation import as_row, further_columns, table_2_rows
from paars_gym.tasks.view_selection import ViewResults

SCORES_FILE = "scores.json"
ABTEST = ("true", "simulated", "predicted")


def scores(results: Results, beside: Beside = ()) -> dict[str, Any]:
    """Every number; what was not run is absent.

    Args:
        results: Of the offline shoppers, by part.
        beside: Of a language model, and of a policy of the user's own.
    """
    found: dict[str, Any] = {}
    whole = (results, *beside)
    sessions = sessions_of(results, beside)
    if compared := table_2_columns(results, beside):
        both = [*compared, *further_columns(sessions)]
        found["table2"] = {"rows": table_2_rows(both), "paired": paired_rows(both)}
    if any("query_generation" in each for each in whole):
        found["similarity"] = {"rows": _rows(whole, "query_generation")}
    if any("view_selection" in each for each in whole):
        shown = [each["view_selection"] for each in whole if "view_selection" in each]
        found["figure3"] = {
            "rows": [row for number, views in enumerate(shown) for row in _ranks(views, first=not number)]
        }
    if any("item_selection" in each for each in whole):
        found["table3"] = {"rows": _rows(whole, "item_selection")}
        items = next(each["item_selection"] for each in whole if "item_selection" in each)
        if (bars := getattr(items, "bars", None)) is not None:
            found["table3"]["bars"] = bars() if callable(bars) else as_data(bars)
    if sessions:
        found["table4"] = {"rows": table_4_rows(sessions)}
    if "abtest" in results:
        test = results["abtest"]
        rows = {"rows": test.to_dicts()} if isinstance(test, Tabular) else {}
        found["abtest"] = rows | {name: as_data(getattr(test, name)) for name in ABTEST if hasattr(test, name)}
    return found


def as_data(value: Any) -> Any:
    """A result as JSON holds it: estimates under stable names, tables as rows."""
    if isinstance(value, Estimate):
        return as_row(value)
    if isinstance(value, Tabular):
        return value.to_dicts()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {name: as_data(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [as_data(one) for one in value]
    return value


def _rows(whole: Sequence[Results], part: str) -> list[dict[str, Detail]]:
    """The rows of the offline shoppers, and of the others those that they do not have."""
    rows: list[dict[str, Detail]] = []
    for results in whole:
        if part in results:
            there = {row.get("shopper") for row in rows}
            new = (row for row in results[part].to_dicts() if row.get("shopper") not in there)
            rows += [{**row, "policy": str(row["shopper"]).rpartition(", ")[0] or row["shopper"]} for row in new]
    return rows


def _ranks(views: ViewResults, *, first: bool) -> list[dict[str, Detail]]:
    return [
        {"shopper": name, "policy": name.rpartition(", ")[0] or name, "rank": rank, "cases": cases}
        for name, counts in views.ranks.items()
        for rank, cases in enumerate(counts, start=1)
        if first or name != "people"
    ]
