"""Lines break between words, never in one: a path that is printed can be copied."""

from __future__ import annotations

import itertools
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from paars_gym.report.printing import Printer


def printed(*pieces: object, width: int) -> str:
    file = StringIO()
    Printer(width=width, file=file).print(*pieces, sep="\n")
    return file.getvalue()


@given(words=st.lists(st.text("ab/漢", min_size=1, max_size=30), min_size=1), width=st.integers(2, 40))
def test_words_stay_whole_and_lines_are_as_long_as_they_can_be(words: list[str], width: int) -> None:
    lines = printed(" ".join(words), width=width).splitlines()
    assert [word for line in lines for word in line.split()] == words
    assert all(cell_len(line) <= width or " " not in line for line in lines)
    pairs = itertools.pairwise(lines)
    assert all(cell_len(f"{line} {following.split()[0]}") > width for line, following in pairs)


@pytest.mark.parametrize("columns", [20, 60, 132])
def test_a_path_can_be_copied_whatever_stands_beside_it(columns: int) -> None:
    path = "/srv" + "/folder" * 30 + "/questions.jsonl."
    table = Table("column", title="Top")
    table.add_row("b")
    lines = printed(f"15 questions are in {path} Write the answers.", table, Text(path), width=columns).splitlines()
    assert lines.count(path) == 2
    assert any(line.strip() == "Top" for line in lines)


def test_spaces_and_empty_lines_at_the_beginning_stay() -> None:
    assert printed("  one\n\n  two", "", width=40) == "  one\n\n  two\n\n"
