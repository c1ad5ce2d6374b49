"""How long a large run with a language model would take, and what machines it would need: on paper, from measurements.

What a session takes is measured in a rehearsal (`paars_gym.simulation.forecast`); what a rehearsal cannot see are the
figures of `FIGURES`, each with the benchmark that prints it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import NamedTuple

from paars_gym.catalog.load import load_catalog
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.llm.dry_run import Forecast
from paars_gym.simulation.forecast import rehearse

LATENCY_SECONDS = 2.0
NODE_CORES, NODE_GB = 16, 64
"""A node that is counted in: the middle size of any cloud."""


class MeasuredFigure(NamedTuple):
    """A measured number that plans are made with.

    Attributes:
        value: In `unit`.
        unit: Of the value.
        source: The command that prints it.
    """

    value: float
    unit: str
    source: str


_BENCHMARK = "python -m benchmarks.performance --only"
FIGURES: Mapping[str, MeasuredFigure] = {
    "CPU of a call, connection included": MeasuredFigure(2.6, "ms", f"{_BENCHMARK} concurrency"),
    "memory of a session that waits": MeasuredFigure(142, "KiB", f"{_BENCHMARK} client"),
    "memory of a session that has ended, at most": MeasuredFigure(494, "bytes", f"{_BENCHMARK} sessions"),
    "memory of a product, at most": MeasuredFigure(414, "bytes", f"{_BENCHMARK} serving"),
}
"""At most: the whole process's at a million of them, for each."""


class Terms(NamedTuple):
    """What a plan is made for.

    Attributes:
        latency_seconds: Until the model answers a call.
        within_hours: When the run shall be done; None for however long it takes.
        products: In the catalog; None for those of the catalog at hand.
    """

    latency_seconds: float = LATENCY_SECONDS
    within_hours: float | None = None
    products: int | None = None


USUAL = Terms()


class Wait(NamedTuple):
    """How long a process takes because of one thing that it waits for, and why, in words."""

    hours: float
    why: str


class Plan(NamedTuple):
    """What a run would take.

    Attributes:
        forecast: Of the model.
        waits: Of one process, by what it waits for: calls at once, a core, tokens a minute. The longest decides.
        calls_at_once: To be done in time; None where no time is set, as the next two.
        tokens_per_minute: To be done in time.
        workers: Processes with a core each that are done in time.
        nodes: That hold these workers, with `NODE_CORES` cores and `NODE_GB` GB each.
        disk_gb: Of the run folder and what lies beside it, by what it is.
        catalog_gb: Disk of the catalog with its index, on each node.
        memory_gb: Of the first node, where the log is kept: workers and catalog included.
        terms: What it was made for.
        basis: What the catalog's numbers are reckoned from, in words.
    """

    forecast: Forecast
    waits: Mapping[str, Wait]
    calls_at_once: float | None
    tokens_per_minute: float | None
    workers: int
    nodes: int
    disk_gb: Mapping[str, float]
    catalog_gb: float | None
    memory_gb: float
    terms: Terms
    basis: str

    @property
    def hours(self) -> float:
        """Of one process."""
        return max(wait.hours for wait in self.waits.values())

    def facts(self) -> list[tuple[str, str]]:
        """Name and text of each line to print."""
        facts = [*self.forecast.facts(), ("hours of one process", f"{self.hours:,.1f}, the longest of these:")]
        facts += [(f"by {name}", f"{wait.hours:,.1f}: {wait.why}") for name, wait in self.waits.items()]
        if self.terms.within_hours is not None:
            facts.append(
                (
                    f"within {self.terms.within_hours:g} hours",
                    f"{self.calls_at_once:,.0f} calls at once, {self.tokens_per_minute:,.0f} tokens a minute: "
                    f"{_counted(self.workers, 'process', 'es')} on {_counted(self.nodes, 'node')} of "
                    f"{NODE_CORES} cores and {NODE_GB} GB",
                )
            )
        kinds = ", ".join(f"{kind} {_size(gb)}" for kind, gb in sorted(self.disk_gb.items(), key=lambda kept: -kept[1]))
        facts.append(("disk of the run", f"{_size(sum(self.disk_gb.values()))}: {kinds}"))
        if self.catalog_gb is not None:
            facts.append(("disk of the catalog", f"{_size(self.catalog_gb)} on each node; {self.basis}"))
        facts.append(("memory", f"{_size(self.memory_gb)} of the first node, its workers and the catalog included"))
        return [*facts, ("measured by", "; ".join(_told(name, figure) for name, figure in FIGURES.items()))]


def plan_run(run: RunConfig, shop: ShopConfig = ShopConfig(), terms: Terms = USUAL) -> Plan:
    """Tokens, dollars, hours, disk, memory and nodes of a run, about; asks nobody.

    Args:
        run: As it would be run; its policy asks a model. ``concurrency`` and ``budget.tokens_per_minute`` are those of
            one process.
        shop: Where.
        terms: What else is wanted.

    Raises:
        ValueError: As `forecast_run`.
    """
    catalog = load_catalog(shop.catalog)
    rehearsed = rehearse(run, shop.model_copy(update={"catalog": catalog}))
    forecast, figure = rehearsed.forecast, {name: each.value for name, each in FIGURES.items()}
    tokens = forecast.input + forecast.output
    cpu = rehearsed.cpu_seconds + figure["CPU of a call, connection included"] / 1000
    at_once = min(run.concurrency, run.sessions)
    at_once_hours, core_hours = forecast.calls * terms.latency_seconds / at_once / 3600, forecast.calls * cpu / 3600
    waits = {
        "calls at once": Wait(
            at_once_hours, f"{at_once:,} at once, {terms.latency_seconds:g} s each (--concurrency, --latency)"
        ),
        "computing": Wait(core_hours, f"{1000 * cpu:.1f} ms of a core for each call at most, the log included"),
    }
    if (limit := run.budget.tokens_per_minute) is not None:
        waits["tokens a minute"] = Wait(tokens / limit / 60, f"{limit:,.0f} (--tokens-per-minute)")
    workers, needed, minutely = 1, None, None
    if terms.within_hours is not None:
        needed = at_once_hours * at_once / terms.within_hours
        minutely = tokens / terms.within_hours / 60
        workers = max(1, math.ceil(max(needed / at_once, core_hours / terms.within_hours)))
    products = terms.products or len(catalog)
    of_catalog = None if catalog.folder is None else sum(
        file.stat().st_size for file in catalog.folder.rglob("*") if file.is_file()
    ) / len(catalog)  # fmt: skip
    worker_gb = _peak_gb() + at_once * figure["memory of a session that waits"] * 2**10 / 1e9
    shared_gb = products * figure["memory of a product, at most"] / 1e9
    kept_gb = run.sessions * figure["memory of a session that has ended, at most"] / 1e9
    most_a_node = max(1, min(NODE_CORES, int((NODE_GB - shared_gb - kept_gb) / worker_gb)))
    nodes = math.ceil(workers / most_a_node)
    reckoned = f"{of_catalog or 0:,.0f} bytes a product, measured with {len(catalog):,}"
    return Plan(
        forecast,
        waits,
        needed,
        minutely,
        workers,
        nodes,
        disk_gb={kind: run.sessions * size / 1e9 for kind, size in rehearsed.disk_bytes.items()},
        catalog_gb=None if of_catalog is None else products * of_catalog / 1e9,
        memory_gb=min(workers, most_a_node) * worker_gb + shared_gb + kept_gb,
        terms=terms,
        basis=reckoned if products == len(catalog) else f"{products:,} products are reckoned: {reckoned}",
    )


def _told(name: str, figure: MeasuredFigure) -> str:
    return f"{name}, {figure.value:,g} {figure.unit} ({figure.source})"


def _counted(number: int, name: str, ending: str = "s") -> str:
    return f"{number:,} {name}{ending if number > 1 else ''}"


def _size(gigabytes: float) -> str:
    return f"{gigabytes:,.1f} GB" if gigabytes >= 1 else f"{1000 * gigabytes:,.1f} MB"


def _peak_gb() -> float:
    """The most memory that this process took; on Windows, which does not tell, what is usual."""
    try:
        import resource
    except ImportError:
        return 0.3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
