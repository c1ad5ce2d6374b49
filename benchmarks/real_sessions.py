"""``python -m benchmarks.real_sessions``: agents' sessions beside real people's (PAARS Tables 2 and 4).

The people are those of OPeRA where the data is on this machine (``paars data get opera``; nothing is downloaded here),
or any others that ``--human`` names. Offline shoppers, with their defaults and fitted to the people's counts, visit the
shop `mini`: see `paars_gym.tasks.other_shop` for what is compared, and what is not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict

from benchmarks.settings import FIT_STRENGTH, REAL_PEOPLE, REAL_RUN
from paars_gym.alignment.session_generation import TABLE_2
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.datasets.obtaining import DataNotHereError
from paars_gym.report.diversity import table_4, table_4_remarks, varied
from paars_gym.report.persona_gain import persona_answers, persona_table
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress
from paars_gym.report.session_generation import (
    columns,
    further_columns,
    further_remarks,
    further_table,
    table_2,
    table_2_remarks,
)
from paars_gym.tasks.fitting import fit_conditions
from paars_gym.tasks.people import reference_people
from paars_gym.tasks.session_generation import generate_sessions
from paars_gym.tasks.session_results import SessionResults

LACKING = "No real people stand in Tables 2 and 4: {why}"


class RealSessions(BaseModel):
    """Sessions of the behavioural shopper against those of real people.

    Attributes:
        results: With its default parameters, and fitted; empty where the people are not on this machine.
        lacking: Why they are empty, and how to get the people.
    """

    model_config = ConfigDict(frozen=True)

    results: tuple[SessionResults, ...] = ()
    lacking: str = ""


def check_human(human: str) -> None:
    """Says at once what is wrong with people who were named.

    Args:
        human: As `reference_people` takes them.

    Raises:
        FileNotFoundError: There are no such people, or they are not on this machine.
        ValueError: Nothing of sessions is recorded, or they stand in the tables already.
    """
    if human == "mini":
        raise ValueError("--human mini: the synthetic people of mini stand in the tables already; name others.")
    people = reference_people(human)
    if not set(TABLE_2) & set(people.known):
        people.require("Session generation", *TABLE_2)


def run(out: Path, human: str | None = None, *, progress: Callable[[str], None] = lambda _: None) -> RealSessions:
    """Simulates all populations and scores them; a run in the folder is resumed.

    Args:
        out: Folder for the runs.
        human: Whom shoppers are compared with, as `reference_people` takes them; None for those of `REAL_PEOPLE`, who
            may be absent.
        progress: Told what is going on.

    Raises:
        FileNotFoundError: There are no such people, or they are not on this machine.
        ValueError: Their log records no sessions.
    """
    try:
        people = reference_people(human or REAL_PEOPLE)
    except DataNotHereError as missing:
        if human is not None:
            raise
        return RealSessions(lacking=LACKING.format(why=str(missing)))
    default = generate_sessions(people, REAL_RUN, out, same_sessions=0, embedder=None, progress=progress)
    crossed = people.shops_elsewhere
    if not crossed and not {"searches", "results", "views", "purchases"} <= set(people.known):
        return RealSessions(results=(default,))  # buyers alone: nothing to fit to
    fitted = None if crossed else fit_conditions(people, strength=FIT_STRENGTH, progress=progress)
    own = generate_sessions(
        people, REAL_RUN, out, fitted=fitted, cross_fit=crossed, same_sessions=0, embedder=None, progress=progress
    )
    return RealSessions(results=(default, own))


@with_page
@with_outputs(out="folder")
def main(
    out: Annotated[Path, typer.Option(help="Folder for the runs; one that was interrupted goes on.")] = Path(
        "runs/real_sessions"
    ),
    human: Annotated[
        str | None, typer.Option(help="Other people than OPeRA's: a public log by name, STORE or RUN.")
    ] = None,
) -> None:
    """Lets behavioural shoppers shop, as they are and fitted, and compares their sessions with real people's."""
    console = Printer()
    with Progress(Printer(stderr=True)) as status:
        found = run(out, human, progress=status.update)
    if not found.results:
        console.print(found.lacking)
        return
    compared, further = columns(sessions=found.results), further_columns(found.results)
    (out / "results.json").write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
    console.print(found.results[0].headline, table_2(compared), *table_2_remarks(compared, found.results), sep="\n")
    if further:
        console.print(further_table(further), *further_remarks(further), sep="\n")
    if (paired := persona_table(compared)) is not None:
        console.print(paired, *persona_answers(compared), sep="\n")
    if worded := [one for one in found.results if varied(one)]:
        console.print(table_4(worded))
    console.print(*table_4_remarks(found.results), sep="\n")
    console.print(f"Everything: {out / 'results.json'}")


if __name__ == "__main__":
    run_command(main)
