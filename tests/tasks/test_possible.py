"""A log is said to serve exactly the tasks whose miners take it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from paars_gym.alignment import mine_query_pairs, mine_rank_cases
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.sessions import Event, Provenance, Session, Store, write_sessions
from paars_gym.tasks.possible import possible_tasks

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def search_and_view(key: str, seconds: float, *, title: str | None = "A fan", end: str = "stop") -> Session:
    events = (
        Event(kind="search", time=NOON, query="fan", results=("p", "q")),
        Event(kind="view", time=NOON + timedelta(seconds=seconds), product="p", title=title, rank=1),
    )
    return Session(shopper=key, key=key, start=NOON, events=events, end=end)  # type: ignore[arg-type]


def able(store: Store, catalog: Catalog | None = None) -> dict[str, tuple[bool, str]]:
    return {task.name: (task.able, task.why) for task in possible_tasks(store, catalog)}


def test_a_minute_is_sixty_seconds_as_for_the_miner(tmp_path: Path) -> None:
    sessions = [search_and_view(f"{wait}", wait) for wait in (60, 60.4, 60.9, 61)]
    sessions.append(search_and_view("failed", 1, end="policy_error"))
    store = write_sessions(tmp_path, sessions, provenance=Provenance())
    assert able(store)["query generation"] == (True, "1 pairs of a first query and a view within 60 s")
    assert len(mine_query_pairs(store).pairs) == 1


def test_titles_come_from_the_log_or_its_catalog(tmp_path: Path) -> None:
    store = write_sessions(tmp_path, [search_and_view("a", 5, title=None)], provenance=Provenance())
    says = "0 pairs of a first query and a view within 60 s; 1 more without a title: name the log's catalog (--catalog)"
    assert able(store)["query generation"] == (False, says)
    named = Catalog.from_products([Product(id="p", title="A fan", category=("Home",))], name="one")
    assert able(store, named)["query generation"][0]


def test_view_selection_takes_logged_result_lists(tmp_path: Path) -> None:
    without = search_and_view("a", 5)
    without = without.model_copy(update={"events": (Event(kind="search", time=NOON, query="x"), without.events[1])})
    store = write_sessions(tmp_path / "ranks only", [without], provenance=Provenance())
    assert not able(store)["view selection"][0]
    with pytest.raises(ValueError, match="no result lists"):
        mine_rank_cases(store)
    lists = Provenance(what_is_known=("searches", "results", "views"))
    store = write_sessions(tmp_path / "lists", [search_and_view("a", 5)], provenance=lists)
    assert able(store)["view selection"] == (True, "1 views of a result right after its search")


def test_item_selection_takes_a_history(tmp_path: Path) -> None:
    def visits(number: int) -> list[Session]:
        starts = [NOON + timedelta(days=7 * n) for n in range(number)]
        return [
            Session(
                shopper=shopper,
                key=f"{shopper}{start:%j}",
                start=start,
                events=tuple(
                    Event(kind="purchase", time=start, product=f"{rng.integers(40)}", price=1.0) for _ in range(4)
                ),
            )
            for shopper in "abcdef"
            for start in starts
        ]

    rng = np.random.default_rng(0)
    known = Provenance(what_is_known=("purchases", "products", "prices"))
    few = write_sessions(tmp_path / "few", visits(3), provenance=known)
    assert not able(few)["item selection"][0]  # they return and buy: too little is known of them all the same
    many = write_sessions(tmp_path / "many", visits(12), provenance=known)
    assert able(many)["item selection"][1].startswith("6 shoppers with 20 purchases before their last basket")
    products = [Product(id=f"{n}", title=f"thing {n}", category=(f"kind {n % 50}",)) for n in range(200)]
    catalog = Catalog.from_products(products, name="things")
    assert able(few, catalog)["item selection"] == (False, "No case with min_known == 20; lower it.")
    assert able(many, catalog)["item selection"][0]
    assert able(many)["query generation"] == (False, "not recorded: searches, views")
    assert able(many)["session generation"][1] == "statistics purchases; not recorded: searches, views"
    assert able(many)["sales of an A/B test"] == (True, "288 purchases with a price")


def test_an_empty_store_serves_nothing(tmp_path: Path) -> None:
    tasks = able(write_sessions(tmp_path, [], provenance=Provenance()))
    assert not any(found for name, (found, _) in tasks.items() if name != "session generation")
