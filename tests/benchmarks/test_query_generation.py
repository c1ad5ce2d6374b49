"""Does the query task run on real pairs and on mini's, and say which they are and what it can show?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.queries.people import find_people, webshop_pairs
from benchmarks.queries.results import OF, QueryResults
from benchmarks.queries.tables import fingerprint, main_remarks, one_by_one, remarks, sweep, tables
from benchmarks.query_generation import run
from paars_gym.catalog.product import Product
from paars_gym.config import RunConfig
from paars_gym.personas.persona import Persona


class Titled:
    """Repeats the title; with a persona, adds whose it is."""

    name = "titled"

    def reset(self, persona: Persona | None, intention: object, rng: np.random.Generator) -> None:
        self._who = "" if persona is None else persona.shopper

    def write_query(self, product: Product) -> str:
        return f"{product.title} {self._who}".strip()

    def choose_item(self, products: object) -> int:
        raise AssertionError("queries need no item")

    choose_view = choose_item


class Judge:
    """Finds longer queries harder; counts what it is asked."""

    name = "judge"
    asked = 0

    def conditional_log_prob(self, context: str, continuation: str) -> np.ndarray:
        Judge.asked += 1
        return np.array([-float(len(continuation)) / 10])


TITLED = f"{__name__}:Titled"


@pytest.fixture(scope="module")
def mini() -> Iterator[QueryResults]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.mini_people.PEOPLE", 20)
        patch.setattr("benchmarks.query_generation.answerer_factory", make)
        yield run("mini", shoppers=("behavioural", "titled"), embedder="lexical", sessions=80)


def make(run: RunConfig) -> object:
    from paars_gym.shoppers.registry import answerer_factory

    return Titled if run.policy == "titled" else answerer_factory(run)


def test_minis_people_are_called_synthetic_and_have_personas(mini: QueryResults) -> None:
    assert "synthetic" in mini.people
    assert "synthetic" in str(one_by_one(mini).columns[1].header)
    assert {m.population for m in mini.measures} == {
        "behavioural, base", "behavioural, persona", "titled, base", "titled, persona",
    }  # fmt: skip
    assert 20 < mini.pairs < 80


def test_who_writes_the_same_queries_is_scored_once_and_said_so(mini: QueryResults) -> None:
    assert mini.same == {"behavioural, persona": "behavioural, base"}
    numbers = {
        name: [(m.metric, m.estimate.value, m.estimate.low) for m in mini.measures if m.population == name]
        for name in ("behavioural, base", "behavioural, persona", "titled, base", "titled, persona")
    }
    assert numbers["behavioural, base"] == numbers["behavioural, persona"]
    assert numbers["titled, base"] != numbers["titled, persona"]
    assert any("very queries" in line for line in remarks(mini))
    assert any("very queries" in line for line in main_remarks(mini))


def test_a_persona_gains_on_its_own_shopper_and_in_one_unit(mini: QueryResults) -> None:
    gains = {gain.shopper: gain for gain in mini.gains}
    assert gains["titled, persona"].over == "titled, base"
    assert gains["titled, base"].over == "behavioural, base"
    told = {(m.population, m.metric): m.estimate.value for m in mini.measures}
    base, persona = told["titled, base", "mean cosine"], told["titled, persona", "mean cosine"]
    assert base is not None
    assert persona is not None
    assert gains["titled, persona"].gain == pytest.approx(persona / base - 1)
    column = [str(text) for text in one_by_one(mini).columns[3].cells]
    assert column[1] == "none: the\nsame queries"
    assert column[3].count("%") == 3
    assert column[3].endswith("over base")
    assert column[2].endswith("over behavioural, base")
    assert not any("[, ]" in str(text) for shown in tables(mini) for each in shown.columns for text in each.cells)


def test_the_sweep_stands_beside_appendix_d(mini: QueryResults) -> None:
    shown = [[str(text) for text in column.cells] for column in sweep(mini).columns]
    assert shown[0][-2:] == ["paper (LLM), base", "paper (LLM), persona"]
    assert [column[-2] for column in shown[1:]] == ["410,026", "2,236", "18.8", "0.42", "183.4"]
    assert [column[-1] for column in shown[1:]] == ["334,170", "1,871", "17.5", "0.18", "178.6"]
    # The titles hold the queries' words, yet no query: distances, whose ratio exact densities put near 100.
    assert float(shown[-1][0]) == pytest.approx(100, abs=2)
    assert fingerprint(0.0, 1.0) is None


def test_a_language_model_judges_some_pairs_and_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.mini_people.PEOPLE", 20)
    Judge.asked = 0
    some = run("mini", shoppers=("behavioural",), embedder="lexical", language_model=Judge(), scored=12, sessions=80)
    assert Judge.asked == 12
    assert some.difficulty == f"perplexity of the human's query by judge, 12 of {some.pairs:,} pairs"
    assert sum(s.cases for s in some.strata if s.shopper == "behavioural, base") == 12
    assert all(-1 <= end <= 1 for s in some.strata for end in (s.low, s.high) if end is not None)
    assert "judge judged" in some.headline
    none = run("mini", shoppers=("behavioural",), embedder="lexical", sessions=80)
    assert "not perplexity" in none.difficulty
    assert "judge" not in none.headline


def test_whoever_is_no_offline_shopper_is_named_in_the_headline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.mini_people.PEOPLE", 20)
    own = run("mini", shoppers=(TITLED,), embedder="lexical", sessions=80)
    assert "No language model" not in own.headline
    assert TITLED in own.headline


def test_an_unknown_shopper_is_found_out_before_models_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.mini_people.PEOPLE", 20)
    with pytest.raises(ValueError, match="Unknown shopper 'nobody'"):
        run("mini", shoppers=("nobody",), embedder="no such embedder", sessions=80)


def test_without_webshop_the_people_are_minis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.mini_people.PEOPLE", 20)
    monkeypatch.setattr("benchmarks.queries.people.WEBSHOP", tmp_path / "nothing.json")
    assert "synthetic" in find_people(sessions=80).name


def test_small_run_on_real_pairs(shared_data: Path) -> None:
    results = run("webshop", shoppers=("uniform", "behavioural"), embedder="lexical", limit=60)
    assert results.pairs == 60
    told = {(m.population, m.metric): m.estimate for m in results.measures}
    behavioural = told["behavioural, base", "mean cosine"]
    assert behavioural.of == OF
    assert behavioural.value is not None
    assert behavioural.value > behavioural.details["cosine with other people's queries"] + 0.2
    halves = told["behavioural, base", "KDE-KL of halves"]
    assert halves.floor is not None
    assert halves.details["own_pair"] < (halves.value or 0.0)
    assert "not comparable to the paper" in results.embedder
    assert "goal text stands for the title" in results.people
    assert any("where people among themselves show" in line for line in remarks(results))
    assert results == run("webshop", shoppers=("uniform", "behavioural"), embedder="lexical", limit=60)


def test_absent_data_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--human STORE"):
        webshop_pairs(tmp_path / "nothing.json")


def test_second_queries_differ_from_first_ones(shared_data: Path) -> None:
    pairs, twice = webshop_pairs()
    assert len(pairs) == 1506
    assert twice
    assert all(first != second for first, second in twice)
