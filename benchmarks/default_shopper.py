"""The defaults of the behavioural shopper: fitted to invented people of all kinds together, and rounded.

Levels and tastes that all share are fitted as if nothing was known of anyone; then the terms of the persona, by the
same sessions with the personas of who came. Only the fitting half of the people is used, and no test: whoever judges a
shopper has no part in its defaults.

    python -m benchmarks.default_shopper
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.report.printing import Printer
from paars_gym.sessions.event import Session
from paars_gym.shop.open import REMEMBERED, open_shop
from paars_gym.shoppers.fitting import FitSettings, fit_shopper
from paars_gym.shoppers.parameters import BehaviouralParameters
from paars_gym.shoppers.taste import TASTES
from paars_gym.simulation.synthetic_visits import play_people
from paars_gym.synthetic.kinds import KINDS, SyntheticPeople
from paars_gym.synthetic.world import World

OF_THE_PERSONA = ("brand", "category", "familiarity", "impulse", "comparing", *(f"{name}_taste" for name in TASTES))
STEP = 0.05
"""To which estimates are rounded: finer would claim more than invented people can tell."""
STRENGTH = 1.0


def default_parameters(
    sessions: int, *, shoppers: int, seed: int
) -> tuple[BehaviouralParameters, BehaviouralParameters]:
    """The defaults, rounded, and their standard errors.

    Args:
        sessions: Of each kind of people.
        shoppers: How many people there are.
        seed: Of them and of their visits.
    """
    world = World(open_shop("mini", "bm25", max_remembered=REMEMBERED), n_shoppers=shoppers, seed=seed)
    people: list[Session] = []
    for kind in KINDS:
        people += play_people(SyntheticPeople(kind, world), sessions)
    # From nought, so that what comes out does not depend on the defaults of today.
    nought = BehaviouralParameters.of(dict.fromkeys(BehaviouralParameters.names(), 0.0))
    catalog, settings = world.shop.catalog, FitSettings(strength=STRENGTH, centre=nought)
    alike = fit_shopper(people, catalog, condition="base", settings=settings)
    known = fit_shopper(
        people,
        catalog,
        personas={persona.shopper: persona for persona in world.personas},
        settings=settings._replace(centre=BehaviouralParameters.of(alike.parameters)),
    )
    chosen = {name: known if name in OF_THE_PERSONA else alike for name in BehaviouralParameters.names()}
    rounded = {name: round(round(fit.parameters[name] / STEP) * STEP, 2) + 0.0 for name, fit in chosen.items()}
    errors = {name: fit.standard_errors.get(name, 0.0) for name, fit in chosen.items()}
    return BehaviouralParameters.of(rounded), BehaviouralParameters.of(errors)


@with_page
def main(
    sessions: Annotated[int, typer.Option(min=1, help="Sessions of each kind of people.")] = 1_500,
    shoppers: Annotated[int, typer.Option(min=2, help="How many people there are.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Of the people and of their visits.")] = 20_260_101,
) -> None:
    """Fits the defaults again, and shows them beside those of the package."""
    fitted, errors = default_parameters(sessions, shoppers=shoppers, seed=seed)
    table = Table("parameter", "default", "fitted", "std. error", title="Defaults of the behavioural shopper")
    for name in BehaviouralParameters.names():
        values = (getattr(one, name) for one in (BehaviouralParameters(), fitted, errors))
        table.add_row(name, *(f"{value:.2f}" for value in values))
    Printer().print(table)


if __name__ == "__main__":
    run_command(main)
