"""What the workers of the tests do: functions of a module, as `spread` wants them."""

from __future__ import annotations

import os
import signal
import time
from functools import cached_property
from pathlib import Path


class Opened:
    """A context with something that is costly to open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def opened(self) -> int:
        """The worker's number; leaves a file for each time that it is opened."""
        (self.folder / f"opened-{os.getpid()}-{time.monotonic_ns()}").touch()
        return os.getpid()


def square(context: Opened, piece: int) -> int:
    assert context.opened == os.getpid()
    return piece * piece


def die_once(folder: Path, piece: int) -> int:
    """Kills its own process the first time that it does a piece divisible by 5."""
    mark = folder / f"died-{piece}"
    if piece % 5 == 0 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return piece


def die(folder: Path, piece: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return piece


def refuse(_: object, piece: int) -> int:
    raise LookupError(f"There is no {piece}.")
