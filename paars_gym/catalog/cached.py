"""How does a built-in catalog become a folder that opens in milliseconds, even when two processes build it at once?"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from paars_gym.cache import cache_dir
from paars_gym.catalog.store import Catalog

# What a catalog on disk depends on, whichever it is.
COMMON = tuple(Path(__file__).with_name(name) for name in ("files.py", "fingerprint.py", "product.py", "store.py"))


def cached(name: str, sources: tuple[Path, ...], write: Callable[[Path], None]) -> Path:
    """The cache folder of a built-in catalog, written first if it is not there.

    Args:
        name: Says what was built, with the seed or the data's version; begins the folder's name.
        sources: Code and tables that decide the result; their hash ends the folder's name, so that an edited
            generator never meets an old result.
        write: Writes everything into a folder that does not exist yet.
    """
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in (*COMMON, *sources))).hexdigest()[:10]
    root = cache_dir("catalogs")
    folder = root / f"{name}-{digest}"
    if _readable(folder):
        return folder
    fresh = root / f".{folder.name}-{uuid.uuid4().hex}"
    try:
        write(fresh)
        if folder.exists() and not _readable(folder):
            shutil.rmtree(folder)
        os.replace(fresh, folder)  # noqa: PTH105  # whole or not at all
    except OSError:
        # Another process was first: its folder holds the same.
        if not _readable(folder):
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _readable(folder: Path) -> bool:
    try:
        Catalog.open(folder)
    except (OSError, ValueError):
        return False
    return True
