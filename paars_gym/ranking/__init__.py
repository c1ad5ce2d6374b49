"""Ranking policies: the order in which a search shows its results, and so the arms of an A/B test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paars_gym.ranking.protocol import POOL as POOL
    from paars_gym.ranking.protocol import Ranked as Ranked
    from paars_gym.ranking.protocol import RankingPolicy as RankingPolicy
    from paars_gym.ranking.registry import RANKINGS as RANKINGS
    from paars_gym.ranking.registry import make_ranking as make_ranking
    from paars_gym.ranking.registry import register as register

_HOMES = {"POOL": "protocol", "Ranked": "protocol", "RankingPolicy": "protocol"}
_HOMES |= dict.fromkeys(("RANKINGS", "make_ranking", "register"), "registry")
__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Loads a public name when it is asked for: the registry brings tantivy, polars and pyarrow with it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
