"""Does a table wider than the screen come in parts, with every number whole and beside its own name?"""

from __future__ import annotations

import io

import pytest
from rich.table import Table

from paars_gym.report.printing import WIDTH, Printer

NUMBERS = 8


def wide(rows: int = 3) -> Table:
    table = Table(title="Wide", caption="below", title_justify="left")
    table.add_column("who")
    table.add_column("how")
    for number in range(NUMBERS):
        table.add_column(f"number\n{number}", justify="right")
    for row in range(rows):
        cells = (f"{row}{number}.5\n[{row}{number}.1, {row}{number}.9]" for number in range(NUMBERS))
        table.add_row(f"row {row}", "a way of\ndoing it", *cells)
    return table


def lines(table: Table, width: int) -> list[str]:
    printer = Printer(width=width, file=io.StringIO())
    printer.print(table)
    assert isinstance(printer.file, io.StringIO)
    return printer.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_every_number_stands_whole_beside_its_name(width: int) -> None:
    shown = lines(wide(), width)
    assert max(map(len, shown)) <= width
    assert "…" not in "".join(shown)
    for row in range(3):
        named = [number for number, line in enumerate(shown) if f"row {row}" in line]
        for number in range(NUMBERS):
            assert any(f" {row}{number}.5 " in shown[at] for at in named)
            assert any(f"[{row}{number}.1, {row}{number}.9]" in shown[at + 1] for at in named)


def test_parts_say_that_they_go_on_and_end_once() -> None:
    shown = lines(wide(), 60)
    assert shown[0].rstrip() == "Wide"
    parts = sum("Wide, continued" in line for line in shown) + 1
    assert parts > 1
    assert sum("below" in line for line in shown) == 1
    assert sum("how" in line for line in shown) == parts, "both columns of words name a row"


def test_what_fits_is_left_alone() -> None:
    fits = lines(wide(), 400)
    assert not any("continued" in line for line in fits)
    assert len({len(line.rstrip()) for line in fits if line.startswith("│")}) == 1


def test_words_are_wrapped_before_a_table_is_parted() -> None:
    table = Table("what", "why")
    table.add_row("one", "for a reason that takes many more words than there is room for on such a line as this one")
    shown = lines(table, 40)
    assert len(shown) > 5
    assert max(map(len, shown)) <= 40


def test_a_pipe_is_as_wide_as_columns_says_and_else_wide_enough_for_table_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    printer = Printer(file=io.StringIO())
    assert printer.width == WIDTH
    monkeypatch.setenv("COLUMNS", "80")
    assert printer.width == 80
