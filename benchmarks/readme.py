"""``python -m benchmarks.readme RUN``: puts tables and picture of a run of the main job into the READMEs.

The first text block of benchmarks/README.md is replaced, and the first table of README.md.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.first_table import first_table
from benchmarks.scores import SCORES_FILE
from paars_gym.cli.running import run_command

README, PICTURE = (Path(__file__).with_name(name) for name in ("README.md", "report.svg"))
FRONT_PAGE = Path(__file__).parents[1] / "README.md"
_TABLE = re.compile(r"(?<=\n\n)\|.*?(?=\n\n)", re.DOTALL)
_BLOCK = re.compile(r"(?<=\n```text\n).*?(?=\n```\n)", re.DOTALL)


def with_tables(readme: str, tables: str) -> str:
    """The page with other tables in its first ``text`` block.

    Args:
        readme: Its text.
        tables: As the main job prints them.

    Raises:
        ValueError: It has no such block.
    """
    lines = "\n".join(line.rstrip() for line in tables.strip("\n").splitlines())
    replaced, times = _BLOCK.subn(lambda _: lines, readme, count=1)
    if not times:
        raise ValueError("The page has no block that begins with ```text; where should the tables go?")
    return replaced


def with_first_table(readme: str, table: str) -> str:
    """The front page with another first table.

    Args:
        readme: Its text.
        table: In Markdown.

    Raises:
        ValueError: It has no table.
    """
    replaced, times = _TABLE.subn(lambda _: table, readme, count=1)
    if not times:
        raise ValueError("The front page has no table to replace.")
    return replaced


def refresh(folder: Path, *, readme: Path = README, picture: Path = PICTURE, front_page: Path = FRONT_PAGE) -> None:
    """Puts the tables and the picture of a run of the main job into the pages.

    Args:
        folder: Of the run.
        readme: The file with the tables.
        picture: The file.
        front_page: The file with the first table.

    Raises:
        ValueError: The run lacks what the first table shows, or a page its place.
    """
    table = first_table(json.loads((folder / SCORES_FILE).read_text(encoding="utf-8")))
    front = with_first_table(front_page.read_text(encoding="utf-8"), table)
    front_page.write_text(front, encoding="utf-8")
    readme.write_text(
        with_tables(readme.read_text(encoding="utf-8"), (folder / "tables.txt").read_text(encoding="utf-8")),
        encoding="utf-8",
    )
    picture.write_bytes((folder / "report.svg").read_bytes())


def main(run: Annotated[Path, typer.Argument(help="Folder of a whole run: python -m benchmarks --out RUN.")]) -> None:
    """Puts the tables and the picture of a run into the READMEs."""
    if (run / "asked").exists() or not (run / "tables.txt").is_file():
        raise ValueError(f"{run} is no run of the whole main job with offline shoppers alone: python -m benchmarks.")
    refresh(run)


if __name__ == "__main__":
    run_command(main)
