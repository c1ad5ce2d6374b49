"""Is every part run once, and does the report follow the paper's order with a floor's word under each table?"""

from __future__ import annotations

import html
from dataclasses import asdict
from pathlib import Path

import pytest
from pydantic import BaseModel
from rich.console import Console, Group
from rich.table import Table

from benchmarks import parts, view_selection
from benchmarks.__main__ import OFFLINE, _keep
from benchmarks.scores import scores
from benchmarks.settings import VIEW_RUN
from paars_gym.shoppers.fitted import FittedShopper, HalfLikelihood
from paars_gym.shoppers.parameters import BehaviouralParameters
from paars_gym.tasks.people import MiniPeople
from paars_gym.tasks.view_selection import ViewResults, select_views


class Told(BaseModel):
    where: str


def test_every_part_belongs_to_one_process() -> None:
    assert sorted(name for group in parts.TOGETHER for name in group) == sorted(parts.PARTS)


def test_parts_get_a_folder_each_and_are_timed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        parts, "PARTS", dict.fromkeys("ab", lambda folder, given: Told(where=f"{folder.name} {len(given.shoppers)}"))
    )
    first, second = parts.run_parts("ab", tmp_path, parts.Given((tmp_path / "own.json",)))
    assert [first.results, second.results] == [Told(where="a 1"), Told(where="b 1")]
    assert first.wall_seconds >= 0 <= first.cpu_seconds


@pytest.fixture(scope="module")
def views() -> ViewResults:
    return select_views(MiniPeople(60, 20_260_101, 20), VIEW_RUN)


def test_fitted_shoppers_that_are_given_fill_the_fitted_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who open everything against those who open nothing: told apart in the rows of either condition."""
    half = HalfLikelihood(sessions=10, fitted=-1, default=-1)
    files = []
    for condition in ("base", "persona"):
        own = BehaviouralParameters.of({"attraction": 9.0 if condition == "base" else 0.0, "trust": 0.0})
        files.append(tmp_path / f"{condition}.json")
        FittedShopper(
            condition=condition, parameters=asdict(own), standard_errors={}, prior_errors={}, held=(),
            reference_prices={}, people="others", catalog="mini", tests=(), test_sessions=0, strength=1.0,
            strength_chosen=False, fitting=half, judging=half, unexplained=0,
        ).write(files[-1])  # fmt: skip
    monkeypatch.setattr("benchmarks.view_selection.judges", lambda: MiniPeople(60, 20_260_101, 20))
    results = view_selection.run(tuple(files))
    assert not any(results.ranks["behavioural, fitted, base"][1:])
    assert sum(results.ranks["behavioural, fitted, persona"][1:]) > 5
    with pytest.raises(ValueError, match="Fitted shoppers are given for: persona"):
        view_selection.run((files[1],))


def test_a_part_alone_is_reported_with_its_column_of_table_2(views: ViewResults) -> None:
    pieces = list(parts.report({"view_selection": views}))
    titles = [str(piece.title) for piece in pieces if isinstance(piece, Table)]
    assert [title.partition("?")[0].partition(":")[0] for title in titles] == [
        "Table 2",
        "Does the persona help",
        "Figure 3",
    ]
    assert str(pieces[1]).startswith("- item rank (synthetic): people among themselves show ")
    assert parts.tables({"view_selection": views}) != pieces
    assert list(parts.report({})) == []


def test_files_hold_the_report_whole_and_the_tables_alone(views: ViewResults, tmp_path: Path) -> None:
    results = {"view_selection": views}
    _keep(tmp_path, [OFFLINE, "", *parts.report(results)], results)
    report, tables = ((tmp_path / name).read_text(encoding="utf-8") for name in ("report.txt", "tables.txt"))
    assert " ".join(report.split()).startswith(OFFLINE)
    assert "paper (LLM), persona" in tables
    assert "Beside the paper's?" in report
    assert "Beside the paper's?" not in tables
    assert "svg" in (tmp_path / "report.svg").read_text(encoding="utf-8")
    # The same in a narrow terminal: files do not depend on it.
    before = (tmp_path / "report.svg").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "40")
        assert Console().width == 40
        _keep(tmp_path, [OFFLINE, "", *parts.report(results)], results)
    assert (tmp_path / "report.svg").read_bytes() == before


def test_scores_are_rows_by_table(views: ViewResults) -> None:
    found = scores({"view_selection": views})
    assert set(found) == {"table2", "figure3"}
    first = found["table2"]["rows"][0]
    assert (first["column"], first["people"], first["condition"]) == ("item rank", "synthetic", "base")
    assert first["estimate"] == views.find("behavioural, base", "KL").estimate.value
    assert first["fitted"] is False
    assert [row["needs"] for row in found["table2"]["paired"]] == ["none told"]
    assert sum(row["cases"] for row in found["figure3"]["rows"] if row["shopper"] == "people") == views.cases
    assert scores({}) == {}


def test_a_policy_of_ones_own_stands_in_the_same_tables(views: ViewResults) -> None:
    own = select_views(MiniPeople(60, 20_260_101, 20), VIEW_RUN.model_copy(update={"policy": "uniform"}))
    results, asked = {"view_selection": views}, {"view_selection": own}
    table = next(piece for piece in parts.report(results, [asked]) if isinstance(piece, Table))
    names = [str(text) for text in table.columns[0].cells]
    assert names[:4] == ["behavioural, base", "behavioural, persona", "uniform, base", "uniform, persona"]
    found = scores(results, [asked])
    assert {row["shopper"] for row in found["table2"]["rows"]} == {"behavioural", "uniform"}
    ranks = found["figure3"]["rows"]
    assert len(ranks) == len({(row["shopper"], row["rank"]) for row in ranks}), "people once"


def test_the_readme_gets_the_papers_tables_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Table 3 comes in a group with what its conditions gain, which the picture shows as well."""
    titles = ("Table 2: divergence", "Table 3, accuracy", "gains", "Table 4: diversity")
    second, third, gains, fourth = (Table("a column wide enough", title=title) for title in titles)
    monkeypatch.setattr(parts, "report", lambda *_: [second, "- a remark", Group(third, gains), fourth])
    _keep(tmp_path, [], {})
    shown = (tmp_path / "tables.txt").read_text(encoding="utf-8")
    assert [title for title in titles if title in shown] == [titles[0], titles[1], titles[3]]
    picture = html.unescape((tmp_path / "report.svg").read_text(encoding="utf-8")).replace("\xa0", " ")
    assert [title for title in titles if title in picture] == list(titles)
