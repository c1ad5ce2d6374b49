"""``python -m benchmarks.readme RUN``: puts tables and picture of a run of the main job into benchmarks/README.md.

Its first text block is replaced.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from paars_gym.cli.running import run_command

README, PICTURE = (Path(__file__).with_name(name) for name in ("README.md", "report.svg"))
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


def refresh(folder: Path, *, readme: Path = README, picture: Path = PICTURE) -> None:
    """Puts the tables and the picture of a run of the main job into the page.

    Args:
        folder: Of the run.
        readme: The file.
        picture: The file.
    """
    readme.write_text(
        with_tables(readme.read_text(encoding="utf-8"), (folder / "tables.txt").read_text(encoding="utf-8")),
        encoding="utf-8",
    )
    picture.write_bytes((folder / "report.svg").read_bytes())


def main(run: Annotated[Path, typer.Argument(help="Folder of a whole run: python -m benchmarks --out RUN.")]) -> None:
    """Puts the tables and the picture of a run into benchmarks/README.md."""
    if (run / "asked").exists() or not (run / "tables.txt").is_file():
        raise ValueError(f"{run} is no run of the whole main job with offline shoppers alone: python -m benchmarks.")
    refresh(run)


if __name__ == "__main__":
    run_command(main)
