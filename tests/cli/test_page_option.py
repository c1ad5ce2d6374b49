"""``--html``: the page has what was printed, and is written for a bar that was missed too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from rich.table import Table

from paars_gym.cli.page_option import with_page
from paars_gym.report.printing import Printer
from tests.benchmarks.running import run_main


@with_page
def command(wanted: int = 1) -> None:
    """Counts sheep.

    More of it.
    """
    table = Table(title="Sheep")
    table.add_column("name")
    table.add_row("<script>Dolly</script>")
    Printer(stderr=True).print("counting")
    Printer().print(table, "Only one was seen.", sep="\n")
    if wanted > 1:
        raise typer.Exit(1)


@pytest.mark.parametrize("wanted", [1, 2])
def test_a_page_has_what_was_printed(tmp_path: Path, wanted: int) -> None:
    plain = run_main(command, "--wanted", wanted)
    ended = run_main(command, "--wanted", wanted, "--html", tmp_path / "page.html")
    assert (ended.exit_code, ended.output) == (plain.exit_code, plain.output)
    assert ended.exit_code == wanted - 1
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert re.search(r"<h1[^>]*>Counts sheep</h1>", page)
    assert "python -m tests.cli.test_page_option" in page
    assert "&lt;script&gt;Dolly&lt;/script&gt;" in page
    assert "<script>Dolly" not in page
    assert "Only one was seen." in page
    assert "counting" not in page


def test_without_it_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_main(command).exit_code == 0
    assert not list(tmp_path.iterdir())
