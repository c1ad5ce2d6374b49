"""Does a policy or a language model of one's own fill the tables of the main job, under one budget?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as job
from benchmarks import reference
from benchmarks.asked import AskedPolicy, AskedRun, check_asked, run_asked
from benchmarks.parts import PartRun
from benchmarks.reference import judges
from benchmarks.settings import VIEW_RUN
from paars_gym.config import BudgetConfig, ModelConfig
from paars_gym.shop.actions import Stop
from paars_gym.tasks.view_selection import ViewResults, select_views
from tests.benchmarks.running import run_main

TABLE_2_KEYS = {"shopper", "condition", "fitted", "needs", "column", "people", "estimate", "low", "high", "unit"}


class OnlyActs:
    """Leaves at once, and answers no question."""

    name = "only acts"

    def reset(self, *_: object) -> None:
        """Nothing to remember."""

    def act(self, *_: object) -> Stop:
        """Leaves."""
        return Stop()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(reference, "PEOPLE", 20)
    monkeypatch.setattr(reference, "PEOPLE_SESSIONS", 80)
    judges.cache_clear()
    yield
    judges.cache_clear()


@pytest.fixture
def script(tmp_path: Path) -> str:
    """Answers to pages and titles, and sessions that search at times, then leave."""
    rows: list[dict[str, Any]] = [
        {"text": json.dumps({"choice": 2}), "when": "Which one? Give its number", "times": None},
        {"text": json.dumps({"query": "a red kettle"}), "when": "typed into the search box", "times": None},
        {"text": "search[kettle]", "times": 12},
        {"text": "stop[]", "times": None},
    ]
    path = tmp_path / "replies.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return f"scripted:{path}"


@pytest.fixture
def offline(few: None, monkeypatch: pytest.MonkeyPatch) -> ViewResults:
    """The part of the offline shoppers as it would come from its process, and nothing that takes time."""
    views = select_views(judges(), VIEW_RUN)
    monkeypatch.setattr(job, "_run_all", lambda names, *_: {name: PartRun(name, views, 0.0, 0.0) for name in names})
    monkeypatch.setattr(job, "household_baskets", lambda: None)
    return views


def test_a_language_model_fills_table_2_beside_the_offline_rows(
    offline: ViewResults, script: str, tmp_path: Path
) -> None:
    asked = ("--model", script, "--cases", 5, "--only", "view_selection", "--json", tmp_path / "all.json")
    done = run_main(job.main, "--out", tmp_path / "run", *asked)
    assert done.exit_code == 0, done.stderr
    assert done.output.startswith("The rows of llm (scripted:")
    assert "llm, persona" in done.output
    assert "behavioural, persona" in done.output
    found = json.loads((tmp_path / "all.json").read_text())
    rows = found["table2"]["rows"]
    assert {(row["shopper"], row["condition"], row["fitted"]) for row in rows} == {
        (shopper, condition, False) for shopper in ("behavioural", "llm") for condition in ("base", "persona")
    }
    assert set(rows[0]) >= TABLE_2_KEYS
    own = next(row for row in rows if row["shopper"] == "llm")
    assert own["n_agent"] == 5
    # It opened the second result each time: at that rank and nowhere else.
    ranks = {row["rank"]: row["cases"] for row in found["figure3"]["rows"] if row["shopper"] == "llm, base"}
    assert ranks[2] == sum(ranks.values()) == 5
    assert found["settings"]["ASKED"]["policy"] == "llm"
    assert {row["shopper"] for row in found["table2"]["paired"]} == {"behavioural", "llm"}


def test_every_part_takes_the_model(few: None, script: str, tmp_path: Path) -> None:
    asked = AskedPolicy("llm", ModelConfig(spec=script), BudgetConfig(), {}, cases=8)
    assert check_asked(asked) == ""
    sessions = run_asked("session_generation", asked, tmp_path, lambda _: None).results
    queries = run_asked("query_generation", asked, tmp_path, lambda _: None).results
    assert {one.population for one in sessions.report.measures} == {"human", "agents", "baseline"}  # type: ignore[attr-defined]
    assert sessions.policy == "llm"  # type: ignore[attr-defined]
    assert not sessions.headline.startswith("No language model")  # type: ignore[attr-defined]
    assert queries.same == {"llm, persona": "llm, base"}  # type: ignore[attr-defined]
    assert queries.pairs == 8  # type: ignore[attr-defined]


def test_one_budget_serves_all_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, offline: ViewResults) -> None:
    left: list[float | None] = []

    def ask(part: str, asked: AskedPolicy, *_: object) -> AskedRun:
        left.append(asked.budget.max_usd)
        return AskedRun(offline, 0.4)

    monkeypatch.setattr(job, "run_asked", ask)
    asked = AskedPolicy("llm", None, BudgetConfig(max_usd=1.0), {})
    names = ["session_generation", "query_generation", "view_selection", "item_selection"]
    job._ask(names, asked, tmp_path, lambda _: None)
    assert left == pytest.approx([1.0, 0.6, 0.2, 0.0])


def test_a_policy_that_answers_no_questions_gets_rows_of_sessions_alone(few: None) -> None:
    asked = AskedPolicy(f"{__name__}:OnlyActs", None, BudgetConfig(), {})
    assert "is no Answerer" in check_asked(asked)
    with pytest.raises(ValueError, match="Unknown shopper"):
        check_asked(asked._replace(policy="behavioral", options={}))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--max-usd", "1"), "asks none"),
        (("--cases", "5"), "is for a policy of your own"),
        (("--policy", "llm"), "--model is missing"),
        (("--policy", "nobody"), "Unknown shopper"),
        (("--model", "gpt"), "Unknown model"),
        (("--only", "table2"), "choose from session_generation"),
        (("--shopper", "nowhere.json"), "nowhere.json"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    ended = run_main(job.main, "--out", tmp_path / "new", *arguments)
    assert ended.exit_code == 2
    assert said in " ".join(ended.stderr.split())
    assert not (tmp_path / "new").exists()
