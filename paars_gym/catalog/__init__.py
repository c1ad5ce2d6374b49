"""Products, catalogs, and how feeds become catalogs. Names load when they are first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paars_gym.catalog.build import BuildReport, build_catalog
    from paars_gym.catalog.filters import Filters
    from paars_gym.catalog.load import load_catalog
    from paars_gym.catalog.product import Product, Review
    from paars_gym.catalog.store import Catalog, CatalogCard

__all__ = [
    "BuildReport",
    "Catalog",
    "CatalogCard",
    "Filters",
    "Product",
    "Review",
    "build_catalog",
    "load_catalog",
]

_HOMES = {
    "BuildReport": "build",
    "Catalog": "store",
    "CatalogCard": "store",
    "Filters": "filters",
    "Product": "product",
    "Review": "product",
    "build_catalog": "build",
    "load_catalog": "load",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
