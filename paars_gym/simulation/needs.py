"""Who shops in a run, and where their needs come from: as its configuration says, else the catalog's own people.

A need must not tell a shopper what it is not told otherwise: under the condition ``base`` it is drawn from the
population's needs, whoever comes. And it must not quote the people whom the shopper is compared with: from a store of
people only those lend their needs whom things are fitted on (`paars_gym.sessions.split.is_held_out`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from paars_gym.catalog.store import Catalog
from paars_gym.config import NEEDS_SOURCES, PEOPLE_OF, NeedsSource, RunConfig, needs_store
from paars_gym.personas.intentions import MIX, IntentionMix, MinedIntention, mine_intentions
from paars_gym.personas.persona import Persona
from paars_gym.personas.redaction import Redactor, make_redactor
from paars_gym.personas.store import read_personas
from paars_gym.sessions.opening import open_store
from paars_gym.sessions.split import is_held_out
from paars_gym.sessions.store import Store
from paars_gym.simulation.default_people import default_people
from paars_gym.simulation.schedule import Draw, Inhabitants, fingerprint

FEWEST_NEEDS = 10
"""That a store's people have to lend; a run of the same few needs says little."""
TOLD: dict[NeedsSource, str] = {
    "marginal": "drawn from the population's, whoever comes",
    "persona": "the personas' own",
    "same": "those that the personas would have, whatever shoppers are told",
}


class Needs(NamedTuple):
    """Needs of one's own, and whether they are tied to who comes.

    Attributes:
        needs: Mined intentions, or a function that draws one for a persona.
        source: ``marginal``, ``persona`` or ``same``; None as the condition has it.
    """

    needs: Draw | Sequence[MinedIntention]
    source: NeedsSource | None = None

    @property
    def name(self) -> str:
        """How settings name them."""
        return self.source or "as the condition has it"


def read_people(run: RunConfig, catalog: Catalog, redactor: Redactor | None = None) -> Inhabitants:
    """Who shops and what for: files that a configuration names are read, what it leaves open is filled in.

    Args:
        run: Its personas, intentions, condition, mix and seed are used.
        catalog: Of the shop.
        redactor: For intentions mined from a store; it counts what it replaces.

    Raises:
        FileNotFoundError: A file that is named is not there.
        ValueError: There are no personas or intentions in it, or nothing in the catalog is for sale.
    """
    personas, given = run.personas, run.intentions
    if isinstance(personas, str | Path):
        path, personas = personas, list(read_personas(personas))
        if not personas:
            raise ValueError(f"There are no personas in {path}.")
    store = given if isinstance(given, Store) else needs_store(given)
    source: NeedsSource = "marginal" if run.condition == "base" else "persona"
    if isinstance(given, Needs):
        source = given.source or source
        given = given.needs
    if isinstance(given, str):
        source = next((word for word in NEEDS_SOURCES if given == word), source)
    told = TOLD[source]
    if store is not None:
        given = needs_of_people(store, catalog, run, redactor)
        told = f"people's, of the half that things are fitted on, {told}"
    elif given is None or isinstance(given, str):
        given = _population_needs(run, catalog, personas)
    people = default_people(catalog)[0] if personas is None else personas
    independent = source == "marginal"
    if callable(given):
        named = getattr(given, "name", None) or getattr(given, "__qualname__", None)
        named = str(named or type(given).__name__)
        return Inhabitants(people, given, (), f"{source}, {named}", independent, told)
    if not given:
        raise ValueError("There are no intentions; the sessions they were to be mined from tell none.")
    name = f"{source}, {len(given)} mined, {fingerprint(given)}"
    return Inhabitants(people, None, given, name, independent, told)


def needs_of_people(
    store: Store | str, catalog: Catalog, run: RunConfig, redactor: Redactor | None = None
) -> list[MinedIntention]:
    """What the people of a store needed, of the half that things are fitted on.

    Args:
        store: Of their sessions.
        catalog: Gives categories.
        run: Its mix and seed are used.
        redactor: Counts what it replaces.

    Raises:
        FileNotFoundError: There is no such store.
        ValueError: That half has fewer needs than `FEWEST_NEEDS`.
    """
    opened = store if isinstance(store, Store) else open_store(store)
    mix: Any = run.mix or MIX
    theirs = (session for session in opened if not is_held_out(session.shopper))
    needs = list(mine_intentions(theirs, catalog, mix=mix, seed=run.seed, redactor=redactor or make_redactor()))
    if len(needs) < FEWEST_NEEDS:
        where = f"{PEOPLE_OF}{store}" if isinstance(store, str) else f"The store {opened.provenance.name!r}"
        raise ValueError(
            f"{where} has {len(needs)} sessions with a need in the half of its shoppers that things are fitted on, at "
            f"least {FEWEST_NEEDS} are needed; the other half judges and lends none. Give a larger store, or "
            "--intentions marginal or persona."
        )
    return needs


def _population_needs(
    run: RunConfig, catalog: Catalog, personas: Sequence[Persona] | None
) -> Draw | Sequence[MinedIntention]:
    if run.mix or personas is not None:
        mix: Any = run.mix or MIX
        return IntentionMix(catalog, mix)
    return default_people(catalog)[1]
