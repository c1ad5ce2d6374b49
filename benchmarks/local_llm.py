"""``python -m benchmarks.local_llm``: what a real, very small language model chooses (PAARS Table 3).

SmolLM2-135M runs on this machine, and the households and their baskets are real. A model of this size cannot shop: the
point is that everything around it works, and its accuracy is reported as it is. It is asked in two ways: for an answer
held to a schema, and for the likeliest next token.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, cast

import typer

from benchmarks.local_server import MODEL, local_server, weights
from benchmarks.settings import ITEM_MIN_KNOWN, ITEM_SEED
from benchmarks.small_model import Bounded
from paars_gym.alignment.item_selection import PROTOCOLS, Protocol
from paars_gym.cli.running import run_command, wide_console
from paars_gym.config import CONDITIONS, BudgetConfig, Condition, ModelConfig, RunConfig
from paars_gym.llm.stack import open_model
from paars_gym.report.item_selection import table_3, table_3_remarks
from paars_gym.shoppers.protocol import check_condition
from paars_gym.tasks.item_results import ItemResults
from paars_gym.tasks.item_selection import ItemDesign, select_items
from paars_gym.tasks.people import ReferencePeople, reference_people
from paars_gym.tasks.shoppers import MinedPersonas

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
        cases: How many, at most.
        conditions: Rows of Table 3.
        design: How the cases are made.
        mined: Personas are mined by the same model; otherwise they are counted.
        progress: Told how far it is.

    Raises:
        NobodyAnswersError: The server could not be asked at all.
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
    return select_items(people, asking, policies=WAYS, conditions=conditions, design=design, progress=progress)


def main(
    cases: Annotated[
        int, typer.Option(min=1, help="Each takes about three quarters of a minute, all conditions together.")
    ] = CASES,
    conditions: Annotated[str, typer.Option(help="With commas between.")] = ",".join(CONDITIONS),
    protocol: Annotated[
        str, typer.Option(help="popularity (matched distractors) or interests (the paper's).")
    ] = "popularity",
    personas: Annotated[
        str, typer.Option(help="counted, or mined by the model itself: some minutes a case.")
    ] = "counted",
    threads: Annotated[int, typer.Option(min=1, help="Of the model; more are slower on a busy machine.")] = 1,
    url: Annotated[str | None, typer.Option(help="A server of your own, http://…/v1, instead of SmolLM2.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the results here, as JSON.")] = None,
) -> None:
    """Lets a small local model pick, out of four items, the one that a real household bought."""
    wanted = [check_condition(cast(Condition, name)) for name in conditions.split(",")]
    for option, value, allowed in (("protocol", protocol, PROTOCOLS), ("personas", personas, ("counted", "mined"))):
        if value not in allowed:
            raise ValueError(f"Unknown {option} {value!r}. Available: {', '.join(allowed)}.")
    if url is None:
        weights()  # what is missing is said before the cases are mined
    people, mined = reference_people("journey"), personas == "mined"
    design = DESIGN._replace(protocols=(cast(Protocol, protocol),))
    console, begun = wide_console(), time.monotonic()
    console.print(f"The model is {url or MODEL}; households are real (Complete Journey), personas {personas}.")
    server = local_server(threads=threads, context=8192 if mined else 4096)
    with server if url is None else nullcontext(url.removesuffix("/v1")) as at:
        results = run(
            people, f"{at}/v1", cases=cases, conditions=wanted, design=design, mined=mined,
            progress=lambda text: console.print(f"{time.monotonic() - begun:.0f} s: {text}"),
        )  # fmt: skip
    if out is not None:
        out.write_text(results.model_dump_json(indent=2) + "\n", encoding="utf-8")
    console.print(table_3(results))
    for line in table_3_remarks(results):
        console.print(line, markup=False)


if __name__ == "__main__":
    run_command(main)
