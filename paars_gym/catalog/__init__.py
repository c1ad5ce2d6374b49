"""Products, catalogs, and how feeds become catalogs. Names load when they are first used."""

from typing import TYPE_CHECKING

from paars_gym.lazy import lazy as _lazy

if TYPE_CHECKING:
    from paars_gym.catalog.feeds.build import BuildReport as BuildReport
    from paars_gym.catalog.feeds.build import build_catalog as build_catalog
    from paars_gym.catalog.feeds.layouts import FeedMapping as FeedMapping
    from paars_gym.catalog.files import CatalogCard as CatalogCard
    from paars_gym.catalog.filters import Filters as Filters
    from paars_gym.catalog.load import load_catalog as load_catalog
    from paars_gym.catalog.product import Product as Product
    from paars_gym.catalog.product import Review as Review
    from paars_gym.catalog.store import Catalog as Catalog
else:
    __getattr__, __dir__ = _lazy(
        __name__,
        {
            "BuildReport": "feeds.build",
            "Catalog": "store",
            "CatalogCard": "files",
            "FeedMapping": "feeds.layouts",
            "Filters": "filters",
            "Product": "product",
            "Review": "product",
            "build_catalog": "feeds.build",
            "load_catalog": "load",
        },
    )
