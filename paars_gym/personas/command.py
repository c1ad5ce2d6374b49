"""What ``paars personas mine`` does, and a forecast of what it would take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from paars_gym.exit_codes import ExitCode
from paars_gym.llm.dry_run import Forecast
from paars_gym.llm.ledger import sharing, temporary_ledger
from paars_gym.llm.prices import BATCH_DISCOUNT, cost_in_words, money, parse_price
from paars_gym.llm.stack import Stack, open_model
from paars_gym.outputs import writing
from paars_gym.personas.history import with_titles
from paars_gym.personas.mining_many import MiningOptions, MiningSummary, forecast_mining, mine_personas
from paars_gym.personas.redaction import make_redactor
from paars_gym.personas.settings import Mining, MiningSettings
from paars_gym.personas.spread_mining import mine_on_ray
from paars_gym.personas.store import failures_path, read_shoppers
from paars_gym.sessions.event import History
from paars_gym.sessions.opening import open_store

Facts = list[tuple[str, str]]


class MiningOutcome(NamedTuple):
    """How a run of mining ended.

    Attributes:
        facts: What to print.
        stopped: Why it stopped early; empty when it did not.
        exit_code: Of a command that ends so.
        nothing: Why there is not one persona; empty when there is.
    """

    facts: Facts
    stopped: str
    exit_code: int
    nothing: str


def expect(mining: Mining) -> Forecast:
    """Calls, tokens and dollars that the run would take, about; no model is asked."""
    titles = _titles(mining)
    histories = (with_titles(history, titles) if titles else history for history in _histories(mining))
    price = mining.model.price
    forecast = forecast_mining(
        histories,
        mining.model.spec,
        as_of=mining.as_of,
        token_budget=mining.token_budget,
        price=None if price is None else parse_price(price),
    )
    if forecast.usd is None or mining.budget.batches is None or mining.budget.batch_api is not None:
        return forecast
    return forecast._replace(usd=forecast.usd * BATCH_DISCOUNT)


def mine(
    mining: Mining,
    *,
    progress: Callable[[int, int], None] | None = None,
    announce: Callable[[str], None] | None = None,
) -> MiningOutcome:
    """Runs it.

    Args:
        mining: What to do.
        progress: Called with how many are mined and how many failed.
        announce: Called with the id of each batch.

    Raises:
        ValueError: The file of personas was begun with other settings.
    """
    redactor = make_redactor(names_file=mining.names, recognisers=mining.recognisers, regions=mining.regions)
    titles = _titles(mining)

    budget = sharing(mining.budget, temporary_ledger() if mining.backend == "ray" else None)

    async def work() -> tuple[MiningSummary, Stack]:
        config = mining.model.model_copy(update={"redactor": mining.model.redactor or redactor})
        model = open_model(config, budget, announce=announce)
        try:
            settings = MiningSettings.of(mining, model.family, redactor)
            settings.begin(mining.out)
            summary = await mine_personas(
                _histories(mining),
                model,
                mining.out,
                MiningOptions(mining.as_of, mining.token_budget, titles, redactor, mining.temperature),
                concurrency=model.at_once,
                elsewhere=None if mining.backend == "local" else mine_on_ray(mining, titles, budget, model),
                progress=lambda so_far: progress(so_far.mined, so_far.failed.total()) if progress else None,
            )
            settings.record(mining.out, model.report()["dropped"])
        finally:
            await model.aclose()
        return summary, model

    with writing(mining.out, kind="file"):
        summary, model = asyncio.run(work())
    facts, nothing = _facts(summary, model, mining.out), _nothing(summary, mining)
    if nothing and model.unanswered:  # too few shoppers to end it earlier
        return MiningOutcome(facts, "", ExitCode.MODEL_FAILED, model.unanswered)
    return MiningOutcome(facts, summary.stopped, summary.exit_code, nothing)


def _nothing(summary: MiningSummary, mining: Mining) -> str:
    if summary.mined or summary.kept or summary.stopped:
        return ""
    before = f" before {mining.as_of:%Y-%m-%d}" if mining.as_of else ""
    if not summary.failed or set(summary.failed) == {"EmptyHistoryError"}:
        return f"No persona was mined: no shopper of {mining.sessions} did anything{before}."
    causes = ", ".join(f"{count:,} {cause}" for cause, count in summary.failed.most_common())
    return f"No persona was mined: {causes}; the reasons are in {failures_path(mining.out)}."


def _histories(mining: Mining) -> Iterator[History]:
    shoppers = read_shoppers(mining.shoppers) if mining.shoppers else None
    return islice(open_store(mining.sessions).histories(mining.as_of, shoppers=shoppers), mining.limit)


def _titles(mining: Mining) -> Mapping[str, str] | None:
    if mining.catalog is None:
        return None
    from paars_gym.catalog.load import load_catalog

    catalog = load_catalog(mining.catalog)
    return dict(zip(catalog.column("id").to_pylist(), catalog.column("title").to_pylist(), strict=True))


def _facts(summary: MiningSummary, model: Stack, out: Path) -> Facts:
    report = model.report()
    facts = [("mined", f"{summary.mined:,}"), ("there already", f"{summary.kept:,}")]
    facts += [(f"failed: {cause}", f"{count:,}") for cause, count in summary.failed.most_common()]
    if summary.failed:
        facts.append(("failures are in", str(failures_path(out))))
    facts += [(f"redacted: {kind}", f"{count:,}") for kind, count in summary.redacted.most_common()]
    facts += [
        ("calls", f"{report['calls']:,}, and {report['from_cache']:,} answers from the cache"),
        ("retries", f"{report['retries']:,}"),
        ("tokens", ", ".join(f"{kind.replace('_', ' ')} {count:,}" for kind, count in report["tokens"].items())),
        ("input from the provider's cache", f"{report['prompt_cache_share']:.0%}"),
        ("US dollars", _cost(report)),
    ]
    whole = report["in_all"]
    if whole["calls"] > report["calls"]:
        facts.append(("in the ledger of all tries", f"{whole['calls']:,} calls, {money(whole['usd'])} US dollars"))
    if whole["open_calls"]:
        facts.append(
            ("without an answer", f"{whole['open_calls']:,} calls, {money(whole['open_usd'])} US dollars at most")
        )
    if report["dropped"]:
        facts.append(("not sent, or set by us", ", ".join(sorted(report["dropped"]))))
    return facts


def _cost(report: dict[str, Any]) -> str:
    return cost_in_words(report["usd"], report["calls"], report["calls_without_price"], report["tokens_without_price"])
