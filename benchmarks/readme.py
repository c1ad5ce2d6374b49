"""Puts what the main job prints into the README: its first text block is replaced, and the picture."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README, PICTURE = ROOT / "README.md", ROOT / "benchmarks" / "report.svg"
_BLOCK = re.compile(r"(?<=\n```text\n).*?(?=\n```\n)", re.DOTALL)


def with_tables(readme: str, tables: str) -> str:
    """The README with other tables in its first ``text`` block.

    Args:
        readme: Its text.
        tables: As the main job prints them.

    Raises:
        ValueError: It has no such block.
    """
    lines = "\n".join(line.rstrip() for line in tables.strip("\n").splitlines())
    found, times = _BLOCK.subn(lambda _: lines, readme, count=1)
    if not times:
        raise ValueError("The README has no block that begins with ```text; where should the tables go?")
    return found


def refresh(folder: Path, *, readme: Path = README, picture: Path = PICTURE) -> None:
    """Puts the tables and the picture of a run of the main job into the README.

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
