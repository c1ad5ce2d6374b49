"""Personas counted from a log and a catalog of one's own."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from paars_gym import cli
from paars_gym.catalog.feeds.build import build_catalog
from paars_gym.catalog.store import Catalog
from paars_gym.personas.counting_many import CountingOptions, count_personas, store_norms
from paars_gym.personas.persona import Persona
from paars_gym.personas.redaction import pseudonym
from paars_gym.personas.store import read_personas, write_personas
from paars_gym.sessions.logs.importing import import_log
from paars_gym.sessions.logs.mapping import LogMapping
from paars_gym.sessions.store import Store

FEED = """sku,name,category,brand,price
t1,Plain tea,Drinks > Tea,Leaf,3.00
t2,Fine tea,Drinks > Tea,Royal,9.00
t3,Daily tea,Drinks > Tea,Leaf,4.00
c1,Ground coffee,Drinks > Coffee,Bean,6.00
c2,Rare coffee,Drinks > Coffee,Royal,18.00
"""
MAPPING = LogMapping.parse("shopper=who,time=at,every_kind=purchase,product=sku,price=paid")


@pytest.fixture
def shop(tmp_path: Path) -> Catalog:
    (tmp_path / "feed.csv").write_text(FEED)
    build_catalog(tmp_path / "feed.csv", tmp_path / "shop")
    return Catalog.open(tmp_path / "shop")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Thrifty buys cheap tea on weekday mornings, rich dear tea and coffee on Saturdays, rare twice, lost elsewhere."""
    rows = ["who,at,sku,paid"]
    for week in range(12):
        monday = date(2025, 1, 6) + timedelta(weeks=week)
        rows.append(f"thrifty,{monday} 08:30,t1,2.40")
        rows.append(f"rich,{monday + timedelta(days=5)} 15:10,{'t2,9' if week % 2 else 'c2,18'}")
    rows += ["rare,2025-01-07 20:00,c1,6", "rare,2025-02-07 20:00,t3,4", "lost,2025-01-07 20:00,x9,6"]
    (tmp_path / "log.csv").write_text("\n".join(rows) + "\n")
    return import_log(tmp_path / "log.csv", tmp_path / "sessions", MAPPING)


def by_shopper(path: Path) -> dict[str, Persona]:
    return {persona.shopper: persona for persona in read_personas(path)}


def test_what_purchases_show(shop: Catalog, store: Store, tmp_path: Path) -> None:
    summary = count_personas(store, shop, tmp_path / "p.jsonl")
    assert (summary.counted, summary.without_purchases, summary.empty, summary.averaged) == (4, 1, 0, 2)
    personas = by_shopper(tmp_path / "p.jsonl")
    thrifty, rich, rare, lost = (personas[pseudonym(name)] for name in ("thrifty", "rich", "rare", "lost"))
    assert thrifty.profile.categories.values == ("Tea",)
    assert thrifty.profile.brands.values == ("Leaf",)
    assert thrifty.profile.times.values[0] == "weekday mornings"
    assert rich.profile.brands.values == ("Royal",)
    assert rich.profile.times.values[0] == "weekend afternoons"
    # Two shoppers make the average: one lies below it by as much as the other above.
    sensitivity = [persona.preferences.price_sensitivity.value for persona in (thrifty, rich)]
    assert sensitivity[0] is not None
    assert sensitivity[1] is not None
    assert sensitivity[0] > 3 > sensitivity[1]
    assert sensitivity[0] - 3 == pytest.approx(3 - sensitivity[1])
    quality = [persona.preferences.quality_focus.value for persona in (thrifty, rich)]
    assert quality[0] < 3 < quality[1]  # type: ignore[operator]
    assert rare.profile.categories.values == ("Coffee", "Tea")
    for persona in personas.values():
        # The shop has no label of its own, and nobody's age is guessed.
        assert persona.preferences.brand_reputation.value is None
        assert persona.profile.age_range.value == "unknown"
        assert persona.source == "statistics"
    assert lost.profile.is_empty()
    assert lost.preferences.is_empty()
    assert "x9" in lost.history


def test_before_a_date_for_some_and_with_too_few_for_an_average(shop: Catalog, store: Store, tmp_path: Path) -> None:
    options = CountingOptions(as_of=datetime(2025, 2, 1, tzinfo=UTC), shoppers=["rare", "rich"], limit=1)
    summary = count_personas(store, shop, tmp_path / "p.jsonl", options)
    assert (summary.counted, summary.averaged) == (1, 0)
    (persona,) = read_personas(tmp_path / "p.jsonl")
    assert persona.preferences.price_sensitivity.value is None
    assert persona.profile.categories.values
    assert "2025-02" not in persona.history


def test_no_purchase_in_the_catalog_and_mined_personas_are_errors(store: Store, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("id,title\nz1,Zinc\n")
    build_catalog(tmp_path / "other.csv", tmp_path / "other")
    other = Catalog.open(tmp_path / "other")
    with pytest.raises(ValueError, match="No purchase of 'log' is of a product of the catalog 'other'"):
        store_norms(store, other)
    out = tmp_path / "mined.jsonl"
    mined = Persona.model_validate({"shopper": "a", "profile": {}, "preferences": {}, "source": "mined", "model": "m"})
    write_personas(out, [mined])
    with pytest.raises(FileExistsError, match="were not counted"):
        count_personas(store, other, out)
    assert list(read_personas(out)) == [mined]


def test_the_command(shop: Catalog, store: Store, tmp_path: Path) -> None:
    arguments = ["personas", "count", "--sessions", str(store.folder), "--catalog", str(tmp_path / "shop")]
    (tmp_path / "some.txt").write_text("thrifty\nrare\n")
    for _ in range(2):
        result = CliRunner().invoke(
            cli.app, [*arguments, "--out", str(tmp_path / "p.jsonl"), "--shoppers", str(tmp_path / "some.txt")]
        )
        assert result.exit_code == 0, result.output
        assert "the average of 2 shoppers" in " ".join(result.output.split())
        assert set(by_shopper(tmp_path / "p.jsonl")) == {pseudonym("thrifty"), pseudonym("rare")}
