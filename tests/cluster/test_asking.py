"""Questions that workers put: the answers of one process, one account, one cap, and nothing lost when a worker dies."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paars_gym.alignment.item_selection import ItemCases
from paars_gym.cli import app
from paars_gym.cluster.session import Cluster
from paars_gym.config import RunConfig
from paars_gym.personas.store import read_failures, read_personas
from paars_gym.sessions.event import Event, Session
from paars_gym.sessions.store import Provenance
from paars_gym.sessions.writer import write_sessions
from paars_gym.tasks.answers import Answers
from paars_gym.tasks.asking import NobodyAnswersError, ask_shoppers
from paars_gym.tasks.items.questions import ItemQuestions
from paars_gym.tasks.questions import TaskShopper, TaskShoppers
from paars_gym.tasks.shoppers import task_shoppers
from tests.benchmarks.running import Ended, run_main
from tests.cluster.shoppers import Drawn
from tests.tasks.conftest import (  # noqa: F401  # fixtures
    Mock,
    cases,
    groceries,
    households,
    mock,
    small_log,
    well,
    what,
)

pytestmark = pytest.mark.slow
DRAWN = f"{Drawn.__module__}:Drawn"
PRICE = ["--price", "1,4"]


@pytest.fixture
def questions(cases: ItemCases) -> ItemQuestions:  # noqa: F811
    return ItemQuestions(cases)


def said(questions: ItemQuestions, backend: Any, options: dict[str, Any]) -> dict[str, Answers]:
    run = RunConfig(policy=DRAWN, options=options, seed=4, backend=backend)
    return ask_shoppers([questions], task_shoppers(run, [DRAWN], ["base", "persona"], personas="counted")).answers[0]


def test_the_answers_are_those_of_one_process(cluster: Cluster, questions: ItemQuestions) -> None:
    here, there = (said(questions, backend, {}) for backend in ("local", "ray"))
    assert there == here
    assert len({name: tuple(answers.values) for name, answers in here.items()}) == 2
    assert any(answers.unusable for answers in here.values())


def test_a_worker_that_dies_while_it_asks_loses_nothing(
    cluster: Cluster, questions: ItemQuestions, tmp_path: Path
) -> None:
    assert said(questions, "ray", {"folder": str(tmp_path)}) == said(questions, "local", {})
    assert len(list(tmp_path.iterdir())) == 3


def test_who_can_be_asked_here_only_is_refused(cluster: Cluster, questions: ItemQuestions) -> None:
    asked = task_shoppers(RunConfig(policy=DRAWN, backend="ray"), [DRAWN], ["base"], personas="counted")
    mine = TaskShopper("mine, base", "mine", "base", Drawn, asked.shoppers[0].personas)
    with pytest.raises(ValueError, match="mine, base can be asked in this process only"):
        ask_shoppers([questions], TaskShoppers((mine,), ask=asked.ask))


def test_a_shopper_that_never_answers_ends_it(cluster: Cluster, questions: ItemQuestions) -> None:
    run = RunConfig(policy="tests.cluster.test_asking:Broken", seed=4, backend="ray")
    with pytest.raises(NobodyAnswersError, match=r"could not be asked in any of .* RuntimeError: broken"):
        ask_shoppers([questions], task_shoppers(run, [str(run.policy)], ["base"], personas="counted"))


class Broken(Drawn):
    def choose_item(self, products: object) -> int:
        raise RuntimeError("broken")


def items(*arguments: object) -> Ended:
    return run_main(app, "tasks", "item", "--seed", "20260301", "--min-known", "3", "--embedder", "lexical", *arguments)


def ended(out: Path) -> Any:
    return json.loads(out.read_text())


@pytest.mark.parametrize(
    "command",
    [
        ["query", "--policy", "behavioural", "--policy", "uniform", "--cases", "12", "--embedder", "lexical"],
        ["view", "--policy", "behavioural", "--policy", "uniform", "--cases", "20"],
        ["next", "--policy", "uniform", "--sessions", "30"],
        ["session", "--sessions", "12", "--embedder", "none"],
    ],
    ids=lambda command: command[0],
)
def test_every_task_comes_to_what_one_process_says(cluster: Cluster, command: list[str], tmp_path: Path) -> None:
    results = []
    for backend in ("local", "ray"):
        out = tmp_path / f"{backend}.json"
        done = run_main(app, "tasks", *command, "--seed", "20260301", "--backend", backend, "--out", out)
        assert done.exit_code == 0, done.output
        results.append(ended(out))
    here, there = (asked_of(each) for each in results)
    assert there == here


def asked_of(results: Any) -> Any:
    """Results without how they were run, which is all that may differ."""
    if isinstance(results, dict):
        return {name: asked_of(value) for name, value in results.items() if name not in ("backend", "cache")}
    return [asked_of(one) for one in results] if isinstance(results, list) else results


@pytest.mark.usefixtures("small_log")
def test_table_3_by_a_model_is_that_of_one_process(cluster: Cluster, mock: Mock, tmp_path: Path) -> None:  # noqa: F811
    command = ["--model", mock.spec, "--cases", "4", "--conditions", "base,profile,persona", *PRICE]
    here, there = tmp_path / "here.json", tmp_path / "there.json"
    assert items(*command, "--out", here).exit_code == 0
    alone = [what(body) for body in mock.bodies]
    mock.bodies.clear()
    done = items(*command, "--backend", "ray", "--out", there)
    assert done.exit_code == 0, done.output
    assert sorted(what(body) for body in mock.bodies) == sorted(alone), (
        "a persona is mined once for all that may know the same"
    )
    one, other = ended(here), ended(there)
    assert other["rows"] == one["rows"]
    assert rounded(other["paid"]) == rounded(one["paid"])
    lines = (tmp_path / "there.ledger.jsonl").read_text().splitlines()
    assert sum('"paid"' in line for line in lines) == len(alone)
    again = items(*command, "--backend", "ray", "--out", there)
    assert again.exit_code == 0, again.output
    assert len(mock.bodies) == len(alone), "everything is in the cache"
    assert ended(there)["paid"][0]["from_cache"] == len(alone)


def rounded(paid: Any) -> Any:
    """An account without what the order of sums does to dollars."""
    return json.loads(json.dumps(paid), parse_float=lambda text: round(float(text), 9))


@pytest.mark.usefixtures("small_log")
def test_a_cap_holds_over_two_workers(cluster: Cluster, mock: Mock, tmp_path: Path) -> None:  # noqa: F811
    mock.answer, mock.tokens = slowly(well), 1_000
    out = tmp_path / "items.json"
    command = ["--model", mock.spec, "--cases", "12", "--conditions", "base", "--concurrency", "8", *PRICE]
    # A call may take 1,500 tokens of output, .0062 USD, and takes .0041: two go out at once, and three in all.
    few = items(*command, "--max-usd", "0.0169", "--backend", "ray", "--out", out)
    assert few.exit_code == 5, few.output
    results = ended(out)
    assert "are spent" in results["stopped"]
    entries = [json.loads(line) for line in (tmp_path / "items.ledger.jsonl").read_text().splitlines()]
    assert 0.0124 < worst(entries) <= 0.0169
    assert results["paid"][0]["calls"] == len(mock.bodies) == 3
    assert results["paid"][0]["in_all"]["calls"] == len(mock.bodies)


def slowly(answer: Callable[[dict[str, Any]], str | int]) -> Callable[[dict[str, Any]], str | int]:
    def later(body: dict[str, Any]) -> str | int:
        time.sleep(0.5)
        return answer(body)

    return later


def worst(entries: list[dict[str, Any]]) -> float:
    """The most dollars that the ledger has ever stood at."""
    reserved: dict[str, float] = {}
    paid = most = 0.0
    for entry in entries:
        if "call" in entry:
            reserved[entry["call"]] = entry["usd"]
        else:
            reserved.pop(str(entry.get("paid") or entry.get("free")))
            paid += entry.get("usd") or 0.0
        most = max(most, paid + sum(reserved.values()))
    return most


def mining(folder: Path, out: str, *arguments: object) -> Ended:
    return run_main(app, "personas", "mine", "--sessions", folder / "sessions", "--out", folder / out, *arguments)


def test_personas_are_mined_as_by_one_process(cluster: Cluster, mock: Mock, tmp_path: Path) -> None:  # noqa: F811
    sessions = [
        Session(shopper=f"s{number}", key=f"k{number}", events=(Event(kind="search", query=f"milk {number}"),))
        for number in range(9)
    ]
    write_sessions(tmp_path / "sessions", sessions, provenance=Provenance())
    (tmp_path / "names.txt").write_text("milk 3\n")
    command = ["--model", mock.spec, "--names", tmp_path / "names.txt", "--concurrency", "4", *PRICE]
    refused = [body_of(4)]

    def answer(body: dict[str, Any]) -> str | int:
        return "no" if any(text in json.dumps(body) for text in refused) else well(body)

    mock.answer = answer
    here = mining(tmp_path, "here.jsonl", *command)
    assert here.exit_code == 0, here.output
    calls = len(mock.bodies)
    mock.bodies.clear()
    entries = [json.loads(line) for line in (tmp_path / "here.ledger.jsonl").read_text().splitlines()]
    reserves, paid = ([each["usd"] for each in entries if kind in each] for kind in ("call", "paid"))
    cap = max(reserves) + sum(paid) / 2
    capped = mining(tmp_path, "there.jsonl", *command, "--backend", "ray", "--max-usd", f"{cap:.6f}")
    assert capped.exit_code == 5, capped.output
    some = len(list(read_personas(tmp_path / "there.jsonl")))
    assert 0 < some < 8
    there = mining(tmp_path, "there.jsonl", *command, "--backend", "ray")
    assert there.exit_code == 0, there.output
    mined = {
        name: {one.shopper: one for one in read_personas(tmp_path / name)} for name in ("here.jsonl", "there.jsonl")
    }
    assert len(mined["here.jsonl"]) == 8
    assert mined["there.jsonl"] == mined["here.jsonl"]
    assert any("[name]" in one.history for one in mined["there.jsonl"].values())
    here_failed, there_failed = (read_failures(tmp_path / name) for name in ("here.jsonl", "there.jsonl"))
    assert [one.cause for one in here_failed] == ["MalformedAnswerError"]
    assert [(one.shopper, one.reason) for one in there_failed] == [(one.shopper, one.reason) for one in here_failed]
    assert calls <= len(mock.bodies) <= calls + 4
    assert f"there already │ {some}" in " ".join(there.output.split())


def body_of(number: int) -> str:
    return f"milk {number}"
