"""Does the query task run on real pairs and on mini's, and say which they are and what it can show?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.query_generation import WebShopPeople, webshop_queries
from paars_gym.catalog.product import Product
from paars_gym.config import RunConfig
from paars_gym.personas.persona import Persona
from paars_gym.report.tasks import (
    fingerprint,
    one_by_one,
    query_remarks,
    query_tables,
    similarity_remarks,
    sweep,
)
from paars_gym.sessions import Event, Provenance, Session
from paars_gym.sessions.writer import write_sessions
from paars_gym.synthetic.world import mini_world
from paars_gym.tasks.people import MiniPeople, reference_people
from paars_gym.tasks.query_generation import QueryCases, generate_queries, query_cases
from paars_gym.tasks.query_results import OF, QueryResults


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


class Silent(Titled):
    """Has nothing to say about two titles."""

    asked: list[str] = []  # noqa: RUF012 (shared by all on purpose)

    def write_query(self, product: Product) -> str:
        if product.title not in Silent.asked:
            Silent.asked.append(product.title)
        return "" if Silent.asked.index(product.title) < 2 else product.title


class Judge:
    """Finds longer queries harder; counts what it is asked."""

    name = "judge"
    asked = 0

    def conditional_log_prob(self, context: str, continuation: str) -> np.ndarray:
        Judge.asked += 1
        return np.array([-float(len(continuation)) / 10])


TITLED = f"{__name__}:Titled"


RUN = RunConfig(policy="behavioural", sessions=1000, seed=20_260_401)


def run(*policies: str, **more: Any) -> QueryResults:
    return generate_queries(MiniPeople(80, 20_260_101, 20), RUN, policies=policies, embedder="lexical", **more)


@pytest.fixture(scope="module")
def mini() -> QueryResults:
    return run("behavioural", TITLED)


def test_minis_people_are_called_synthetic_and_have_personas(mini: QueryResults) -> None:
    assert "synthetic" in mini.people
    assert "synthetic" in str(one_by_one(mini).columns[1].header)
    assert {m.population for m in mini.measures} == {
        "behavioural, base", "behavioural, persona", f"{TITLED}, base", f"{TITLED}, persona",
    }  # fmt: skip
    assert 20 < mini.pairs < 80


def test_who_writes_the_same_queries_is_scored_once_and_said_so(mini: QueryResults) -> None:
    assert mini.same == {"behavioural, persona": "behavioural, base"}
    numbers = {
        name: [(m.metric, m.estimate.value, m.estimate.low) for m in mini.measures if m.population == name]
        for name in ("behavioural, base", "behavioural, persona", f"{TITLED}, base", f"{TITLED}, persona")
    }
    assert numbers["behavioural, base"] == numbers["behavioural, persona"]
    assert numbers[f"{TITLED}, base"] != numbers[f"{TITLED}, persona"]
    assert any("very queries" in line for line in query_remarks(mini))
    assert any("very queries" in line for line in similarity_remarks(mini))


def test_a_persona_gains_on_its_own_shopper_and_in_one_unit(mini: QueryResults) -> None:
    gains = {gain.shopper: gain for gain in mini.gains}
    assert gains[f"{TITLED}, persona"].over == f"{TITLED}, base"
    assert gains[f"{TITLED}, base"].over == "behavioural, base"
    told = {(m.population, m.metric): m.estimate.value for m in mini.measures}
    base, persona = told[f"{TITLED}, base", "mean cosine"], told[f"{TITLED}, persona", "mean cosine"]
    assert base is not None
    assert persona is not None
    assert gains[f"{TITLED}, persona"].gain.value == pytest.approx(persona / base - 1)
    column = [str(text) for text in one_by_one(mini).columns[3].cells]
    assert column[1] == "none: the\nsame queries"
    assert column[3].count("%") == 3
    assert column[3].endswith("over base")
    assert column[2].replace("\n", " ").endswith("over behavioural, base")
    assert not any("[, ]" in str(text) for shown in query_tables(mini) for each in shown.columns for text in each.cells)


def test_the_sweep_stands_beside_appendix_d(mini: QueryResults) -> None:
    shown = [[str(text) for text in column.cells] for column in sweep(mini).columns]
    assert shown[0][-2:] == ["paper (LLM), base", "paper (LLM), persona"]
    assert [column[-2] for column in shown[1:]] == ["410,026", "2,236", "18.8", "0.42", "183.4"]
    assert [column[-1] for column in shown[1:]] == ["334,170", "1,871", "17.5", "0.18", "178.6"]
    # The titles hold the queries' words, yet no query: distances, whose ratio exact densities put near 100.
    assert float(shown[-1][0]) == pytest.approx(100, abs=2)
    assert fingerprint(0.0, 1.0) is None


def test_a_language_model_judges_some_pairs_and_says_how_many() -> None:
    Judge.asked = 0
    some = run("behavioural", language_model=Judge(), scored=12)
    assert Judge.asked == 12
    assert some.difficulty == f"perplexity of the human's query by judge, 12 of {some.pairs:,} pairs"
    assert sum(s.similarity.sizes["cases"] for s in some.strata if s.shopper == "behavioural, base") == 12
    assert all(-1 <= end <= 1 for s in some.strata for end in (s.similarity.low, s.similarity.high) if end is not None)
    assert "judge judged" in some.headline
    none = run("behavioural")
    assert "not perplexity" in none.difficulty
    assert "judge" not in none.headline


def test_whoever_is_no_offline_shopper_is_named_in_the_headline() -> None:
    own = run(TITLED)
    assert "No language model" not in own.headline
    assert TITLED in own.headline


def test_an_unknown_shopper_is_found_out_before_models_are_loaded() -> None:
    people = MiniPeople(80, 20_260_101, 20)
    with pytest.raises(ValueError, match="Unknown shopper 'nobody'"):
        generate_queries(people, RUN, policies=("nobody",), embedder="no such embedder")


def test_cases_without_an_answer_of_everybody_are_left_out_and_said_so() -> None:
    results = run("behavioural", f"{__name__}:Silent")
    whole = run("behavioural")
    assert results.pairs == whole.pairs - 2
    (note,) = [note for note in results.notes if "Silent, base" in note]
    assert "no usable answer for 2 pairs" in note
    assert "GaveUp: it wrote an empty query" in note


def test_people_without_queries_are_refused_with_what_they_have(tmp_path: Path) -> None:
    told = Provenance(name="shop", what_is_known=("purchases", "products"))
    session = Session(shopper="a", key="1", events=(Event(kind="purchase", product="p", units=1),))
    write_sessions(tmp_path / "store", [session], provenance=told)
    with pytest.raises(ValueError, match=r"needs searches and views; .* only purchases, products\..*mini"):
        generate_queries(reference_people(tmp_path / "store"), RUN)
    with pytest.raises(FileNotFoundError, match=r"mini, journey, .* nor the folder"):
        reference_people("nobody")


def test_small_run_on_real_pairs(shared_data: Path) -> None:
    cases = webshop_queries()[0]
    some = QueryCases(cases.people, cases.pairs[:60], cases.notes)
    run_of = RunConfig(seed=20_260_401)
    policies = ("uniform", "behavioural")
    results = generate_queries(WebShopPeople(), run_of, policies=policies, embedder="lexical", cases=some)
    assert results.pairs == 60
    measure = results.find("behavioural, base", "mean cosine")
    assert measure.of == OF
    behavioural = measure.estimate
    assert behavioural.value > behavioural.details["cosine with other people's queries"] + 0.2
    halves = results.find("behavioural, base", "KDE-KL of halves").estimate
    assert halves.floor is not None
    assert halves.details["own_pair"] < (halves.value or 0.0)
    assert "not comparable to the paper" in results.embedder
    assert "goal text stands for the title" in results.people
    assert any("where people among themselves show" in line for line in query_remarks(results))
    again = generate_queries(WebShopPeople(), run_of, policies=policies, embedder="lexical", cases=some)
    assert results == again


def test_absent_data_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--human STORE"):
        webshop_queries(tmp_path / "nothing.json")


def test_second_queries_differ_from_first_ones(shared_data: Path) -> None:
    cases, twice = webshop_queries()
    assert len(cases.pairs) == 1506
    assert twice
    assert all(first != second for first, second in twice)


def test_titles_that_a_log_lacks_are_those_of_its_catalog(tmp_path: Path) -> None:
    world = mini_world(n_shoppers=20, seed=3)
    sessions = [
        one.model_copy(update={"events": tuple(event.model_copy(update={"title": None}) for event in one.events)})
        for one in world.humans(60)
    ]
    write_sessions(tmp_path / "store", sessions, provenance=world.provenance)
    with pytest.raises(ValueError, match="name the log's own catalog with --catalog"):
        query_cases(reference_people(tmp_path / "store"), RunConfig())
    cases = query_cases(reference_people(tmp_path / "store", catalog="mini"), RunConfig())
    assert cases.pairs
    assert all(pair.title for pair in cases.pairs)
