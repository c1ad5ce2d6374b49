"""Runs in shards: the same sessions as in one process, whoever plays them, and whatever dies meanwhile."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.cluster.session import Cluster
from paars_gym.config import BudgetConfig, ModelConfig, RunConfig, ShopConfig, check_backend
from paars_gym.exit_codes import ExitCode
from paars_gym.files import StorageError
from paars_gym.llm.ledger import LEDGER_FILE, CallLedger
from paars_gym.personas.intentions import MinedIntention
from paars_gym.personas.redaction import make_redactor, pseudonym
from paars_gym.remote import RemoteError, put_file
from paars_gym.sessions.event import Intention
from paars_gym.sessions.opening import open_store
from paars_gym.sessions.run_log import read_log, scan
from paars_gym.simulation.read_run import Run
from paars_gym.simulation.result import RunResult
from paars_gym.simulation.run import run as simulate
from paars_gym.simulation.schedule import Inhabitants, Schedule
from paars_gym.simulation.sharded import check_can_travel, resolved
from paars_gym.simulation.shards import cut, size_of
from paars_gym.synthetic.world import mini_world
from tests.conftest import twelve_products
from tests.simulation.test_run_folder import ROOT, lines, steps_of

pytestmark = pytest.mark.usefixtures("cache_of_one_process")

WANDERER, SLOW = "tests.simulation.shoppers:Wanderer", "tests.simulation.shoppers:SlowWanderer"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> ShopConfig:
    """Twelve products in a folder, which every process can open."""
    folder = tmp_path_factory.mktemp("shop") / "twelve"
    Catalog.from_products(twelve_products(), name="twelve", synthetic=True).save(folder)
    return ShopConfig(catalog=folder)


def wandering(sessions: int, **changed: Any) -> RunConfig:
    given = {"policy": WANDERER, "personas": (), "seed": 5, "max_steps": 8, **changed}
    return RunConfig(sessions=sessions, **given)


def test_shards_hold_what_is_missing_once_and_in_order() -> None:
    schedule = Schedule(sessions=100, seed=0, draws=2)
    done = {schedule.session_key(index) for index in (0, 1, 7, 50, 51, 52, 99)}
    shards = list(cut(schedule, done, 16))
    played = [index for shard in shards for index in range(shard.first, shard.last + 1)]
    assert played == [index for index in range(100) if schedule.session_key(index) not in done]
    assert max(shard.last - shard.first + 1 for shard in shards) == 16
    assert shards[0].name == "0000001.0-0000003.0"
    assert len({shard.name for shard in shards}) == len(shards)
    assert list(cut(schedule, {schedule.session_key(index) for index in range(100)}, 16)) == []


def test_a_shard_is_neither_too_large_to_lose_nor_too_small_for_what_waits() -> None:
    assert size_of(2_000, 2, most=1_000) == 125
    assert size_of(1_000_000, 2, most=1_000) == 1_000
    assert size_of(10, 4, most=64, least=8) == 8


def test_a_catalog_in_memory_is_refused(catalog: Catalog) -> None:
    with pytest.raises(ValueError, match=r"'twelve' is in memory.*Catalog\.save"):
        check_can_travel(catalog)


def test_an_address_needs_its_backend() -> None:
    assert check_backend("ray", "auto") == "ray"
    with pytest.raises(ValueError, match=r"Unknown backend 'spark'\. Available: local, ray"):
        check_backend("spark")
    with pytest.raises(ValueError, match="give --backend ray"):
        check_backend("local", "auto")


def test_needs_find_their_personas_without_this_machine_s_key() -> None:
    people = mini_world(n_shoppers=4).personas
    aliases = [person.model_copy(update={"shopper": pseudonym(person.shopper)}) for person in people]
    needs = [MinedIntention(Intention(text=f"a kettle for {n}"), people[n % 4].shopper, None) for n in range(9)]
    given = Inhabitants(aliases, None, needs, "mined")
    travelled = resolved(given)
    assert {need.shopper for need in travelled.mined} == {alias.shopper for alias in aliases}
    for index in range(20):
        left, right = (
            Schedule(sessions=20, seed=1, personas=one.personas, mined=one.mined).arrival(index)[:5]
            for one in (given, travelled)
        )
        assert left == right


def test_a_redactor_travels_with_its_names_and_nothing_that_it_remembers() -> None:
    redactor = make_redactor()
    assert redactor.redact("write to ann@example.com") == "write to [email]"
    again = pickle.loads(pickle.dumps(redactor))
    assert again._known == {}
    assert again.redact("call +1 212 555 0123, or ann@example.com") == "call [phone], or [email]"


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "sessions"), [(WANDERER, 150), (SLOW, 60)])
def test_sessions_steps_and_store_are_those_of_one_process(
    cluster: Cluster, shop: ShopConfig, tmp_path: Path, policy: str, sessions: int
) -> None:
    run = wandering(sessions, policy=policy, record="steps")
    simulate(tmp_path / "here", run, shop)
    told: list[int] = []
    result = simulate(
        tmp_path / "there",
        run.model_copy(update={"backend": "ray"}),
        shop,
        progress=lambda so_far: told.append(so_far.done),
    )
    assert (result.done, result.played, result.stopped) == (sessions, sessions, "")
    assert told == sorted(told)
    assert len(told) > 3
    assert lines(tmp_path / "there") == lines(tmp_path / "here")
    assert steps_of(Run(tmp_path / "there")) == steps_of(Run(tmp_path / "here"))
    assert list(result.store) == sorted(read_log(tmp_path / "here" / "sessions.jsonl"), key=lambda one: one.key)
    with pytest.raises(ValueError, match="seed == 5 there and 6 now"):
        simulate(tmp_path / "there", run.model_copy(update={"seed": 6}), shop, resume=True)
    assert simulate(tmp_path / "there", run, shop, resume=True).played == 0, "another backend is no other run"


@pytest.mark.slow
def test_workers_killed_at_random_lose_and_double_nothing(
    cluster: Cluster, shop: ShopConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = tmp_path / "deaths"
    marks.mkdir()
    simulate(tmp_path / "here", wandering(2_000), shop)
    dying = wandering(2_000, policy="tests.simulation.shoppers:Mortal", options={"marks": str(marks)}, backend="ray")
    result = simulate(tmp_path / "there", dying, shop)
    assert len(list(marks.iterdir())) >= 3, "too few workers died for this to show anything"
    assert (result.done, result.stopped) == (2_000, "")
    assert lines(tmp_path / "there") == lines(tmp_path / "here")
    assert len(result.store) == 2_000


@pytest.mark.slow
def test_a_killed_driver_is_gone_on_from(cluster: Cluster, shop: ShopConfig, tmp_path: Path) -> None:
    simulate(tmp_path / "here", wandering(600, policy=SLOW), shop)
    program = (
        "import sys; from paars_gym.config import RunConfig, ShopConfig; from paars_gym.simulation.run import run; "
        "run(sys.argv[1], RunConfig(sessions=600, policy=sys.argv[3], personas=(), seed=5, max_steps=8, backend='ray'),"
        " ShopConfig(catalog=sys.argv[2]))"
    )
    out, log = tmp_path / "there", tmp_path / "there" / "sessions.jsonl"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    driver = subprocess.Popen(
        [sys.executable, "-c", program, str(out), str(shop.catalog), SLOW], env=environment, cwd=ROOT
    )
    try:
        while driver.poll() is None and not (log.is_file() and log.stat().st_size):
            time.sleep(0.05)
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    kept = sum(line.fault is None for line in scan(log))
    assert 0 < kept < 600
    result = simulate(out, wandering(600, policy=SLOW, backend="ray"), shop, resume=True)
    assert (result.done, result.played) == (600, 600 - kept)
    assert lines(out) == lines(tmp_path / "here")


def asking(script: Path, sessions: int, **budget: Any) -> RunConfig:
    return RunConfig(
        sessions=sessions,
        policy="llm",
        condition="base",
        personas=(),
        seed=2,
        concurrency=8,
        model=ModelConfig(spec=f"scripted:{script}", price="1,0"),
        budget=BudgetConfig(concurrency=8, **budget),
        backend="ray",
    )


@pytest.mark.slow
def test_dollars_and_tokens_a_minute_bound_all_workers_together(
    cluster: Cluster, shop: ShopConfig, tmp_path: Path
) -> None:
    script = tmp_path / "stop.jsonl"
    script.write_text(json.dumps({"text": "stop[]", "times": None}))
    one = simulate(tmp_path / "one", asking(script, 4).model_copy(update={"backend": "local"}), shop).account.usd / 4
    limit = 30.5 * one
    capped = simulate(tmp_path / "capped", asking(script, 200, max_usd=limit), shop)
    taken = CallLedger(tmp_path / "capped" / LEDGER_FILE).taken()
    assert (capped.exit_code, taken.open) == (ExitCode.CAPPED, {})
    assert limit - 2 * one < taken.usd <= limit
    assert capped.done == taken.calls == capped.account.calls
    assert capped.account.usd == taken.usd

    tokens = round(1e6 * one)
    slow = simulate(tmp_path / "slow", asking(script, 60, tokens_per_minute=60 * 6 * tokens), shop)
    assert slow.done == 60
    rows = [json.loads(row) for row in (tmp_path / "slow" / "telemetry.jsonl").read_text().splitlines()]
    finished = sorted(datetime.fromisoformat(row["finished"]) for row in rows)
    # Six calls a second, for all workers together: with limits of their own two would take half the time.
    assert (finished[-1] - finished[0]).total_seconds() > 0.9 * 59 / 6


@pytest.mark.slow
def test_calls_of_a_killed_worker_stay_open_and_nobody_waits_for_them(
    cluster: Cluster, shop: ShopConfig, tmp_path: Path
) -> None:
    script, marks = tmp_path / "stop.jsonl", tmp_path / "deaths"
    script.write_text(json.dumps({"text": "stop[]", "times": None}))
    marks.mkdir()
    run = asking(script, 40, max_usd=1.0).model_copy(
        update={"policy": "tests.simulation.shoppers:DiesAsking", "options": {"marks": str(marks)}}
    )
    result = simulate(tmp_path / "run", run, shop)
    taken = CallLedger(tmp_path / "run" / LEDGER_FILE).taken()
    assert (result.ends, len(list(marks.iterdir()))) == ({"stop": 40}, 1)
    assert taken.calls >= 40
    assert len(taken.open) >= 1
    assert result.account.open_usd == pytest.approx(taken.open_usd)


def test_a_run_by_url_is_sent_in_whole_shards_and_is_the_same(shop: ShopConfig, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    there = fsspec.filesystem("memory")
    url, run = f"memory://{tmp_path.name}/run", wandering(90, record="steps", policy=SLOW, concurrency=4)
    simulate(tmp_path / "here", run, shop)

    def interrupt(so_far: RunResult) -> None:
        names = {path.rpartition("/")[2].partition(".")[2] for path in there.find(f"/{tmp_path.name}/run/shards")}
        assert names == {"sessions.jsonl", "telemetry.jsonl", "steps.jsonl.zst"}
        if so_far.played >= 20:
            os.kill(os.getpid(), signal.SIGINT)

    first = simulate(url, run, shop, progress=interrupt)
    assert first.stopped == "interrupted"
    assert 20 <= first.done < 90
    assert list(open_store(url)) == list(Run(url).sessions) == list(Run(first.folder).sessions)
    assert len(steps_of(Run(url))) == first.done
    second = simulate(url, run, shop, resume=True)
    assert (second.done, second.played) == (90, 90 - first.done)
    assert there.find(f"/{tmp_path.name}/run/shards") == []
    assert lines(second.folder) == lines(tmp_path / "here")
    there.get(f"/{tmp_path.name}/run/", str(tmp_path / "back"), recursive=True)
    assert lines(tmp_path / "back") == lines(tmp_path / "here")
    assert steps_of(Run(tmp_path / "back")) == steps_of(Run(tmp_path / "here"))
    assert list(Run(tmp_path / "back").sessions) == list(Run(tmp_path / "here").sessions)


def test_a_full_store_of_objects_keeps_whole_shards_and_the_run_goes_on(
    shop: ShopConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = pytest.importorskip("fsspec").filesystem("memory")
    url, run = f"memory://{tmp_path.name}/run", wandering(90, record="steps")
    simulate(tmp_path / "here", run, shop)
    sent = 0

    def full(local: Path, place: str) -> None:
        nonlocal sent
        sent += 1
        if sent > 7:  # two shards, and the steps of a third
            raise RemoteError(place, "it is full", "Make room.")
        put_file(local, place)

    with monkeypatch.context() as patch:
        patch.setattr("paars_gym.simulation.shards.put_file", full)
        with pytest.raises(StorageError, match="it is full"):
            simulate(url, run, shop)
    assert len(there.find(f"/{tmp_path.name}/run/shards")) == 7
    result = simulate(url, run, shop, resume=True)
    assert (result.done, result.played) == (90, 90 - 2 * 12)
    assert lines(result.folder) == lines(tmp_path / "here")
    assert there.find(f"/{tmp_path.name}/run/shards") == []


def test_what_is_wrong_with_a_place_travels_as_it_is() -> None:
    full = RemoteError("s3://bucket/run", "it is full", "Make room.")
    again = pickle.loads(pickle.dumps(full))
    assert (str(again), again.errno, again.exit_code) == (str(full), full.errno, full.exit_code)
