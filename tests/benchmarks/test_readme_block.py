"""Is the block of tables in benchmarks/README.md, and nothing else of it, replaced by what the main job printed?"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.readme import README, refresh, with_tables

BEFORE = "# x\n\n```text\nold 1\nold 2\n```\n\n```text\nother\n```\n"


def test_the_first_text_block_is_replaced() -> None:
    assert with_tables(BEFORE, "\nnew \\1 ┃  \nrow\n\n") == BEFORE.replace("old 1\nold 2", "new \\1 ┃\nrow")


def test_without_a_block_it_is_refused() -> None:
    with pytest.raises(ValueError, match="no block"):
        with_tables("# x\n", "new")


def test_the_page_has_that_block() -> None:
    text = README.read_text(encoding="utf-8")
    assert "SENTINEL" in with_tables(text, "SENTINEL")
    assert with_tables(text, "SENTINEL").count("Table 2") < text.count("Table 2")


def test_a_run_gives_both(tmp_path: Path) -> None:
    (tmp_path / "tables.txt").write_text("new\n", encoding="utf-8")
    (tmp_path / "report.svg").write_text("<svg/>", encoding="utf-8")
    (tmp_path / "README.md").write_text(BEFORE, encoding="utf-8")
    refresh(tmp_path, readme=tmp_path / "README.md", picture=tmp_path / "p.svg")
    assert "```text\nnew\n```" in (tmp_path / "README.md").read_text(encoding="utf-8")
    assert (tmp_path / "p.svg").read_text(encoding="utf-8") == "<svg/>"
