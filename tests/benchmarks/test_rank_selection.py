"""Are shoppers asked about the very lists that people saw, each with its person, and are their ranks counted right?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.rank_selection import PEOPLE_ROW, RankResults, choose_ranks, figure_3, remarks, run, table
from paars_gym.alignment.rank_selection import RankCase
from paars_gym.catalog.store import Catalog
from paars_gym.personas.persona import ConsumerProfile, Persona, ShoppingPreferences
from paars_gym.sessions import Event, Provenance, Session
from paars_gym.sessions.writer import write_sessions


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
    assert choose_ranks(cases, Second, products=products, seed=0) == [2, 2]
    assert choose_ranks(cases, Second, products=products, personas=personas, seed=0, concurrency=1) == [1, 1]
    assert Second.asked[2:] == [("ann", "shoes", ("s2", "s1")), ("bob", "kettle", ("k1", "k2", "k3"))]


@pytest.fixture(scope="module")
def small() -> Iterator[RankResults]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.mini_people.PEOPLE", 20)
        yield run(sessions=60, shoppers=("uniform", "behavioural"))


def test_mini_people_give_cases_and_every_shopper_both_conditions(small: RankResults) -> None:
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
    assert small == run(sessions=60, shoppers=("uniform", "behavioural"))


def test_what_is_shown_names_people_floor_and_paper(small: RankResults) -> None:
    assert "synthetic people" in str(table(small).title)
    first = list(table(small).columns[0].cells)
    assert first[-3:] == ["floor: people themselves", "paper (LLM), base", "paper (LLM), persona"]
    assert list(table(small).columns[1].cells)[-2:] == ["2.40", "1.08"]
    bars = list(figure_3(small).columns[1].cells)
    assert len(bars) == len(small.ranks[PEOPLE_ROW])
    assert bars[0].count("█") == round(24 * small.ranks[PEOPLE_ROW][0] / max(map(max, small.ranks.values())))
    assert any("people among themselves" in line for line in remarks(small))


def test_a_log_serves_with_its_catalog(tmp_path: Path) -> None:
    event = Event(kind="search", query="x", results=("nowhere-1", "nowhere-2"))
    session = Session(shopper="a", key="1", events=(event, Event(kind="view", product="nowhere-2")))
    told = Provenance(
        name="tiny", synthetic=True, format="generic", what_is_known=("searches", "results", "views", "products")
    )
    write_sessions(tmp_path / "store", [session], provenance=told)
    with pytest.raises(ValueError, match=r"'nowhere-1' in catalog 'mini'\. Name the log's own"):
        run(tmp_path / "store")
