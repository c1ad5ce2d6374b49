"""How does a shop come to be from names? One per setting and process, however many environments ask for it."""

from __future__ import annotations

from pathlib import Path
from weakref import WeakValueDictionary

from paars_gym.catalog.load import load_catalog
from paars_gym.catalog.store import Catalog
from paars_gym.ranking.protocol import RankingPolicy
from paars_gym.ranking.registry import make_ranking
from paars_gym.shop.observation import ObservationKind
from paars_gym.shop.shop import Shop

_open_shops: WeakValueDictionary[tuple[object, ...], Shop] = WeakValueDictionary()


def open_shop(
    catalog: str | Path | Catalog = "mini",
    ranking: str | RankingPolicy = "bm25",
    *,
    page_size: int = 10,
    observation: ObservationKind = "page",
    max_remembered: int = 20_000,
) -> Shop:
    """A shop over a catalog with a ranking, both by name, path or object; the rest as in `Shop`.

    Environments made with the same names share one shop, and with it the index and every page already shown.
    """
    loaded = load_catalog(catalog)
    if not isinstance(ranking, str):
        return Shop(loaded, ranking, page_size=page_size, observation=observation, max_remembered=max_remembered)
    key = (loaded.fingerprint, loaded.name, loaded.folder, ranking, page_size, observation, max_remembered)
    shop = _open_shops.get(key)
    if shop is None:
        policy = make_ranking(ranking, loaded)
        shop = _open_shops[key] = Shop(
            loaded, policy, page_size=page_size, observation=observation, max_remembered=max_remembered
        )
    return shop
