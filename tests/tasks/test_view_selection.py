"""Are shoppers asked about the very lists that people saw, each with its person, and are their ranks counted right?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from paars_gym.alignment.rank_selection import RankCase
from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig
from paars_gym.personas.persona import ConsumerProfile, Persona, ShoppingPreferences
from paars_gym.report.tasks import BAR_ROOM, figure_3, view_remarks, view_table
from paars_gym.sessions import Event, Provenance, Session
from paars_gym.sessions.writer import write_sessions
from paars_gym.tasks.asking import ask_shoppers
from paars_gym.tasks.people import MiniPeople, reference_people
from paars_gym.tasks.persona_sources import KnownPersonas
from paars_gym.tasks.questions import TaskShopper, TaskShoppers
from paars_gym.tasks.view_selection import PEOPLE_ROW, ViewQuestions, ViewResults, select_views


def persona(shopper: str) -> Persona:
    return Persona(shopper=shopper, profile=ConsumerProfile(), preferences=ShoppingPreferences(), source="synthetic")


class Second:
    """Opens the second result; with a persona, the first, and remembers who it was."""

    name = "second"
    asked: list[tuple[str | None, str, tuple[str, ...]]] = []  # noqa: RUF012 (shared by all instances on purpose)

    def reset(self, persona: Persona | None, intention: object, rng: np.random.Generator) -> None:
        self._persona = persona

    def write_query(self, product: object) -> str:
        raise AssertionError("ranks need no query")

    def choose_item(self, products: object) -> int:
        raise AssertionError("ranks need no item")

    async def choose_view(self, query: str, results: list[object]) -> int:
        who = None if self._persona is None else self._persona.shopper
        Second.asked.append((who, query, tuple(product.id for product in results)))  # type: ignore[attr-defined]
        return 1 if who is None else 0


def test_each_list_is_shown_in_order_to_its_own_person(catalog: Catalog) -> None:
    cases = [RankCase("s", "ann", "shoes", ("s2", "s1"), 1), RankCase("s", "bob", "kettle", ("k1", "k2", "k3"), 3)]
    products = {key: catalog[key] for case in cases for key in case.results}
    personas = {name: persona(name) for name in ("ann", "bob")}
    Second.asked.clear()
    source = KnownPersonas(personas)
    shoppers = [TaskShopper(f"second, {name}", "second", name, Second, source) for name in ("base", "persona")]
    questions = ViewQuestions(cases, products, seed=0)
    answers = ask_shoppers([questions], TaskShoppers(tuple(shoppers), at_once=1)).answers[0]
    assert answers["second, base"].values == [1, 1]
    assert answers["second, persona"].values == [0, 0]
    told = [asked for asked in Second.asked if asked[0] is not None]
    assert told == [("ann", "shoes", ("s2", "s1")), ("bob", "kettle", ("k1", "k2", "k3"))]


RUN = RunConfig(sessions=1000, seed=20_260_601)


def run() -> ViewResults:
    return select_views(MiniPeople(60, 20_260_101, 20), RUN, policies=("uniform", "behavioural"))


@pytest.fixture(scope="module")
def small() -> ViewResults:
    return run()


def test_mini_people_give_cases_and_every_shopper_both_conditions(small: ViewResults) -> None:
    assert list(small.ranks) == [
        PEOPLE_ROW, "uniform, base", "uniform, persona", "behavioural, base", "behavioural, persona",
    ]  # fmt: skip
    assert 0 < small.cases <= small.searches
    assert {sum(counts) for counts in small.ranks.values()} == {small.cases}
    kl = small.find("behavioural, base", "KL")
    assert 0 < (kl.estimate.floor or 0) < (kl.estimate.value or 0)
    # The choice model opens the first result most of the time, as people do not.
    people, model = small.ranks[PEOPLE_ROW], small.ranks["behavioural, base"]
    assert model[0] > people[0]
    assert small.ranks["uniform, base"] == small.ranks["uniform, persona"]
    assert small == run()


def test_what_is_shown_names_people_floor_and_paper(small: ViewResults) -> None:
    assert "synthetic people" in str(view_table(small).title)
    first = list(view_table(small).columns[0].cells)
    assert first[-3:] == ["floor: people themselves", "paper (LLM), base", "paper (LLM), persona"]
    assert list(view_table(small).columns[1].cells)[-2:] == ["2.40", "1.08"]
    bars = list(figure_3(small).columns[1].cells)
    assert len(bars) == len(small.ranks[PEOPLE_ROW])
    width = BAR_ROOM // len(small.ranks) - 9  # five columns share the page
    assert bars[0].count("█") == round(width * small.ranks[PEOPLE_ROW][0] / max(map(max, small.ranks.values())))
    assert any("people among themselves" in line for line in view_remarks(small))


def test_a_log_serves_with_its_catalog(tmp_path: Path) -> None:
    event = Event(kind="search", query="x", results=("nowhere-1", "nowhere-2"))
    session = Session(shopper="a", key="1", events=(event, Event(kind="view", product="nowhere-2")))
    told = Provenance(
        name="tiny", synthetic=True, format="generic", what_is_known=("searches", "results", "views", "products")
    )
    write_sessions(tmp_path / "store", [session], provenance=told)
    with pytest.raises(ValueError, match=r"'nowhere-1' in catalog 'mini'\. Name the log's own"):
        select_views(reference_people(tmp_path / "store", catalog="mini"), RUN)
    with pytest.raises(ValueError, match="Name the log's own catalog with --catalog"):
        select_views(reference_people(tmp_path / "store"), RUN)
