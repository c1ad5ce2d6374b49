"""The progress bar of a run: rate, remaining time, failures and cost, redrawn a few times a second."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from paars_gym.simulation.result import RunResult

REDRAW_SECONDS = 0.1


class SessionsProgress:
    """A progress bar to hand to `run`; a context manager."""

    def __init__(self, console: Console) -> None:
        columns = BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.fields[state]}")
        # Into a file there is nothing to redraw, and rich would leave an empty line.
        quiet = not console.is_terminal
        self._bar = Progress(TextColumn("sessions"), *columns, console=console, transient=True, disable=quiet)
        self._task = self._bar.add_task("", total=None, state="getting ready")
        self._drawn = 0.0

    def __call__(self, result: RunResult) -> None:
        now = time.monotonic()
        if now - self._drawn < REDRAW_SECONDS and result.done < result.planned:
            return
        self._drawn = now
        self._bar.update(self._task, total=result.planned, completed=result.done, state=in_words(result))

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()


def in_words(result: RunResult) -> str:
    """Rate, failures and cost of a run, in words."""
    cost = f", {result.usd:.2f} USD" if result.usd else ""
    return f"{result.played / max(result.seconds, 1e-9):,.1f}/s, {result.failed:,} failed{cost}"
