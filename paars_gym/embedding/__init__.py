"""Texts as unit vectors, whose dot product says how alike two of them are."""

from typing import TYPE_CHECKING

from paars_gym.lazy import lazy as _lazy

if TYPE_CHECKING:
    from paars_gym.embedding.load import default_embedder as default_embedder
    from paars_gym.embedding.load import load_embedder as load_embedder
    from paars_gym.embedding.protocol import Embedder as Embedder
    from paars_gym.embedding.protocol import embedder_label as embedder_label
else:
    __getattr__, __dir__ = _lazy(
        __name__,
        {
            "Embedder": "protocol",
            "default_embedder": "load",
            "embedder_label": "protocol",
            "load_embedder": "load",
        },
    )
