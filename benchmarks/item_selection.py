"""``python -m benchmarks.item_selection``: what households buy, told from who they are (PAARS section 5, Table 3).

The households are real (Complete Journey, 2017), those who choose for them are offline shoppers. For a language model,
other policies and a log of your own: ``paars tasks item``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.model_rows import ModelRows, choose_items, find_model, in_table_3, one_thread, without_rows
from benchmarks.settings import ITEM_LIKELIHOOD_CASES, ITEM_MIN_KNOWN, ITEM_RUN
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.files import write_whole
from paars_gym.report.item_selection import table_3, table_3_remarks
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress
from paars_gym.tasks.items.questions import ItemDesign
from paars_gym.tasks.items.results import ItemResults
from paars_gym.tasks.items.selection import select_items
from paars_gym.tasks.people import TRAITS, reference_people


def run(by: str | None = None) -> ItemResults:
    """The part of the main job; and by a trait of the households, where one is named."""
    return select_items(reference_people("journey"), ITEM_RUN, design=ItemDesign(min_known=ITEM_MIN_KNOWN), by=by)


def with_rows(results: ItemResults, model: ModelRows, progress: Callable[[str], None] = lambda _: None) -> ItemResults:
    """The results with the rows of a language model of this machine, or with why there are none."""
    if model.lacking:
        return without_rows(results, model)
    one_thread()
    return in_table_3(results, choose_items(model, ITEM_LIKELIHOOD_CASES, progress))


@with_page
@with_outputs(out="file")
def main(
    by: Annotated[str | None, typer.Option(help=f"Also accuracy by group: {', '.join(TRAITS)}.")] = None,
    model_file: Annotated[
        Path | None, typer.Option(help="A language model as a .gguf file, in place of SmolLM2-135M.")
    ] = None,
    no_model: Annotated[bool, typer.Option("--no-model", help="Leave out the language model of this machine.")] = False,
    cases: Annotated[
        int, typer.Option(min=2, help="Of the language model; each takes it some three seconds.")
    ] = ITEM_LIKELIHOOD_CASES,
    out: Annotated[Path | None, typer.Option(help="Also write the results here, as JSON.")] = None,
) -> None:
    """Lets offline shoppers pick, out of four items, the one that a real household bought.

    About a minute on two cores the first time, when baskets are imported and titles embedded; then some ten seconds. A
    language model of this machine, where it is installed, chooses by likelihood: some ten minutes more.
    """
    console = Printer()
    model = find_model(model_file, without=no_model, cases=cases)
    with Progress(Printer(stderr=True), "choosing") as status:
        results = with_rows(run(by), model, status.update)
    if out is not None:
        write_whole(out, results.model_dump_json(indent=2) + "\n")
    console.print(results.headline, table_3(results), sep="\n")
    for line in table_3_remarks(results):
        console.print(line)


if __name__ == "__main__":
    run_command(main)
