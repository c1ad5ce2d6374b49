"""``python -m benchmarks.view_selection``: which result is opened, by offline shoppers (PAARS Table 2, Figure 3).

For other people, policies and models: ``paars tasks view``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.settings import VIEW_RUN
from paars_gym.cli.running import run_command, wide_console
from paars_gym.report.tasks import figure_3, view_remarks, view_table
from paars_gym.tasks.people import reference_people
from paars_gym.tasks.view_selection import ViewResults, select_views


def run() -> ViewResults:
    """The part of the main job: the synthetic people of mini."""
    return select_views(reference_people("mini"), VIEW_RUN)


def main(out: Annotated[Path | None, typer.Option(help="Write everything here as JSON.")] = None) -> None:
    """Shows shoppers the result pages that mini's people saw, and compares which rank is opened."""
    console = wide_console()
    with console.status("choosing"):
        results = run()
    console.print(view_table(results), figure_3(results))
    for line in view_remarks(results):
        console.print(f"- {line}", markup=False)
    if out is not None:
        out.write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
