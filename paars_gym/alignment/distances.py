"""How far is each of these points from each of those?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def distances_between(x: Array, y: Array, norms_x: Array, norms_y: Array) -> Array:
    """Euclidean distances, shape (len(x), len(y)), by way of one matrix product; norms are squared."""
    squares = x @ y.T
    squares *= -2
    squares += norms_x[:, None]
    squares += norms_y
    # Below this the difference is rounding: the same query twice has distance 0.
    squares[squares < 1e-13 * (norms_x.max() + norms_y.max())] = 0.0
    return np.asarray(np.sqrt(squares, out=squares))
