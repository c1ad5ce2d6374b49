"""Who shops in a run, and what for: as its configuration says, else the people that each catalog has of its own.

For Complete Journey they are its real households: personas counted from what they bought before a date, intentions
mined from what they bought after it. For any other catalog they are invented; see `paars_gym.synthetic.world`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from paars_gym.cache import cached_folder
from paars_gym.catalog.load import load_catalog
from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig
from paars_gym.personas.intentions import MIX, IntentionMix, MinedIntention, mine_intentions
from paars_gym.personas.persona import Persona
from paars_gym.personas.redaction import Redactor, make_redactor
from paars_gym.personas.store import read_personas, write_personas
from paars_gym.sessions.event import History, Intention, Session
from paars_gym.sessions.opening import open_store
from paars_gym.sessions.store import Store
from paars_gym.shop.open import REMEMBERED, open_shop
from paars_gym.simulation.schedule import Draw, Inhabitants, fingerprint

HOUSEHOLDS = 600
"""Of the 2,469: each takes a while to count, and 600 are as many as a world has."""
HELD_OUT_FROM = datetime(2017, 12, 1, tzinfo=UTC)
VERSION = 2
"""Of the households' folder in the cache; raise it when they would be counted otherwise."""
INTENTIONS = 6_000
"""Intentions of a world; they take turns when there are more sessions."""


def inhabitants(
    catalog: Catalog, personas: Sequence[Persona] | None, intentions: Draw | Sequence[MinedIntention] | None
) -> Inhabitants:
    """Fills in what was not given.

    Args:
        catalog: Of the shop.
        personas: As given; None for the catalog's own people.
        intentions: As given; None for those of the catalog's own people, or where personas are given an `IntentionMix`.

    Raises:
        ValueError: Empty intentions, or nothing in the catalog is for sale.
    """
    if intentions is None:
        intentions = IntentionMix(catalog) if personas is not None else default_people(catalog)[1]
    people = default_people(catalog)[0] if personas is None else personas
    if callable(intentions):
        named = getattr(intentions, "name", None) or getattr(intentions, "__qualname__", None)
        return Inhabitants(people, intentions, (), str(named or type(intentions).__name__))
    if not intentions:
        raise ValueError("There are no intentions; the sessions they were to be mined from tell none.")
    return Inhabitants(people, None, intentions, f"{len(intentions)} mined, {fingerprint(intentions)}")


def read_people(run: RunConfig, catalog: Catalog, redactor: Redactor | None = None) -> Inhabitants:
    """Who shops and what for: files that a configuration names are read, what it leaves open is filled in.

    Args:
        run: Its personas, intentions, mix and seed are used.
        catalog: Of the shop.
        redactor: For intentions mined from a store; it counts what it replaces.

    Raises:
        FileNotFoundError: A file that is named is not there.
        ValueError: There are no personas or intentions in it.
    """
    personas, intentions = run.personas, run.intentions
    if isinstance(personas, str | Path):
        path, personas = personas, list(read_personas(Path(personas)))
        if not personas:
            raise ValueError(f"There are no personas in {path}.")
    if isinstance(intentions, str | Path):
        intentions = open_store(intentions)
    if isinstance(intentions, Store):
        mix: Any = run.mix or MIX
        intentions = list(
            mine_intentions(intentions, catalog, mix=mix, seed=run.seed, redactor=redactor or make_redactor())
        )
    elif intentions is None and run.mix:
        intentions = IntentionMix(catalog, dict(run.mix))  # type: ignore[arg-type]
    return inhabitants(catalog, personas, intentions)


@lru_cache(maxsize=1)
def default_people(catalog: Catalog) -> tuple[Sequence[Persona], Sequence[MinedIntention]]:
    """The personas of a catalog's own people, and what they need on the days after."""
    if catalog.name == "journey" and catalog.fingerprint == load_catalog("journey").fingerprint:
        return _households(catalog)
    from paars_gym.synthetic.world import World

    # Always the plain ranking: the same people shop under every ranking that is compared.
    world = World(open_shop(catalog, "bm25", max_remembered=REMEMBERED), n_shoppers=HOUSEHOLDS, seed=0)
    return world.personas, world.mined_intentions(INTENTIONS)


def _households(catalog: Catalog) -> tuple[Sequence[Persona], Sequence[MinedIntention]]:
    name = f"journey-{catalog.fingerprint}-v{VERSION}"
    folder = cached_folder("people", name, lambda folder: _count_households(catalog, folder))
    with (folder / "intentions.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    mined = [
        MinedIntention(Intention.model_validate(row["intention"]), row["shopper"], datetime.fromisoformat(row["start"]))
        for row in rows
    ]
    return list(read_personas(folder / "personas.jsonl")), mined


def _count_households(catalog: Catalog, folder: Path) -> None:
    from paars_gym.personas.statistics import count_persona
    from paars_gym.sessions.importing import household_baskets

    store = household_baskets()
    folder.mkdir()
    # The public data's household numbers are pseudonyms already; keyed anew they would differ from machine to machine.
    everybody = store.scan_sessions().select(pl.col("shopper").unique(maintain_order=True)).collect()["shopper"]
    personas: list[Persona] = []
    held_out: list[Session] = []
    for whole in store.histories(shoppers=everybody.gather_every(len(everybody) // HOUSEHOLDS).to_list()):
        known = tuple(session for session in whole.sessions if session.start and session.start < HELD_OUT_FROM)
        if known and len(personas) < HOUSEHOLDS:
            history = History(shopper=whole.shopper, as_of=HELD_OUT_FROM, sessions=known)
            personas.append(count_persona(history, catalog, shopper=whole.shopper))
            held_out += whole.sessions[len(known) :]
    write_personas(folder / "personas.jsonl", personas)
    # Baskets are what was bought: everybody came to buy.
    with (folder / "intentions.jsonl").open("w", encoding="utf-8") as lines:
        for wanted in mine_intentions(held_out, catalog, mix={"buy": 1.0}):
            row = {"shopper": wanted.shopper, "start": f"{wanted.start}", "intention": wanted.intention.model_dump()}
            lines.write(json.dumps(row) + "\n")
