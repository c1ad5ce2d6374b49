"""Is every part run once, and does the report follow the paper's order with a floor's word under each table?"""

from __future__ import annotations

import html
from pathlib import Path

import pytest
from pydantic import BaseModel
from rich.console import Console, Group
from rich.table import Table

from benchmarks import parts
from benchmarks.__main__ import FIRST_LINE, _keep
from benchmarks.settings import VIEW_RUN
from paars_gym.tasks.people import MiniPeople
from paars_gym.tasks.view_selection import ViewResults, select_views


class Told(BaseModel):
    where: str


def test_every_part_belongs_to_one_process() -> None:
    assert sorted(name for group in parts.TOGETHER for name in group) == sorted(parts.PARTS)


def test_parts_get_a_folder_each_and_are_timed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(parts, "PARTS", dict.fromkeys("ab", lambda folder: Told(where=folder.name)))
    first, second = parts.run_parts("ab", tmp_path)
    assert [first.results, second.results] == [Told(where="a"), Told(where="b")]
    assert first.wall_seconds >= 0 <= first.cpu_seconds


@pytest.fixture(scope="module")
def views() -> ViewResults:
    return select_views(MiniPeople(60, 20_260_101, 20), VIEW_RUN)


def test_a_part_alone_is_reported_with_its_column_of_table_2(views: ViewResults) -> None:
    pieces = list(parts.report({"view_selection": views}))
    titles = [str(piece.title) for piece in pieces if isinstance(piece, Table)]
    assert [title.partition(":")[0] for title in titles] == ["Table 2", "Figure 3"]
    assert str(pieces[1]).startswith("- item rank (synthetic): base ")
    assert parts.tables({"view_selection": views}) != pieces
    assert list(parts.report({})) == []


def test_files_hold_the_report_whole_and_the_tables_alone(views: ViewResults, tmp_path: Path) -> None:
    results = {"view_selection": views}
    _keep(tmp_path, list(parts.report(results)), results)
    report, tables = ((tmp_path / name).read_text(encoding="utf-8") for name in ("report.txt", "tables.txt"))
    assert " ".join(report.split()).startswith(FIRST_LINE)
    assert "paper (LLM), persona" in tables
    assert "Beside the paper's?" in report
    assert "Beside the paper's?" not in tables
    assert "svg" in (tmp_path / "report.svg").read_text(encoding="utf-8")
    # The same in a narrow terminal: files do not depend on it.
    before = (tmp_path / "report.svg").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "40")
        assert Console().width == 40
        _keep(tmp_path, list(parts.report(results)), results)
    assert (tmp_path / "report.svg").read_bytes() == before


def test_scores_are_rows_by_table(views: ViewResults) -> None:
    scores = parts.scores({"view_selection": views})
    assert set(scores) == {"table2", "figure3"}
    first = scores["table2"]["rows"][0]
    assert (first["column"], first["people"], first["condition"]) == ("item rank", "synthetic", "base")
    assert first["value"] == views.find("behavioural, base", "KL").estimate.value
    assert sum(row["cases"] for row in scores["figure3"]["rows"] if row["shopper"] == "people") == views.cases
    assert parts.scores({}) == {}


def test_the_readme_gets_tables_2_and_3_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Table 3 comes in a group with what its conditions gain, which the picture shows as well."""
    titles = ("Table 2: divergence", "Table 3, accuracy", "gains", "Table 4: diversity")
    second, third, gains, fourth = (Table("a column wide enough", title=title) for title in titles)
    monkeypatch.setattr(parts, "report", lambda _: [second, "- a remark", Group(third, gains), fourth])
    _keep(tmp_path, [], {})
    shown = (tmp_path / "tables.txt").read_text(encoding="utf-8")
    assert [title for title in titles if title in shown] == list(titles[:2])
    picture = html.unescape((tmp_path / "report.svg").read_text(encoding="utf-8")).replace("\xa0", " ")
    assert [title for title in titles if title in picture] == list(titles)
