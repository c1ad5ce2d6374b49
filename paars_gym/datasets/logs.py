"""Public logs of people, ready to be compared with: imported once into the cache, with catalog and traits if known."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from paars_gym.cache import cached_folder
from paars_gym.catalog.load import load_catalog
from paars_gym.catalog.store import Catalog
from paars_gym.datasets.obtaining import find_data, fingerprint
from paars_gym.datasets.public import DATASETS, find_dataset
from paars_gym.datasets.registry import Dataset
from paars_gym.datasets.ta_feng import read_lines, ta_feng_catalog, write_customers
from paars_gym.sessions.logs.importing import household_baskets, import_log
from paars_gym.sessions.store import Store

LOGS_VERSION = 1
"""Raise it with every change of what an import of a public log gives: the stores in the cache are then made anew."""
CATALOG, STORE, CUSTOMERS = "catalog", "sessions", "customers.parquet"
LOGS = tuple(name for name, one in DATASETS.items() if one.log_format)
"""Names of the sets that are logs of people."""


class PublicLog(NamedTuple):
    """A log of people by name.

    Attributes:
        dataset: Its entry.
        store: Its sessions.
        catalog: Of its products; None where the set has none that is built here.
        attributes: Table of what its people told, for `paars_gym.personas.store.read_attributes`; None for none.
        folder: Of the data set's files; None where the store is made of a package.
    """

    dataset: Dataset
    store: Store
    catalog: Catalog | None = None
    attributes: Path | None = None
    folder: Path | None = None


def public_log(name: str) -> PublicLog:
    """The log of a name, imported at the first use.

    Raises:
        KeyError: No set of that name.
        ValueError: It is no log of people.
        DataNotHereError: It is not on this machine; says how to get it.
    """
    dataset = find_dataset(name)
    if not dataset.log_format:
        raise ValueError(f"{name} is no log of people (it holds {', '.join(dataset.holds)}); logs: {', '.join(LOGS)}.")
    folder = find_data(dataset)
    if name == "complete-journey":
        return PublicLog(dataset, household_baskets(), load_catalog("journey"))

    def write(place: Path) -> None:
        place.mkdir()
        import_log(folder, place / STORE, dataset.log_format, name=name)
        if name == "ta-feng":
            lines = read_lines(folder)
            ta_feng_catalog(lines).save(place / CATALOG)
            write_customers(lines, place / CUSTOMERS)

    def check(place: Path) -> None:
        Store(place / STORE)
        if name == "ta-feng":
            Catalog.open(place / CATALOG)

    made = cached_folder("logs", f"{name}-{fingerprint(dataset, folder)}-v{LOGS_VERSION}", write, check=check)
    catalog = Catalog.open(made / CATALOG) if (made / CATALOG).is_dir() else None
    attributes = made / CUSTOMERS if (made / CUSTOMERS).is_file() else None
    return PublicLog(dataset, Store(made / STORE), catalog, attributes, folder)
