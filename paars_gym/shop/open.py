"""Shops from names, one per setting and process, and environments over them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import gymnasium

from paars_gym.catalog.load import load_catalog
from paars_gym.catalog.store import Catalog
from paars_gym.config import ShopConfig
from paars_gym.files import load_named
from paars_gym.ranking.protocol import RankingPolicy
from paars_gym.ranking.registry import make_ranking
from paars_gym.shop.observation import ObservationKind
from paars_gym.shop.shop import Shop

REMEMBERED = 80_000
"""Pages, places and moves that the shop of a population remembers, up to some 200 MB: many shoppers walk the same ways.

Of needs of their own 10,000 sessions leave 47,000, and the next 10,000 another 22,000; of 40 needs 12,000 leave 15,000.
"""
MakeEnv = Callable[[], gymnasium.Env[Any, Any]]
_REGISTERED = re.compile(r"([\w.]+:)?[\w./-]+-v\d+|[\w./-]+")
"""Ids of Gymnasium: ``Name-v0``, with the module that registers it before a colon."""
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
    key = (
        loaded.fingerprint,
        loaded.name,
        loaded.language,
        loaded.folder,
        ranking,
        page_size,
        observation,
        max_remembered,
    )
    shop = _open_shops.get(key)
    if shop is None:
        policy = make_ranking(ranking, loaded)
        shop = _open_shops[key] = Shop(
            loaded, policy, page_size=page_size, observation=observation, max_remembered=max_remembered
        )
    return shop


def shop_of(config: ShopConfig, *, max_remembered: int = REMEMBERED) -> Shop:
    """The shop of a configuration, for a population."""
    return open_shop(
        config.catalog,
        config.ranking,
        page_size=config.page_size,
        observation=config.env_options.get("observation", "page"),
        max_remembered=max_remembered,
    )


def env_factory(
    shop: Shop,
    env: str | Callable[..., Any] = "PAARS-Retail-v0",
    *,
    max_steps: int = 50,
    options: Mapping[str, Any] = {},
) -> MakeEnv:
    """What makes environments for a population, all of them over one shop.

    Args:
        shop: Given to each as ``shop``; it holds catalog, ranking and page size.
        env: An id for ``gymnasium.make`` (``module:Name-v0`` imports the module first), ``module:factory``, or a
            function. A function is given ``shop``, ``max_steps`` and the options, those that it takes, and gives an
            environment whose ``info`` has the keys of `RetailEnv`.
        max_steps: Actions until a visit is truncated.
        options: More arguments for it.

    Raises:
        ValueError: No such environment, or it does not take an option; says what is wrong.
    """
    given = {"shop": shop, "max_steps": max_steps, **options}
    if isinstance(env, str) and _REGISTERED.fullmatch(env):
        return lambda: _make_registered(env, given)
    try:
        make = load_named(env) if isinstance(env, str) else env
    except LookupError as missing:
        raise ValueError(f"Unknown environment {env!r}. {missing}") from None
    try:
        parameters = inspect.signature(make).parameters
    except ValueError:  # of a built-in type, which tells nothing
        return lambda: _checked(env, make(**given))
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        if unknown := [name for name in options if name not in parameters]:
            takes = ", ".join(parameters) or "nothing"
            raise ValueError(f"The environment {env} has no option {unknown[0]!r}. It takes: {takes}.")
        given = {name: value for name, value in given.items() if name in parameters}
    try:
        inspect.signature(make).bind(**given)
    except TypeError as error:
        raise ValueError(f"The environment {env} cannot be made of {', '.join(given) or 'nothing'}: {error}.") from None
    return lambda: _checked(env, make(**given))


def _checked(env: object, made: Any) -> gymnasium.Env[Any, Any]:
    if not all(callable(getattr(made, name, None)) for name in ("reset", "step", "close")):
        raise ValueError(f"{env} gave a {type(made).__name__}, must give an environment with reset, step and close.")
    return made  # type: ignore[no-any-return]


def _make_registered(env: str, given: Mapping[str, Any]) -> gymnasium.Env[Any, Any]:
    try:
        # The checker would test each environment on its first steps, at many times their price.
        return gymnasium.make(env, disable_env_checker=True, **given)
    except (gymnasium.error.Error, ModuleNotFoundError) as error:
        raise ValueError(f"Unknown environment {env!r}. {error}") from error
    except TypeError as error:
        raise ValueError(
            f"The environment {env!r} cannot be made of {', '.join(given)}: {error}. Name a shop, such as "
            "PAARS-Retail-v0, or a factory of your own as module:factory."
        ) from error
