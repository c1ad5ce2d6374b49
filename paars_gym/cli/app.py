"""The ``paars`` application, its consoles, and the readers of options that its verbs share."""

from __future__ import annotations

from collections.abc import Iterable

import typer
from rich.console import Console
from rich.markup import escape

from paars_gym.cli.running import run_command

app = typer.Typer(
    name="paars",
    help="Simulated shoppers: build a shop, fill it, measure them against people, and test before you ship.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
catalog_app = typer.Typer(help="Product catalogs.", no_args_is_help=True)
app.add_typer(catalog_app, name="catalog")
sessions_app = typer.Typer(help="Logs of sessions, of people and of agents.", no_args_is_help=True)
app.add_typer(sessions_app, name="sessions")
personas_app = typer.Typer(help="Personas of shoppers.", no_args_is_help=True)
app.add_typer(personas_app, name="personas")
reference_app = typer.Typer(help="People's histograms without the people.", no_args_is_help=True)
app.add_typer(reference_app, name="reference")
console = Console()
errors = Console(stderr=True)


def main() -> None:
    """Runs the ``paars`` command."""
    run_command(app)


def share(option: str, text: str) -> float:
    """A number, or a percentage."""
    try:
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise ValueError(f"{option} {text}: must be a number or a percentage, such as 2% or 0.02.") from None


def assignments(option: str, texts: Iterable[str] | None) -> dict[str, str]:
    """``NAME=VALUE`` pairs, several with commas between."""
    pairs = [pair.partition("=") for text in texts or () for pair in text.split(",")]
    for name, equals, value in pairs:
        if not (name.strip() and equals and value.strip()):
            raise ValueError(f"{option} {name}{equals}{value}: must be NAME=VALUE, several with commas between.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def split_regions(text: str | None) -> tuple[str, ...]:
    """Regions with commas between; the usual ones where none are given."""
    from paars_gym.personas.recognisers import REGIONS

    return tuple(part.strip().upper() for part in text.split(",") if part.strip()) if text else REGIONS


def print_facts(title: str, facts: Iterable[tuple[str, str]]) -> None:
    """Names and texts as a table."""
    from rich.table import Table

    table = Table(title=escape(title), show_header=False, title_justify="left")
    for name, text in facts:
        table.add_row(escape(name), escape(text))
    console.print(table)
