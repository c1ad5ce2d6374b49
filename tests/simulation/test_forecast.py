"""Does a dry run say what the run then takes, without a key, a call, or anything left behind?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.llm.budget import Price
from paars_gym.simulation.command import Simulation, expect
from paars_gym.simulation.forecast import EXPECTED_OUTPUT, forecast_run
from paars_gym.simulation.run import run_population


def simulation(tmp_path: Path, **changes: object) -> Simulation:
    given: dict[str, object] = {
        "out": tmp_path / "run", "sessions": 50, "catalog": "mini", "ranking": "bm25", "policy": "llm",
        "condition": "base", "personas": None, "intentions": None, "mix": {}, "seed": 0, "max_steps": 6,
        "concurrency": 4, "resume": False, "options": {"model": "openai:gpt-4.1-mini"},
    }  # fmt: skip
    return Simulation(**given | changes)  # type: ignore[arg-type]


def test_a_dry_run_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    facts = dict(expect(simulation(tmp_path)))
    assert 50 < int(facts["calls"].replace(",", "")) <= 300
    assert float(facts["US dollars"].split()[0]) > 0
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="behavioural asks none"):
        expect(simulation(tmp_path, policy="behavioural"))


def test_it_grows_with_the_sessions_and_the_price(catalog: Catalog) -> None:
    run = {"catalog": catalog, "condition": "base", "max_steps": 6}
    one = forecast_run("openai:own@http://127.0.0.1:1/v1", sessions=24, price=Price(1.0, 10.0), **run)
    ten = forecast_run("openai:own@http://127.0.0.1:1/v1", sessions=240, price=Price(1.0, 10.0), **run)
    assert (ten.calls, ten.input, ten.rehearsed) == (10 * one.calls, 10 * one.input, one.rehearsed)
    assert one.output == one.calls * EXPECTED_OUTPUT
    assert one.usd == pytest.approx((one.input + 10 * one.output) / 1e6)
    assert forecast_run("openai:own@http://127.0.0.1:1/v1", sessions=24, **run).usd is None


def test_the_tokens_are_those_of_the_run(tmp_path: Path, catalog: Catalog) -> None:
    script = tmp_path / "stop.jsonl"
    script.write_text(json.dumps({"text": "stop[]", "times": None}) + "\n")
    run = {"catalog": catalog, "condition": "base", "max_steps": 1}
    said = forecast_run(f"scripted:{script}", sessions=10, **run)
    run_population(
        out=tmp_path / "run", sessions=10, policy="llm", policy_options={"model": f"scripted:{script}"}, **run
    )  # type: ignore[arg-type]
    told = [json.loads(row) for row in (tmp_path / "run" / "telemetry.jsonl").read_text().splitlines()]
    assert said.calls == sum(row["calls"] for row in told) == 10
    assert said.input == sum(row["input"] for row in told)
