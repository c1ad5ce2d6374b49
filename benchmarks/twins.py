"""``python -m benchmarks.twins``: language models told who people are, beside these people (Twin-2K-500).

2,058 people said of 40 products whether they would buy them at a price that was shown, and GPT-4.1, GPT-4.1-mini and
Gemini 2.5 Flash answered for each of them, told of the person in ten ways (Toubia et al. 2025). One by one and as a
group: the distinction of PAARS section 4, on real models.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.files import write_whole
from paars_gym.probes.answer_tables import read_answers
from paars_gym.probes.twins import TwinReport, score_twins
from paars_gym.report.printing import Printer
from paars_gym.report.twins import twin_notes, twin_tables

PEOPLE, MODELS = "people.parquet", "models.parquet"


def run(data: Path) -> TwinReport:
    """Scores every construction.

    Args:
        data: Folder with the answers of people and models.

    Raises:
        FileNotFoundError: One of the two is not there.
    """
    for name in (PEOPLE, MODELS):
        if not (data / name).is_file():
            raise FileNotFoundError(f"{data} has no {name}: --data names the folder of Twin-2K-500's answers.")
    return score_twins(read_answers(data / PEOPLE)[""], read_answers(data / MODELS))


@with_page
@with_outputs(json="file")
def main(
    data: Annotated[Path, typer.Option(help=f"Folder with {PEOPLE} and {MODELS}.")],
    json: Annotated[Path | None, typer.Option(help="Also write every estimate here.")] = None,
) -> None:
    """Scores models told who people are, one by one and as a group, beside the people themselves."""
    report = run(data)
    console = Printer()
    if json is not None:
        write_whole(json, report.model_dump_json(indent=2) + "\n")
    console.print(*twin_tables(report), *twin_notes(report), sep="\n")


if __name__ == "__main__":
    run_command(main)
