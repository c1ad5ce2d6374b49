"""``python -m benchmarks.view_selection``: which result is opened, by offline shoppers (PAARS Table 2, Figure 3).

For other people, policies and models: ``paars tasks view``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.reference import fitted, judges
from benchmarks.settings import VIEW_RUN
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.files import write_whole
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress
from paars_gym.report.tasks import figure_3, view_remarks, view_table
from paars_gym.tasks.view_selection import ViewResults, select_views


def run(shoppers: tuple[Path, ...] = ()) -> ViewResults:
    """The part of the main job: pages of that half of mini's synthetic people that judges."""
    return select_views(judges(), VIEW_RUN, policies=tuple(fitted(shoppers).values()))


@with_page
@with_outputs(out="file")
def main(out: Annotated[Path | None, typer.Option(help="Write everything here as JSON.")] = None) -> None:
    """Shows shoppers the result pages that mini's people saw, and compares which rank is opened."""
    console = Printer()
    with Progress(Printer(stderr=True), "choosing"):
        results = run()
    if out is not None:
        write_whole(out, results.model_dump_json(indent=1) + "\n")
    console.print(view_table(results), figure_3(results))
    for line in view_remarks(results):
        console.print(f"- {line}")


if __name__ == "__main__":
    run_command(main)
