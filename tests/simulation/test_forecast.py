"""Does a dry run say what the run then takes, without a key, a call, or anything left behind?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.config import BudgetConfig, ModelConfig, RunConfig, ShopConfig
from paars_gym.llm.dry_run import EXPECTED_TURN, Forecast
from paars_gym.simulation.forecast import SAMPLE, forecast_run, rehearse
from paars_gym.simulation.run import run


@pytest.mark.parametrize("form", ["tools", "json", "text"])
def test_a_dry_run_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    model = ModelConfig(spec="openai:gpt-4.1-mini", options={"form": form})
    config = RunConfig(sessions=150, policy="llm", model=model, condition="base", max_steps=6)
    facts = dict(forecast_run(config).facts())
    assert 150 < int(facts["calls"].split()[0].replace(",", "")) <= 900
    assert float(facts["US dollars"].split()[0]) > 0
    assert facts["reckoned from"].startswith("96 sessions")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="behavioural asks none"):
        forecast_run(RunConfig(sessions=50))


def test_it_grows_with_the_sessions_and_the_price(catalog: Catalog) -> None:
    def expected(sessions: int, price: str | None = None) -> Forecast:
        model = ModelConfig(spec="openai:own@http://127.0.0.1:1/v1", price=price)
        config = RunConfig(sessions=sessions, policy="llm", model=model, condition="base", max_steps=6)
        return forecast_run(config, ShopConfig(catalog=catalog))

    one, ten = expected(96, "1,10"), expected(960, "1,10")
    assert (ten.calls, ten.input, ten.basis) == (10 * one.calls, 10 * one.input, one.basis)
    assert one.margins is None, "nothing was left out"
    assert ten.margins is not None
    assert 0 < ten.margins.calls < 1
    assert one.output == one.calls * EXPECTED_TURN
    assert one.usd == pytest.approx((one.input + 10 * one.output) / 1e6)
    assert expected(24).usd is None


def test_the_tokens_are_those_of_the_run(tmp_path: Path, catalog: Catalog) -> None:
    script = tmp_path / "stop.jsonl"
    script.write_text(json.dumps({"text": "stop[]", "times": None}) + "\n")
    model = ModelConfig(spec=f"scripted:{script}")
    config = RunConfig(sessions=10, policy="llm", model=model, condition="base", max_steps=1)
    said = forecast_run(config, ShopConfig(catalog=catalog))
    run(tmp_path / "run", config, ShopConfig(catalog=catalog))
    told = [json.loads(row) for row in (tmp_path / "run" / "telemetry.jsonl").read_text().splitlines()]
    assert said.calls == sum(row["calls"] for row in told) == 10
    assert said.input == sum(row["input"] for row in told)


def test_the_margin_is_that_of_a_mean_of_some_sessions(catalog: Catalog) -> None:
    model = ModelConfig(spec="openai:own@http://127.0.0.1:1/v1", price="1,10")

    def expected(sessions: int) -> Forecast:
        run = RunConfig(sessions=sessions, policy="llm", model=model, condition="base", max_steps=8)
        return forecast_run(run, ShopConfig(catalog=catalog))

    part, whole = expected(SAMPLE + 1), expected(SAMPLE)
    assert part.margins is not None
    assert part.basis == whole.basis
    # Of 96 sessions that end in 1 to 8 calls, the mean is known to some 5%.
    assert 0.01 < part.margins.calls < 0.2
    assert part.margins.input > 0


def test_disk_is_that_of_the_files_that_a_run_leaves(tmp_path: Path, catalog: Catalog) -> None:
    script = tmp_path / "stop.jsonl"
    script.write_text(json.dumps({"text": "stop[]", "times": None}) + "\n")
    budget = BudgetConfig(cache=tmp_path / "replies.sqlite")
    config = RunConfig(
        sessions=40,
        policy="llm",
        model=ModelConfig(spec=f"scripted:{script}"),
        condition="base",
        max_steps=1,
        budget=budget,
    )
    said = rehearse(config, ShopConfig(catalog=catalog)).disk_bytes
    assert not (tmp_path / "replies.sqlite").exists()
    run(tmp_path / "run", config, ShopConfig(catalog=catalog))
    left = {
        "log": (tmp_path / "run" / "sessions.jsonl").stat().st_size,
        "ledger of calls": (tmp_path / "run" / "ledger.jsonl").stat().st_size,
        "store": sum(file.stat().st_size for file in (tmp_path / "run" / "sessions").rglob("*") if file.is_file()),
        "steps": sum(file.stat().st_size for file in (tmp_path / "run" / "steps").rglob("*") if file.is_file()),
        "telemetry": (tmp_path / "run" / "telemetry.jsonl").stat().st_size,
        "replies": (tmp_path / "replies.sqlite").stat().st_size,
    }
    assert said.keys() == left.keys()
    for kind, size in left.items():
        assert 40 * said[kind] == pytest.approx(size, rel=0.35), kind
