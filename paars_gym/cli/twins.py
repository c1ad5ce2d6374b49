"""``paars survey score``: answers of twins beside those of their people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paars_gym.cli.app import console, survey_app
from paars_gym.cli.shared_options import AsJson


@survey_app.command()
def score(
    human: Annotated[
        Path,
        typer.Option(help="What people answered: a row a person and a column a question, or columns question, answer."),
    ],
    answers: Annotated[
        Path,
        typer.Option(help="What their twins answered, in the same form; a column construction tells several apart."),
    ],
    seed: Annotated[int, typer.Option(help="Seed of resamples and halvings.")] = 0,
    json: AsJson = False,
) -> None:
    """Scores answers of models told who people are beside these people's: one by one, and as a group."""
    from paars_gym.probes.answer_tables import read_answers
    from paars_gym.probes.twins import score_twins
    from paars_gym.report.twins import twin_notes, twin_tables

    people = read_answers(human)
    if len(people) > 1:
        raise ValueError(f"--human {human} holds {len(people)} constructions; people have one answer to a question.")
    report = score_twins(next(iter(people.values())), read_answers(answers), seed=seed)
    if json:
        console.write_json(report.model_dump_json(indent=2))
        return
    for table in twin_tables(report):
        console.print(table)
    for note in twin_notes(report):
        console.print(note)
