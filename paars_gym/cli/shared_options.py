"""Options that several verbs of ``paars`` and several benchmarks have, by the same names, in the same groups.

Those of the group "Language model" stand in `paars_gym.cli.model_options`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from paars_gym.config import RunConfig

SHOP, PEOPLE, SHOPPERS, MODEL = "Shop", "People to compare with", "Shoppers", "Language model"
TEST, DATA, OUTPUT, PRIVACY = "Test", "Data", "Output", "Privacy"
ELSEWHERE = "Answers from elsewhere"
MACHINES = "Machines"

BackendName = Annotated[
    str,
    typer.Option("--backend", help="Where it is worked on: local, or ray (many machines).", rich_help_panel=MACHINES),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="Ray cluster: auto or HOST:PORT. By default that of RAY_ADDRESS, else this machine alone.",
        rich_help_panel=MACHINES,
    ),
]

CatalogName = Annotated[
    str, typer.Option(help="Catalog: mini, journey, or the folder of a built one.", rich_help_panel=SHOP)
]
RankingName = Annotated[
    str, typer.Option(help='Ranking policy, such as bm25 or "bm25+rating:0.3".', rich_help_panel=SHOP)
]
EnvName = Annotated[
    str,
    typer.Option(
        "--env", help="Environment to shop in: a Gymnasium id, or module:factory of your own.", rich_help_panel=SHOP
    ),
]
HUMAN = (
    "Reference people: mini (synthetic), journey (real households, who only buy), a log of paars data list such as "
    "opera, STORE, a folder that paars sessions import has left, or RUN, the folder of a simulated run"
)
HumanReference = Annotated[str, typer.Option("--human", help=f"{HUMAN}.", rich_help_panel=PEOPLE)]
HumanOrReleased = Annotated[
    str,
    typer.Option("--human", help=f"{HUMAN}; or a file of paars reference export.", rich_help_panel=PEOPLE),
]
PeopleFile = Annotated[
    Path | None,
    typer.Option(
        "--personas", help="File of personas; by default the catalog's own generated people.", rich_help_panel=SHOPPERS
    ),
]
PolicyName = Annotated[
    str,
    typer.Option(help="Who shops: behavioural, uniform, embedding, llm or module:Class.", rich_help_panel=SHOPPERS),
]
ConditionName = Annotated[
    str,
    typer.Option(
        help="What of its persona a shopper is told: base, profile, preferences, history or persona.",
        rich_help_panel=SHOPPERS,
    ),
]
ShopperFile = Annotated[
    Path | None,
    typer.Option(
        "--shopper",
        help="Behavioural shopper that paars fit has fitted to people; by default the uncalibrated one.",
        rich_help_panel=SHOPPERS,
    ),
]
NeedsFrom = Annotated[
    str | None,
    typer.Option(
        "--intentions",
        help="Where needs come from: marginal (the population's, whoever comes), persona (the persona's own), same "
        "(the persona's own, told to every condition) or people:STORE (of people, the half that things are fitted on). "
        "By default marginal for base, persona for the others.",
        rich_help_panel=SHOPPERS,
    ),
]
Pairs = Annotated[int, typer.Option(help="Number of persona × intention pairs in each arm.", rich_help_panel=SHOPPERS)]
Draws = Annotated[int, typer.Option(help="Sessions of each pair in each arm.", rich_help_panel=SHOPPERS)]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything random.", rich_help_panel=SHOPPERS)]
SessionsAtOnce = Annotated[
    int,
    typer.Option(
        "--concurrency",
        min=1,
        help="Sessions at once, for shoppers that wait: calls of a model at once.",
        rich_help_panel=SHOPPERS,
    ),
]
Segment = Annotated[
    str | None,
    typer.Option(
        "--segment",
        "--by",
        help="Results for each segment too: a preference or a trait, such as income.",
        rich_help_panel=SHOPPERS,
    ),
]
Records = Annotated[
    str,
    typer.Option(
        "--record",
        help="Records of steps, with pages and prompts, in --out: steps, none, or auto (not for offline policies).",
        rich_help_panel=OUTPUT,
    ),
]
Level = Annotated[float, typer.Option(help="Coverage of the intervals, from 0 to 1.", rich_help_panel=OUTPUT)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.", rich_help_panel=OUTPUT)]
Recognisers = Annotated[
    list[str] | None,
    typer.Option(help="More to redact: presidio, or module:function of your own. Repeatable.", rich_help_panel=PRIVACY),
]
Regions = Annotated[
    str | None,
    typer.Option(help="Whose national telephone numbers to redact, with commas: US,DE.", rich_help_panel=PRIVACY),
]


def with_shopper(run: RunConfig, shopper: Path | None, catalog: str) -> RunConfig:
    """The run with the shopper of ``--shopper``; as it is without one.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Something else is in it, or the shopper was fitted for another policy, condition or catalog.
    """
    if shopper is None:
        return run
    from paars_gym.catalog.load import load_catalog
    from paars_gym.shoppers.fitted import FittedShopper

    return FittedShopper.read(shopper).applied_to(run, load_catalog(catalog))
