"""Are these two sets of embeddings fit to be compared?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
LARGEST = 1e300  # of a squared norm: what is added to it must not overflow either


def embeddings(human: ArrayLike, agent: ArrayLike, *, paired: bool = False) -> tuple[Array, Array]:
    """Both populations as float64 matrices.

    Args:
        human: Shape (n_human, dim); a flat array is taken as n numbers, dim = 1.
        agent: Shape (n_agent, dim).
        paired: Whether row i of one belongs to row i of the other.

    Raises:
        ValueError: A side is empty, not finite or no matrix, the dimensions differ, or pairs do not match up.
    """
    left, right = _matrix(human, "human"), _matrix(agent, "agent")
    if left.shape[1] != right.shape[1]:
        raise ValueError(
            f"human embeddings have {left.shape[1]} dimensions, agent embeddings {right.shape[1]}; "
            "must be made by the same model."
        )
    if paired and len(left) != len(right):
        raise ValueError(f"{len(left)} human and {len(right)} agent rows, must be as many to be paired.")
    return left, right


def _matrix(points: ArrayLike, name: str) -> Array:
    array = np.asarray(points, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}, must be (n, dim) and not empty.")
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(bad):
        raise ValueError(f"{name} row {bad[0]} (of {len(bad)} such rows) holds NaN or infinity; leave it out.")
    with np.errstate(over="ignore"):
        squares = np.einsum("ij,ij->i", array, array)
    large = np.flatnonzero(~(squares < LARGEST))
    if len(large):
        raise ValueError(
            f"{name} row {large[0]} (of {len(large)} such rows) is so long that its distances overflow; scale it down."
        )
    return array
