"""What the command has measured so far, as a file that it goes on from."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks.performance.rows import SpeedRow
from paars_gym.files import write_whole
from paars_gym.version import __version__


def this_machine() -> str:
    """Processor, cores and Python, in words."""
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = (line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line)
        model = next(lines, model)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, {model}, Python {platform.python_version()}"


class Measurement(BaseModel):
    """How a benchmark went.

    Attributes:
        name: Of the benchmark.
        rows: What it measured.
        failed: What ended it, in a line; empty when nothing did.
        seconds: That it took.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    rows: tuple[SpeedRow, ...] = ()
    failed: str = ""
    seconds: float = 0.0


class SpeedRecord(BaseModel):
    """All outcomes of one size.

    Attributes:
        paars_gym: Version.
        machine: Where it was begun.
        reduced: Whether sizes were reduced.
        benchmarks: By name.
        growth: Figures by what grows, by size, and by ``name, unit``.
        growth_failed: What ended the measurement of a size, by ``what grows size``.
    """

    model_config = ConfigDict(extra="forbid")

    paars_gym: str = __version__
    machine: str = ""
    reduced: bool = False
    benchmarks: dict[str, Measurement] = {}
    growth: dict[str, dict[int, dict[str, float]]] = {}
    growth_failed: dict[str, str] = {}

    def write(self, path: Path) -> None:
        """Puts it into a file, whole or not at all."""
        write_whole(path, self.model_dump_json(indent=2) + "\n")


def read_record(path: Path | None, *, reduced: bool) -> SpeedRecord:
    """The record of a file, or an empty one where there is no file.

    Raises:
        ValueError: The file holds something else, or another size's.
    """
    if path is None or not path.exists():
        return SpeedRecord(machine=this_machine(), reduced=reduced)
    try:
        record = SpeedRecord.model_validate_json(path.read_bytes())
    except ValidationError:
        raise ValueError(f"{str(path)!r} holds no figures of this command; choose another file.") from None
    if record.reduced != reduced:
        sizes = "reduced" if record.reduced else "full"
        raise ValueError(f"{str(path)!r} has figures of {sizes} sizes; give the same option, or choose another file.")
    return record
