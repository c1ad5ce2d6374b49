"""Where do derived things lie (search indexes, embeddings, built-in catalogs) that may be deleted at any time?"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_dir(*parts: str) -> Path:
    """A folder below the cache, made if needed: ``$PAARS_CACHE``, or the platform's cache folder for ``paars_gym``."""
    root = os.environ.get("PAARS_CACHE")
    folder = (Path(root) if root else platformdirs.user_cache_path("paars_gym")).joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
