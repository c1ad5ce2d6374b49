"""``python -m benchmarks.million``: a million sessions of a language model over ten million products, on paper.

Each row is what ``paars simulate --dry-run --sessions 1000000 ...`` says for a model. With ``--write`` the table goes
into benchmarks/README.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.table import Table

from benchmarks.readme import README
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.config import BudgetConfig, ModelConfig, RunConfig, ShopConfig
from paars_gym.files import write_whole
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress
from paars_gym.simulation.plan import FIGURES, NODE_CORES, NODE_GB, Plan, Terms, plan_run

BEGIN, END = "<!-- million: begin -->", "<!-- million: end -->"
_PLACE = re.compile(rf"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", re.DOTALL)
SESSIONS, PRODUCTS, WITHIN_HOURS, CONCURRENCY = 1_000_000, 10_000_000, 24.0, 512


class PlannedModel(NamedTuple):
    """A model that is asked, and what is assumed of who serves it.

    Attributes:
        spec: Of the model.
        tokens_per_minute: Its limit.
        latency_seconds: Until it answers.
        price: As of ``--price``; None for the known price.
    """

    spec: str
    tokens_per_minute: float
    latency_seconds: float
    price: str | None = None

    def command(self) -> str:
        """What prints the row's plan."""
        price = "" if self.price is None else f" --price {self.price}"
        return (
            f"paars simulate --dry-run --sessions {SESSIONS} --products {PRODUCTS} --policy llm --model {self.spec}"
            f"{price} --concurrency {CONCURRENCY} --tokens-per-minute {self.tokens_per_minute:.0f} "
            f"--latency {self.latency_seconds:g} --within-hours {WITHIN_HOURS:g} --out run"
        )


ROWS = (
    PlannedModel("anthropic:claude-haiku-4-5", 4_000_000, 2.0),
    PlannedModel("openai:gpt-4.1-mini", 10_000_000, 2.0),
    # Eight GPUs at 2 dollars an hour that read and write 10,000 tokens a second each.
    PlannedModel("openai:Qwen3-8B@http://vllm:8000/v1", 4_800_000, 2.0, "0.056,0.056"),
)
HEADINGS = (
    "model",
    "calls, millions",
    "tokens in; out, billions",
    "US dollars; with the provider's prompt cache",
    "hours at the limit",
    f"in {WITHIN_HOURS:g} h: tokens a minute, millions; calls at once; processes; nodes",
    "disk of the run; of the catalog on each node",
    "memory of the first node",
)


def plan_row(row: PlannedModel, catalog: str = "mini") -> Plan:
    """The plan of a row, with the products of a catalog."""
    run = RunConfig(
        sessions=SESSIONS,
        policy="llm",
        model=ModelConfig(spec=row.spec, price=row.price),
        concurrency=CONCURRENCY,
        budget=BudgetConfig(tokens_per_minute=row.tokens_per_minute, cache=Path("replies.sqlite")),
    )
    terms = Terms(latency_seconds=row.latency_seconds, within_hours=WITHIN_HOURS, products=PRODUCTS)
    return plan_run(run, ShopConfig(catalog=catalog), terms)


def cells(row: PlannedModel, plan: Plan) -> tuple[str, ...]:
    """The row of the table."""
    forecast, margins = plan.forecast, plan.forecast.margins
    assert margins is not None, "a sample of a million"
    assert plan.tokens_per_minute is not None
    assert plan.catalog_gb is not None
    cached = "–" if forecast.usd_cached is None else f"{forecast.usd_cached:,.0f}"
    dollars = "–" if forecast.usd is None else f"{forecast.usd:,.0f} ± {margins.usd:.0%}"
    return (
        f"`{row.spec}`",
        f"{forecast.calls / 1e6:.1f} ± {margins.calls:.0%}",
        f"{forecast.input / 1e9:.1f} ± {margins.input:.0%}; {forecast.output / 1e9:.2f}",
        f"{dollars}; {cached}",
        f"{plan.hours:,.0f} ({row.tokens_per_minute / 1e6:g} million tokens a minute)",
        f"{plan.tokens_per_minute / 1e6:.1f}; {plan.calls_at_once:,.0f}; {plan.workers:,}; {plan.nodes:,}",
        f"{sum(plan.disk_gb.values()):.1f} GB; {plan.catalog_gb:.1f} GB",
        f"{plan.memory_gb:.1f} GB",
    )


def page_text(plans: Mapping[PlannedModel, Plan]) -> str:
    """The table in Markdown, what it was reckoned from, and the commands."""
    lines = [_line(HEADINGS), _line(["---"] * len(HEADINGS)), *(_line(cells(row, plan)) for row, plan in plans.items())]
    basis = next(iter(plans.values()))
    figures = "; ".join(f"{name} {each.value:,g} {each.unit}, `{each.source}`" for name, each in FIGURES.items())
    told = (
        f"Reckoned from {basis.forecast.basis}; ± is a 95% interval of their mean, and no more: a model may shop "
        f"longer or shorter than they do. Catalog: {basis.basis}. A node has {NODE_CORES} cores and {NODE_GB} GB, a "
        f"process one core and {CONCURRENCY} sessions at once. Measured elsewhere: {figures}. Assumed, not measured: "
        "the limits, an answer in two seconds, and own GPUs at 2 dollars an hour for 10,000 tokens a second."
    )
    commands = "\n".join(row.command() for row in plans)
    return "\n".join([*lines, "", told, "", "```sh", commands, "```"])


def with_million(readme: str, text: str) -> str:
    """The page with other text between the markers.

    Args:
        readme: Its text.
        text: In Markdown.

    Raises:
        ValueError: It has no such place.
    """
    replaced, times = _PLACE.subn(lambda _: f"\n{text.strip()}\n\n", readme, count=1)
    if not times:
        raise ValueError(f"The page has no lines {BEGIN} and {END}; where should the table go?")
    return replaced


def _line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"


@with_page
def main(
    catalog: Annotated[str, typer.Option(help="Catalog whose pages are shown: a name or a folder.")] = "mini",
    write: Annotated[bool, typer.Option("--write", help="Put the table into benchmarks/README.md.")] = False,
) -> None:
    """Prints what a million sessions of three models over ten million products would take; asks nobody."""
    plans: dict[PlannedModel, Plan] = {}
    with Progress(Printer(stderr=True), "rehearsing") as progress:
        for row in ROWS:
            progress.update(row.spec)
            plans[row] = plan_row(row, catalog)
    console = Printer()
    for row, plan in plans.items():
        table = Table(title=row.spec, show_header=False, title_justify="left")
        for name, text in plan.facts():
            table.add_row(name, text)
        console.print(table)
    if write:
        write_whole(README, with_million(README.read_text(encoding="utf-8"), page_text(plans)))


if __name__ == "__main__":
    run_command(main)
