"""``python -m benchmarks.local_llm``: what would a real, very small language model choose? (PAARS Table 3.)

SmolLM2-135M runs on this machine. The households and their baskets are real; personas are counted from them, not mined.
A model of this size cannot shop: the point is that everything around it works, and its accuracy is reported as it is.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.local_server import MODEL, local_server
from benchmarks.settings import ITEM_MIN_KNOWN, ITEM_SEED, PAPER_ITEM_SELECTION
from paars_gym.alignment.individual import wilson_interval
from paars_gym.alignment.item_selection import OPTIONS, ItemCases, Protocol, mine_item_cases
from paars_gym.catalog.load import load_catalog
from paars_gym.llm.errors import ModelError
from paars_gym.personas.persona import CONDITIONS, Condition, Persona
from paars_gym.personas.statistics import household_persona
from paars_gym.sessions.households import household_baskets
from paars_gym.sessions.purchases import read_products
from paars_gym.sessions.seed import session_rng
from paars_gym.shoppers.llm_crew import Crew, llm_crew
from paars_gym.shoppers.llm_prompts import item_question

CASES = 20
HISTORY_TOKENS = 250
"""Of the history in a persona: the model reads some 85 tokens a second."""
ANSWER_TOKENS = 24


class Chosen(NamedTuple):
    """One case under one condition: what was answered, and the number that is the likeliest next token; or None."""

    generated: int | None
    likeliest: int | None


async def choose(cases: ItemCases, index: int, crew: Crew, url: str, condition: Condition) -> Chosen:
    """Asks for an answer held to a schema, and for the log-probability of each number as the very next token."""
    import openai

    case = cases[index]
    products = [cases.log.catalog[product] for product in case.options]
    persona: Persona | None = None
    if condition != "base":
        persona = household_persona(cases.history(index), cases.log.catalog, token_budget=HISTORY_TOKENS)
    shopper = crew()
    await shopper.reset(persona, None, session_rng(cases.seed, case.key))
    generated: int | None = None
    with suppress(ModelError):  # counted as wrong, and told
        generated = await shopper.choose_item(products)
    request = shopper.question(persona, item_question(products))
    async with openai.AsyncOpenAI(api_key="not-needed", base_url=url, max_retries=0, timeout=600) as client:
        answer = await client.chat.completions.create(
            model="local",
            messages=[{"role": turn.role, "content": turn.text} for turn in request.messages],  # type: ignore[misc]
            max_tokens=1,
            temperature=0,
            logprobs=True,
            top_logprobs=20,
        )
    return Chosen(generated, likeliest_number(answer.choices[0].logprobs))


def likeliest_number(logprobs: object, options: int = OPTIONS) -> int | None:
    """Index of the option whose number is the likeliest next token; None when no number is among the top tokens."""
    content = getattr(logprobs, "content", None) or []
    found: dict[int, float] = {}
    for top in content[0].top_logprobs if content else []:
        text = top.token.strip()
        if text.isdigit() and 1 <= int(text) <= options:
            found[int(text) - 1] = max(top.logprob, found.get(int(text) - 1, -math.inf))
    return max(found, key=lambda option: found[option]) if found else None


async def choose_all(
    cases: ItemCases, url: str, conditions: Sequence[Condition], progress: Console
) -> dict[Condition, list[Chosen]]:
    """Every case under every condition, one at a time: the server has one place."""
    chosen: dict[Condition, list[Chosen]] = {}
    for condition in conditions:
        crew = llm_crew(
            model=f"openai:local@{url}", condition=condition, max_tokens=ANSWER_TOKENS, timeout_seconds=600, attempts=2
        )
        begun = time.monotonic()
        try:
            chosen[condition] = [await choose(cases, index, crew, url, condition) for index in range(len(cases))]
        finally:
            await crew.aclose()
        tokens = crew.model.tally.usage.all_input / max(1, crew.model.tally.calls)
        progress.print(f"{condition}: {time.monotonic() - begun:.0f} s, {tokens:.0f} tokens a question")
    return chosen


def table(cases: ItemCases, chosen: dict[Condition, list[Chosen]]) -> Table:
    """Accuracy of both ways of choosing, with 95% intervals, and the paper's beside."""
    found = Table(title=f"Item selection, {len(cases)} real cases, accuracy in % (Wilson 95%)", title_justify="left")
    for name in ("condition", "answer held to a schema", "no answer", "likeliest number", "no number", "paper (LLM)"):
        found.add_column(name, justify="left" if name == "condition" else "right")
    for condition, row in chosen.items():
        cells = []
        for guesses in zip(*row, strict=True):
            right = sum(guess == int(truth) for guess, truth in zip(guesses, cases.answer, strict=True))
            interval = wilson_interval(right, len(guesses))
            share = 100 * right / len(guesses)
            cells += [f"{share:.1f} ({100 * interval.low:.0f}–{100 * interval.high:.0f})", str(guesses.count(None))]
        paper = PAPER_ITEM_SELECTION.get(condition)
        found.add_row(condition, *cells, "" if paper is None else f"{paper:.2f}")
    return found


def main(
    cases: Annotated[int, typer.Option(min=1, help="Each takes about half a minute, all conditions together.")] = CASES,
    conditions: Annotated[str, typer.Option(help="With commas between.")] = ",".join(CONDITIONS),
    protocol: Annotated[str, typer.Option(help="popularity (matched distractors) or interests (the paper's).")] = (
        "popularity"
    ),
    threads: Annotated[int, typer.Option(min=1, help="Of the model; more are slower on a busy machine.")] = 1,
    url: Annotated[str | None, typer.Option(help="A server of your own, http://…/v1, instead of SmolLM2.")] = None,
) -> None:
    """Lets a small local model pick, out of four items, the one that a real household bought."""
    console = Console()
    wanted: list[Condition] = [name for name in CONDITIONS if name in conditions.split(",")]
    if not wanted or set(conditions.split(",")) - set(CONDITIONS):
        raise typer.BadParameter(f"conditions {conditions!r}: choose from {', '.join(CONDITIONS)}.")
    drawn: Protocol = "interests" if protocol == "interests" else "popularity"
    log = read_products(household_baskets(), load_catalog("journey"))
    mined = mine_item_cases(log, protocol=drawn, n_cases=cases, per_shopper=1, min_known=ITEM_MIN_KNOWN, seed=ITEM_SEED)
    console.print(f"The model is {url or MODEL}; the households are real (Complete Journey), their personas counted.")
    with local_server(threads=threads) if url is None else nullcontext(url.removesuffix("/v1")) as address:
        chosen = asyncio.run(choose_all(mined, f"{address}/v1", wanted, console))
    console.print(table(mined, chosen))
    console.print(f"Chance is {1 / OPTIONS:.0%}; no answer counts as wrong. The paper's model is incomparably larger.")


if __name__ == "__main__":
    typer.run(main)
