"""Shards of a run that lies in a store of objects: parts of its files, until it has ended."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from paars_gym.sessions.store import LOG_FILE, STEPS_FILE, TELEMETRY_FILE

SHARDS = "shards"
"""Their folder in that of the run."""
SHARD_ENDS: Mapping[str, str] = {
    STEPS_FILE: ".steps.jsonl.zst",
    TELEMETRY_FILE: ".telemetry.jsonl",
    LOG_FILE: ".sessions.jsonl",
}
"""Of a run's files those that a shard has a part of, with the ends of their names there; the sessions last: a shard
that has none is not there."""


def append_shards(shards: Path, run: Path, names: Collection[str] | None = None) -> None:
    """Appends the files of shards, in order, to those of a run.

    Args:
        shards: Their folder.
        run: Folder of the run.
        names: Of those that count, where not all do.
    """
    ending = SHARD_ENDS[LOG_FILE]
    for sessions in sorted(shards.glob(f"*{ending}")):
        shard = sessions.name.removesuffix(ending)
        if names is not None and shard not in names:
            continue  # of a worker that was held to be dead, and was not
        for name, end in SHARD_ENDS.items():
            if (part := shards / f"{shard}{end}").is_file():
                target = run / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with part.open("rb") as source, target.open("ab") as file:
                    shutil.copyfileobj(source, file)


def with_shards(folder: Path) -> Path:
    """The folder of a run; where shards lie in it, a copy with them appended, which lasts as long as the process.

    A log beside the shards holds them already: it is put there when all have been played, and then the shards go.
    """
    if not (folder / SHARDS).is_dir() or (folder / LOG_FILE).is_file():
        return folder
    scratch = tempfile.mkdtemp(prefix="paars-run-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    whole = Path(scratch) / folder.name
    shutil.copytree(folder, whole, ignore=shutil.ignore_patterns(SHARDS))
    append_shards(folder / SHARDS, whole)
    return whole
