from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from paars_gym.estimate import Estimate, Interval
from paars_gym.report.forest import ForestPlot
from paars_gym.report.pages.printed_page import printed_sections, printed_table


def table() -> Table:
    made = Table(title="Table 9: numbers", caption="of nobody")
    for name in ("shopper", "a\nhead", ""):
        made.add_column(name)
    made.add_row("base", Text("0.5\n[0.4, 0.6]", style="bold"), "")
    made.add_row("", "", "")
    made.add_row("[red]persona[/red]", "28% ███", "")
    return made


def test_a_printed_table_by_hand() -> None:
    page = printed_table(table())
    assert (page.title, page.note) == ("Table 9: numbers", "of nobody")
    assert page.head == ("shopper", "a head")
    assert page.rows == (("base", "0.5 [0.4, 0.6]"), ("[red]persona[/red]", "28%"))
    assert page.csv.splitlines() == ["shopper,a head", 'base,"0.5 [0.4, 0.6]"', "[red]persona[/red],28%"]


def test_each_table_begins_a_section_and_has_what_is_printed_below_it() -> None:
    effect = Estimate(0.1, Interval(0.05, 0.15))
    pieces = ["- before", "", Group(table(), ForestPlot([("sales", effect)]), "- one\n- two"), table()]
    first, second, third = printed_sections(pieces)
    assert (first.title, first.notes) == ("Results", ("before",))
    assert second.notes == ("one", "two")
    assert second.plots[0].table.rows == (("sales", "+10.0%", "+5.0% to +15.0%"),)
    assert third.tables[0].rows == second.tables[0].rows
