"""Options that the verbs of ``paars tasks`` share, what they make of them, and how results are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paars_gym.cli.app import console, print_facts
from paars_gym.cli.batch_options import NO_BATCHES, BatchOptions
from paars_gym.cli.model_options import ModelOptions
from paars_gym.cli.shared_options import MODEL, OUTPUT, PEOPLE, SHOPPERS
from paars_gym.exit_codes import ExitCode
from paars_gym.files import write_whole

if TYPE_CHECKING:
    from rich.console import RenderableType

    from paars_gym.config import RunConfig
    from paars_gym.llm.dry_run import Forecast
    from paars_gym.shoppers.fitted import FittedShopper

OwnCatalog = Annotated[
    str | None,
    typer.Option("--catalog", help="Catalog of the products in STORE: a name or a folder.", rich_help_panel=PEOPLE),
]
OwnPersonas = Annotated[
    Path | None,
    typer.Option(
        "--personas", help="File of personas of the people; those without one are left out.", rich_help_panel=PEOPLE
    ),
]
Policies = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        help="Who is asked: behavioural, uniform, embedding, llm, likelihood:MODEL (smollm2, a .gguf file or NAME@URL) "
        "or module:Class; repeat for several.",
        rich_help_panel=SHOPPERS,
    ),
]
Fitted = Annotated[
    list[Path] | None,
    typer.Option(
        "--shopper",
        help="File of a behavioural shopper that paars fit has fitted, asked as well; repeat for several.",
        rich_help_panel=SHOPPERS,
    ),
]
Cases = Annotated[int, typer.Option("--cases", min=1, help="Cases at most, drawn at random.", rich_help_panel=SHOPPERS)]
Out = Annotated[Path | None, typer.Option("--out", help="Write the results here as JSON.", rich_help_panel=OUTPUT)]
EmbedderName = Annotated[
    str,
    typer.Option(
        "--embedder",
        help="Model of text vectors: minilm-int8, minilm, lexical, auto or a model's name.",
        rich_help_panel=MODEL,
    ),
]


Repeats = Annotated[
    int,
    typer.Option(
        "--repeats",
        min=1,
        help="Play the population so often, with other draws and no reply twice: how much is run-to-run noise?",
        rich_help_panel=SHOPPERS,
    ),
]


def task_run(
    cases: int,
    seed: int,
    policies: Sequence[str] | None,
    out: Path | None,
    *,
    asking: ModelOptions,
    concurrency: int,
    batching: BatchOptions = NO_BATCHES,
    backend: str = "local",
    address: str | None = None,
) -> RunConfig:
    """The options of a verb as the configuration of a task."""
    from paars_gym.cache import cache_dir
    from paars_gym.config import RunConfig, check_backend
    from paars_gym.llm.ledger import LEDGER_FILE, temporary_ledger

    where = check_backend(backend, address)
    replies = out.with_name(f"{out.stem}.replies.sqlite") if out else cache_dir("replies") / "tasks.sqlite"
    names = list(policies or ()) or (["llm"] if asking.model else ["behavioural"])
    policy = next((name for name in names if ":" in name or name.strip().lower() == "llm"), names[0])
    batches = (asking.cache or replies).with_suffix(".batches.jsonl")
    # Workers elsewhere need a file.
    ledger = out.with_name(f"{out.stem}.{LEDGER_FILE}") if out else temporary_ledger() if where == "ray" else None
    asked = asking.asked(
        policy=policy, concurrency=concurrency, default_cache=replies, batches=batches, batching=batching, ledger=ledger
    )  # fmt: skip
    return RunConfig(
        sessions=cases, seed=seed, policy=names[0], options=asked.policy_options, model=asked.model,
        budget=asked.budget, backend=where, address=address,
    )  # fmt: skip


def read_shoppers(files: Sequence[Path] | None) -> tuple[FittedShopper, ...]:
    """The fitted shoppers of ``--shopper``.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Something else is in it.
    """
    from paars_gym.shoppers.fitted import FittedShopper

    return tuple(map(FittedShopper.read, files or ()))


def print_forecasts(forecasts: Mapping[str, Forecast], repeats: int = 1) -> None:
    """What each model would take, in all repeats."""
    for spec, forecast in forecasts.items():
        print_facts(f"A dry run: {spec} would take, about", forecast.repeated(repeats).facts())


def show_results(
    results: Any, pieces: Iterable[RenderableType], remarks: Iterable[str], *, out: Path | None, json: bool
) -> None:
    """Writes results to ``--out``, and prints them as JSON, or as tables with remarks below.

    Raises:
        RunStoppedError: They are of a part of the cases, since a cap was reached.
    """
    from paars_gym.simulation.result import RunStoppedError

    text = results.model_dump_json(indent=1)
    if out is not None:
        write_whole(out, text + "\n")
    if json:
        console.write_json(text)
    else:
        console.print(*pieces, sep="\n")
        for remark in remarks:
            console.print(f"- {remark}")
    if stopped := getattr(results, "stopped", ""):
        raise RunStoppedError(f"{stopped.rstrip('.')}. What was answered before is above.", ExitCode.CAPPED)
