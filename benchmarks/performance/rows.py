"""A row of the table of speed: what was measured, beside its peer or limit in the same run, and what is asked of it."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict


class SpeedBar(BaseModel):
    """A bar of a row: the least or the most that may be measured, or that its ratio may be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Literal["measured", "ratio"]
    least: float | None = None
    most: float | None = None


class SpeedRow(BaseModel):
    """One row.

    Attributes:
        name: What is measured.
        measured: In ``unit``; None where it could not be.
        unit: Of both figures.
        beside: Name of the peer, or of the limit that is itself measured; empty where there is none.
        peer: Its figure in the same run; None where it could not be measured.
        asked: Bars; a row that has one and could not be measured misses none.
        note: What else a reader has to know, such as which package a peer lacks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    measured: float | None = None
    unit: str = ""
    beside: str = ""
    peer: float | None = None
    asked: tuple[SpeedBar, ...] = ()
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """What was measured over its peer."""
        return self.measured / self.peer if self.measured is not None and self.peer else None

    def missed(self) -> list[str]:
        """The bars that are missed, in words."""
        said = []
        for bar in self.asked:
            value, unit = (self.measured, f" {self.unit}") if bar.of == "measured" else (self.ratio, " times")
            in_figures = number if bar.of == "measured" else times
            if value is not None and bar.least is not None and not value >= bar.least:
                said.append(f"{self.name}: {in_figures(value)}{unit}, must be at least {in_figures(bar.least)}")
            if value is not None and bar.most is not None and not value <= bar.most:
                said.append(f"{self.name}: {in_figures(value)}{unit}, must be at most {in_figures(bar.most)}")
        return said


def at_least(value: float, of: Literal["measured", "ratio"] = "measured") -> tuple[SpeedBar, ...]:
    """A bar below which a figure must not be."""
    return (SpeedBar(of=of, least=value),)


def at_most(value: float, of: Literal["measured", "ratio"] = "measured") -> tuple[SpeedBar, ...]:
    """A bar above which a figure must not be."""
    return (SpeedBar(of=of, most=value),)


def number(value: float) -> str:
    """Three significant digits, with commas: 846,000; 12.3; 0.0123."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:.3g}"


def times(ratio: float) -> str:
    """A ratio: 6.09, or 1/65."""
    return f"1/{number(1 / ratio)}" if 0 < ratio < 0.1 else number(ratio)


def in_turn(*works: Callable[[], object], rounds: int, clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """Least seconds of each of several works, taken in turn, so that a busy moment of the machine hits them all."""
    took: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for times, work in zip(took, works, strict=True):
            began = clock()
            work()
            times.append(clock() - began)
    return [min(times) for times in took]


def peak_mb() -> float:
    """Peak resident memory of this process, in MB, mapped files included as far as they were touched."""
    status = Path("/proc/self/status")
    if status.is_file():  # getrusage would count the parent process too, whose memory the child shares until it starts
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def resident_mb() -> float:
    """Resident memory of this process now, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6
