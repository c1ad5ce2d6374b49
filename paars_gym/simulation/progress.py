"""How far is a run? A bar with rate, remaining time, failures and cost, redrawn a few times a second."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from paars_gym.simulation.run import Tally

REDRAW_SECONDS = 0.1


class SessionsProgress:
    """A progress bar to hand to `run_population`; a context manager."""

    def __init__(self, console: Console) -> None:
        columns = BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.fields[told]}")
        # Into a file there is nothing to redraw, and rich would leave an empty line.
        quiet = not console.is_terminal
        self._bar = Progress(TextColumn("sessions"), *columns, console=console, transient=True, disable=quiet)
        self._task = self._bar.add_task("", total=None, told="getting ready")
        self._drawn = 0.0

    def __call__(self, tally: Tally) -> None:
        now = time.monotonic()
        if now - self._drawn < REDRAW_SECONDS and tally.done < tally.planned:
            return
        self._drawn = now
        self._bar.update(self._task, total=tally.planned, completed=tally.done, told=told(tally))

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()


def told(tally: Tally) -> str:
    """Rate, failures and cost of a run, in words."""
    cost = f", {tally.usd:.2f} USD" if tally.usd else ""
    return f"{tally.played / max(tally.seconds, 1e-9):,.1f}/s, {tally.failed:,} failed{cost}"
