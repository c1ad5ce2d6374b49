"""Do shoppers with a language model survive a provider's bad days, over real HTTP and with the real SDKs?"""

from __future__ import annotations

import json
import logging
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from paars_gym.alignment.session_log import UNSCORED, open_log
from paars_gym.catalog.load import load_catalog
from paars_gym.catalog.store import Catalog
from paars_gym.config import BudgetConfig, ModelConfig, RunConfig, ShopConfig
from paars_gym.llm.limits import CallLimits, Retrying
from paars_gym.personas.persona import ConsumerProfile, Interests, Persona, ShoppingPreferences
from paars_gym.simulation.result import RunResult
from paars_gym.simulation.run import run as simulate
from tests.shoppers.bad_days import FAULTS, PLANTED, SPECS, BadDay, bad_day

IDS = [f"{kind}{number}" for kind in "hks" for number in (1, 2, 3, 4)]
PEOPLE = [
    Persona(
        shopper=f"s{number}",
        profile=ConsumerProfile(categories=Interests(values=("Kettles",))),
        preferences=ShoppingPreferences(notes=f"Number {number}."),
        source="synthetic",
    )
    for number in range(20)
]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between attempts fifty times shorter; what is waited for is the same."""
    wait, decrease = Retrying._wait, CallLimits._decrease
    monkeypatch.setattr(Retrying, "_wait", lambda self, *args: wait(self, *args) / 50)
    monkeypatch.setattr(CallLimits, "_decrease", lambda self, began, after: decrease(self, began, after and after / 50))


@pytest.fixture(params=sorted(SPECS))
def spec(request: pytest.FixtureRequest, llmock: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OPENAI_API_KEY", PLANTED)
    monkeypatch.setenv("ANTHROPIC_API_KEY", PLANTED)
    return SPECS[request.param]


def run(spec: str, out: Path, catalog: Catalog, sessions: int, *, concurrency: int = 50, **budget: Any) -> RunResult:
    config = RunConfig(
        sessions=sessions,
        policy="llm",
        model=ModelConfig(spec=spec),
        budget=BudgetConfig(**{"stream": True, "timeout_seconds": 1.0, "concurrency": concurrency, **budget}),
        personas=PEOPLE,
        max_steps=12,
        concurrency=concurrency,
    )
    return simulate(out, config, ShopConfig(catalog=catalog), resume=True)


def log_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(row) for row in (out / "sessions.jsonl").read_text().splitlines()]


def accounted_for(out: Path, sessions: int) -> Counter[str]:
    """Every session once, the failed with their cause, and the stored ones the same."""
    rows = log_of(out)
    keys = [row["session"]["key"] for row in rows]
    assert sorted(keys) == [f"{number:07d}" for number in range(sessions)]
    for row in rows:
        assert bool(row.get("cause")) == (row["session"]["end"] in ("gave_up", "policy_error"))
    return Counter(row["session"]["end"] for row in rows)


def holds_no_key(*folders: Path) -> bool:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert files
    return not any(PLANTED.encode() in path.read_bytes() for path in files)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_alone(spec: str, llmock: Any, tmp_path: Path, catalog: Catalog, fault: str) -> None:
    with bad_day(llmock, BadDay(IDS, share=0.2, only=fault, seed=3)) as day:
        tally = run(spec, tmp_path / "run", catalog, 8, timeout_seconds=0.5 if fault == "timeout" else 5.0)
    ends = accounted_for(tmp_path / "run", 8)
    assert day.seen[fault] > 0
    assert not tally.stopped
    # Random shopping does the same thing again and again at times.
    loops = sum(str(row.get("cause")).startswith("loop") for row in log_of(tmp_path / "run"))
    assert ends["gave_up"] - loops == (day.seen[fault] if fault == "refusal" else 0)
    assert loops <= 4
    # A conversation that is short already cannot be made shorter: that is said, and tried again by a resumed run.
    failed = [row["cause"] for row in log_of(tmp_path / "run") if row["session"]["end"] == "policy_error"]
    assert all(fault == "context length" and cause.startswith("ContextLengthError") for cause in failed)
    assert ends["stop"] > 0


def thirty_per_cent(spec: str, llmock: Any, out: Path, catalog: Catalog, sessions: int) -> Counter[str]:
    with bad_day(llmock, BadDay(IDS, share=0.3)) as day:
        tally = run(spec, out / "run", catalog, sessions, cache=out / "replies.sqlite")
    assert not tally.stopped
    assert len(day.seen) > len(FAULTS) / 2 if sessions < 200 else set(day.seen) == set(FAULTS)
    ends = accounted_for(out / "run", sessions)
    assert ends == tally.ends
    assert ends["gave_up"] >= (day.seen["refusal"] > 0)
    # The metrics leave the failed out, and count them.
    log = open_log(out / "run")
    assert log.excluded == {end: count for end, count in ends.items() if end in UNSCORED and count}
    assert int(log.keep.sum()) == sessions - sum(log.excluded.values())
    assert ends["stop"] + ends["max_steps"] > sessions / 2
    assert holds_no_key(out)
    return ends


@pytest.mark.usefixtures("quick")
def test_thirty_per_cent_faults(
    spec: str, llmock: Any, tmp_path: Path, catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    thirty_per_cent(spec, llmock, tmp_path, catalog, 24)
    assert PLANTED not in caplog.text


@pytest.mark.slow
def test_thirty_per_cent_faults_over_200_sessions(spec: str, llmock: Any, tmp_path: Path, catalog: Catalog) -> None:
    thirty_per_cent(spec, llmock, tmp_path, catalog, 200)


def command(spec: str, out: Path, sessions: int) -> list[str]:
    return [
        *(sys.executable, "-m", "paars_gym", "simulate", "--policy", "llm", "--model", spec, "--condition", "base"),
        *("--sessions", str(sessions), "--concurrency", "50", "--max-steps", "12", "--out", str(out), "--resume"),
    ]


def rows_in(cache: Path) -> int:
    with sqlite3.connect(cache) as base:
        return int(base.execute("SELECT COUNT(*) FROM replies").fetchone()[0])


def killed_and_resumed(spec: str, llmock: Any, tmp_path: Path, sessions: int, *, share: float = 0.3) -> None:
    out, cache = tmp_path / "run", tmp_path / "run.replies.sqlite"
    ids = load_catalog("mini").column("id").to_pylist()[:50]
    with bad_day(llmock, BadDay(ids, share=share)):
        log = out / "sessions.jsonl"
        with subprocess.Popen(command(spec, out, sessions), stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as first:
            deadline = time.monotonic() + 120
            while not (log.exists() and log.read_bytes().count(b"\n") >= sessions // 4):
                assert first.poll() is None, first.stdout and first.stdout.read()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            first.send_signal(signal.SIGKILL)
        whole = [row for row in log.read_text().splitlines(keepends=True) if row.endswith("\n")]
        done = {json.loads(row)["session"]["key"]: row for row in whole}
        assert sessions // 4 <= len(done) < sessions
        paid, told = rows_in(cache), len((out / "telemetry.jsonl").read_text().splitlines())
        second = subprocess.run(command(spec, out, sessions), capture_output=True, text=True, check=False, timeout=300)
    assert second.returncode == 0, second.stderr
    accounted_for(out, sessions)
    after = {json.loads(row)["session"]["key"]: row for row in log.read_text().splitlines(keepends=True)}
    kept = {key for key, row in done.items() if json.loads(row)["session"]["end"] != "policy_error"}
    assert all(after[key] == done[key] for key in kept)
    # Each call that the second run paid for is a new row: none that was finished was paid for again.
    resumed = [json.loads(row) for row in (out / "telemetry.jsonl").read_text().splitlines() if row][told:]
    assert rows_in(cache) - paid == sum(row["calls"] for row in resumed)
    assert sum(row["from_cache"] for row in resumed) > 0, "sessions that were under way begin with what is paid"
    assert PLANTED not in second.stdout + second.stderr
    assert holds_no_key(tmp_path)


def test_kill_and_resume(llmock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", PLANTED)
    killed_and_resumed(SPECS["openai"], llmock, tmp_path, 16, share=0.1)


@pytest.mark.slow
def test_kill_and_resume_200_sessions(spec: str, llmock: Any, tmp_path: Path) -> None:
    killed_and_resumed(spec, llmock, tmp_path, 200)


def test_a_spent_budget_stops_cleanly_and_goes_on_with_more(
    llmock: Any, tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", PLANTED)
    given: dict[str, Any] = {"cache": tmp_path / "c.sqlite", "stream": False}
    with bad_day(llmock, BadDay(IDS, share=0.0)):
        tally = run(SPECS["openai"], tmp_path / "run", catalog, 30, concurrency=4, max_usd=0.012, **given)
        assert "USD" in tally.stopped
        assert 0 < tally.done < 30
        assert 0 < tally.usd <= 0.012
        again = run(SPECS["openai"], tmp_path / "run", catalog, 30, concurrency=4, max_usd=9.0, **given)
    assert not again.stopped
    accounted_for(tmp_path / "run", 30)


def test_a_wrong_key_ends_the_run_without_a_trace_of_it(
    spec: str, llmock: Any, tmp_path: Path, catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    llmock.fail(401, times=None)
    tally = run(spec, tmp_path / "run", catalog, 5, concurrency=2)
    assert "401" in tally.stopped
    assert tally.done == 0
    assert PLANTED not in tally.stopped + caplog.text
    assert holds_no_key(tmp_path)
