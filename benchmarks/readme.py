"""Puts tables and picture of a run of the main job into benchmarks/README.md: its first text block is replaced."""

from __future__ import annotations

import re
from pathlib import Path

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
