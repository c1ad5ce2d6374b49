from __future__ import annotations

import json
import os
import signal
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.llm.errors import BudgetSpentError
from paars_gym.personas.intentions import MinedIntention
from paars_gym.sessions.event import Intention
from paars_gym.sessions.run_log import read_log
from paars_gym.shop.open import env_factory
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.protocol import GaveUp, Policy
from paars_gym.simulation.concurrency import play_all
from paars_gym.simulation.episode import Played
from paars_gym.simulation.result import RunResult
from paars_gym.simulation.schedule import Schedule
from tests.simulation.shoppers import SlowWanderer, Wanderer
from tests.simulation.test_run_folder import lines, run


def test_sessions_are_the_same_bytes_whatever_the_concurrency_and_the_interruptions(
    tmp_path: Path, catalog: Catalog
) -> None:
    run(tmp_path / "alone", catalog, policy=Wanderer, sessions=60)
    SlowWanderer.most_in_flight = 0
    run(tmp_path / "crowd", catalog, policy=SlowWanderer, sessions=60, concurrency=16)
    assert 8 < SlowWanderer.most_in_flight <= 16
    assert lines(tmp_path / "alone") == lines(tmp_path / "crowd")
    order = (tmp_path / "crowd" / "sessions.jsonl").read_bytes().splitlines(keepends=True)
    assert order != sorted(order), "the order of finishing did not vary, so this shows nothing"

    def interrupt(tally: RunResult) -> None:
        if tally.played == 7:
            os.kill(os.getpid(), signal.SIGINT)

    stopped = 0
    for _ in range(20):
        tally = run(
            tmp_path / "stopped",
            catalog,
            policy=SlowWanderer,
            sessions=60,
            concurrency=4,
            resume=True,
            progress=interrupt,
        )
        if not tally.stopped:
            break
        stopped += 1
        assert tally.stopped == "interrupted"
        assert 7 <= tally.played <= 11, "what was in flight is finished, and nothing else"
        assert not (tmp_path / "stopped" / "sessions").exists()
    assert stopped > 3
    assert lines(tmp_path / "stopped") == lines(tmp_path / "alone")
    assert list(tally.store) == sorted(read_log(tmp_path / "alone" / "sessions.jsonl"), key=lambda session: session.key)


def test_a_run_tells_simulated_time_only_and_its_store_says_it_is_synthetic(tmp_path: Path, catalog: Catalog) -> None:
    tally = run(tmp_path, catalog)
    assert tally.done == tally.played == len(tally.store) == 20
    assert tally.store.provenance.synthetic
    for session in tally.store:
        assert session.start is not None
        assert (session.start.year, session.start.month) in {(2025, 1), (2025, 2)}
        times = [session.start, *(event.time for event in session.events)]
        assert all(earlier <= later for earlier, later in pairwise(times))  # type: ignore[operator]
        assert session.intention is not None
    telemetry = [json.loads(line) for line in (tmp_path / "telemetry.jsonl").read_text().splitlines()]
    assert {entry["session"] for entry in telemetry} == {session.key for session in tally.store}
    assert all(entry["seconds"] > 0 for entry in telemetry)
    assert sum(entry["invalid"] for entry in telemetry) > 0
    assert b"seconds" not in b"".join(lines(tmp_path))


class Moody(Wanderer):
    """Fails, gives up or goes on by its draws; counts what it spends."""

    name = "moody"
    outage = True

    def act(self, observation: str, info: dict[str, Any]) -> str:
        if info["step"] == 1:
            mood = self.rng.random()
            if mood < 0.3 and Moody.outage:
                raise ConnectionError("the line is \ud800 dead")
            if mood > 0.7:
                raise GaveUp("three invalid actions in a row")
        return super().act(observation, info)

    def telemetry(self) -> dict[str, float]:
        return {"usd": 0.5, "output_tokens": 7}


def test_failed_sessions_are_lines_with_their_end_and_policy_errors_are_tried_again(
    tmp_path: Path, catalog: Catalog
) -> None:
    Moody.outage = True
    first = run(tmp_path, catalog, policy=Moody, sessions=40)
    assert first.done == 40
    assert first.stopped == ""
    assert first.ends["policy_error"] > 3
    assert first.ends["gave_up"] > 3
    assert first.usd == 20
    log = b"".join(lines(tmp_path)).decode()
    assert log.count('"cause":"ConnectionError: the line is ? dead"') == first.ends["policy_error"]
    assert log.count('"cause":"three invalid actions in a row"') == first.ends["gave_up"]
    assert Counter(session.end for session in first.store) == first.ends

    again = run(tmp_path, catalog, policy=Moody, sessions=40, resume=True)
    assert again.played == first.ends["policy_error"]
    assert "".join(line.decode() for line in lines(tmp_path)) == log

    Moody.outage = False
    healed = run(tmp_path, catalog, policy=Moody, sessions=40, resume=True)
    assert healed.played == first.ends["policy_error"]
    assert healed.ends["policy_error"] == 0
    assert healed.ends["gave_up"] == first.ends["gave_up"]
    run(tmp_path / "undisturbed", catalog, policy=Moody, sessions=40)
    assert lines(tmp_path) == lines(tmp_path / "undisturbed")
    assert len({session.key for session in healed.store}) == len(healed.store) == 40


class Spender(SlowWanderer):
    """Has a budget for a few sessions."""

    name = "spender"
    left = 5

    async def act(self, observation: str, info: dict[str, Any]) -> str:  # type: ignore[override]
        if info["step"] == 0:
            Spender.left -= 1
            if Spender.left < 0:
                raise BudgetSpentError("2 USD of 2 are spent")
        return await super().act(observation, info)


def test_a_spent_budget_ends_the_run_and_counts_no_session_as_failed(tmp_path: Path, catalog: Catalog) -> None:
    Spender.left = 5
    tally = run(tmp_path, catalog, policy=Spender, concurrency=3)
    assert tally.stopped == "2 USD of 2 are spent"
    assert tally.done == tally.played == 5
    assert tally.failed == 0
    Spender.left = 100
    assert run(tmp_path, catalog, policy=Spender, resume=True).played == 15


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sessions": 0}, "sessions == 0"),
        ({"concurrency": 0}, "concurrency == 0"),
        ({"max_steps": 0}, "max_steps == 0"),
        ({"seed": -1}, "seed == -1"),
        ({"days": 0}, "days == 0"),
        ({"condition": "mood"}, "Unknown condition 'mood'"),
        ({"intentions": []}, "no intentions"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_written(
    tmp_path: Path, catalog: Catalog, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        run(tmp_path / "run", catalog, **changed)
    assert not (tmp_path / "run").exists()


class Wrapped:
    """Waits without saying so."""

    name = "wanderer"

    def __init__(self) -> None:
        self.inner = SlowWanderer()

    def reset(self, *role: Any) -> None:
        self.inner.reset(*role)

    def act(self, observation: str, info: dict[str, Any]) -> Any:
        return self.inner.act(observation, info)


def test_play_all_works_without_a_folder_and_inside_a_running_loop(shop: Shop) -> None:
    import asyncio

    def sessions(make_policy: type[Policy]) -> list[str]:
        played: list[Played] = []
        arrivals = Schedule(sessions=12, seed=0).arrivals()
        play_all(arrivals, make_env=env_factory(shop), make_policy=make_policy, finished=played.append, concurrency=4)
        return sorted(one.session.model_dump_json() for one in played)

    async def notebook() -> list[str]:
        return sessions(SlowWanderer)

    assert asyncio.run(notebook()) == sessions(Wanderer)
    assert sessions(Wrapped) == sessions(Wanderer)


def test_mined_intentions_bring_their_date(tmp_path: Path, catalog: Catalog) -> None:
    from datetime import UTC, datetime

    date = datetime(2017, 5, 4, 18, 30, tzinfo=UTC)
    mined = [
        MinedIntention(Intention(text="a kettle"), "ann", date),
        MinedIntention(Intention(text="shoes"), "bob", None),
    ]
    tally = run(tmp_path, catalog, sessions=6, intentions=mined)
    found = Counter((session.shopper, session.intention.text) for session in tally.store if session.intention)
    assert found == {("ann", "a kettle"): 3, ("bob", "shoes"): 3}
    assert all((session.start == date) == (session.shopper == "ann") for session in tally.store)
