"""``paars doctor``: what is installed and at hand, and what to install for what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from paars_gym.cli.app import app, console
from paars_gym.cli.shared_options import AsJson
from paars_gym.exit_codes import ExitCode

if TYPE_CHECKING:
    from rich.table import Table

    from paars_gym.cli.installed import Finding


@app.command()
def doctor(
    ask: Annotated[
        bool, typer.Option("--ask", help="Put one tiny request to each model; costs a fraction of a cent.")
    ] = False,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="With --ask: the model to ask, such as ollama:NAME; by default a small one of each provider whose key "
            "is set. Repeatable."
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Says what is installed, which models, keys and data are at hand, and what to install for what is missing.

    Nobody is asked over the network without --ask, and no key is ever printed. The exit code is 1 only where something
    is broken that everything needs.
    """
    from paars_gym.cli.installed import findings

    if model and not ask:
        raise ValueError("--model is for --ask: paars doctor --ask --model ollama:NAME.")
    found = findings()
    if ask:
        from paars_gym.cli.asking import ask_models, models_to_ask
        from paars_gym.llm.specs import parse_spec

        for spec in model or ():
            parse_spec(spec)
        found += ask_models(models_to_ask(model or ()))
    broken = [one for one in found if one.status == "broken"]
    if json:
        from json import dumps

        console.write_json(dumps([one._asdict() for one in found], indent=2))
    else:
        for part, lines in groupby(found, key=lambda one: one.part):
            console.print(_table(part, lines))
        if broken:
            console.print(
                f"Broken: {', '.join(one.name for one in broken)}. Nothing works reliably before that is done:",
                *(f"  {one.to_do}" for one in broken),
                sep="\n",
            )
        else:
            console.print("Everything that is required is in order. What is missing or optional is for what it names.")
    if broken:
        raise typer.Exit(ExitCode.CHECK_FAILED)


def _table(part: str, lines: Iterable[Finding]) -> Table:
    from rich.table import Table
    from rich.text import Text

    styles = {"ok": "green", "missing": "yellow", "broken": "bold red", "optional": "dim"}
    table = Table(title=part, title_justify="left", title_style="bold", box=None, show_header=False, pad_edge=False)
    for width in (8, 34, 44, None):
        table.add_column(overflow="fold", min_width=width, max_width=width)
    for one in lines:
        table.add_row(Text(one.status, styles[one.status]), one.name, one.found, one.to_do)
    return table
