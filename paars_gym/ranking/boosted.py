"""Rankings that trade relevance for ratings, popularity or price."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from paars_gym.catalog.store import Catalog
from paars_gym.ranking.paging import Rearranged
from paars_gym.ranking.protocol import Pool, RankingPolicy

BOOSTS = ("popularity", "price", "rating")


class Boosted(Rearranged):
    """``bm25+rating:0.3+popularity:0.1``: the base's top 200 by its score plus weighted features.

    score = z(base score) + Σ weight · z(feature), where z(x) = (x - mean) / standard deviation over the 200, zero where
    a product has no value or all are equal. ``popularity`` enters as ln(1 + popularity); a negative weight on ``price``
    favours the cheap. A base without scores of its own enters with minus the rank. A linear blend on standardised
    scores (Lee 1997; z-scores as in Montague & Aslam 2001). Ties go by product id.
    """

    def __init__(self, base: RankingPolicy, catalog: Catalog, weights: Mapping[str, float]) -> None:
        """Args:
            base: Gives the candidates and their scores.
            catalog: Where the features are.
            weights: Standard deviations of the base's score that one standard deviation of a feature is worth.

        Raises:
            ValueError: Unknown feature, or a weight that is not finite.
        """
        for feature, weight in weights.items():
            if feature not in BOOSTS or not np.isfinite(weight):
                raise ValueError(f"Boost {feature}:{weight}: must be one of {', '.join(BOOSTS)} with a finite weight.")
        super().__init__(base)
        self.catalog, self.weights = catalog, dict(weights)
        self.name = base.name + "".join(f"+{feature}:{weight:g}" for feature, weight in weights.items())

    def order(self, text: str, pool: Pool) -> list[int]:
        """See `Rearranged.order`."""
        if not pool.rows:
            return []
        rows = np.asarray(pool.rows, dtype=np.int64)
        score = standardised(np.asarray(pool.scores, dtype=np.float64))
        for feature, weight in self.weights.items():
            values = getattr(self.catalog, feature)[rows]
            score += weight * standardised(np.log1p(values) if feature == "popularity" else values)
        ordered: list[int] = rows[np.lexsort((rows, -score.round(9)))].tolist()
        return ordered


def standardised(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Values in standard deviations from their mean; 0 for NaN, and for all when they are equal."""
    known = values[~np.isnan(values)]
    spread = known.std() if known.size else 0.0
    # Rounding leaves a spread of 1e-16 among equal values, which must not be blown up to 1.
    if spread <= 1e-9 * max(1.0, np.abs(known).max(initial=0.0)):
        return np.zeros_like(values)
    scaled: npt.NDArray[np.float64] = np.nan_to_num((values - known.mean()) / spread)
    return scaled
