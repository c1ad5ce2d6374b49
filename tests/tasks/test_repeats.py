"""Is run-to-run noise measured right where it is known, and is a model asked anew in every repeat, under one budget?"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paars_gym.cli import app
from paars_gym.config import BudgetConfig, ModelConfig, RunConfig
from paars_gym.estimate import Estimate
from paars_gym.report.run_noise import UNMEASURED, noise_remarks, noise_tables
from paars_gym.tasks.items.questions import ItemDesign
from paars_gym.tasks.items.results import ItemResults
from paars_gym.tasks.items.selection import select_items
from paars_gym.tasks.people import MiniPeople
from paars_gym.tasks.query_results import QueryResults
from paars_gym.tasks.repeats import play_repeats
from paars_gym.tasks.run_noise import BEYOND, WITHIN, difference_of, noise_of, spread_of
from paars_gym.tasks.session_generation import generate_sessions
from paars_gym.tasks.session_results import SessionResults
from paars_gym.tasks.view_selection import ViewResults, select_views
from tests.benchmarks.running import run_main
from tests.tasks.conftest import Households, Mock, what

PEOPLE = MiniPeople(60, 20_260_101, 20)
DESIGN = ItemDesign(min_known=3, protocols=("popularity",))


def test_the_spread_of_known_noise_is_found_and_its_interval_covers() -> None:
    rng = np.random.default_rng(0)
    spreads = [spread_of(rng.normal(5.0, 0.3, 6).tolist()) for _ in range(400)]
    assert np.mean([one.value**2 for one in spreads if one.value is not None]) == pytest.approx(0.09, rel=0.1)
    assert sum(0.3 in one.interval for one in spreads if one.interval is not None) >= 0.92 * 400


def test_equal_rows_are_rarely_told_apart_and_unequal_ones_are() -> None:
    rng = np.random.default_rng(1)
    draws = [(rng.normal(0, 1, 5), rng.normal(shift, 1, 5)) for shift in (0.0, 4.0) for _ in range(300)]
    verdicts = [difference_of(first.tolist(), second.tolist()).verdict for first, second in draws]
    assert verdicts[:300].count(BEYOND) <= 0.08 * 300
    assert verdicts[300:].count(BEYOND) >= 0.9 * 300
    assert WITHIN in verdicts


def test_repeats_that_agree_have_no_noise() -> None:
    still = spread_of([0.5, 0.5, 0.5])
    assert (still.value, still.interval, still.note) == (0.0, None, "All repeats agree.")
    assert difference_of([0.5, 0.5], [0.7, 0.7]).verdict == BEYOND
    assert difference_of([0.5, 0.5], [0.5, 0.5]).verdict == WITHIN
    with pytest.raises(ValueError, match="must be two or more"):
        spread_of([0.5])
    with pytest.raises(ValueError, match="must be as many"):
        difference_of([0.5, 0.4], [0.5])


class Guesser:
    """Is right with a known chance: of four options it takes one at random."""

    name = "guesser"

    def reset(self, persona: object, intention: object, rng: np.random.Generator) -> None:
        self._rng = rng

    def write_query(self, product: object) -> str:
        raise AssertionError("items need no query")

    def choose_item(self, products: Sequence[object]) -> int:
        return int(self._rng.integers(len(products)))

    def choose_view(self, query: str, results: Sequence[object]) -> int:
        raise AssertionError("items need no view")


def played(households: Households, run: RunConfig, repeats: int, **asked: Any) -> ItemResults:
    def play(one: RunConfig, _: int) -> ItemResults:
        return select_items(households, one, design=DESIGN, embedder="lexical", **asked)

    return play_repeats(play, run, repeats, progress=lambda _: None)


def test_the_noise_of_a_guesser_is_that_of_its_coin(households: Households) -> None:
    results = played(
        households,
        RunConfig(sessions=40, seed=3),
        12,
        policies=["tests.tasks.test_repeats:Guesser"],
        conditions=["base"],
    )
    assert results.noise is not None
    (row,) = results.noise.rows  # uniform, embedding and the bars are not asked
    cases = results.cases[0].cases
    expected = math.sqrt(0.25 * 0.75 / cases)
    assert row.row.endswith("base")
    assert row.measure == "accuracy, popularity"
    assert len(set(row.values)) > 2
    assert expected in row.spread.interval  # type: ignore[operator]
    assert row.once.value == row.values[0]
    assert ItemResults.model_validate_json(results.model_dump_json()) == results


def views(run: RunConfig, repeats: int, *policies: str) -> ViewResults:
    def play(one: RunConfig, _: int) -> ViewResults:
        return select_views(PEOPLE, one, policies=policies)

    return play_repeats(play, run, repeats, progress=lambda _: None)


def test_the_first_repeat_is_the_run_without_repeats_and_the_cases_are_the_same() -> None:
    run = RunConfig(sessions=60, seed=1)
    once, often = views(run, 1, "uniform", "behavioural"), views(run, 3, "uniform", "behavioural")
    assert once.noise is None
    assert often.noise is not None
    assert often.model_copy(update={"noise": None}) == once
    assert {row.row for row in often.noise.rows} == set(once.ranks) - {"people"}
    pairs = {(each.first, each.second) for each in often.noise.differences}
    assert pairs == {
        ("uniform, base", "uniform, persona"), ("behavioural, base", "behavioural, persona"),
        ("uniform, base", "behavioural, base"), ("uniform, persona", "behavioural, persona"),
    }  # fmt: skip
    verdicts = {(each.first, each.second, each.measure): each.difference for each in often.noise.differences}
    assert verdicts["uniform, base", "uniform, persona", "KL of rank chosen"].value == 0  # they are one
    titles = [str(table.title) for table in noise_tables(often.noise)]
    assert titles[0].startswith("Run-to-run noise: 3 repeats")
    assert "exceed run-to-run noise" in next(iter(noise_remarks(often)))
    assert not list(noise_remarks(once))  # nobody asked a model


def choosing(body: dict[str, Any]) -> str:
    """As the seed says: a server that draws."""
    assert what(body) == "choice"
    return json.dumps({"choice": 1 + body["seed"] % 4})


def asking(mock: Mock, tmp_path: Path, **budget: Any) -> RunConfig:
    return RunConfig(
        sessions=20,
        seed=3,
        policy="llm",
        model=ModelConfig(spec=mock.spec, price="1,1"),
        budget=BudgetConfig(cache=tmp_path / "replies.sqlite", concurrency=4, **budget),
    )


def test_a_model_is_asked_anew_in_every_repeat_and_never_twice(
    households: Households, mock: Mock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    mock.answer = choosing
    run = asking(mock, tmp_path)
    results = played(households, run, 3, policies=["llm"], conditions=["base"])
    cases = results.cases[0].cases
    assert results.noise is not None
    (paid,) = results.paid
    assert (paid["calls"], paid["from_cache"]) == (3 * cases, 0)
    assert paid["in_all"]["calls"] == 3 * cases  # one ledger
    assert paid["tokens"]["input"] + paid["tokens"]["cache_read"] == 300 * cases
    assert paid["usd"] == pytest.approx(paid["in_all"]["usd"])
    seeds = {body["seed"] for body in mock.bodies}
    assert len(seeds) == 3
    again = played(households, run, 3, policies=["llm"], conditions=["base"])
    assert (again.paid[0]["calls"], again.paid[0]["from_cache"]) == (0, 3 * cases)
    assert again.noise == results.noise
    once = played(households, run, 1, policies=["llm"], conditions=["base"])
    assert list(noise_remarks(once)) == [UNMEASURED]


def test_personas_are_mined_once(
    households: Households, mock: Mock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    run = asking(mock, tmp_path).model_copy(update={"personas": "mined"})
    played(households, run, 2, policies=["llm"], conditions=["persona"])
    mined = [json.dumps(body["messages"]) for body in mock.bodies if what(body) != "choice"]
    assert mined
    assert len(mined) == len(set(mined))


def test_a_cap_ends_the_repeats_and_keeps_what_is_whole(
    households: Households, mock: Mock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    mock.answer = choosing
    cases = played(households, asking(mock, tmp_path), 1, policies=["llm"], conditions=["base"]).cases[0].cases
    # A call takes 110 tokens at a dollar a million: enough for two repeats and a half, each with room for one answer.
    dollars = 2.5 * cases * 110e-6 + 2_000e-6
    run = asking(mock, tmp_path / "other", max_usd=dollars)
    (tmp_path / "other").mkdir()
    results = played(households, run, 9, policies=["llm"], conditions=["base"])
    assert results.stopped
    assert results.noise is not None
    assert 2 <= results.noise.repeats < 9
    assert results.paid[0]["in_all"]["usd"] <= dollars


def test_sessions_are_played_again_under_one_roof(tmp_path: Path) -> None:
    def play(one: RunConfig, number: int) -> SessionResults:
        place = tmp_path if number == 1 else tmp_path / f"repeat-{number}"
        return generate_sessions(PEOPLE, one, place, same_sessions=0, embedder=None)

    run = RunConfig(sessions=25, seed=2)
    results = play_repeats(play, run, 2, progress=lambda _: None)
    assert results.noise is not None
    assert (tmp_path / "repeat-2" / "mini-persona" / "sessions").is_dir()
    values = {(row.row, row.measure): row.values for row in results.noise.rows}
    assert len(set(values["behavioural, base", "KL of searches"])) == 2
    assert (
        values["behavioural, base", "KL of searches"][0]
        == results.report.find("searches", "KL", population="baseline").estimate.value
    )
    assert play_repeats(play, run, 2, progress=lambda _: None) == results  # nothing is played again


def test_a_number_that_a_repeat_lacks_is_left_out() -> None:
    estimate = Estimate(0.5)
    noise = noise_of([{("a, base", "KL"): estimate, ("b, base", "KL"): estimate}, {("a, base", "KL"): estimate}])
    assert [row.row for row in noise.rows] == ["a, base"]
    assert noise.differences == ()


def test_repeats_from_the_command_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("paars_gym.tasks.people.mini_people", lambda: MiniPeople(60, 1, 20))
    done = run_main(app, "tasks", "view", "--cases", 20, "--policy", "uniform", "--repeats", 2)
    assert done.exit_code == 0, done.stderr
    assert "Run-to-run noise: 2 repeats" in done.output
    done = run_main(
        app,
        "tasks",
        "query",
        "--cases",
        30,
        "--embedder",
        "lexical",
        "--repeats",
        2,
        "--json",
        "--out",
        tmp_path / "q.json",
    )
    assert done.exit_code == 0, done.stderr
    noise = QueryResults.model_validate_json(done.output).noise
    assert noise is not None
    assert {"mean cosine of queries for viewed items"} <= {row.measure for row in noise.rows}
    refused = run_main(app, "tasks", "view", "--repeats", 2, "--export-questions", tmp_path / "q.jsonl")
    assert refused.exit_code == 2
    assert "--repeats does not go with --export-questions" in refused.stderr


def test_a_forecast_is_of_all_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paars_gym.tasks.people.mini_people", lambda: MiniPeople(60, 1, 20))
    view = ("tasks", "view", "--cases", 20, "--model", "openai:gpt-4.1-mini", "--dry-run")
    once, often = run_main(app, *view), run_main(app, *view, "--repeats", 3)
    assert (once.exit_code, often.exit_code) == (0, 0), often.stderr
    assert "│ 40 " in once.output
    assert "│ 120 " in often.output
    assert "3 repeats" in often.output
