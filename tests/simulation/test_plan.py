"""Is a plan for a large run what its inputs make, does it answer at once, and is every input named?"""

from __future__ import annotations

import math

import pytest

from benchmarks.performance.growth import SIZES
from benchmarks.performance.listed import BENCHMARKS
from paars_gym.catalog.store import Catalog
from paars_gym.config import BudgetConfig, ModelConfig, RunConfig, ShopConfig
from paars_gym.simulation.plan import FIGURES, USUAL, Plan, Terms, plan_run

MILLION = 1_000_000


def planned(catalog: Catalog, terms: Terms = USUAL, *, concurrency: int = 100, minutely: float | None = None) -> Plan:
    run = RunConfig(
        sessions=MILLION,
        policy="llm",
        model=ModelConfig(spec="openai:own@http://127.0.0.1:1/v1", price="1,10"),
        condition="base",
        max_steps=4,
        concurrency=concurrency,
        budget=BudgetConfig(tokens_per_minute=minutely),
    )
    return plan_run(run, ShopConfig(catalog=catalog), terms)


@pytest.fixture(scope="module")
def saved(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    folder = tmp_path_factory.mktemp("catalogs") / "saved"
    catalog.save(folder)
    return Catalog.open(folder)


def test_hours_are_calls_times_what_each_waits(saved: Catalog) -> None:
    plan = planned(saved, Terms(latency_seconds=3.0), minutely=600_000.0)
    waits = {name: wait.hours for name, wait in plan.waits.items()}
    tokens = plan.forecast.input + plan.forecast.output
    assert waits["calls at once"] == pytest.approx(plan.forecast.calls * 3.0 / 100 / 3600)
    assert waits["tokens a minute"] == pytest.approx(tokens / 600_000 / 60)
    assert plan.hours == max(waits.values())
    assert (plan.workers, plan.nodes, plan.calls_at_once) == (1, 1, None)


def test_a_shorter_time_takes_more_processes_and_more_nodes(saved: Catalog) -> None:
    slow, fast = (planned(saved, Terms(latency_seconds=20.0, within_hours=hours), concurrency=8) for hours in (100, 1))
    for plan, hours in ((slow, 100), (fast, 1)):
        assert plan.calls_at_once == pytest.approx(plan.forecast.calls * 20.0 / 3600 / hours)
        assert plan.workers >= math.ceil(plan.calls_at_once / 8)
    assert fast.workers > 50 * slow.workers
    assert fast.nodes > slow.nodes >= 1
    assert slow.tokens_per_minute is not None
    assert fast.tokens_per_minute == pytest.approx(100 * slow.tokens_per_minute)


def test_more_products_take_disk_and_memory_and_no_tokens(saved: Catalog) -> None:
    own, many = planned(saved), planned(saved, Terms(products=10_000_000))
    assert own.forecast[:4] == many.forecast[:4]
    assert own.catalog_gb is not None
    assert many.catalog_gb is not None
    assert many.catalog_gb / own.catalog_gb == pytest.approx(10_000_000 / len(saved))
    added = (10_000_000 - len(saved)) * FIGURES["memory of a product, at most"].value / 1e9
    assert many.memory_gb - own.memory_gb == pytest.approx(added, abs=0.1)
    assert "10,000,000 products are reckoned" in dict(many.facts())["disk of the catalog"]
    assert "reckoned" not in dict(own.facts())["disk of the catalog"]


def test_disk_is_a_million_times_a_session(saved: Catalog) -> None:
    plan = planned(saved)
    assert {"log", "steps", "telemetry", "store", "ledger of calls"} == set(plan.disk_gb)
    # A session of at most four calls leaves some kilobytes, and so a million some gigabytes.
    assert 1 < sum(plan.disk_gb.values()) < 30


def test_every_figure_is_named_with_a_benchmark_that_is_there(saved: Catalog) -> None:
    told = dict(planned(saved).facts())["measured by"]
    for name, figure in FIGURES.items():
        assert f"{name}, {figure.value:,g} {figure.unit} ({figure.source})" in told
        command, _, benchmark = figure.source.partition(" --only ")
        assert command == "python -m benchmarks.performance"
        assert benchmark in (*BENCHMARKS, *SIZES)
