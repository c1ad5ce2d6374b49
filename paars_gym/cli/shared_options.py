"""Which options do several verbs of the ``paars`` command have, in the same words?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CatalogName = Annotated[str, typer.Option(help="mini, journey, or the folder of a built catalog.")]
PeopleFile = Annotated[Path | None, typer.Option(help="File; by default the catalog's own people.")]
PolicyName = Annotated[str, typer.Option(help="Who shops: behavioural, llm, … or module:Class.")]
PolicyModel = Annotated[str | None, typer.Option(help="For the policy llm, such as anthropic:NAME.")]
ConditionName = Annotated[str, typer.Option(help="What of their persona they know.")]
Pairs = Annotated[int, typer.Option(help="Persona × intention pairs in each arm.")]
Draws = Annotated[int, typer.Option(help="Sessions of each pair in each arm.")]
Seed = Annotated[int, typer.Option(help="Of everything random.")]
Level = Annotated[float, typer.Option(help="Of the intervals.")]
SessionsAtOnce = Annotated[int, typer.Option(help="Sessions at once, for shoppers that wait.", min=1)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Offline = Annotated[bool, typer.Option("--offline", help="Make no call: answer from the cache.")]
MaxUsd = Annotated[float | None, typer.Option(help="Most that may be spent.")]
CallsAtOnce = Annotated[int, typer.Option(help="Calls at once.", min=1)]
Segment = Annotated[
    str | None, typer.Option("--segment", "--by", help="Each segment too: a preference or a trait, such as income.")
]
Recognisers = Annotated[
    list[str] | None, typer.Option(help="More to redact: presidio, or module:function of your own. Repeatable.")
]
Regions = Annotated[str | None, typer.Option(help="Whose national telephone numbers to redact, with commas: US,DE.")]
PriceText = Annotated[
    str | None,
    typer.Option(help="US dollars per million tokens: IN,OUT or IN,OUT,READ,WRITE of the provider's cache."),
]
