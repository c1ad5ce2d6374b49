"""Flips bits of every file of a folder, one at a time, and says what reading it then gives: run by test_damage."""

from __future__ import annotations

import hashlib
import logging
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from paars_gym.catalog.store import Catalog
from paars_gym.ranking.index import open_index
from paars_gym.sessions.store import Store
from paars_gym.simulation.read_run import Run

QUERIES = ("kettle", "red shoes", "headphones", "two year warranty")


def answer(kind: str, folder: Path) -> str:
    """All that can be read from a folder, as a hash."""
    read: list[Any]
    if kind == "catalog":
        catalog = Catalog.open(folder)
        read = [catalog.card, list(catalog), [open_index(catalog).search(query) for query in QUERIES]]
    elif kind == "store":
        store = Store(folder)
        read = [store.card, list(store), store.scan().collect().rows()]
    else:
        run = Run(folder)
        read = [
            run.settings,
            sorted(one.model_dump_json() for one in run.sessions),
            {key: run.session(key) for key in run},
        ]
    return hashlib.sha256(repr(read).encode()).hexdigest()


def flipped(kind: str, source: Path, scratch: Path, number: int, rng: np.random.Generator) -> str:
    """Reads a copy of a folder in which one bit of one file is another, or a file is cut or missing."""
    copy = scratch / f"copy{number}"
    shutil.copytree(source, copy)
    files = sorted(path for path in copy.rglob("*") if path.is_file() and path.stat().st_size)
    victim = files[number % len(files)]
    content = bytearray(victim.read_bytes())
    place = int(rng.integers(len(content)))
    how = ("flip", "flip", "flip", "cut", "missing")[int(rng.integers(5))]
    if how == "flip":
        content[place] ^= 1 << int(rng.integers(8))
        victim.write_bytes(content)
    elif how == "cut":
        victim.write_bytes(content[:place])
    else:
        victim.unlink()
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("paars_gym").handlers = [handler]
    try:
        outcome = answer(kind, copy)
    except (ValueError, FileNotFoundError) as error:
        outcome = f"named: {error}"
    shutil.rmtree(copy)
    name = victim.relative_to(copy).as_posix()
    return f"{name}\t{how}\t{outcome}\t{' '.join(said)}".replace("\n", " ")


def main() -> None:
    """Prints the good answer, and a line for each of some flips."""
    kind, source, scratch, count = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    rng = np.random.default_rng(7)
    print(answer(kind, source), flush=True)
    for number in range(count):
        print(flipped(kind, source, scratch, number, rng), flush=True)


if __name__ == "__main__":
    main()
