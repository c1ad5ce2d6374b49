"""Embedders by name, or the best that is installed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import cache as remembered

from paars_gym.embedding.cache import CachedEmbedder
from paars_gym.embedding.lexical import LexicalEmbedder
from paars_gym.embedding.minilm_onnx import OnnxMiniLM
from paars_gym.embedding.protocol import Embedder, Vectors, embedder_label
from paars_gym.embedding.sentence import MINILM, SentenceEmbedder, has_minilm, minilm_source

log = logging.getLogger(__name__)


def load_embedder(spec: str = "auto", *, corpus: Iterable[str] = (), cache: bool = True) -> Embedder:
    """An embedder by name.

    Args:
        spec: ``minilm`` (all-MiniLM-L6-v2, full precision, needs torch; see `minilm_source`), ``minilm-int8`` (without
            torch), ``lexical``, ``auto`` (see `default_embedder`), or the name or folder of any sentence-transformers
            model.
        corpus: What ``lexical`` learns from; the others do not read it.
        cache: Keep vectors on disk (not of ``lexical``, which is as fast as the disk).

    Raises:
        ImportError: What it needs is not installed; says how to install it.
        ValueError: No such model.
    """
    spec = spec.strip()
    if spec == "auto":
        return default_embedder(corpus, cache=cache)
    if spec == "lexical":
        return LexicalEmbedder(corpus)
    if not spec:
        raise ValueError("Empty embedder name. Use minilm, minilm-int8, lexical, or a sentence-transformers model.")
    if spec == "minilm" and cache and has_minilm():
        return CachedEmbedder(_MiniLMWhenNeeded())
    inner: Embedder = OnnxMiniLM() if spec == "minilm-int8" else SentenceEmbedder(MINILM if spec == "minilm" else spec)
    return CachedEmbedder(inner) if cache else inner


def default_embedder(corpus: Iterable[str] = (), *, cache: bool = True) -> Embedder:
    """The best that is installed: MiniLM in full precision, else MiniLM in int8, else `LexicalEmbedder`.

    Args:
        corpus: What the lexical one learns from, should it come to that.
        cache: As in `load_embedder`.
    """
    if has_minilm():
        return load_embedder("minilm", cache=cache)
    try:
        return load_embedder("minilm-int8", cache=cache)
    except ImportError as error:
        lexical = LexicalEmbedder(corpus)
        log.warning("%s Using instead: %s.", error, embedder_label(lexical))
        return lexical


class _MiniLMWhenNeeded:
    """MiniLM that is loaded (seconds, for torch is) only when a text is not in the cache."""

    name, dim, comparable = MINILM, 384, True

    @property
    def source(self) -> str:
        """Where it comes from."""
        return minilm_source()[0]

    def embed(self, texts: Sequence[str]) -> Vectors:
        return _minilm().embed(texts)


@remembered
def _minilm() -> SentenceEmbedder:
    return SentenceEmbedder(MINILM)
