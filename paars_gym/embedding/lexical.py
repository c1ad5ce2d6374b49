"""The embedder for when no language model is installed: it compares spelling, not meaning."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from paars_gym.embedding.protocol import Vectors, normalised

DIM = 256
GRAMS = (3, 4, 5)
BUCKETS = 2**20
CORPUS_LIMIT = 2_000
MAX_GRAMS = 50_000
OVERSAMPLING, POWER_ITERATIONS = 20, 2
_WORD = re.compile(r"\w+")


class LexicalEmbedder:
    """Character 3- to 5-grams of words: TF-IDF reduced by SVD (latent semantic analysis, Deerwester et al. 1990).

    tf = 1 + ln(count), idf = ln((1 + N)/(1 + n)) + 1, then the leading right singular vectors of the corpus' matrix
    (of its 50,000 most frequent sequences).
    Without a corpus there is nothing to decompose: the tf alone is folded onto the dimensions by a signed hash
    (Weinberger et al. 2009). Figures made with it are labelled not comparable to the paper.

    Attributes:
        name: ``lexical``, with a hash of the corpus where there is one: another corpus gives other vectors.
        dim: 256, or fewer if the corpus has not as many independent texts.
        comparable: False.
    """

    comparable = False

    def __init__(self, corpus: Iterable[str] = ()) -> None:
        """Args:
        corpus: Texts like those to be embedded; the first 2,000 count.
        """
        texts = [text.encode("utf-8", "replace").decode("utf-8") for text in islice(corpus, CORPUS_LIMIT)]
        texts = [text for text in texts if _WORD.search(text)]
        self._weights: npt.NDArray[np.float32] | None = None
        self._positions: dict[int, int] = {}
        self.name, self.dim = "lexical", DIM
        if len(texts) > 1:
            digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]
            self.name = f"lexical-{digest}"
            self._fit(texts)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`."""
        result = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            counts = _grams(text)
            if self._weights is None:
                for bucket, weight in counts.items():
                    result[row, (bucket >> 1) % self.dim] += weight if bucket & 1 else -weight
            else:
                known = [
                    (self._positions[bucket], weight) for bucket, weight in counts.items() if bucket in self._positions
                ]
                if known:
                    positions, weights = zip(*known, strict=True)
                    result[row] = np.asarray(weights, dtype=np.float32) @ self._weights[list(positions)]
        return normalised(result)

    def _fit(self, texts: list[str]) -> None:
        from scipy.sparse import csr_array

        counted = [_grams(text) for text in texts]
        frequency = Counter(bucket for counts in counted for bucket in counts)
        kept = sorted(frequency, key=lambda bucket: (-frequency[bucket], bucket))[:MAX_GRAMS]
        self._positions = {bucket: index for index, bucket in enumerate(kept)}
        idf = np.log((1 + len(texts)) / (1 + np.array([frequency[bucket] for bucket in kept]))) + 1
        cells = [
            (row, self._positions[bucket], weight)
            for row, counts in enumerate(counted)
            for bucket, weight in counts.items()
            if bucket in self._positions
        ]
        rows, columns, weights = (
            (np.array(part) for part in zip(*cells, strict=True)) if cells else np.zeros((3, 0), int)
        )
        matrix = csr_array((weights * idf[columns], (rows, columns)), shape=(len(texts), len(kept)))
        directions = leading_directions(matrix, DIM)
        self._weights = np.ascontiguousarray((directions * idf).T, dtype=np.float32)
        self.dim = len(directions)


def leading_directions(matrix: Any, count: int) -> npt.NDArray[np.float64]:
    """The right singular vectors of a sparse matrix with the largest singular values, shape (at most count, columns).

    Randomised range finder with power iterations (Halko, Martinsson & Tropp 2011), from fixed numbers: unlike ARPACK it
    gives the same vectors again. Directions in which the matrix has nothing are left out: they would be noise.
    """
    size = min(count + OVERSAMPLING, *matrix.shape)
    basis = np.random.default_rng(0).normal(size=(matrix.shape[1], size))
    for _ in range(POWER_ITERATIONS):
        basis, _ = np.linalg.qr(matrix @ basis)
        basis, _ = np.linalg.qr(matrix.T @ basis)
    _, values, directions = np.linalg.svd(matrix @ basis, full_matrices=False)
    solid = values[:count] > 1e-6 * values.max(initial=0.0)
    result: npt.NDArray[np.float64] = directions[:count][solid] @ basis.T
    return result


def _grams(text: str) -> dict[int, float]:
    """Weight 1 + ln(count) of each hashed character sequence of the text's words, word ends marked."""
    counts: Counter[int] = Counter()
    for word in _WORD.findall(text.casefold()):
        marked = f"<{word}>".encode("utf-8", "replace").decode("utf-8")
        for size in GRAMS:
            for start in range(max(len(marked) - size + 1, 1)):
                counts[zlib.crc32(marked[start : start + size].encode()) % BUCKETS] += 1
    return {bucket: 1.0 + float(np.log(count)) for bucket, count in counts.items()}
