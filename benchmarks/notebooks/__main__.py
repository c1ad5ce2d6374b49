"""Runs the notebooks and writes them back with their outputs, as they are committed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.notebooks.executing import NOTEBOOKS, executed, path_of
from paars_gym.cli.running import run_command
from paars_gym.report.printing import Printer


def main(
    only: Annotated[list[str] | None, typer.Option(help="Name of a notebook; repeatable. All by default.")] = None,
    reduced: Annotated[bool, typer.Option("--reduced", help="At small sizes, and write nothing.")] = False,
) -> None:
    """Runs the notebooks in empty folders and keeps their outputs."""
    paths = {name: path_of(name) for name in only or NOTEBOOKS}
    try:
        import nbformat
    except ImportError as missing:
        raise typer.BadParameter(f'{missing.name} is missing: pip install "paars_gym[notebooks]"') from None
    for name, path in paths.items():
        with tempfile.TemporaryDirectory() as folder:
            notebook = executed(name, Path(folder), reduced=reduced)
        if not reduced:
            path.write_text(nbformat.writes(notebook).rstrip("\n") + "\n", encoding="utf-8", newline="\n")
        Printer().print(f"{path.name}: {len(notebook.cells)} cells, {'small, not written' if reduced else 'written'}.")


if __name__ == "__main__":
    run_command(main)
