"""Texts as unit vectors, whose dot product says how alike two of them are."""

from paars_gym.embedding.load import default_embedder, load_embedder
from paars_gym.embedding.protocol import Embedder, embedder_label

__all__ = ["Embedder", "default_embedder", "embedder_label", "load_embedder"]
