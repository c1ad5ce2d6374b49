"""Has a language model of this machine rows in every table of the main job, and is it said where it has none?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from benchmarks import __main__ as job
from benchmarks import model_rows, parts, reference
from benchmarks.local_tasks import LocalModelFile, choose_views, play_sessions
from benchmarks.model_rows import DEFAULT, ModelRows, find_model
from benchmarks.parts import PartRun, report, run_parts, with_model
from benchmarks.reference import judges
from benchmarks.scores import scores
from benchmarks.settings import VIEW_RUN
from paars_gym.config import RunConfig
from paars_gym.embedding import load_embedder
from paars_gym.report.item_selection import table_3
from paars_gym.sessions.split import is_held_out
from paars_gym.simulation.read_run import Run
from paars_gym.tasks.items.questions import ItemDesign, ItemQuestions, item_cases
from paars_gym.tasks.items.selection import select_items
from paars_gym.tasks.view_selection import select_views
from tests.benchmarks.running import run_main
from tests.shoppers.test_text_likelihood import Words
from tests.tasks.conftest import Households, Mock

TINY = "likelihood:tiny"
SMALL = ItemDesign(("popularity",), min_known=3)


@pytest.fixture(autouse=True)
def _invented(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("paars_gym.shoppers.text_likelihood.scorer_of", lambda _: Words())
    monkeypatch.setattr("paars_gym.tasks.items.selection.load_embedder", lambda _: load_embedder("lexical"))
    monkeypatch.setattr(reference, "PEOPLE", 20)
    monkeypatch.setattr(reference, "PEOPLE_SESSIONS", 80)
    judges.cache_clear()
    yield
    judges.cache_clear()


def test_rows_stand_in_table_3_with_the_number_of_their_cases(
    households: Households, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunConfig(sessions=40)
    offline = select_items(households, run, design=SMALL)
    few = SMALL._replace(asked=3)
    own = select_items(households, run, policies=(TINY,), conditions=("base", "persona"), design=few)
    whole = model_rows.in_table_3(offline, own)
    rows = {row.shopper: row for row in whole.rows}
    assert (rows[f"{TINY}, base"].cases, rows[f"{TINY}, base"].not_asked) == (3, 0)
    assert rows["uniform, base"].cases == offline.cases[0].cases > 3
    assert [gain.second for gain in whole.gains if gain.shopper == TINY] == ["persona"]
    assert any("asked in 3 of these cases" in note for note in whole.notes)
    assert "words" in whole.headline
    found = scores({"item_selection": whole})["table3"]["rows"]
    assert {row["shopper"] for row in found if row["policy"] == TINY} == {f"{TINY}, base", f"{TINY}, persona", TINY}


def test_only_households_that_judge_are_asked(households: Households) -> None:
    design = SMALL._replace(asked=1_000)
    questions = ItemQuestions(item_cases(households.product_log(), RunConfig(sessions=40), design)[0])
    judging = [index for index in range(len(questions)) if is_held_out(questions.shopper(index))]
    assert 0 < len(judging) < len(questions)
    results = select_items(households, RunConfig(sessions=40), policies=(TINY,), conditions=("base",), design=design)
    assert results.rows[-1].cases == len(judging)


def test_a_row_under_one_protocol_stands_in_its_column(households: Households) -> None:
    both = SMALL._replace(protocols=("interests", "popularity"))
    offline = select_items(households, RunConfig(sessions=20), design=both)
    own = select_items(households, RunConfig(sessions=20), policies=(TINY,), conditions=("base",), design=SMALL)
    table = table_3(model_rows.in_table_3(offline, own)).renderables[0]
    last = [list(column.cells)[-1] for column in table.columns]  # type: ignore[union-attr]
    assert last[0] == f"{TINY}, base"
    assert last[1] == "–"
    assert "." in str(last[3])


def test_the_other_parts_have_rows_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paars_gym.tasks.query_generation.load_embedder", lambda *_, **__: load_embedder("lexical"))
    monkeypatch.setattr(model_rows, "one_thread", lambda: None)
    model = ModelRows(TINY, cases=9)
    told: SimpleQueue[str] = SimpleQueue()
    monkeypatch.setattr(parts, "_told", told)
    monkeypatch.setattr(parts, "TELL_SECONDS", -1.0)
    runs = run_parts(["query_generation", "view_selection"], Path("nowhere"), (), model)
    heard = [told.get() for _ in range(told.qsize())]
    assert f"view_selection, {TINY}: 9 of 9 cases asked; 0 questions failed" in heard
    own = {run.name: run.results for run in runs}
    results, beside = with_model({"view_selection": select_views(judges(), VIEW_RUN)}, model, own)
    assert set(beside) == {"query_generation", "view_selection"}
    console = Console(width=120, record=True, quiet=True)
    console.print(*report(results, [beside]))
    found = scores(results, [beside])
    assert {row["policy"] for row in found["similarity"]["rows"]} == {TINY}
    assert {row["policy"] for row in found["figure3"]["rows"]} == {"people", "behavioural", TINY}
    assert {row["shopper"] for row in found["table2"]["rows"]} == {"behavioural", TINY}


class Moody(Words):
    """Finds texts as likely as their length and that of the context say."""

    name = "moody"

    def log_probs_after(self, context: str, continuations: Sequence[str]) -> list[Any]:
        return [np.array([-1.0 - (len(context) * len(text)) % 7]) for text in continuations]


def test_the_persona_can_matter_in_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paars_gym.shoppers.text_likelihood.scorer_of", lambda _: Moody())
    monkeypatch.setattr("paars_gym.tasks.query_generation.load_embedder", lambda *_, **__: load_embedder("lexical"))
    results: Any = model_rows.PARTS["query_generation"](ModelRows(TINY, cases=20), lambda _: None)
    assert results.same == {}


def test_a_model_that_fails_takes_no_offline_rows_along(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Words):
        name = "broken"

        def log_probs_after(self, *_: object) -> list[Any]:
            raise RuntimeError("no such architecture")

    monkeypatch.setattr("paars_gym.shoppers.text_likelihood.scorer_of", lambda _: Broken())
    monkeypatch.setattr(model_rows, "one_thread", lambda: None)
    model = ModelRows(TINY, cases=3)
    own = {run.name: run.results for run in run_parts(["view_selection"], Path("nowhere"), (), model)}
    offline = select_views(judges(), VIEW_RUN)
    results, beside = with_model({"view_selection": offline}, model, own)
    assert beside == {}
    assert results["view_selection"].ranks == offline.ranks
    assert "no such architecture" in results["view_selection"].notes[-1]


def test_without_it_the_tables_say_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    views = select_views(judges(), VIEW_RUN)
    monkeypatch.setattr(job, "_run_all", lambda names, *_: {name: PartRun(name, views, 0.0, 0.0) for name in names})
    monkeypatch.setattr(job, "household_baskets", lambda: None)
    monkeypatch.setattr(model_rows, "lacking", lambda _: "It needs torch. Install it.")
    for arguments, said in (((), "no language model: It needs torch. Install it."), (("--no-model",), "--no-model")):
        done = run_main(job.main, "--out", tmp_path / "run", "--only", "view_selection", *arguments)
        assert done.exit_code == 0, done.stderr
        assert f"{DEFAULT}: no language model" in " ".join(done.output.split())
        assert said in " ".join(done.output.split())
        assert done.output.startswith("No language model ran")
    assert json.loads((tmp_path / "run" / "settings.json").read_text())["MODEL"]["policy"] == DEFAULT


def test_which_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_rows, "lacking", lambda _: "")
    assert find_model() == ModelRows(DEFAULT)
    assert find_model(tmp_path / "x.gguf").policy == f"likelihood:{tmp_path / 'x.gguf'}"
    assert find_model(tmp_path / "x.gguf").name == "likelihood:x.gguf"
    with pytest.raises(ValueError, match=r"must end in \.gguf"):
        find_model(tmp_path / "x.bin")
    assert sorted(name for group in model_rows.TOGETHER for name in group) == sorted(model_rows.PARTS)
    assert set(model_rows.PARTS) <= set(parts.PARTS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model-file", "no.gguf"), "There is no file 'no.gguf'"),
        (("--model-file", "x.gguf", "--no-model"), "give one of them"),
        (("--policy", "likelihood:auto"), "names no model"),
        (("--policy", "likelihood:no.gguf"), "There is no file 'no.gguf'"),
    ],
)
def test_mistakes(tmp_path: Path, arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    ended = run_main(job.main, "--out", tmp_path / "new", *arguments)
    assert ended.exit_code == 2
    assert said in " ".join(ended.stderr.split())
    assert not (tmp_path / "new").exists()


def test_a_file_of_ones_own_is_put_tasks_and_sessions(mock: Mock, tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> str:
        form = body["response_format"]["json_schema"]["schema"]["properties"]
        return json.dumps({"name": "stop", "inside": ""} if "inside" in form else {"choice": 1})

    mock.answer = answer
    model = LocalModelFile(tmp_path / "own.gguf", mock.spec.partition("@")[2])
    seen = choose_views(model, 4)
    asked = [f"{who}, {condition}" for who in ("llm", "likelihood:own.gguf") for condition in ("base", "persona")]
    assert list(seen.ranks) == ["people", *asked]
    played = play_sessions(model, tmp_path / "run", 3)
    assert played.ends == {"stop": 3}
    steps = Run(tmp_path / "run").session(next(iter(Run(tmp_path / "run")))).steps
    assert steps[0].action == "stop[]"
