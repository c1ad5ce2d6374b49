"""Does a dry run say what the run then takes, without a key, a call, or anything left behind?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.config import ModelConfig
from paars_gym.llm.dry_run import EXPECTED_TURN
from paars_gym.simulation.command import Simulation, expect
from paars_gym.simulation.forecast import forecast_run
from paars_gym.simulation.run import run_population


def simulation(tmp_path: Path, **changes: object) -> Simulation:
    given: dict[str, object] = {
        "out": tmp_path / "run", "sessions": 50, "catalog": "mini", "ranking": "bm25", "policy": "llm",
        "condition": "base", "personas": None, "intentions": None, "mix": {}, "seed": 0, "max_steps": 6,
        "concurrency": 4, "resume": False, "model": ModelConfig(spec="openai:gpt-4.1-mini"),
    }  # fmt: skip
    return Simulation(**given | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["tools", "json", "text"])
def test_a_dry_run_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    model = ModelConfig(spec="openai:gpt-4.1-mini", options={"form": form})
    facts = dict(expect(simulation(tmp_path, model=model)))
    assert 50 < int(facts["calls"].replace(",", "")) <= 300
    assert float(facts["US dollars"].split()[0]) > 0
    assert facts["reckoned from"].startswith("24 sessions")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="behavioural asks none"):
        expect(simulation(tmp_path, policy="behavioural", model=None))


def test_it_grows_with_the_sessions_and_the_price(catalog: Catalog) -> None:
    run = {"catalog": catalog, "condition": "base", "max_steps": 6}

    def forecast(sessions: int, price: str | None = None) -> Any:
        model = ModelConfig(spec="openai:own@http://127.0.0.1:1/v1", price=price)
        return forecast_run("llm", sessions=sessions, policy_options={"model": model}, **run)

    one, ten = forecast(24, "1,10"), forecast(240, "1,10")
    assert (ten.calls, ten.input, ten.basis) == (10 * one.calls, 10 * one.input, one.basis)
    assert one.output == one.calls * EXPECTED_TURN
    assert one.usd == pytest.approx((one.input + 10 * one.output) / 1e6)
    assert forecast(24).usd is None


def test_the_tokens_are_those_of_the_run(tmp_path: Path, catalog: Catalog) -> None:
    script = tmp_path / "stop.jsonl"
    script.write_text(json.dumps({"text": "stop[]", "times": None}) + "\n")
    run: dict[str, Any] = {
        "catalog": catalog, "condition": "base", "max_steps": 1, "policy": "llm", "sessions": 10,
        "policy_options": {"model": f"scripted:{script}"},
    }  # fmt: skip
    said = forecast_run(**run)
    run_population(out=tmp_path / "run", **run)
    told = [json.loads(row) for row in (tmp_path / "run" / "telemetry.jsonl").read_text().splitlines()]
    assert said.calls == sum(row["calls"] for row in told) == 10
    assert said.input == sum(row["input"] for row in told)
