"""The people that a task compares shoppers with: built-in ones by name, or a log of one's own (``--human``).

``mini`` are invented people around the catalog ``mini``, who search, view and buy; ``journey`` the households of
Complete Journey, whose log holds purchases alone; a name of ``paars data list`` is that public log; anything else is
the folder of a store that ``paars sessions import`` left, or that of a run. Of OPeRA's people the survey's answers are
their personas.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import cached_property, lru_cache
from pathlib import Path

import polars as pl

from paars_gym.catalog.journey import journey_file
from paars_gym.catalog.load import load_catalog
from paars_gym.catalog.store import Catalog
from paars_gym.datasets.logs import LOGS, PublicLog, public_log
from paars_gym.datasets.public import DATASETS
from paars_gym.personas.opera_survey import UNTRIED, attributes_of, persona_of, read_opera_people, user_tables
from paars_gym.personas.persona import Persona
from paars_gym.personas.redaction import hash_key, pseudonym
from paars_gym.personas.store import read_attributes, read_personas
from paars_gym.remote import local_copy
from paars_gym.sessions.event import Session
from paars_gym.sessions.logs.formats import CAVEAT
from paars_gym.sessions.logs.importing import household_baskets
from paars_gym.sessions.opening import NOT_FINISHED, open_store, run_settings
from paars_gym.sessions.purchases import ProductLog
from paars_gym.sessions.store import SETTINGS_FILE, Store
from paars_gym.simulation.default_people import default_people
from paars_gym.synthetic.world import World, mini_world
from paars_gym.tasks.reference_people import ReferencePeople

BUILT_IN = ("mini", "journey")
MINI_SESSIONS, MINI_SHOPPERS, MINI_SEED = 4_800, 1_200, 20_260_101
"""In each half of the people about as many sessions as in PAARS section 4.3."""
TRAITS = ("age", "income", "home_ownership", "marital_status", "household_size", "household_comp", "kids_count")
"""What 801 households of Complete Journey told about themselves."""
OTHER_SHOP = "mini"
"""Where agents shop whose people bring no catalog."""


class MiniPeople(ReferencePeople):
    """The invented people of `mini` and what they did. Each is worked out when it is first asked for, and kept.

    Attributes:
        world: They and their shop.
    """

    known, synthetic = ("searches", "results", "views", "ranks", "carts", "purchases", "products", "prices"), True
    name = "synthetic people of mini"
    notes = ("The people of mini are synthetic: nothing measured against them says anything about real ones.",)

    def __init__(self, sessions: int, seed: int, shoppers: int) -> None:
        self.world: World = mini_world(n_shoppers=shoppers, seed=seed)
        self.sessions = sessions

    @cached_property
    def source(self) -> list[Session]:  # type: ignore[override]
        return self.world.humans(self.sessions)

    @cached_property
    def personas(self) -> Mapping[str, Persona]:  # type: ignore[override]
        return {persona.shopper: persona for persona in self.world.personas}

    @property
    def catalog(self) -> Catalog:
        return self.world.shop.catalog

    def product_log(self) -> ProductLog:
        raise ValueError(
            "Item selection needs purchases over months, and the synthetic people of mini come a few times. Choose "
            "--human journey (real households, extra journey) or a log of your own with its --catalog."
        )


class LoggedPeople(ReferencePeople):
    """The people of a store.

    Attributes:
        source: The store.
    """

    source: Store

    def __init__(
        self,
        store: Store,
        *,
        catalog: str | Path | Catalog | None = None,
        name: str | None = None,
        attributes: Path | Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Args:
        store: Their sessions.
        catalog: Of their products; None where no task asks for it.
        name: By default what the store says.
        attributes: What shoppers told, by shopper, or a table of it, see `read_attributes`.
        """
        self.source = store
        self.name = name or f"the log {store.folder.name}"
        self.known = store.provenance.what_is_known
        self.synthetic = store.provenance.synthetic
        self.personas = {}
        self.notes += tuple(note for note in store.provenance.notes if note.startswith(NOT_FINISHED))
        self._catalog, self._attributes = catalog, attributes

    @cached_property
    def catalog(self) -> Catalog:
        if self._catalog is None:
            raise ValueError(f"Which products are those of {self.name}? Name the log's own catalog with --catalog.")
        return load_catalog(self._catalog)

    @property
    def shop_catalog(self) -> Catalog:
        return load_catalog(OTHER_SHOP) if self._catalog is None else self.catalog

    @cached_property
    def shops_elsewhere(self) -> bool:
        if self._catalog is None:
            return True
        products = self.source.scan().select(pl.col("product").drop_nulls().unique()).collect()["product"]
        return not any(product in self.catalog for product in products)

    def titles(self) -> Mapping[str, str] | None:
        if self._catalog is None:
            return None
        listings = (self.catalog.listing(row) for row in range(len(self.catalog)))
        return {product: title for product, title, *_ in listings}

    def labels(self, trait: str) -> dict[str, str]:
        if self._attributes is None:
            return super().labels(trait)
        table = read_attributes(self._attributes) if isinstance(self._attributes, Path) else self._attributes
        there = sorted({name for row in table.values() for name in row})
        if trait not in there:
            raise ValueError(f"Unknown trait {trait!r}. Available: {', '.join(there)}.")
        return {shopper: row[trait] for shopper, row in table.items() if trait in row}


class PublicPeople(LoggedPeople):
    """The people of a public log."""

    label = "real"

    def __init__(
        self, log: PublicLog, *, catalog: str | Path | Catalog | None = None, attributes: Path | None = None
    ) -> None:
        """Args:
        log: Theirs, see `public_log`.
        catalog: Of their products, or of another shop, where the log does not bring its own.
        attributes: Table of what they told, where the log does not bring it.

        Raises:
            ValueError: What they told is damaged.
        """
        human = log.dataset.name
        told: Path | Mapping[str, Mapping[str, str]] | None = attributes or log.attributes
        personas: dict[str, Persona] = {}
        if human == "opera" and log.folder is not None and (answers := read_opera_people(log.folder)):
            personas = {one.shopper: persona_of(one) for one in answers}
            told = told or {one.shopper: attributes_of(one) for one in answers}
        super().__init__(log.store, catalog=catalog or log.catalog, name=f"the people of {human}", attributes=told)
        self.label = f"real, {human}"
        self.personas = personas
        self.notes += log.dataset.notes
        if personas and log.folder is not None and user_tables(log.folder):
            self.notes += (UNTRIED,)


class JourneyPeople(LoggedPeople):
    """The households of Complete Journey: real baskets of 2017, without searches or views."""

    notes = (
        "The embedding's score (similarity less the average household's, sizes dropped, components weighted alike) was "
        "chosen on these cases with another seed: its rows are mildly optimistic.",
        CAVEAT,
    )

    label = "real, Journey"

    def __init__(self) -> None:
        super().__init__(household_baskets(), catalog="journey", name="the households of Complete Journey")

    def labels(self, trait: str) -> dict[str, str]:
        if trait not in TRAITS:
            raise ValueError(f"Unknown trait {trait!r}. Available: {', '.join(TRAITS)}.")
        rows = pl.read_parquet(journey_file("demographics")).select(pl.col("household_id", trait).cast(pl.String))
        return {house: value for house, value in rows.iter_rows() if value not in (None, "Unknown")}


@lru_cache(maxsize=1)
def mini_people(sessions: int = MINI_SESSIONS, seed: int = MINI_SEED, shoppers: int = MINI_SHOPPERS) -> MiniPeople:
    """The invented people of one seed; tasks that run in one process share them, for they take seconds to invent."""
    return MiniPeople(sessions, seed, shoppers)


def personas_of(people: ReferencePeople, catalog: Catalog) -> Mapping[str, Persona]:
    """What is known of people, by shopper: their personas, or in a run of a catalog's own people those of these."""
    if not isinstance(people.source, Store):
        return people.personas
    if people.personas:
        # A mined or counted persona bears the shopper's pseudonym.
        key = hash_key()
        shoppers = people.source.scan_sessions().select(pl.col("shopper").unique()).collect()["shopper"]
        named = {pseudonym(shopper, key): shopper for shopper in shoppers}
        return {named.get(shopper, shopper): persona for shopper, persona in people.personas.items()}
    place = people.source.folder
    settings = run_settings(place if (place / SETTINGS_FILE).is_file() else place.parent)
    if settings and settings["run"].get("personas") is None:
        return {persona.shopper: persona for persona in default_people(catalog)[0]}
    return {}


def reference_people(
    human: str | Path,
    *,
    catalog: str | Path | Catalog | None = None,
    personas: Path | None = None,
    attributes: Path | None = None,
) -> ReferencePeople:
    """People by the name or folder that ``--human`` takes.

    Args:
        human: ``mini``, ``journey``, a public log by its name, the folder of a store, or that of a run.
        catalog: Of the products in a log's sessions, where it does not bring its own.
        personas: File of personas of the log's shoppers.
        attributes: Table of what a log's shoppers told about themselves, where it does not bring its own.

    Raises:
        FileNotFoundError: No such people, or no such file; or a public log is not on this machine.
        ValueError: The name is that of public data which are no log of people.
        ImportError: The package with the households is missing.
    """
    folder = local_copy(human)
    if folder.is_dir():
        people: ReferencePeople = LoggedPeople(
            open_store(folder), catalog=catalog, name=f"the log {folder.name}", attributes=attributes
        )
    elif str(human) == "mini":
        people = mini_people()
    elif str(human) == "journey":
        people = JourneyPeople()
    elif str(human) in DATASETS:
        people = PublicPeople(public_log(str(human)), catalog=catalog, attributes=attributes)
    else:
        raise FileNotFoundError(
            f"There are no people {str(human)!r}: neither one of {', '.join((*BUILT_IN, *LOGS))} nor the folder of a "
            "store or a run; make one with: paars sessions import LOG --out STORE."
        )
    if personas is not None:
        people = copy(people)  # built-in ones are shared
        people.personas = {persona.shopper: persona for persona in read_personas(personas)}
    return people
