"""``python -m benchmarks.session_generation``: agents' sessions beside people's (PAARS Tables 2 and 4).

No language model runs: the shoppers are the offline `behavioural` one, with its defaults and fitted to one half of the
people, with and without its persona. The people of `mini` are synthetic; the other half of them judges. The households
of Complete Journey are left out: their log holds visits that bought and nothing else, and the number of lines is that
of a basket, where these shoppers come for one thing. For them, for other people, policies and models: ``paars tasks
session``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict

from benchmarks.reference import everybody, fitted
from benchmarks.settings import SAME_NEEDS_SESSIONS, SESSION_RUN
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.config import RunConfig
from paars_gym.report.alignment import render
from paars_gym.report.diversity import table_4, table_4_remarks
from paars_gym.report.persona_gain import persona_answers, persona_table
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress
from paars_gym.report.session_generation import columns, table_2, table_2_remarks
from paars_gym.tasks.session_generation import generate_sessions
from paars_gym.tasks.session_results import SessionResults

JOURNEY_LEFT_OUT = (
    "Complete Journey has no column: its log holds visits that bought and nothing else, and its lines are those of a "
    "whole basket, where these shoppers come for one thing (paars tasks session --human journey compares given a "
    "purchase)."
)


class TwoShoppers(BaseModel):
    """Sessions of the behavioural shopper against those of people.

    Attributes:
        default: With its default parameters.
        fitted: Fitted to the half of the people that does not judge.
    """

    model_config = ConfigDict(frozen=True)

    default: SessionResults
    fitted: SessionResults


def run(
    out: Path,
    shoppers: tuple[Path, ...] = (),
    *,
    embedder: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> TwoShoppers:
    """Simulates all populations and scores them; a run in the folder is resumed.

    Args:
        out: Folder for the runs.
        shoppers: Files of fitted shoppers, one for either condition; none: fitted here.
        embedder: Of words as groups, which no table of the main job shows; None for none.
        progress: Told what is going on.
    """
    default = run_policy(SESSION_RUN, out, embedder=embedder, progress=progress)
    progress("fitting the shopper to one half of the people")
    own = generate_sessions(
        everybody(), SESSION_RUN, out, fitted=fitted(shoppers), same_sessions=SAME_NEEDS_SESSIONS, embedder=embedder,
        progress=progress,
    )  # fmt: skip
    return TwoShoppers(default=default, fitted=own)


def run_policy(
    config: RunConfig,
    out: Path,
    *,
    embedder: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> SessionResults:
    """The same of any policy, as it is."""
    return generate_sessions(
        everybody(), config, out, same_sessions=SAME_NEEDS_SESSIONS, embedder=embedder, progress=progress
    )


@with_page
@with_outputs(out="folder")
def main(
    out: Annotated[Path, typer.Option(help="Folder for the runs; one that was interrupted goes on.")] = Path(
        "runs/session_generation"
    ),
    full: Annotated[bool, typer.Option(help="Print every measure, words as groups too, not the tables alone.")] = False,
) -> None:
    """Lets behavioural shoppers shop, as they are and fitted, and compares their sessions with people's."""
    console = Printer()
    with Progress(Printer(stderr=True)) as status:
        results = run(out, embedder="minilm-int8" if full else None, progress=status.update)
    both = (results.default, results.fitted)
    compared = columns(sessions=both)
    (out / "results.json").write_text(results.model_dump_json(indent=2) + "\n", encoding="utf-8")
    console.print(results.default.headline, table_2(compared), *table_2_remarks(compared, both), sep="\n")
    console.print(persona_table(compared), *persona_answers(compared), sep="\n")
    console.print(table_4(both), *table_4_remarks(both), JOURNEY_LEFT_OUT, sep="\n")
    if full:
        console.print(*(render(each.report) for each in both))
    console.print(f"Everything: {out / 'results.json'}")


if __name__ == "__main__":
    run_command(main)
