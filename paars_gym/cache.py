"""The folder of derived things that may be deleted at any time: search indexes, embeddings, built-in catalogs, data."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import platformdirs

LEFT_AFTER_SECONDS = 86_400
"""So old a folder that was never finished belongs to no process that still writes."""


def cache_dir(*parts: str) -> Path:
    """A folder below the cache, made if needed: ``$PAARS_CACHE``, or the platform's cache folder for ``paars_gym``."""
    folder = cache_root().joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def cache_root() -> Path:
    """The cache itself, which need not be there yet."""
    root = os.environ.get("PAARS_CACHE")
    return Path(root) if root else platformdirs.user_cache_path("paars_gym")


def cached_folder(
    room: str, name: str, write: Callable[[Path], object], *, check: Callable[[Path], object] = os.listdir
) -> Path:
    """A folder of the cache, written first if it is not there; several processes may ask for it at once.

    Args:
        room: Folder below the cache.
        name: What the content depends on: the seed or the data's version, and a version number that is raised with
            every change of what ``write`` gives.
        write: Writes everything into a folder that does not exist yet.
        check: Opens the folder; raises `OSError` or `ValueError` for one that is damaged, which is then written anew.
    """
    folder = cache_dir(room) / name
    if _passes(check, folder):
        return folder
    for left in folder.parent.glob(f".{folder.name}-*"):  # by processes that were killed
        if time.time() - left.stat().st_mtime > LEFT_AFTER_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    fresh = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    try:
        write(fresh)
        if folder.exists() and not _passes(check, folder):
            shutil.rmtree(folder)
        os.replace(fresh, folder)  # noqa: PTH105  # whole or not at all
    except OSError:
        # Another process was first: its folder holds the same.
        if not _passes(check, folder):
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _passes(check: Callable[[Path], object], folder: Path) -> bool:
    try:
        check(folder)
    except (OSError, ValueError):
        return False
    return True
