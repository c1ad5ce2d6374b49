"""Estimates and their tables: what they hold, and how they read in a terminal, a notebook and a file."""

from __future__ import annotations

import builtins
import csv
import io
import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from paars_gym.estimate import (
    REPR_LINES,
    Detail,
    Estimate,
    Estimates,
    Interval,
    Tabular,
    in_words,
    share_that_may_differ,
)

RATE = Estimate(
    0.1, Interval(0.05, 0.15, method="Wilson"), unit="share", sizes={"human": 140}, p_value=0.04, verdict="differs",
    details={"warning": True},
)  # fmt: skip


class Report(Tabular, BaseModel):
    model_config = ConfigDict(frozen=True)

    estimates: dict[str, Estimate]

    def to_dicts(self) -> list[dict[str, Detail]]:
        return [{"name": name, **estimate.to_dict()} for name, estimate in self.estimates.items()]

    def summary(self) -> str:
        return "A report <b>"


def test_what_is_no_number_is_none() -> None:
    estimate = Estimate(math.nan, floor=math.inf, p_value=None)
    assert (estimate.value, estimate.floor, estimate.p_value, estimate.low, estimate.high) == (None,) * 5
    assert Interval.of((0.0, math.nan)) is None
    assert Interval.of((0.0, 1.0), level=0.9, method="t") == Interval(0.0, 1.0, 0.9, "t")


def test_intervals() -> None:
    assert Interval.normal(1.0, 0.5, "z").ends == pytest.approx((0.02, 1.98), abs=1e-3)
    assert Interval(-1.0, 3.0, 0.9, "t").clip(0.0, 2.0) == Interval(0.0, 2.0, 0.9, "t")
    assert 2.0 in Interval(1.0, 2.0)
    assert 2.1 not in Interval(1.0, 2.0)
    assert Interval(0.3, 0.3).if_wide() is None
    assert Interval(0.3, 0.4).if_wide() == Interval(0.3, 0.4)
    assert share_that_may_differ(60) == pytest.approx(1 - 0.05 ** (1 / 60))
    assert share_that_may_differ(0) == 1.0


def test_words() -> None:
    assert in_words(RATE) == str(RATE) == "0.1 [0.05, 0.15] share"
    assert in_words(Estimate(2.0)) == "2"
    assert in_words(Estimate(None, note="one session")) == "not estimable: one session"
    assert (RATE.number("warning"), RATE.number("nothing")) == (1.0, None)


def test_a_report_survives_json() -> None:
    report = Report(estimates={"a": RATE, "b": Estimate(None, note="empty")})
    assert Report.model_validate_json(report.model_dump_json()) == report
    with pytest.raises(ValueError, match="colour"):
        Report.model_validate({"estimates": {"a": {"value": 1.0, "colour": "red"}}})


def test_tables_hold_every_row_and_column(tmp_path: Path) -> None:
    report = Report(estimates={"a": RATE, "b": Estimate(None, note="empty", sizes={"agent": 3})})
    rows = report.to_dicts()
    assert rows[0]["n_human"] == 140
    for frame in (report.to_polars(), report.to_pandas()):
        assert frame.shape == (2, 14)
        assert {"name", "value", "low", "high", "level", "n_human", "n_agent", "warning"} <= set(frame.columns)
    text = report.to_csv(tmp_path / "t.csv")
    assert text == (tmp_path / "t.csv").read_text(encoding="utf-8")
    read = list(csv.DictReader(io.StringIO(text)))
    assert [row["name"] for row in read] == ["a", "b"]
    assert read[1]["value"] == ""
    assert Report(estimates={}).to_csv() == "\n"
    assert Report(estimates={}).to_polars().is_empty()


def test_a_long_report_is_short_in_a_terminal_and_whole_in_html() -> None:
    report = Report(estimates={f"row {number}": RATE for number in range(100)})
    lines = repr(report).splitlines()
    assert len(lines) == REPR_LINES
    assert lines[-1].startswith("… 83 more rows")
    assert report.to_html().count("<tr>") == 101
    assert report._repr_html_().count("<tr>") == 61
    assert "… 40 more rows" in report._repr_html_()


def test_columns_that_say_nothing_are_not_shown() -> None:
    named = Estimates({"a": Estimate(1.0), "b": Estimate(2.0, verdict="differs")})
    assert repr(named).splitlines()[1].split() == ["name", "estimate", "verdict"]
    bare = Estimates({"a": Estimate(1.0)})
    assert repr(bare).splitlines()[1].split() == ["name", "estimate"]
    assert [head for head in ("verdict", "unit") if f">{head}<" in bare.to_html()] == []
    assert "unit" in bare.to_polars().columns
    assert 'style="' in bare.to_html()


def test_html_is_escaped() -> None:
    page = Report(estimates={"<script>alert(1)</script>": RATE}).to_html()
    assert "<script>" not in page
    assert "<b>A report &lt;b&gt;</b>" in page


def test_estimates_by_name() -> None:
    named = Estimates({"rate": RATE}, title="Rates")
    assert named["rate"] is RATE
    assert list(named) == ["rate"]
    head, titles, row = repr(named).splitlines()
    assert head == "Rates"
    assert titles.split() == ["name", "estimate", "unit", "verdict"]
    assert row.split() == ["rate", "0.1", "[0.05,", "0.15]", "share", "differs"]
    assert Estimates({}).summary() == "0 estimates"


def test_without_pandas_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def no_pandas(name: str, *rest: Any, **more: Any) -> Any:
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", no_pandas)
    with pytest.raises(ImportError, match="pip install pandas"):
        Estimates({"rate": RATE}).to_pandas()
