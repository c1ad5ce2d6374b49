"""``python -m benchmarks.item_selection``: what households buy, told from who they are (PAARS section 5, Table 3).

The households are real (Complete Journey, 2017), those who choose for them are offline shoppers. For a language model,
other policies and a log of your own: ``paars tasks item``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.settings import ITEM_MIN_KNOWN, ITEM_RUN
from paars_gym.cli.running import run_command, wide_console
from paars_gym.report.item_selection import table_3, table_3_remarks
from paars_gym.tasks.item_results import ItemResults
from paars_gym.tasks.item_selection import ItemDesign, select_items
from paars_gym.tasks.people import TRAITS, reference_people


def run(by: str | None = None) -> ItemResults:
    """The part of the main job; and by a trait of the households, where one is named."""
    return select_items(reference_people("journey"), ITEM_RUN, design=ItemDesign(min_known=ITEM_MIN_KNOWN), by=by)


def main(
    by: Annotated[str | None, typer.Option(help=f"Also accuracy by group: {', '.join(TRAITS)}.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the results here, as JSON.")] = None,
) -> None:
    """Lets offline shoppers pick, out of four items, the one that a real household bought.

    About a minute on two cores the first time, when baskets are imported and titles embedded; then some ten seconds.
    """
    console = wide_console()
    with console.status("choosing"):
        results = run(by)
    console.print(results.headline, table_3(results), sep="\n")
    for line in table_3_remarks(results):
        console.print(line, markup=False)
    if out is not None:
        out.write_text(results.model_dump_json(indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
