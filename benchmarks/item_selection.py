"""``python -m benchmarks.item_selection``: does knowing a household tell what it bought? (PAARS section 5, Table 3.)

The households are real (Complete Journey, 2017), those who choose for them are not: offline shoppers always, and a
language model under the conditions of Table 3 when one is named.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.items.answers import Answers, Asking, ask_cases
from benchmarks.items.forecast import Forecast, forecast_items
from benchmarks.items.personas import HISTORY_TOKENS
from benchmarks.items.report import ABOUT, notes, table
from benchmarks.items.results import POPULARITY, ItemSelectionResults, by_group, counts_of, gains_of, row_of
from benchmarks.items.scorers import EmbeddingChoice, choose_popular, choose_uniformly
from benchmarks.items.shoppers import Payment, Shoppers, shoppers
from benchmarks.settings import ITEM_CASES, ITEM_CASES_A_HOUSEHOLD, ITEM_CONDITIONS, ITEM_MIN_KNOWN, ITEM_SEED
from paars_gym.alignment.item_selection import OPTIONS, PROTOCOLS, ItemCases, Protocol, mine_item_cases
from paars_gym.cache import cache_dir
from paars_gym.catalog.journey import journey_file
from paars_gym.catalog.load import load_catalog
from paars_gym.cli.running import run_command
from paars_gym.config import CONDITIONS
from paars_gym.embedding import embedder_label, load_embedder
from paars_gym.llm.budget import parse_price
from paars_gym.sessions.importing import household_baskets
from paars_gym.sessions.purchases import ProductLog, read_products

HEADLINE = "No language model ran: uniform, popularity and embedding choose for real households (Journey, 2017)."
TRAITS = ("age", "income", "home_ownership", "marital_status", "household_size", "household_comp", "kids_count")
"""What 801 households told about themselves."""

__all__ = ["ItemSelectionResults", "expect", "main", "notes", "run", "table"]


def run(
    *,
    n_cases: int = ITEM_CASES,
    per_household: int = ITEM_CASES_A_HOUSEHOLD,
    min_known: int = ITEM_MIN_KNOWN,
    seed: int = ITEM_SEED,
    protocols: Sequence[Protocol] = PROTOCOLS,
    embedder: str = "minilm-int8",
    ask: Shoppers = Shoppers(),  # noqa: B008 (a tuple)
    by: str | None = None,
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
        ask: Shoppers to ask case by case, as `item_shoppers.shoppers` makes them.
        by: One of `TRAITS`: accuracy in each group of households as well.
        progress: Told what is going on.

    Raises:
        ImportError: The households' package or the embedder is missing.
        ValueError: A number out of range, no such trait, or no cases.
        NobodyAnswersError: A shopper could not be asked in any case.
    """
    told = _told(by) if by else {}
    progress("reading the households' baskets")
    catalog = load_catalog("journey")
    store = household_baskets()
    log = read_products(store, catalog)
    sets = mined_cases(
        log, protocols, n_cases=n_cases, per_household=per_household, min_known=min_known, seed=seed, progress=progress
    )
    asking = Asking([{} for _ in sets], "")
    if ask.asked:
        # First: it may fail, and the rest would have been for nothing.
        progress("asking")
        asking = asyncio.run(_asked(sets, ask, progress))
    progress("embedding titles and categories, once for all runs")
    vectors = EmbeddingChoice(catalog, load_embedder(embedder))
    found: dict[str, list[Any]] = {"rows": [], "cases": [], "gains": [], "groups": []}
    for cases, answers in zip(sets, asking.answers, strict=True):
        progress(f"choosing: {ABOUT[cases.protocol]}")
        popular = choose_popular(cases)
        chosen = {
            "uniform, base": Answers(choose_uniformly(cases)),
            POPULARITY: Answers(popular),
            **{f"embedding, {name}": Answers(vectors.choose(cases, name)) for name in ITEM_CONDITIONS},
            **answers,
        }
        found["cases"].append(counts_of(cases))
        found["rows"] += [row_of(name, given, popular, cases) for name, given in chosen.items()]
        found["gains"] += gains_of(chosen, cases)
        if by:
            found["groups"].append(by_group(by, told, chosen, cases))
    settings = {
        "n_cases": n_cases,
        "per_household": per_household,
        "min_known": min_known,
        "seed": seed,
        "options": OPTIONS,
        "catalog": catalog.fingerprint,
        "asked": {shopper.name: shopper.settings for shopper in ask.asked},
    }
    return ItemSelectionResults(
        headline=headline(ask),
        humans=f"real: {store.provenance.name}, {len(log.shoppers):,} of them, {len(log):,} purchase lines",
        embedder=embedder_label(vectors.embedder),
        settings=settings,
        paid=tuple(model.report() for model in ask.models.values()),
        stopped=asking.stopped,
        **found,
    )


def mined_cases(
    log: ProductLog,
    protocols: Sequence[Protocol],
    *,
    n_cases: int,
    per_household: int,
    min_known: int,
    seed: int,
    progress: Callable[[str], None] = lambda _: None,
) -> list[ItemCases]:
    """The cases of each protocol.

    Raises:
        ValueError: A number out of range, or no cases.
    """
    sets = []
    for protocol in protocols:
        progress(f"mining cases: {ABOUT[protocol]}")
        cases = mine_item_cases(
            log, protocol=protocol, n_cases=n_cases, per_shopper=per_household, min_known=min_known, seed=seed
        )
        if not len(cases):
            raise ValueError(f"No case with min_known == {min_known}; lower it.")
        sets.append(cases)
    return sets


def headline(ask: Shoppers) -> str:
    """What ran, and what did not."""
    if not ask.models:
        others = sorted({shopper.policy for shopper in ask.asked})
        return HEADLINE + (f" Asked as well: {', '.join(others)}." if others else "")
    sources = {str(about) for shopper in ask.asked if (about := shopper.settings["personas"]) != "none"}
    return (
        f"The language model {', '.join(ask.models)} is asked, beside offline shoppers, for real households (Journey, "
        f"2017). Personas: {' and '.join(sorted(sources)) or 'none'}."
    )


def expect(sets: Sequence[ItemCases], ask: Shoppers, payment: Payment, history_tokens: int) -> dict[str, Forecast]:
    """What each language model would be asked, about, by its spec; nothing is sent."""
    found = {}
    for spec in ask.models:
        mine = [shopper for shopper in ask.asked if shopper.settings.get("model") == spec]
        sources = {shopper.personas.source for shopper in mine}
        found[spec] = forecast_items(
            sets,
            spec,
            [shopper.condition for shopper in mine],
            personas="mined" if "mined" in sources else "counted",
            price=None if payment.price is None else parse_price(payment.price),
            batch=payment.batch,
            history_tokens=history_tokens,
        )
    return found


def main(
    cases: Annotated[int, typer.Option(min=1, help="Cases for each kind of distractors, at most.")] = ITEM_CASES,
    per_household: Annotated[int, typer.Option(min=1, help="Cases a household, at most.")] = ITEM_CASES_A_HOUSEHOLD,
    min_known: Annotated[int, typer.Option(min=1, help="Purchase lines that must be known.")] = ITEM_MIN_KNOWN,
    seed: Annotated[int, typer.Option(min=0, help="Of cases and choices.")] = ITEM_SEED,
    protocol: Annotated[
        list[str] | None,
        typer.Option(help="Distractors: interests (the paper's), popularity (matched). Both by default."),
    ] = None,
    shopper: Annotated[
        list[str] | None,
        typer.Option(
            "--shopper",
            "--policy",
            help="Also ask this shopper case by case: behavioural, embedding, llm, module:Class. Slow.",
        ),
    ] = None,
    model: Annotated[str, typer.Option(help="Of the shopper llm, which it stands for alone.")] = "",
    conditions: Annotated[str, typer.Option(help="Of those asked, with commas between.")] = ",".join(CONDITIONS),
    personas: Annotated[
        str, typer.Option(help="mined by the model, or counted. By default mined where there is a model.")
    ] = "",
    history_tokens: Annotated[int, typer.Option(min=1, help="Of the history in a persona.")] = HISTORY_TOKENS,
    by: Annotated[str, typer.Option(help=f"Also accuracy by group: {', '.join(TRAITS)}.")] = "",
    cache: Annotated[
        Path | None, typer.Option(help="File of replies; by default beside --out, or in the cache folder.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Make no call: answer from the file of replies.")] = False,
    max_usd: Annotated[float | None, typer.Option(min=0, help="Most to spend on a model.")] = None,
    price: Annotated[str, typer.Option(help="IN,OUT: dollars per million tokens, instead of the known ones.")] = "",
    concurrency: Annotated[int, typer.Option(min=1, help="Calls at once.")] = 16,
    attempts: Annotated[int, typer.Option(min=1, help="Most calls for one question.")] = 6,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds, for one call.")] = 120.0,
    batch: Annotated[
        bool, typer.Option("--batch", help="Through the provider's batches: slow, half the price.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what asking the model would take.")] = False,
    embedder: Annotated[str, typer.Option(help="minilm-int8, minilm, lexical or auto.")] = "minilm-int8",
    out: Annotated[Path | None, typer.Option(help="Also write the results here, as JSON.")] = None,
) -> None:
    """Lets shoppers pick, out of four items, the one that a real household bought.

    Offline shoppers take about a minute on two cores the first time, when baskets are imported and titles embedded;
    then some ten seconds. A language model is asked a question a case and condition, and two a case for the persona.
    """
    if price:
        parse_price(price)
    payment = Payment(
        cache=cache or (out.with_name(f"{out.stem}.replies.sqlite") if out else cache_dir("replies") / "items.sqlite"),
        offline=offline,
        max_usd=max_usd,
        price=price or None,
        concurrency=concurrency,
        batch=batch,
        attempts=attempts,
        timeout_seconds=timeout,
        dry=dry_run,
    )
    wanted = _chosen("protocol", protocol or PROTOCOLS, PROTOCOLS)
    _chosen("personas", [personas or "mined"], ("mined", "counted"))
    _chosen("trait", [by or TRAITS[0]], TRAITS)
    ask = shoppers(
        shopper or (),
        model=model,
        conditions=conditions.split(","),  # type: ignore[arg-type]  # checked there
        personas=personas or None,  # type: ignore[arg-type]  # checked above
        payment=payment,
        embedder=embedder,
        history_tokens=history_tokens,
    )
    numbers = {"n_cases": cases, "per_household": per_household, "min_known": min_known, "seed": seed}
    console = Console()
    if dry_run:
        if not ask.models:
            raise ValueError("--dry-run says what a language model would take, and none is named: --model.")
        sets = mined_cases(read_products(household_baskets(), load_catalog("journey")), wanted, **numbers)
        for spec, forecast in expect(sets, ask, payment, history_tokens).items():
            shown = Table(title=f"A dry run: {spec} would take, about", show_header=False, title_justify="left")
            for fact in forecast.facts():
                shown.add_row(*fact)
            console.print(shown)
        return
    console.print(headline(ask))
    with console.status("starting") as status:
        results = run(**numbers, protocols=wanted, embedder=embedder, ask=ask, by=by or None, progress=status.update)
    if out is not None:
        out.write_text(json.dumps(results.model_dump(), indent=2) + "\n", encoding="utf-8")
    console.print(table(results))
    for line in notes(results):
        console.print(line, highlight=False, markup=False)


async def _asked(sets: Sequence[ItemCases], ask: Shoppers, progress: Callable[[str], None]) -> Asking:
    try:
        return await ask_cases(sets, ask.asked, concurrency=ask.cases_at_once, progress=progress)
    finally:
        for model in ask.models.values():
            await model.aclose()


def _told(trait: str) -> dict[str, str]:
    _chosen("trait", [trait], TRAITS)
    rows = pl.read_parquet(journey_file("demographics")).select(pl.col("household_id", trait).cast(pl.String))
    return {house: value for house, value in rows.iter_rows() if value not in (None, "Unknown")}


def _chosen(what: str, names: Iterable[str], available: Sequence[Any]) -> Any:
    for name in names:
        if name not in available:
            raise ValueError(f"Unknown {what} {name!r}. Available: {', '.join(available)}.")
    return list(names)


if __name__ == "__main__":
    run_command(main)
