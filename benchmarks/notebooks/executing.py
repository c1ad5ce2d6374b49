"""Runs a notebook in an empty folder, and keeps of its outputs what does not change from run to run."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NOTEBOOKS = ("rl_environment", "your_shop_and_log", "retailer_ab_test", "language_model_shoppers")
"""By file name; README.md of the benchmarks says who each is for."""
REDUCED = {"PAARS_NOTEBOOK_STEPS": "2048", "PAARS_NOTEBOOK_SESSIONS": "400"}
"""Sizes at which all four run in a few minutes, to see that they still do."""
MOST_SECONDS = 900
"""Of one cell."""
_TIMED = re.compile(r"^\d+ s: .*\n?|^│ now +│.*\n?|^\d[\d.]* s\. ", re.MULTILINE)
"""What commands say on their way, and how long they took."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
"""Kernels ask for them by FORCE_COLOR."""


def path_of(name: str) -> Path:
    """The file of a notebook.

    Raises:
        ValueError: There is no such notebook.
    """
    if name not in NOTEBOOKS:
        raise ValueError(f"Unknown notebook {name!r}. Available: {', '.join(NOTEBOOKS)}.")
    return HERE / f"{name}.ipynb"


def executed(name: str, folder: Path, *, reduced: bool = False) -> NotebookNode:
    """The notebook with fresh outputs; the file stays as it is.

    Args:
        name: Of `NOTEBOOKS`.
        folder: Where the kernel starts; notebooks make a folder of their own below it.
        reduced: At the sizes of `REDUCED`.

    Raises:
        ValueError: There is no such notebook.
        nbclient.exceptions.CellExecutionError: A cell raised.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path_of(name), as_version=4)
    client = NotebookClient(
        notebook,
        timeout=MOST_SECONDS,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--Application.log_level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=_environment(folder, reduced=reduced))
    return tidied(notebook)


def _environment(folder: Path, *, reduced: bool) -> dict[str, str]:
    """Of the kernel: this checkout and its commands first, nothing kept outside the folder but derived data."""
    before = os.environ
    paths = os.pathsep.join(filter(None, (str(ROOT), before.get("PYTHONPATH", ""))))
    return {
        **before,
        **(REDUCED if reduced else {}),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), before.get("PATH", ""))),
        "PYTHONPATH": paths,
        "TMPDIR": str(folder),
        "IPYTHONDIR": str(folder / "ipython"),
        "PAARS_HASH_KEY": "of the notebooks",  # pseudonyms, so that they are the same everywhere
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def tidied(notebook: NotebookNode) -> NotebookNode:
    """Without timings, versions and progress, with the pieces of a stream in one output."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
    return notebook


def _joined(outputs: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for output in outputs:
        if output.output_type == "stream" and kept and kept[-1].get("name") == output.name:
            kept[-1].text += output.text
        else:
            kept.append(output)
    for output in kept:
        if output.output_type == "stream":
            lines = (line.rstrip() for line in _TIMED.sub("", _COLOURS.sub("", output.text)).splitlines())
            output.text = "\n".join(lines).strip("\n") + "\n"
        else:
            output.metadata = {}
    return [output for output in kept if output.output_type != "stream" or output.text.strip()]
