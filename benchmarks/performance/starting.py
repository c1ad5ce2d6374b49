"""What it costs to begin: importing the package, and a run of five sessions; processor seconds of whole processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.performance.rows import SpeedRow, at_most, in_turn

ROUNDS = 7
MAX_START_SECONDS = 1.5
MAX_IMPORT_RATIO = 2.0


def cpu_seconds() -> float:
    """Of all processes that this one has started and seen the end of, the user's and the system's."""
    times = os.times()
    return times.children_user + times.children_system


def in_python(*arguments: str) -> None:
    """Runs Python with arguments.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def imports(reduced: bool) -> list[SpeedRow]:
    """``import paars_gym`` beside ``import gymnasium``, in turn."""
    rounds = 2 if reduced else ROUNDS
    works = [partial(in_python, "-c", f"import {name}") for name in ("gymnasium", "paars_gym")]
    in_turn(*works, rounds=1)
    theirs, ours = in_turn(*works, rounds=rounds, clock=cpu_seconds)
    return [
        SpeedRow(
            name="`import paars_gym`",
            measured=ours,
            unit="CPU s",
            beside="`import gymnasium`",
            peer=theirs,
            asked=at_most(MAX_IMPORT_RATIO * (2 if reduced else 1), "ratio"),
        )
    ]


def start(reduced: bool) -> list[SpeedRow]:
    """A small run as a user types it, the catalog being in the cache."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "run")
        anew = f"import shutil; shutil.rmtree({out!r}, ignore_errors=True)"
        code = f"{anew}; import sys; from paars_gym.cli import main; sys.argv[0] = 'paars'; main()"
        run = partial(in_python, "-c", code, "simulate", "--sessions", "5", "--out", out)
        run()  # fills the cache
        (took,) = in_turn(run, rounds=2 if reduced else ROUNDS, clock=cpu_seconds)
    return [
        SpeedRow(
            name="`paars simulate --sessions 5`, warm",
            measured=took,
            unit="CPU s",
            beside="limit",
            peer=MAX_START_SECONDS,
            asked=at_most(MAX_START_SECONDS * (4 if reduced else 1)),
        )
    ]
