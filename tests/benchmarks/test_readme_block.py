"""What the main job printed replaces the block of tables and the first table of the READMEs, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.first_table import COUNTS, first_table
from benchmarks.readme import FRONT_PAGE, README, refresh, with_first_table, with_tables

BEFORE = "# x\n\n```text\nold 1\nold 2\n```\n\n```text\nother\n```\n"
FRONT = "# x\n\n| a |\n|---|\n| b |\n\nwords\n\n| c |\n|---|\n\nend\n"


def sessions(column: str, *, fitted: bool, people: str = "real, opera") -> dict[str, Any]:
    row = {"people": people, "column": column, "shopper": "behavioural", "condition": "persona", "fitted": fitted}
    return row | {"estimate": 1.234, "low": 0.5, "high": 2.0, "floor": 0.02}


def items(shopper: str) -> dict[str, Any]:
    row = {"shopper": shopper, "policy": shopper.rpartition(", ")[0], "protocol": "popularity", "measure": "accuracy"}
    return row | {"value": 0.3, "low": 0.2, "high": 0.42, "n_cases": 1_400}


def whole() -> dict[str, Any]:
    rows = [sessions(name, fitted=fitted) for name in COUNTS for fitted in (False, True)]
    chosen = [items(name) for name in ("embedding, persona", "likelihood:tiny, base", "likelihood:tiny, persona")]
    elsewhere = sessions("#clicks", fitted=False, people="synthetic")
    return {"table2": {"rows": [elsewhere, *rows]}, "table3": {"rows": chosen}}


def test_the_first_table_has_people_and_a_model() -> None:
    lines = first_table(whole()).splitlines()
    assert all(line.count("|") == 6 for line in lines)
    assert "|behavioural shopper, persona|1.2 [0.5, 2]|1.2 [0.5, 2]|1.2 [0.5, 2]||" in lines
    assert "|likelihood:tiny, persona||||30 [20, 42], 1,400 cases|" in lines
    assert lines[2] == "|people beside people (floor)|0.02|0.02|0.02||"


@pytest.mark.parametrize(("part", "said"), [("table2", "real people: paars"), ("table3", "model: python -m")])
def test_a_run_that_lacks_either_is_refused(part: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        first_table({**whole(), part: {"rows": []}})


def test_the_first_text_block_is_replaced() -> None:
    assert with_tables(BEFORE, "\nnew \\1 ┃  \nrow\n\n") == BEFORE.replace("old 1\nold 2", "new \\1 ┃\nrow")
    assert with_first_table(FRONT, "|\\1|") == FRONT.replace("| a |\n|---|\n| b |", "|\\1|")


def test_without_a_block_it_is_refused() -> None:
    with pytest.raises(ValueError, match="no block"):
        with_tables("# x\n", "new")
    with pytest.raises(ValueError, match="no table"):
        with_first_table("# x\n", "|new|")


def test_the_pages_have_their_places() -> None:
    text = README.read_text(encoding="utf-8")
    assert "SENTINEL" in with_tables(text, "SENTINEL")
    assert with_tables(text, "SENTINEL").count("Table 2") < text.count("Table 2")
    front = FRONT_PAGE.read_text(encoding="utf-8")
    assert "(floor)" in front
    assert "(floor)" not in with_first_table(front, "SENTINEL")


def test_a_run_gives_all(tmp_path: Path) -> None:
    (tmp_path / "tables.txt").write_text("new\n", encoding="utf-8")
    (tmp_path / "report.svg").write_text("<svg/>", encoding="utf-8")
    (tmp_path / "scores.json").write_text(json.dumps(whole()), encoding="utf-8")
    (tmp_path / "README.md").write_text(BEFORE, encoding="utf-8")
    (tmp_path / "front.md").write_text(FRONT, encoding="utf-8")
    refresh(tmp_path, readme=tmp_path / "README.md", picture=tmp_path / "p.svg", front_page=tmp_path / "front.md")
    assert "```text\nnew\n```" in (tmp_path / "README.md").read_text(encoding="utf-8")
    assert (tmp_path / "p.svg").read_text(encoding="utf-8") == "<svg/>"
    assert "1,400 cases" in (tmp_path / "front.md").read_text(encoding="utf-8")
