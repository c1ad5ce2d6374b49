"""The protocol of an embedder. (PAARS section 4.2 compares queries by all-MiniLM-L6-v2.)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into unit vectors: the dot product of two is their cosine similarity.

    Attributes:
        name: Identifies the weights: equal names give equal vectors, so that vectors can be kept on disk by it.
        dim: Length of a vector.
        comparable: True when figures made with it may stand beside the paper's, which used all-MiniLM-L6-v2.
    """

    @property
    def name(self) -> str: ...

    @property
    def dim(self) -> int: ...

    @property
    def comparable(self) -> bool: ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), dim), float32, each of length 1; a text's does not depend on the others."""
        ...


def embedder_label(embedder: Embedder) -> str:
    """How reports name an embedder: with where its weights came from, if it says; one not the paper's model says so."""
    source = getattr(embedder, "source", "")
    name = f"{embedder.name} (from {source})" if source else embedder.name
    return name if embedder.comparable else f"{name}, not MiniLM: not comparable to the paper"


def normalised(vectors: npt.NDArray[np.floating]) -> Vectors:
    """Rows scaled to length 1; a zero row becomes the first unit vector."""
    result = np.array(vectors, dtype=np.float32)
    lengths = np.linalg.norm(result, axis=1, keepdims=True)
    result[lengths[:, 0] == 0, 0] = 1.0
    result /= np.where(lengths == 0, 1.0, lengths)
    return result
