"""Verbs that play a population say why its policy failed, with the line, and end with exit code 3."""

from __future__ import annotations

from pathlib import Path

import pytest

from paars_gym.cli import app
from paars_gym.tasks.people import MiniPeople
from tests.benchmarks.running import run_main

SOURCE = """\
class Failing:
    name = "failing"

    def __init__(self, often=1.0):
        self.often = often

    def reset(self, persona, intention, rng):
        self.fails = rng.random() < self.often

    def act(self, page, info):
        if self.fails:
            raise RuntimeError("out of order")
        return "search[kettle]" if info["step"] == 0 else "stop[]"
"""
ALL = "The policy failed in 12 of 12 sessions, most often (12 of them) by RuntimeError: out of order at "
ABTEST = ("abtest", "--treatment", "rating", "--sessions", 12)


@pytest.fixture(autouse=True)
def _policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("paars_gym.tasks.people.mini_people", lambda: MiniPeople(60, 1, 20))
    Path("failing.py").write_text(SOURCE)


@pytest.mark.parametrize(
    "words",
    [
        ("simulate", "--sessions", 12, "--out", "run"),
        ABTEST,
        (*ABTEST, "--out", "test"),
        ("calibrate", "--human", "mini", "--sessions", 12, "--out", "population.json"),
        ("tasks", "session", "--sessions", 12),
    ],
    ids=lambda words: " ".join(map(str, words[:2])),
)
def test_a_policy_that_always_fails(words: tuple[str, ...]) -> None:
    done = run_main(app, *words, "--policy", "failing:Failing")
    assert done.exit_code == 3
    assert ALL in done.stderr
    assert "failing.py:12" in done.stderr


def test_a_probe_counts_the_sessions_of_all_levels() -> None:
    done = run_main(app, "probe", "rating", "--trials", 4, "--policy", "failing:Failing")
    assert done.exit_code == 3
    assert "The policy failed in 12 of 12 sessions" in done.stderr


@pytest.mark.parametrize("words", [ABTEST, ("probe", "rating", "--trials", 12)], ids=["abtest", "probe"])
def test_one_that_often_fails_has_a_result_too(words: tuple[str, ...]) -> None:
    done = run_main(app, *words, "--policy", "failing:Failing", "--option", "often=0.5")
    assert done.exit_code == 3
    assert "RuntimeError: out of order" in done.stderr
    assert ("sales_units" if words is ABTEST else "purchase") in done.output


def test_one_that_seldom_fails_does_not_fail_the_test() -> None:
    done = run_main(app, *ABTEST, "--policy", "failing:Failing", "--option", "often=0.01")
    assert done.exit_code == 0, done.stderr
