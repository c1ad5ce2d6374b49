"""Does the table of a million sessions say what its plans say, stand between its markers alone, and name commands?"""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer

from benchmarks.million import BEGIN, END, HEADINGS, ROWS, PlannedModel, cells, page_text, with_million
from benchmarks.readme import README
from paars_gym.cli import app
from paars_gym.llm.dry_run import Forecast, Margins
from paars_gym.simulation.plan import Plan, Terms, Wait

FORECAST = Forecast(
    5_000_000, 10_000_000_000, 300_000_000, 12_000.0, "240 sessions", 11_000.0, Margins(0.08, 0.12, 0.08, 0.11)
)


def plan(forecast: Forecast = FORECAST) -> Plan:
    return Plan(
        forecast,
        {"calls at once": Wait(5.4, "512 at once"), "tokens a minute": Wait(42.9, "4,000,000")},
        calls_at_once=116.0,
        tokens_per_minute=7_150_000.0,
        workers=2,
        nodes=1,
        disk_gb={"log": 0.9, "steps": 3.6},
        catalog_gb=10.8,
        memory_gb=5.5,
        terms=Terms(within_hours=24, products=10_000_000),
        basis="10,000,000 products are reckoned",
    )


def test_a_row_says_what_its_plan_says() -> None:
    row = PlannedModel("openai:small", 4_000_000, 2.0)
    assert cells(row, plan()) == (
        "`openai:small`",
        "5.0 ± 8%",
        "10.0 ± 12%; 0.30",
        "12,000 ± 11%; 11,000",
        "43 (4 million tokens a minute)",
        "7.2; 116; 2; 1",
        "4.5 GB; 10.8 GB",
        "5.5 GB",
    )
    unpriced = plan(FORECAST._replace(usd=None, usd_cached=None))
    assert cells(row, unpriced)[3] == "–; –"


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    page = f"# a\n\n{BEGIN}\nold\n{END}\n\nb\n"
    assert with_million(page, "new") == f"# a\n\n{BEGIN}\n\nnew\n\n{END}\n\nb\n"
    with pytest.raises(ValueError, match="where should the table go"):
        with_million("# a\n", "new")


def test_the_page_holds_a_row_and_a_command_of_each_model() -> None:
    text = re.search(rf"{BEGIN}(.*?){END}", README.read_text(encoding="utf-8"), re.DOTALL)
    assert text is not None
    written = text[1]
    assert f"| {' | '.join(HEADINGS)} |" in written
    for row in ROWS:
        assert f"| `{row.spec}` |" in written
        assert row.command() in written


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.spec)
def test_paars_takes_each_command(row: PlannedModel) -> None:
    assert row.command() in page_text({row: plan()})
    program, verb, *arguments = shlex.split(row.command())
    group: Any = typer.main.get_command(app)
    given = group.commands[verb].make_context(verb, arguments).params
    assert (program, given["sessions"], given["products"], given["dry_run"]) == ("paars", 1_000_000, 10_000_000, True)
    assert (given["model"], given["price"], given["within_hours"]) == (row.spec, row.price, 24)
