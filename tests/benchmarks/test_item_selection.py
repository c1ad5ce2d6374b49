from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from rich.console import Console

from benchmarks import item_selection
from benchmarks.item_answers import answers_of, persona_of
from benchmarks.item_scorers import item_phrases, preference_phrases, profile_phrases
from paars_gym.alignment.item_selection import ItemCases, mine_item_cases
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.personas.persona import ConsumerProfile, Interests, Score, ShoppingPreferences
from paars_gym.sessions.purchases import ProductLog
from paars_gym.shoppers.protocol import GaveUp


@pytest.fixture(scope="module")
def groceries() -> Catalog:
    return Catalog.from_products(
        Product(
            id=f"p{kind}{number}",
            title=f"{name} {number}, {number} oz",
            category=("Grocery", name),
            brand="National brand",
            price=1.0 + number,
        )
        for kind, name in enumerate(("Milk", "Tea", "Soap", "Bread", "Fish", "Candles"))
        for number in range(6)
    )


@pytest.fixture(scope="module")
def cases(groceries: Catalog) -> ItemCases:
    """Twelve households; household h buys of category h mod 3 only."""
    import polars as pl

    rng = np.random.default_rng(0)
    rows = []
    for household in range(12):
        for basket in range(6):
            for _ in range(4):
                row = groceries.row(f"p{household % 3}{rng.integers(6)}")
                day = basket * 86_400_000_000
                number = household * 6 + basket
                rows.append((f"h{household:02d}", number, f"b{number}", day, 0, "purchase", day, row, 1, 2.0, None))
    columns = ["shopper", "session", "key", "start", "offset", "kind", "time", "row", "units", "price", "rank"]
    log = ProductLog(groceries, pl.DataFrame(rows, schema=columns, orient="row"))
    return mine_item_cases(log, min_known=3, seed=1)


class NeverBought:
    """Chooses the first item whose category the persona knows; gives up without a persona."""

    name = "reader"

    def reset(self, persona, intention, rng) -> None:  # type: ignore[no-untyped-def]
        self.persona = persona

    def choose_item(self, products: Sequence[Product]) -> int:
        if self.persona is None:
            raise GaveUp("nobody")
        known = self.persona.profile.categories.values
        return next((place for place, product in enumerate(products) if product.category[1] in known), 0)

    def write_query(self, product: Product) -> str:
        return ""

    def choose_view(self, query: str, results: Sequence[Product]) -> int:
        return 0


def test_any_shopper_is_asked_case_by_case(cases: ItemCases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.item_answers.make_answerer", lambda *_, **__: NeverBought)
    assert len(cases) > 15
    assert (answers_of("reader", "profile")(cases) == cases.answer).all()
    assert (answers_of("reader", "base")(cases) == -1).all(), "who gives up has not answered"


def test_a_cases_persona_knows_none_of_the_four(cases: ItemCases) -> None:
    for index, case in enumerate(cases):
        persona = persona_of(cases, index)
        assert persona.as_of == case.as_of
        for key in case.options:
            title = cases.log.catalog[key].title
            assert title not in persona.model_dump_json()


def test_the_whole_benchmark_on_a_small_log(
    cases: ItemCases, groceries: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Baskets:
        provenance = type("P", (), {"name": "test households"})

    monkeypatch.setattr(item_selection, "load_catalog", lambda _: groceries)
    monkeypatch.setattr(item_selection, "household_baskets", Baskets)
    monkeypatch.setattr(item_selection, "read_products", lambda *_: cases.log)
    results = item_selection.run(min_known=3, embedder="lexical")
    assert results == item_selection.run(min_known=3, embedder="lexical")
    assert "No language model ran" in results.headline
    assert results.humans.startswith("real")
    json.dumps(results.model_dump())
    found = {(row.shopper, row.protocol): row for row in results.rows}
    assert found["embedding, persona", "interests"].paper == pytest.approx(0.4726)
    assert found["popularity", "interests"].paper is None
    # A household buys in one category and no distractor is of it: the history must tell.
    assert found["embedding, history", "interests"].accuracy > 0.9 > found["uniform, base", "interests"].accuracy
    for row in results.rows:
        assert row.wilson[0] <= row.accuracy <= row.wilson[1]
        assert row.clustered[0] <= row.accuracy <= row.clustered[1]
    console = Console(width=90, record=True)
    console.print(item_selection.table(results))
    text = console.export_text()
    for expected in ("embedding, preferences", "47.26", "uniform, base", "clustered"):
        assert expected in text
    assert any("test households" in line for line in item_selection.notes(results))


def test_phrases_are_what_is_said() -> None:
    assert item_phrases("Salted butter, private label, 16 oz", ("Dairy", "Butter", "Salted butter")) == [
        "Salted butter",
        "private label",
        "Dairy, Butter",
    ]
    assert item_phrases("7 layer dip", ("Deli",)) == ["7 layer dip", "Deli"]
    profile = ConsumerProfile(categories=Interests(values=("Milk", "Tea")), times=Interests(values=("weekday nights",)))
    assert profile_phrases(profile) == ["Milk", "Tea", "weekday nights"]
    preferences = ShoppingPreferences(
        price_sensitivity=Score(value=4.5),
        novelty_seeking=Score(value=3.2),
        notes="About 3.0 lines a visit. Buys again and again: Milk, 1 gal; Tea.",
    )
    assert preference_phrases(preferences) == ["takes the cheapest that will do", "Milk, 1 gal", "Tea"]
    assert profile_phrases(ConsumerProfile()) == preference_phrases(ShoppingPreferences()) == []


def test_help_reads_well(capsys: pytest.CaptureFixture[str]) -> None:
    import typer
    from typer.testing import CliRunner

    app = typer.Typer()
    app.command()(item_selection.main)
    shown = CliRunner().invoke(app, ["--help"]).output
    assert "real household bought" in " ".join(shown.split())
