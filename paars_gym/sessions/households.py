"""Where are the real households? Complete Journey's baskets as a session store, imported once and kept in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from pathlib import Path

from paars_gym.cache import cache_dir
from paars_gym.catalog.load import load_catalog
from paars_gym.sessions.ingest import importing
from paars_gym.sessions.ingest.journey import INSTALLED
from paars_gym.sessions.store import Store


def household_baskets() -> Store:
    """2,469 households' baskets of 2017, with the product ids of the catalog ``journey``.

    Raises:
        ImportError: The package with the data is missing.
    """
    digest = hashlib.sha256(load_catalog("journey").fingerprint.encode())
    sessions = Path(importing.__file__).parents[1]
    for name in ("rows.py", "sessionize.py", "ingest/journey.py", "ingest/importing.py", "ingest/converting.py"):
        digest.update((sessions / name).read_bytes())
    folder = cache_dir("sessions") / f"journey-{digest.hexdigest()[:10]}"
    try:
        return Store(folder)
    except (FileNotFoundError, ValueError):
        fresh = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    try:
        importing.import_log(INSTALLED, fresh, format="journey", name="Complete Journey households")
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(fresh, folder)  # noqa: PTH105  # whole or not at all
    except OSError:
        pass  # another process was first, or Store says below what is wrong
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return Store(folder)
