"""``paars fit``: fits the behavioural shopper to people."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from paars_gym.cli.app import app, console, errors
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.shared_options import PEOPLE, SHOPPERS, AsJson, CatalogName, ConditionName, HumanReference


@app.command()
@with_outputs(out="file")
def fit(
    human: HumanReference,
    out: Annotated[Path, typer.Option(help="File to write the fitted shopper to, as JSON; see --shopper.")],
    tests: Annotated[
        Path | None,
        typer.Option(
            help="Folder of past A/B tests of people: a folder each, with the folders control and treatment (stores or "
            "runs), and in them patch.jsonl or patch.csv where an arm's content differed. Tastes are learnt from them.",
            rich_help_panel=PEOPLE,
        ),
    ] = None,
    catalog: CatalogName = "mini",
    personas: Annotated[
        Path | None,
        typer.Option(
            help="File of personas of these people; those of mini and of a run's own people are known.",
            rich_help_panel=PEOPLE,
        ),
    ] = None,
    condition: ConditionName = "persona",
    strength: Annotated[
        float | None,
        typer.Option(
            help="Standard deviation of the prior around the defaults, in log odds; by default chosen by people set "
            "aside.",
            rich_help_panel=SHOPPERS,
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Fits the behavioural shopper to people: how they choose, from their sessions and from past A/B tests.

    Maximum likelihood with a ridge prior at the defaults. Half of the people are fitted to, the other half judges.
    """
    from typing import cast

    from paars_gym.abtest.logged_tests import read_logged_tests
    from paars_gym.catalog.load import load_catalog
    from paars_gym.config import Condition
    from paars_gym.report.fitting import fit_notes, fit_table
    from paars_gym.report.progress import Progress
    from paars_gym.shoppers.fitting import FitSettings, fit_shopper
    from paars_gym.shoppers.protocol import check_condition
    from paars_gym.tasks.people import BUILT_IN, personas_of, reference_people

    check_condition(cast("Condition", condition))
    if strength is not None and not 0 < strength < math.inf:
        raise ValueError(f"strength == {strength}, must be > 0.")
    people = reference_people(human, catalog=catalog, personas=personas)
    people.require("A fit", "searches", "views")
    if human in BUILT_IN and catalog not in ("mini", human):
        raise ValueError(f"--catalog {catalog}: the people of {human} shop in their own catalog; leave the option out.")
    opened = people.catalog if human in BUILT_IN else load_catalog(catalog)
    with Progress(errors, "reading sessions") as status:
        fitted = fit_shopper(
            people.source,
            opened,
            personas=personas_of(people, opened),
            condition=cast(Condition, condition),
            tests=() if tests is None else read_logged_tests(tests, opened),
            people=people.name,
            settings=FitSettings(strength=strength),
            progress=status.update,
        )
    fitted.write(out)
    if json:
        console.write_json(fitted.model_dump_json(indent=2))
        return
    console.print(fit_table(fitted))
    for note in fit_notes(fitted):
        console.print(note)
