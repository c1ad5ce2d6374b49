"""``python -m benchmarks.local_llm``: what a real, very small language model chooses (PAARS Table 3).

SmolLM2-135M runs on this machine, and the households and their baskets are real. A model of this size cannot shop: the
point is that everything around it works, and its accuracy is reported as it is.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from benchmarks.local_server import MODEL, local_server, weights
from benchmarks.settings import ITEM_MIN_KNOWN, ITEM_SEED
from benchmarks.small_model import Bounded
from paars_gym.alignment.item_selection import OPTIONS, PROTOCOLS, ItemCases
from paars_gym.catalog.product import Product
from paars_gym.cli.running import run_command
from paars_gym.config import CONDITIONS, BudgetConfig, Condition, ModelConfig, RunConfig
from paars_gym.llm.stack import Stack, open_model
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Intention
from paars_gym.shoppers.llm import LLMShopper
from paars_gym.shoppers.llm_prompts import item_question
from paars_gym.shoppers.llm_shared import ModelShoppers, llm_shoppers
from paars_gym.shoppers.protocol import GaveUp, check_condition
from paars_gym.tasks.asking import PersonaSource, TaskShopper, TaskShoppers, ask_shoppers
from paars_gym.tasks.item_baselines import choose_popular
from paars_gym.tasks.item_results import ConditionGain, ItemRow, gains_of, row_of
from paars_gym.tasks.item_selection import ItemDesign, ItemQuestions, item_cases
from paars_gym.tasks.people import reference_people
from paars_gym.tasks.shoppers import CountedPersonas, MinedPersonas

CASES = 20
HISTORY_TOKENS = 600
"""Of the history in a persona, so that a large visit still fits: with 250, a quarter of the cases would show none."""
ANSWER_TOKENS = 24
ANSWER, LIKELIEST = "answer held to a schema", "likeliest number"


class LocalResults(BaseModel):
    """Both ways of choosing under each condition, with what the model was and was told."""

    model_config = ConfigDict(frozen=True)

    model: str
    rows: tuple[ItemRow, ...]
    gains: tuple[ConditionGain, ...]
    settings: dict[str, Any]
    paid: dict[str, Any]
    stopped: str = ""


class Likeliest:
    """An `Answerer` that writes nothing: of the four numbers it takes the one that is the likeliest next token."""

    name = LIKELIEST

    def __init__(self, asks_like: LLMShopper, client: Any) -> None:
        self._asks_like, self._client = asks_like, client

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        self._persona = persona

    async def choose_item(self, products: Sequence[Product]) -> int:
        request = self._asks_like.question(self._persona, item_question(products))
        answer = await self._client.chat.completions.create(
            model="local",
            messages=[{"role": turn.role, "content": turn.text} for turn in request.messages],
            max_tokens=1,
            temperature=0,
            logprobs=True,
            top_logprobs=20,
        )
        found = likeliest_number(answer.choices[0].logprobs, len(products))
        if found is None:
            raise GaveUp("no number is among the 20 likeliest tokens")
        return found

    def write_query(self, product: Product) -> str:
        raise GaveUp("it chooses only")

    def choose_view(self, query: str, results: Sequence[Product]) -> int:
        raise GaveUp("it chooses only")


def likeliest_number(logprobs: object, options: int = OPTIONS) -> int | None:
    """Index of the option whose number is the likeliest next token; None when no number is among the top tokens."""
    content = getattr(logprobs, "content", None) or []
    found: dict[int, float] = {}
    for top in content[0].top_logprobs if content else []:
        text = top.token.strip()
        if text.isdecimal() and 1 <= int(text) <= options:
            found[int(text) - 1] = max(top.logprob, found.get(int(text) - 1, -math.inf))
    return max(found, key=lambda option: found[option]) if found else None


class LikeliestShoppers:
    """Makes them, with one client for all: a connection costs more than the question."""

    def __init__(self, asks_like: ModelShoppers, url: str) -> None:
        import openai

        self._asks_like = asks_like
        self._client = openai.AsyncOpenAI(api_key="not-needed", base_url=url, max_retries=0, timeout=600)

    def __call__(self) -> Likeliest:
        return Likeliest(self._asks_like(), self._client)

    async def aclose(self) -> None:
        """Closes the client."""
        await self._client.close()


class _Ways(NamedTuple):
    asked: tuple[TaskShopper, ...]
    model: Stack


def both_ways(url: str, conditions: Sequence[Condition], *, mined: bool = False) -> _Ways:
    """The model under each condition, asked in both ways.

    Args:
        url: Of a server with /v1/chat/completions.
        conditions: Rows of Table 3.
        mined: Personas are mined by the same model; otherwise they are counted.
    """
    model = open_model(f"openai:local@{url}", BudgetConfig(timeout_seconds=600, attempts=2, concurrency=1))
    personas: PersonaSource = (
        MinedPersonas(Bounded(model), HISTORY_TOKENS) if mined else CountedPersonas(HISTORY_TOKENS)
    )
    asked: list[TaskShopper] = []
    for condition in conditions:
        held = llm_shoppers(ModelConfig(spec=model, options={"max_tokens": ANSWER_TOKENS}), condition=condition)
        about = {**held.settings, "personas": personas.source, "history_tokens": HISTORY_TOKENS}
        asked.append(TaskShopper(f"{ANSWER}, {condition}", ANSWER, condition, held, personas, about))
        likeliest = LikeliestShoppers(held, url)
        asked.append(TaskShopper(f"{LIKELIEST}, {condition}", LIKELIEST, condition, likeliest, personas, about))
    return _Ways(tuple(asked), model)


def run(
    cases: ItemCases,
    url: str,
    conditions: Sequence[Condition] = CONDITIONS,
    *,
    mined: bool = False,
    model: str = MODEL,
    progress: Callable[[str], None] = lambda _: None,
) -> LocalResults:
    """Every case under every condition in both ways, one at a time: the server has one place.

    Raises:
        NobodyAnswersError: The server could not be asked at all.
    """
    asked, stack = both_ways(url, conditions, mined=mined)
    shoppers_at_once = TaskShoppers(asked, {url: stack}, 1)
    asking = ask_shoppers([ItemQuestions(cases)], shoppers_at_once, together=False, progress=progress)
    popular = choose_popular(cases)
    return LocalResults(
        model=model,
        rows=tuple(row_of(name, given, popular, cases) for name, given in asking.answers[0].items()),
        gains=tuple(gains_of(asking.answers[0], cases)),
        settings={
            "cases": len(cases),
            "protocol": cases.protocol,
            "seed": cases.seed,
            "asked": {shopper.name: shopper.settings for shopper in asked},
        },
        paid=stack.report(),
        stopped=asking.stopped,
    )


def table(results: LocalResults) -> Table:
    """Accuracy of both ways of choosing, with 95% intervals, and the paper's beside."""
    title = f"Item selection, {results.settings['cases']} real cases, accuracy in % (Wilson 95%)"
    found = Table(title=title, title_justify="left")
    found.add_column("condition")
    for name in (
        "answer held\nto a schema",
        "no answer\nfailed",
        "likeliest\nnumber",
        "no number\nfailed",
        "paper\n(LLM)",
    ):
        found.add_column(name, justify="right", no_wrap=True)
    by_condition: dict[str, list[ItemRow]] = {}
    for row in results.rows:
        by_condition.setdefault(row.condition or "", []).append(row)
    for condition, ways in by_condition.items():
        cells = []
        for row in ways:
            if row.accuracy.value is None or row.wilson is None:
                cells += ["–", f"{row.unanswered} / {row.failed}"]
                continue
            low, high = 100 * row.wilson.low, 100 * row.wilson.high
            cells += [f"{100 * row.accuracy.value:.1f} ({low:.0f}–{high:.0f})", f"{row.unanswered} / {row.failed}"]
        paper = ways[0].paper
        found.add_row(condition, *cells, "" if paper is None else f"{100 * paper:.2f}")
    return found


def notes(results: LocalResults) -> list[str]:
    """What a reader of the table has to know."""
    lines = [f"Stopped early: {results.stopped}"] if results.stopped else []
    for row in results.rows:
        if row.position is not None:
            shares = " ".join(f"{100 * share:.0f}" for share in row.position.chosen)
            p_value = row.position.bias.p_value
            lines.append(f"{row.shopper}: chose places 1 to {OPTIONS} in {shares}% (p = {p_value:.2g}).")
        for kind, causes in row.causes.items():
            lines += [f"{row.shopper}: {kind} in {count}: {cause}" for cause, count in list(causes.items())[:1]]
    for gain in results.gains:
        if (gain.first, gain.second) in (("base", "persona"), ("history", "persona"), ("base", "history")):
            found = gain.gain
            value, low, high = (100 * (number or 0.0) for number in (found.value, found.low, found.high))
            lines.append(
                f"{gain.shopper}: {gain.second} − {gain.first} {value:+.1f} points "
                f"[{low:.1f}, {high:.1f}], McNemar p = {found.p_value:.2g} (paper {100 * gain.paper:+.2f})."
            )
    return [
        *lines,
        f"Chance is {1 / OPTIONS:.0%}; no answer counts as wrong, a failed call as no case. The paper's model is "
        "incomparably larger.",
    ]


def main(
    cases: Annotated[
        int, typer.Option(min=1, help="Each takes about three quarters of a minute, all conditions together.")
    ] = CASES,
    conditions: Annotated[str, typer.Option(help="With commas between.")] = ",".join(CONDITIONS),
    protocol: Annotated[str, typer.Option(help="popularity (matched distractors) or interests (the paper's).")] = (
        "popularity"
    ),
    personas: Annotated[
        str, typer.Option(help="counted, or mined by the model itself: some minutes a case.")
    ] = "counted",
    threads: Annotated[int, typer.Option(min=1, help="Of the model; more are slower on a busy machine.")] = 1,
    url: Annotated[str | None, typer.Option(help="A server of your own, http://…/v1, instead of SmolLM2.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the results here, as JSON.")] = None,
) -> None:
    """Lets a small local model pick, out of four items, the one that a real household bought."""
    console = Console()
    wanted: list[Any] = conditions.split(",")
    for name in wanted:
        check_condition(name)
    if protocol not in PROTOCOLS:
        raise ValueError(f"Unknown protocol {protocol!r}. Available: {', '.join(PROTOCOLS)}.")
    if personas not in ("counted", "mined"):
        raise ValueError(f"Unknown personas {personas!r}. Available: counted, mined.")
    if url is None:
        weights()  # what is missing is told before the cases are mined
    (mined,) = item_cases(
        reference_people("journey").product_log(),
        RunConfig(sessions=cases, seed=ITEM_SEED),
        ItemDesign((protocol,), per_shopper=1, min_known=ITEM_MIN_KNOWN),  # type: ignore[arg-type]  # checked above
    )
    model = url or MODEL
    console.print(f"The model is {model}; the households are real (Complete Journey), their personas {personas}.")
    begun = time.monotonic()
    context = 8192 if personas == "mined" else 4096
    with local_server(threads=threads, context=context) if url is None else nullcontext(url.removesuffix("/v1")) as at:
        results = run(
            mined,
            f"{at}/v1",
            wanted,
            mined=personas == "mined",
            model=model,
            progress=lambda text: console.print(f"{time.monotonic() - begun:.0f} s: {text}", highlight=False),
        )
    if out is not None:
        out.write_text(json.dumps(results.model_dump(), indent=2) + "\n", encoding="utf-8")
    console.print(table(results))
    for line in notes(results):
        console.print(line, highlight=False, markup=False)


if __name__ == "__main__":
    run_command(main)
