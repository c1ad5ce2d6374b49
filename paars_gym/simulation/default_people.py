"""The people that each catalog has of its own, and what they need.

For Complete Journey they are its real households: personas counted from what they bought before a date, intentions
mined from what those of them bought after it on whom things are fitted. For any other catalog they are invented; see
`paars_gym.synthetic.world`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import polars as pl

from paars_gym.cache import cached_folder
from paars_gym.catalog.load import load_catalog
from paars_gym.catalog.store import Catalog
from paars_gym.personas.intentions import MinedIntention, mine_intentions
from paars_gym.personas.persona import Persona
from paars_gym.personas.store import read_personas, write_personas
from paars_gym.sessions.event import History, Intention, Session
from paars_gym.sessions.split import is_held_out
from paars_gym.shop.open import REMEMBERED, open_shop

HOUSEHOLDS = 600
"""Of the 2,469: each takes a while to count, and 600 are as many as a world has."""
HELD_OUT_FROM = datetime(2017, 12, 1, tzinfo=UTC)
VERSION = 5
"""Of these folders in the cache; raise it when people would be counted or invented otherwise."""
INTENTIONS = 6_000
"""Intentions of a world; they take turns when there are more sessions."""


@lru_cache(maxsize=1)
def default_people(catalog: Catalog) -> tuple[Sequence[Persona], Sequence[MinedIntention]]:
    """The personas of a catalog's own people, and what they need on the days after; made once, and kept."""
    real = catalog.name == "journey" and catalog.fingerprint == load_catalog("journey").fingerprint
    make = _count_households if real else _invent_people
    name = f"{'journey' if real else 'invented'}-{catalog.fingerprint}-{HOUSEHOLDS}-{INTENTIONS}-v{VERSION}"
    folder = cached_folder("people", name, lambda folder: _write(folder, *make(catalog)))
    with (folder / "intentions.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    needs = [
        MinedIntention(Intention.model_validate(row["intention"]), row["shopper"], datetime.fromisoformat(row["start"]))
        for row in rows
    ]
    return list(read_personas(folder / "personas.jsonl")), needs


def _write(folder: Path, personas: Iterable[Persona], needs: Iterable[MinedIntention]) -> None:
    folder.mkdir()
    write_personas(folder / "personas.jsonl", personas)
    with (folder / "intentions.jsonl").open("w", encoding="utf-8") as lines:
        for need in needs:
            row = {"shopper": need.shopper, "start": f"{need.start}", "intention": need.intention.model_dump()}
            lines.write(json.dumps(row) + "\n")


def _invent_people(catalog: Catalog) -> tuple[Sequence[Persona], Sequence[MinedIntention]]:
    from paars_gym.synthetic.world import World

    # Always the plain ranking: the same people shop under every ranking that is compared.
    world = World(open_shop(catalog, "bm25", max_remembered=REMEMBERED), n_shoppers=HOUSEHOLDS, seed=0)
    return world.personas, world.needs(INTENTIONS)


def _count_households(catalog: Catalog) -> tuple[Sequence[Persona], Iterable[MinedIntention]]:
    from paars_gym.personas.statistics import count_persona
    from paars_gym.sessions.logs.importing import household_baskets

    store = household_baskets()
    # The public data's household numbers are pseudonyms already; keyed anew they would differ from machine to machine.
    everybody = store.scan_sessions().select(pl.col("shopper").unique(maintain_order=True)).collect()["shopper"]
    personas: list[Persona] = []
    held_out: list[Session] = []
    for whole in store.histories(shoppers=everybody.gather_every(len(everybody) // HOUSEHOLDS).to_list()):
        known = tuple(session for session in whole.sessions if session.start and session.start < HELD_OUT_FROM)
        if known and len(personas) < HOUSEHOLDS:
            history = History(shopper=whole.shopper, as_of=HELD_OUT_FROM, sessions=known)
            personas.append(count_persona(history, catalog, shopper=whole.shopper))
            # Whoever judges lends no needs: shoppers who had them would be given the words of their judges.
            held_out += () if is_held_out(whole.shopper) else whole.sessions[len(known) :]
    # Baskets are what was bought: everybody came to buy.
    return personas, mine_intentions(held_out, catalog, mix={"buy": 1.0})
