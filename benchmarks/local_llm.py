"""``python -m benchmarks.local_llm``: what a real, very small language model chooses (PAARS Table 3).

SmolLM2-135M runs on this machine, and the households and their baskets are real. A model of this size cannot shop: the
point is that everything around it works, and its accuracy is reported as it is. It is asked in two ways: for an answer
held to a schema, and for the likeliest next token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import typer

from benchmarks.local_server import MODEL, local_server, weights
from benchmarks.local_tasks import CONTEXT, SESSIONS, LocalModelFile, choose_views, play_sessions, write_queries
from benchmarks.settings import ITEM_MIN_KNOWN, ITEM_SEED
from benchmarks.small_model import Bounded
from paars_gym.alignment.item_selection import PROTOCOLS, Protocol
from paars_gym.alignment.language_model import lacking
from paars_gym.cli.option_groups import with_options
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.config import CONDITIONS, BudgetConfig, Condition, ModelConfig, RunConfig
from paars_gym.files import write_whole
from paars_gym.llm.stack import open_model
from paars_gym.report.item_selection import table_3, table_3_remarks
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress
from paars_gym.report.tasks import figure_3, query_examples, query_remarks, query_tables, view_remarks, view_table
from paars_gym.shoppers.protocol import check_condition
from paars_gym.shoppers.registry import LIKELIHOOD
from paars_gym.tasks.items.questions import ItemDesign
from paars_gym.tasks.items.results import ItemResults
from paars_gym.tasks.items.selection import select_items
from paars_gym.tasks.people import reference_people
from paars_gym.tasks.persona_sources import MinedPersonas
from paars_gym.tasks.reference_people import ReferencePeople

CASES = 20
HISTORY_TOKENS = 600
"""Of the history in a persona, so that a large visit still fits: with 250, a quarter of the cases would show none."""
DESIGN = ItemDesign(("popularity",), per_shopper=1, min_known=ITEM_MIN_KNOWN, history_tokens=HISTORY_TOKENS)
ANSWER_TOKENS = 24
WAYS = ("llm", "benchmarks.small_model:Likeliest")


def run(
    people: ReferencePeople,
    url: str,
    *,
    ways: Sequence[str] = WAYS,
    cases: int = CASES,
    conditions: Sequence[Condition] = CONDITIONS,
    design: ItemDesign = DESIGN,
    mined: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> ItemResults:
    """Every case under every condition in both ways, one at a time: the server has one place.

    Args:
        people: Whose purchases.
        url: Of a server with /v1/chat/completions.
        ways: Policies that are asked.
        cases: How many, at most.
        conditions: Rows of Table 3.
        design: How the cases are made.
        mined: Personas are mined by the same model; otherwise they are counted.
        progress: Told how far it is.

    Raises:
        RunStoppedError: The server could not be asked at all.
    """
    budget = BudgetConfig(timeout_seconds=600, attempts=2, concurrency=1)
    model = open_model(f"openai:local@{url}", budget)
    asking = RunConfig(
        sessions=cases,
        seed=ITEM_SEED,
        personas=MinedPersonas(Bounded(model), design.history_tokens) if mined else "counted",
        model=ModelConfig(spec=model, options={"max_tokens": ANSWER_TOKENS}),
        budget=budget,
    )
    return select_items(people, asking, policies=ways, conditions=conditions, design=design, progress=progress)


@dataclass(frozen=True)
class ItemOptions:
    """How items are asked for."""

    conditions: Annotated[str, typer.Option(help="With commas between.")] = ",".join(CONDITIONS)
    protocol: Annotated[str, typer.Option(help="popularity (matched distractors) or interests (the paper's).")] = (
        "popularity"
    )
    personas: Annotated[str, typer.Option(help="counted, or mined by the model itself: some minutes a case.")] = (
        "counted"
    )


AS_IT_IS = ItemOptions()


@with_page
@with_options("items", ItemOptions)
@with_outputs(out="file")
def main(
    cases: Annotated[
        int, typer.Option(min=1, help="Each takes about three quarters of a minute, all conditions together.")
    ] = CASES,
    items: ItemOptions = AS_IT_IS,
    threads: Annotated[int, typer.Option(min=1, help="Of the model; more are slower on a busy machine.")] = 1,
    url: Annotated[str | None, typer.Option(help="A server of your own, http://…/v1, instead of SmolLM2.")] = None,
    model_file: Annotated[
        Path | None,
        typer.Option(
            help="A .gguf file of your own instead of SmolLM2: every task, by likelihood as well, and sessions."
        ),
    ] = None,
    sessions: Annotated[int, typer.Option(min=1, help="Whole sessions of the model in --model-file.")] = SESSIONS,
    out: Annotated[
        Path | None,
        typer.Option(help="Also write the results of items here, as JSON; sessions go into a folder beside it."),
    ] = None,
) -> None:
    """Lets a small local model pick, out of four items, the one that a real household bought.

    With --model-file it is put every task, and shops in whole sessions whose steps are recorded.
    """
    protocol, personas = items.protocol, items.personas
    if url is not None and model_file is not None:
        raise ValueError(f"--url {url} and --model-file {model_file}: give one of them.")
    wanted = [check_condition(cast(Condition, name)) for name in items.conditions.split(",")]
    for option, value, allowed in (("protocol", protocol, PROTOCOLS), ("personas", personas, ("counted", "mined"))):
        if value not in allowed:
            raise ValueError(f"Unknown {option} {value!r}. Available: {', '.join(allowed)}.")
    ways = WAYS
    if model_file is not None:
        if words := lacking(str(model_file)):
            raise ImportError(words)
        ways = (*WAYS, f"{LIKELIHOOD}{model_file}")
    elif url is None:
        weights()  # what is missing is said before the cases are mined
    people, mined = reference_people("journey"), personas == "mined"
    design = DESIGN._replace(protocols=(cast(Protocol, protocol),))
    console = Printer()
    asked = url or model_file or MODEL
    console.print(f"The model is {asked}; households are real (Complete Journey), personas {personas}.")
    local = local_server(threads=threads, context=8192 if mined else CONTEXT, file=model_file)
    server = local if url is None else nullcontext(url.removesuffix("/v1"))
    with Progress(Printer(stderr=True)) as status, server as at:
        results = run(
            people, f"{at}/v1", ways=ways, cases=cases, conditions=wanted, design=design, mined=mined,
            progress=status.update,
        )  # fmt: skip
        if out is not None:
            write_whole(out, results.model_dump_json(indent=2) + "\n")
        console.print(table_3(results))
        for line in table_3_remarks(results):
            console.print(line)
        if model_file is not None:
            folder = (out or Path("runs") / f"{model_file.stem}.json").with_suffix("")
            _rest(LocalModelFile(model_file, f"{at}/v1"), cases, sessions, folder, console, status)


def _rest(model: LocalModelFile, cases: int, sessions: int, folder: Path, console: Printer, status: Progress) -> None:
    """The tasks besides item selection, and whole sessions."""
    written = write_queries(model, cases, status.update)
    console.print(*query_tables(written))
    seen = choose_views(model, cases, status.update)
    console.print(view_table(seen), figure_3(seen))
    for line in (*query_examples(written), *query_remarks(written), *view_remarks(seen)):
        console.print(f"- {line}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    played = play_sessions(model, folder, sessions, status.update)
    ends = ", ".join(f"{count:,} {end}" for end, count in played.ends.most_common())
    console.print(f"Sessions: {played.done:,}, ended by {ends}. Every step is in {folder}.")


if __name__ == "__main__":
    run_command(main)
