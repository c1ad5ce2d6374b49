"""Ranking policies: the order in which a search shows its results, and so the arms of an A/B test."""

from typing import TYPE_CHECKING

from paars_gym.lazy import lazy as _lazy

if TYPE_CHECKING:
    from paars_gym.ranking.protocol import POOL as POOL
    from paars_gym.ranking.protocol import Ranked as Ranked
    from paars_gym.ranking.protocol import RankingPolicy as RankingPolicy
    from paars_gym.ranking.registry import RANKINGS as RANKINGS
    from paars_gym.ranking.registry import make_ranking as make_ranking
    from paars_gym.ranking.registry import register as register
else:
    __getattr__, __dir__ = _lazy(
        __name__,
        {
            "POOL": "protocol",
            "RANKINGS": "registry",
            "Ranked": "protocol",
            "RankingPolicy": "protocol",
            "make_ranking": "registry",
            "register": "registry",
        },
    )
