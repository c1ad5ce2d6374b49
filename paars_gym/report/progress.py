"""Progress of long work: a line that changes on a terminal, and on a pipe a line every few seconds."""

from __future__ import annotations

import os
import sys
import threading
import time
from types import TracebackType
from typing import Self

from rich.console import RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from paars_gym.report.printing import Printer
from paars_gym.simulation.result import RunResult

EVERY_SECONDS = 5.0
"""Between two lines on a pipe."""
REDRAW_SECONDS = 0.1
BAR_WIDTH = 24


def _is_redrawn(printer: Printer) -> bool:
    """Whether a line there can change: FORCE_COLOR, as notebooks set it, makes no terminal of a pipe."""
    is_forced = bool(os.environ.get("FORCE_COLOR")) and not printer.file.isatty()
    return printer.is_terminal and not printer.is_dumb_terminal and not is_forced


class Progress:
    """Says how far work is; a context manager.

    Args:
        printer: Where to, as a rule stderr.
        first: What is done before anything else is known.
        every: Seconds between two lines where it is no terminal.
    """

    def __init__(self, printer: Printer, first: str = "starting", *, every: float = EVERY_SECONDS) -> None:
        self._printer, self._every = printer, every
        self._text, self._done, self._total = first, 0.0, 0.0
        self._began = self._told = time.monotonic()
        self._stage = (self._began, 0.0)
        self._over = threading.Event()
        spinner = "dots" if printer.encoding.startswith("utf") else "line"
        self._spinner = Spinner(spinner)
        self._live: Live | None = None
        self._lines: threading.Thread | None = None

    def update(self, text: str, done: float = 0, total: float = 0) -> None:
        """What is being done, and how much of how much of it, if that can be said."""
        if done < self._done or total != self._total:
            self._stage = (time.monotonic(), done)
        self._text, self._done, self._total = text, done, total

    def sessions(self, result: RunResult) -> None:
        """How a run stands: to be called after each of its sessions."""
        now = time.monotonic()
        if now - self._told >= REDRAW_SECONDS or result.done >= result.planned:
            self._told = now
            self.update(in_words(result), result.done, result.planned)

    def __enter__(self) -> Self:
        if _is_redrawn(self._printer):
            # What is printed meanwhile goes above the line, but not from a file to the terminal.
            self._live = Live(
                console=self._printer, get_renderable=self._drawn, transient=True, redirect_stdout=sys.stdout.isatty()
            )
            self._live.start()
        else:
            self._lines = threading.Thread(target=self._tell, daemon=True)
            self._lines.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._live is not None:
            self._live.stop()
        if self._lines is not None:
            self._lines.join()

    def _tell(self) -> None:
        while not self._over.wait(self._every):
            self._printer.print(f"{time.monotonic() - self._began:.0f} s: {self._text}{self._left()}", soft_wrap=True)

    def _drawn(self) -> RenderableType:
        line = Table.grid(padding=(0, 1))
        cells: list[RenderableType] = [self._spinner, Text(self._text + self._left())]
        if self._total:
            cells.append(ProgressBar(self._total, min(self._done, self._total), width=BAR_WIDTH))
        line.add_row(*cells)
        return line

    def _left(self) -> str:
        began, before = self._stage
        if not before < self._done < self._total:
            return ""
        seconds = (time.monotonic() - began) * (self._total - self._done) / (self._done - before)
        return f", {duration(seconds)} left"


def duration(seconds: float) -> str:
    """Roughly how long.

    >>> duration(41.3), duration(400), duration(9_000)
    ('41 s', '7 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6_000 else f"{seconds / 3_600:.1f} h"


def in_words(result: RunResult) -> str:
    """Sessions, rate, failures and cost of a run."""
    cost = f", {result.usd:.2f} USD" if result.usd else ""
    rate = f"{result.played / max(result.seconds, 1e-9):,.1f}/s"
    return f"{result.done:,} of {result.planned:,} sessions, {rate}, {result.failed:,} failed{cost}"
