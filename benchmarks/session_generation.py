"""``python -m benchmarks.session_generation``: agents' sessions beside people's (PAARS Tables 2 and 4).

No language model runs: the shoppers are the offline `behavioural` one, with and without its persona. The people of
`mini` are synthetic; those of `journey` are the households of a log, which knows what was bought and no more. For
other people, policies and models: ``paars tasks session``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict

from benchmarks.settings import SESSION_RUN, SHOPPERS
from paars_gym.cli.running import run_command, wide_console
from paars_gym.report.alignment import render
from paars_gym.report.session_generation import columns, table_2, table_2_remarks, table_4, table_4_remarks
from paars_gym.tasks.people import reference_people
from paars_gym.tasks.session_generation import SessionResults, generate_sessions


class TwoShops(BaseModel):
    """Sessions of agents against those of people, in two shops.

    Attributes:
        mini: Against synthetic people, in every respect.
        journey: Against the baskets of a purchase log, whose searches and views nobody recorded.
    """

    model_config = ConfigDict(frozen=True)

    mini: SessionResults
    journey: SessionResults


def run(out: Path, *, progress: Callable[[str], None] = lambda _: None) -> TwoShops:
    """Simulates both populations in both shops, and scores them; a run in the folder is resumed."""
    mini, journey = reference_people("mini"), reference_people("journey")
    return TwoShops(
        mini=generate_sessions(mini, SESSION_RUN, out, progress=progress),
        journey=generate_sessions(journey, SESSION_RUN, out, embedder=None, progress=progress),
    )


def main(
    out: Annotated[Path, typer.Option(help="Folder for the runs; one that was interrupted goes on.")] = Path(
        "runs/session_generation"
    ),
    full: Annotated[bool, typer.Option(help="Print every measure, not the tables alone.")] = False,
) -> None:
    """Lets behavioural shoppers shop in two catalogs and compares their sessions with people's."""
    console = wide_console()
    with console.status("starting") as status:
        results = run(out, progress=status.update)
    compared = columns(SHOPPERS, sessions=(results.mini, results.journey))
    console.print(results.mini.headline, table_2(SHOPPERS, compared), *table_2_remarks(compared), sep="\n")
    console.print(table_4(results.mini), *table_4_remarks(results.mini), sep="\n")
    if full:
        console.print(render(results.mini.report), render(results.journey.report))
    (out / "results.json").write_text(results.model_dump_json(indent=2) + "\n", encoding="utf-8")
    console.print(f"Everything: {out / 'results.json'}")


if __name__ == "__main__":
    run_command(main)
