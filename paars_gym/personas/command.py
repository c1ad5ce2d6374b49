"""What does ``paars personas mine`` do, and what would it take?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from paars_gym.llm.budget import BATCH_DISCOUNT
from paars_gym.llm.stack import Stack, payable
from paars_gym.personas.history import with_titles
from paars_gym.personas.population import Summary, forecast_mining, mine_personas
from paars_gym.personas.redaction import Redactor
from paars_gym.personas.store import failures_path
from paars_gym.sessions.event import History

Facts = list[tuple[str, str]]
_BATCHED_AT_ONCE = 10_000


class Mining(BaseModel):
    """Settings of a run of mining; see the command's help for each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sessions: Path
    model: str
    out: Path
    catalog: str | None = None
    as_of: datetime | None = None
    limit: int | None = None
    token_budget: int = 6000
    names: Path | None = None
    cache: Path | None = None
    offline: bool = False
    max_usd: float | None = None
    concurrency: int = 16
    batch: bool = False


def expect(mining: Mining) -> Facts:
    """Calls, tokens and dollars that the run would take, about; asks nobody."""
    titles = _titles(mining)
    histories = (with_titles(history, titles) if titles else history for history in _histories(mining))
    forecast = forecast_mining(histories, mining.model, as_of=mining.as_of, token_budget=mining.token_budget)
    usd = forecast.usd if forecast.usd is None or not mining.batch else forecast.usd * BATCH_DISCOUNT
    return [
        ("calls", f"{forecast.calls:,}"),
        ("input tokens", f"{forecast.input:,}"),
        ("output tokens", f"{forecast.output:,}"),
        ("US dollars", "no price is known" if usd is None else f"{usd:,.2f}"),
    ]


def mine(mining: Mining, *, progress: Callable[[int, int], None] | None = None) -> tuple[Facts, str]:
    """Runs it, and returns what to tell, and why it stopped early ("" when it did not)."""
    names = mining.names.read_text(encoding="utf-8").splitlines() if mining.names else []
    titles = _titles(mining)

    async def work() -> tuple[Summary, Stack]:
        model = payable(
            mining.model,
            cache=mining.cache or mining.out.with_name(f"{mining.out.stem}.replies.sqlite"),
            offline=mining.offline,
            max_usd=mining.max_usd,
            concurrency=mining.concurrency,
            batches=mining.out.with_name(f"{mining.out.stem}.batches.jsonl") if mining.batch else None,
        )
        try:
            summary = await mine_personas(
                _histories(mining),
                model,
                mining.out,
                as_of=mining.as_of,
                token_budget=mining.token_budget,
                titles=titles,
                redactor=Redactor(listed_names=names),
                concurrency=_BATCHED_AT_ONCE if mining.batch else mining.concurrency,
                progress=lambda so_far: progress(so_far.mined, so_far.failed.total()) if progress else None,
            )
        finally:
            await model.aclose()
        return summary, model

    summary, model = asyncio.run(work())
    return _told(summary, model, mining.out), summary.stopped


def _histories(mining: Mining) -> Iterator[History]:
    from paars_gym.sessions.store import Store

    return islice(Store(mining.sessions).histories(mining.as_of), mining.limit)


def _titles(mining: Mining) -> Mapping[str, str] | None:
    if mining.catalog is None:
        return None
    from paars_gym.catalog.load import load_catalog

    catalog = load_catalog(mining.catalog)
    return dict(zip(catalog.column("id").to_pylist(), catalog.column("title").to_pylist(), strict=True))


def _told(summary: Summary, model: Stack, out: Path) -> Facts:
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
        ("US dollars", f"{report['usd']:.4f}"),
    ]
    if report["dropped"]:
        facts.append(("not sent: the model does not take it", ", ".join(sorted(report["dropped"]))))
    if report["calls_without_price"]:
        facts.append(("calls without a known price", f"{report['calls_without_price']:,}"))
    return facts
