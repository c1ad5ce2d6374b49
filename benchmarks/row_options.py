"""Options of the main job that say whose rows stand beside the offline shoppers', and beside whom all are put."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.asked import AskedPolicy
from benchmarks.model_rows import ModelRows, find_model
from paars_gym.cli.model_options import ModelOptions
from paars_gym.config import RunConfig
from paars_gym.shoppers.registry import LIKELIHOOD, answerer_factory


@dataclass(frozen=True)
class RowOptions:
    """Whose rows stand beside those of the offline shoppers, and whom they are compared with, as it was given."""

    human: Annotated[
        str | None,
        typer.Option(
            help="Real people of Tables 2 and 4: a public log by its name (paars data list), STORE or RUN. By default "
            "opera, where it is on this machine."
        ),
    ] = None
    policy: Annotated[
        str | None,
        typer.Option(
            help="A policy whose rows stand beside the offline ones: llm, uniform or module:Class. With --model: llm. "
            "likelihood:MODEL takes the place of the language model that is asked anyway."
        ),
    ] = None
    cases: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Of that policy: sessions of each population (by default 2,400, as the paper's); queries, pages and "
            "items that it is asked about, at most (by default all).",
        ),
    ] = None
    model_file: Annotated[
        Path | None,
        typer.Option(help="A language model as a .gguf file, to choose by likelihood in place of SmolLM2-135M."),
    ] = None
    no_model: Annotated[bool, typer.Option("--no-model", help="Leave out the language model of this machine.")] = False


ALONE = RowOptions()


def model_asked(rows: RowOptions, asking: ModelOptions) -> tuple[ModelRows, RowOptions]:
    """The language model of this machine, and what of the options is for a policy of the user's own."""
    name, file = (rows.policy or "").strip(), rows.model_file
    by_name = name.lower().startswith(LIKELIHOOD)
    for option, there in (("--no-model", rows.no_model), (f"--policy {name}", by_name)):
        if there and file is not None:
            raise ValueError(f"--model-file {file} and {option}: give one of them.")
    if not by_name:
        return find_model(file, without=rows.no_model), rows
    given = asking.asked(policy=name)
    answerer_factory(RunConfig(policy=name, options=given.policy_options))  # what is wrong is said now
    return ModelRows(name, "", rows.cases, given.policy_options), ALONE


def policy_asked(rows: RowOptions, folder: Path, asking: ModelOptions, concurrency: int) -> AskedPolicy | None:
    """Whom the options ask for besides the offline shoppers; None for nobody."""
    name = rows.policy or ("llm" if asking.model else "")
    if not name:
        if rows.cases is not None:
            raise ValueError(f"--cases {rows.cases} is for a policy of your own: --policy, or --model.")
        asking.asked(policy="behavioural")  # refuses options of a model that nobody asks
        return None
    given = asking.asked(policy=name, concurrency=concurrency, default_cache=folder / "replies.sqlite")
    return AskedPolicy(name, given.model, given.budget, given.policy_options, rows.cases)
