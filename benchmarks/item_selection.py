"""``python -m benchmarks.item_selection``: does knowing a household tell what it bought? (PAARS section 5, Table 3.)

No language model runs. The households are real (Complete Journey, 2017), those who choose for them are not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from benchmarks.item_answers import UNANSWERED, answers_of
from benchmarks.item_scorers import Choices, Chooser, EmbeddingChoice, choose_popular, choose_uniformly
from benchmarks.settings import (
    ITEM_CASES,
    ITEM_CASES_A_HOUSEHOLD,
    ITEM_CONDITIONS,
    ITEM_MIN_KNOWN,
    ITEM_SEED,
    PAPER_ITEM_SELECTION,
)
from paars_gym.alignment.individual import accuracy, accuracy_difference, wilson_interval
from paars_gym.alignment.item_selection import OPTIONS, PROTOCOLS, ItemCases, Protocol, mine_item_cases
from paars_gym.catalog.load import load_catalog
from paars_gym.embedding import embedder_label, load_embedder
from paars_gym.personas.persona import CONDITIONS, Condition, Persona
from paars_gym.sessions.households import household_baskets
from paars_gym.sessions.ingest.journey import CAVEAT
from paars_gym.sessions.purchases import read_products
from paars_gym.shoppers.conditions import check_condition

HEADLINE = "No language model ran: uniform, popularity and embedding choose for real households (Journey, 2017)."
SHORT: dict[Protocol, str] = {"interests": "paper's\ndistr.", "popularity": "matched\ndistr."}
ABOUT: dict[Protocol, str] = {
    "interests": "The paper's distractors are of categories that the household never bought",
    "popularity": "Matched distractors are bought by the others as often as the right item, and never by the household",
}
Bounds = tuple[float, float]


class ItemRow(BaseModel):
    """How often one shopper was right on one set of cases.

    Attributes:
        shopper: Who chose, with the condition: ``embedding, profile``.
        condition: Of the paper's Table 3; None where it has no such row.
        protocol: How the distractors were drawn.
        cases: Number.
        unanswered: Cases that the shopper gave up or whose model failed; they count as wrong.
        accuracy: Share right.
        wilson: 95% interval that takes the cases as independent.
        clustered: 95% interval that resamples households.
        p_value: Against chance, cases as independent.
        paper: The paper's accuracy, of a language model and other shoppers.
    """

    model_config = ConfigDict(frozen=True)

    shopper: str
    condition: str | None
    protocol: Protocol
    cases: int
    unanswered: int
    accuracy: float
    wilson: Bounds
    clustered: Bounds
    p_value: float
    paper: float | None


class CaseCounts(BaseModel):
    """The cases of one protocol: how many, of how many households, and how many baskets could give none."""

    model_config = ConfigDict(frozen=True)

    protocol: Protocol
    cases: int
    households: int
    without_history: int
    without_distractors: int


class Gain(BaseModel):
    """Persona less history alone, on the same cases: share, 95% interval, McNemar's p, and the paper's."""

    model_config = ConfigDict(frozen=True)

    protocol: Protocol
    difference: float
    interval: Bounds
    p_value: float
    paper: float


class ItemSelectionResults(BaseModel):
    """Table 3 on real households.

    Attributes:
        headline: What ran, and what did not.
        humans: Whose choices they are.
        rows: One for each shopper and protocol.
        cases: One for each protocol.
        gains: What all components together add.
        embedder: What made the vectors.
        settings: Numbers that decide the cases.
    """

    model_config = ConfigDict(frozen=True)

    headline: str
    humans: str
    rows: tuple[ItemRow, ...]
    cases: tuple[CaseCounts, ...]
    gains: tuple[Gain, ...]
    embedder: str
    settings: dict[str, Any]


def run(
    *,
    n_cases: int = ITEM_CASES,
    per_household: int = ITEM_CASES_A_HOUSEHOLD,
    min_known: int = ITEM_MIN_KNOWN,
    seed: int = ITEM_SEED,
    protocols: Sequence[Protocol] = PROTOCOLS,
    embedder: str = "minilm-int8",
    choosers: Mapping[str, Chooser] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> ItemSelectionResults:
    """Mines the cases and lets every shopper choose.

    Args:
        n_cases: At most, for each protocol.
        per_household: Cases a household, at most, each from another of its last baskets.
        min_known: Purchase lines that must be left of the history.
        seed: Of cases and choices.
        protocols: How distractors are drawn.
        embedder: Name for `load_embedder`.
        choosers: More shoppers, by name; a name that ends in ``, <condition>`` stands beside the paper's row.
        progress: Told what is going on.

    Raises:
        ImportError: The households' package or the embedder is missing.
        ValueError: A number out of range, or no cases.
    """
    progress("reading the households' baskets")
    catalog = load_catalog("journey")
    store = household_baskets()
    log = read_products(store, catalog)
    progress("embedding titles and categories, once for all runs")
    vectors = EmbeddingChoice(catalog, load_embedder(embedder))
    rows: list[ItemRow] = []
    counts: list[CaseCounts] = []
    gains: list[Gain] = []
    for protocol in protocols:
        progress(f"choosing: {ABOUT[protocol]}")
        cases = mine_item_cases(
            log, protocol=protocol, n_cases=n_cases, per_shopper=per_household, min_known=min_known, seed=seed
        )
        if not len(cases):
            raise ValueError(f"No case with min_known == {min_known}; lower it.")
        counts.append(_counts(cases))
        chosen: dict[str, Choices] = {
            "uniform, base": choose_uniformly(cases),
            "popularity": choose_popular(cases),
            **{f"embedding, {condition}": vectors.choose(cases, condition) for condition in ITEM_CONDITIONS},
            **{name: chooser(cases) for name, chooser in (choosers or {}).items()},
        }
        rows += [_row(name, choices, cases) for name, choices in chosen.items()]
        gains.append(_gain(chosen["embedding, history"], chosen["embedding, persona"], cases))
    settings = {
        "n_cases": n_cases,
        "per_household": per_household,
        "min_known": min_known,
        "seed": seed,
        "options": OPTIONS,
        "catalog": catalog.fingerprint,
    }
    return ItemSelectionResults(
        headline=HEADLINE,
        humans=f"real: {store.provenance.name}, {len(log.shoppers):,} of them, {len(log):,} purchase lines",
        rows=tuple(rows),
        cases=tuple(counts),
        gains=tuple(gains),
        embedder=embedder_label(vectors.embedder),
        settings=settings,
    )


def asked(
    shoppers: Sequence[str],
    *,
    model: str = "",
    embedder: str = "minilm-int8",
    conditions: Sequence[Condition] = CONDITIONS,
) -> dict[str, Chooser]:
    """Choosers for shoppers by name under several conditions.

    Raises:
        ValueError: No such shopper, or it takes no model.
    """
    for condition in conditions:
        check_condition(condition)
    options: dict[str, dict[str, Any]] = {spec: {"model": model} if model else {} for spec in shoppers}
    if "embedding" in options:
        options["embedding"] = {"embedder": load_embedder(embedder)}
    personas: dict[str, Persona] = {}
    return {
        # The embedding shopper of the package reads texts, that of the table above counts on shared phrases.
        f"{spec}{' shopper' * (spec == 'embedding')}, {condition}": answers_of(
            spec, condition, personas=personas, options=options[spec]
        )
        for spec in shoppers
        for condition in conditions
    }


def table(results: ItemSelectionResults) -> Table:
    """The results as a table: a row a shopper, a column a protocol, the paper's values beside."""
    found = Table(title="Table 3, item selection: accuracy in %, real households", title_justify="left")
    found.add_column("shopper")
    for counts in results.cases:
        found.add_column(SHORT[counts.protocol], justify="right", no_wrap=True)
        found.add_column("Wilson 95%\nclustered", justify="right", no_wrap=True)
    found.add_column("paper\n(LLM)", justify="right", no_wrap=True)
    by_shopper: dict[str, list[ItemRow]] = {}
    for row in results.rows:
        by_shopper.setdefault(row.shopper, []).append(row)
    for shopper, cells in by_shopper.items():
        texts = []
        for row in cells:
            texts += [f"{100 * row.accuracy:.2f}", f"{_bounds(row.wilson)}\n{_bounds(row.clustered)}"]
        paper = cells[0].paper
        found.add_row(shopper, *texts, "" if paper is None else f"{100 * paper:.2f}")
    return found


def notes(results: ItemSelectionResults) -> list[str]:
    """What a reader of the table has to know."""
    lines = [f"Humans: {results.humans}.", f"Chance is {1 / OPTIONS:.0%}. Embeddings: {results.embedder}."]
    for counts, gain in zip(results.cases, results.gains, strict=True):
        lines.append(
            f"{ABOUT[counts.protocol]}: {counts.cases:,} cases of {counts.households:,} households; no case from "
            f"{counts.without_history:,} baskets with fewer than {results.settings['min_known']} purchases known "
            f"and {counts.without_distractors:,} without distractors. Embedding, persona less history alone: "
            f"{100 * gain.difference:+.2f} points [{100 * gain.interval[0]:.2f}, {100 * gain.interval[1]:.2f}], "
            f"p = {gain.p_value:.2g} (paper {100 * gain.paper:+.2f})."
        )
    return [
        *lines,
        "Where popularity alone does well, an accuracy says little about the household.",
        "The embedding's score (similarity less the average household's, sizes dropped, components weighted alike) was "
        "chosen on these cases with another seed: its rows are mildly optimistic.",
        CAVEAT,
    ]


def main(
    cases: Annotated[int, typer.Option(min=1, help="Cases for each kind of distractors, at most.")] = ITEM_CASES,
    per_household: Annotated[int, typer.Option(min=1, help="Cases a household, at most.")] = ITEM_CASES_A_HOUSEHOLD,
    min_known: Annotated[int, typer.Option(min=1, help="Purchase lines that must be known.")] = ITEM_MIN_KNOWN,
    seed: Annotated[int, typer.Option(min=0, help="Of cases and choices.")] = ITEM_SEED,
    shopper: Annotated[
        list[str] | None,
        typer.Option(
            "--shopper",
            "--policy",
            help="Also ask this shopper case by case: behavioural, embedding, llm, module:Class. Slow.",
        ),
    ] = None,
    model: Annotated[str, typer.Option(help="Of the shopper llm.")] = "",
    conditions: Annotated[str, typer.Option(help="Of those asked, with commas between.")] = ",".join(CONDITIONS),
    embedder: Annotated[str, typer.Option(help="minilm-int8, minilm, lexical or auto.")] = "minilm-int8",
    out: Annotated[Path | None, typer.Option(help="Also write the results here, as JSON.")] = None,
) -> None:
    """Lets offline shoppers pick, out of four items, the one that a real household bought.

    About a minute on two cores the first time, when baskets are imported and titles embedded; then some ten seconds.
    """
    console = Console()
    headline = f"The language model {model} is asked, beside offline shoppers." if model else HEADLINE
    console.print(headline)
    with console.status("starting") as status:
        results = run(
            n_cases=cases,
            per_household=per_household,
            min_known=min_known,
            seed=seed,
            embedder=embedder,
            choosers=asked(
                shopper or (),
                model=model,
                embedder=embedder,
                conditions=conditions.split(","),  # type: ignore[arg-type]  # checked there
            ),
            progress=status.update,
        ).model_copy(update={"headline": headline})
    console.print(table(results))
    for line in notes(results):
        console.print(line)
    if out is not None:
        out.write_text(json.dumps(results.model_dump(), indent=2) + "\n", encoding="utf-8")


def _counts(cases: ItemCases) -> CaseCounts:
    return CaseCounts(
        protocol=cases.protocol,
        cases=len(cases),
        households=len(np.unique(cases.shopper)),
        without_history=cases.without_history,
        without_distractors=cases.without_distractors,
    )


def _row(name: str, choices: Choices, cases: ItemCases) -> ItemRow:
    right = choices == cases.answer
    measured = accuracy(right, options=OPTIONS, shoppers=cases.shopper)
    wilson = wilson_interval(int(right.sum()), len(right))
    condition = name.rpartition(", ")[2] if ", " in name else None
    paper = PAPER_ITEM_SELECTION.get(condition or "")
    return ItemRow(
        shopper=name,
        condition=condition,
        protocol=cases.protocol,
        cases=len(right),
        unanswered=int((choices == UNANSWERED).sum()),
        accuracy=measured.estimate,
        wilson=(wilson.low, wilson.high),
        clustered=(measured.interval.low, measured.interval.high),
        p_value=measured.p_value,
        paper=None if paper is None else paper / 100,
    )


def _gain(history: Choices, persona: Choices, cases: ItemCases) -> Gain:
    difference = accuracy_difference(history == cases.answer, persona == cases.answer)
    return Gain(
        protocol=cases.protocol,
        difference=difference.estimate,
        interval=(difference.interval.low, difference.interval.high),
        p_value=difference.p_value,
        paper=(PAPER_ITEM_SELECTION["persona"] - PAPER_ITEM_SELECTION["history"]) / 100,
    )


def _bounds(bounds: Bounds) -> str:
    return f"{100 * bounds[0]:.1f}–{100 * bounds[1]:.1f}"


if __name__ == "__main__":
    typer.run(main)
