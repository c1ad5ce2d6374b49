"""Which tasks a log can be the human side of: each task's own miner is asked (PAARS section 4)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from paars_gym.alignment import mine_query_pairs, mine_rank_cases
from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig
from paars_gym.sessions.describe import STATISTICS
from paars_gym.sessions.store import Store
from paars_gym.tasks.items.questions import DESIGN, item_cases
from paars_gym.tasks.people import LoggedPeople

NAME_THE_CATALOG = "name the log's catalog (--catalog)"


class Task(NamedTuple):
    """A task, whether the log can be the human side of it, and how many cases it has or what is missing."""

    name: str
    able: bool
    why: str


def possible_tasks(store: Store, catalog: str | Path | Catalog | None = None) -> tuple[Task, ...]:
    """What a store can serve, and with how many cases.

    Args:
        store: Of any log.
        catalog: Of its products. Without one no title is looked up and no case of item selection is made.

    Raises:
        FileNotFoundError: There is no such catalog.
    """
    people = LoggedPeople(store, catalog=catalog)
    if catalog is not None:
        _ = people.catalog  # one that is not there is the caller's mistake, no trait of the log
    tasks: dict[str, Callable[[], tuple[bool, str]]] = {
        "session generation": lambda: _session_generation(store),
        "query generation": lambda: _query_generation(people, catalog),
        "item selection": lambda: _item_selection(people, catalog),
        "view selection": lambda: _view_selection(people),
        "sales of an A/B test": lambda: _sales(store),
    }
    found = []
    for name, look in tasks.items():
        try:
            able, why = look()
        except ValueError as refusal:  # what the task itself would say
            able, why = False, str(refusal)
        found.append(Task(name, able, why))
    return tuple(found)


def _missing(people: LoggedPeople, *needed: str) -> None:
    missing = [name for name in needed if name not in people.known]
    if missing:
        raise ValueError(f"not recorded: {', '.join(missing)}")


def _session_generation(store: Store) -> tuple[bool, str]:
    known = set(store.provenance.what_is_known)
    statistics = [name for name in STATISTICS if name in known]
    absent = [name for name in STATISTICS if name not in known]
    why = f"statistics {', '.join(statistics) or 'none'}"
    return bool(statistics), why + (f"; not recorded: {', '.join(absent)}" if absent else "")


def _query_generation(people: LoggedPeople, catalog: str | Path | Catalog | None) -> tuple[bool, str]:
    _missing(people, "queries" if "queries" in people.known else "searches", "views")
    titles = None if catalog is None else dict(people.catalog.frame("id", "title").iter_rows())
    mined = mine_query_pairs(people.source, titles=titles)
    why = f"{len(mined.pairs):,} pairs of a first query and a view within 60 s"
    if untitled := mined.in_time - len(mined.pairs):
        why += f"; {untitled:,} more without a title" + (f": {NAME_THE_CATALOG}" if catalog is None else "")
    return bool(mined.pairs), why


def _item_selection(people: LoggedPeople, catalog: str | Path | Catalog | None) -> tuple[bool, str]:
    _missing(people, "purchases", "products")
    if catalog is not None:
        sets = item_cases(people.product_log(), RunConfig(sessions=4600), DESIGN)
        return True, ", ".join(f"{len(cases):,} cases of {cases.protocol}" for cases in sets)
    if people.source.provenance.times != "all":
        raise ValueError("it needs times on all events")
    baskets = (
        people.source.scan()
        .filter((pl.col("kind") == "purchase") & pl.col("product").is_not_null())
        .join(people.source.scan_sessions().select("session", "shopper", "start"), on="session")
        .group_by("shopper", "session", "start")
        .len()
        .sort("start")
        .group_by("shopper")
        .agg((pl.col("len").sum() - pl.col("len").last()).alias("before"))
    )
    able = int(baskets.select((pl.col("before") >= DESIGN.min_known).sum()).collect().item())
    who = f"{able:,} shoppers with {DESIGN.min_known} purchases before their last basket"
    return bool(able), f"{who}; for the number of cases {NAME_THE_CATALOG}"


def _view_selection(people: LoggedPeople) -> tuple[bool, str]:
    _missing(people, "searches", "results", "views")
    mined = mine_rank_cases(people.source, rng=np.random.default_rng(0))
    return bool(mined.cases), f"{len(mined.cases):,} views of a result right after its search"


def _sales(store: Store) -> tuple[bool, str]:
    bought = (pl.col("kind") == "purchase") & pl.col("price").is_not_null()
    priced = int(store.scan().select(bought.sum()).collect().item())
    return priced > 0, f"{priced:,} purchases with a price"
