"""``python -m benchmarks.persona_validity [PERSONAS.jsonl]``: mined profiles against what 801 households told.

Households of Complete Journey told their age, income, home, marital status, size and children. For people of your own:
``paars personas check``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from paars_gym.catalog.journey import journey_file
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.files import write_whole
from paars_gym.personas.store import read_personas
from paars_gym.report.printing import Printer
from paars_gym.report.tasks import VALIDITY_NOTES, validity_table
from paars_gym.tasks.people import reference_people
from paars_gym.tasks.persona_validity import FIELDS, Floats, purchase_features, validate_personas

COLUMNS = {
    "age_range": "age",
    "income_band": "income",
    "household_size": "household_size",
    "children": "kids_count",
    "marital_status": "marital_status",
    "home": "home_ownership",
}
"""Of the households' answers, by field of the profile. Gender was not asked."""
BANDS = {
    "age_range": {"19-24": "under 25"},
    "income_band": {
        "Under 15K": "under 25K", "15-24K": "under 25K", "25-34K": "25-49K", "35-49K": "25-49K", "50-74K": "50-74K",
        "75-99K": "75-99K", "100-124K": "100-149K", "125-149K": "100-149K", "150-174K": "150K+", "175-199K": "150K+",
        "200-249K": "150K+", "250K+": "150K+",
    },
    "marital_status": {"Married": "married", "Unmarried": "unmarried"},
    "home": {
        "Homeowner": "owner", "Probable Homeowner": "owner", "Renter": "renter", "Probable Renter": "renter",
    },
}  # fmt: skip
"""Answers that are worded otherwise than the profile's values."""


def household_answers() -> dict[str, dict[str, str]]:
    """What each household told: by household id, then by field of the profile; a field not told is absent.

    Home is unknown of 233 households, marital status of 137.

    Raises:
        ImportError: The package with the data is missing.
    """
    answers: dict[str, dict[str, str]] = {}
    for row in pl.read_parquet(journey_file("demographics")).iter_rows(named=True):
        profile = {name: BANDS.get(name, {}).get(row[column], row[column]) for name, column in COLUMNS.items()}
        answers[str(row["household_id"])] = {
            name: value for name, value in profile.items() if value in FIELDS[name].values
        }
    return answers


def household_features(houses: list[str]) -> dict[str, Floats]:
    """What the purchases of these households show."""
    return purchase_features(reference_people("journey").product_log(), houses)


@with_page
@with_outputs(write_shoppers="file")
def main(
    personas: Annotated[
        Path | None, typer.Argument(help="File of mined personas; without one, baselines only.")
    ] = None,
    write_shoppers: Annotated[
        Path | None,
        typer.Option(help="Only write the households' ids here, a line each, for paars personas mine --shoppers."),
    ] = None,
) -> None:
    """Compares mined profiles with what 801 real households told about themselves."""
    answers, console = household_answers(), Printer()
    houses = sorted(answers)
    if write_shoppers is not None:
        write_whole(write_shoppers, "".join(f"{house}\n" for house in sorted(houses, key=int)))
        console.print(f"{len(houses):,} ids in {write_shoppers}.")
        return
    mined = [] if personas is None else list(read_personas(personas))
    results = validate_personas(mined, answers, household_features(houses))
    console.print(f"{len(mined):,} personas; {len(answers):,} households (Complete Journey, 2017).")
    console.print(validity_table(results))
    for line in VALIDITY_NOTES:
        console.print(line)


if __name__ == "__main__":
    run_command(main)
