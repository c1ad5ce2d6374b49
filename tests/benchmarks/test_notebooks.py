"""Are the notebooks whole, small and clean as they are committed, and do they still run?"""

from __future__ import annotations

import json
import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks.notebooks.executing import HERE, NOTEBOOKS, executed, path_of, tidied

MOST_BYTES = 150_000
NEEDED = {"rl_environment": ("sb3_contrib", "torch")}
MACHINE = re.compile(r"/(?:tmp|home|root|work|Users|var|usr)/|[A-Z]:\\\\Users")
"""What tells where a notebook was run."""


def cells(name: str, kind: str = "code") -> list[dict[str, Any]]:
    notebook = json.loads(path_of(name).read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def text_of(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def test_each_has_a_file_and_a_line_in_the_readme() -> None:
    assert {path.stem for path in HERE.glob("*.ipynb")} == set(NOTEBOOKS)
    readme = (HERE.parent / "README.md").read_text(encoding="utf-8")
    assert [name for name in NOTEBOOKS if f"notebooks/{name}.ipynb" not in readme] == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_whole_small_and_clean(name: str) -> None:
    file = path_of(name).read_text(encoding="utf-8")
    assert len(file.encode()) < MOST_BYTES
    assert not MACHINE.search(file)
    assert "\\u001b" not in file, "colours and redrawn lines"
    notebook = json.loads(file)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert all(cell["metadata"] == {} for cell in notebook["cells"])
    outputs = [output for cell in cells(name) for output in cell["outputs"]]
    assert outputs
    assert [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"] == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_was_run_from_its_first_cell_to_its_last(name: str) -> None:
    counts = [cell["execution_count"] for cell in cells(name)]
    assert counts == list(range(1, len(counts) + 1))
    assert 10 <= len(counts) + len(cells(name, "markdown")) <= 18


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_says_whom_it_is_for_and_what_its_data_is(name: str) -> None:
    first = text_of(cells(name, "markdown")[0])
    assert "**For people " in first
    assert re.search(r"invented|synthetic|scripted", first)


def test_tidying_keeps_the_words_alone() -> None:
    nbformat = pytest.importorskip("nbformat")
    output = nbformat.v4.new_output
    notebook = nbformat.v4.new_notebook(
        metadata={"language_info": {"name": "python", "version": "3.11.4"}},
        cells=[
            nbformat.v4.new_code_cell(
                "x",
                metadata={"execution": {"iopub.status.busy": "now"}},
                outputs=[
                    output("stream", name="stderr", text="5 s: reading\n10 s: reading\n"),
                    output("stream", name="stdout", text="\x1b[1mhead\x1b[0m  \n"),
                    output("stream", name="stdout", text="row\n"),
                ],
            )
        ],
    )
    cell = tidied(notebook).cells[0]
    assert cell.metadata == {}
    assert [(one.name, one.text) for one in cell.outputs] == [("stdout", "head\nrow\n")]
    assert "version" not in notebook.metadata["language_info"]


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(ValueError, match=r"Unknown notebook .x.\. Available: rl_environment, "):
        path_of("x")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of packages that run notebooks, on their own
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_runs(name: str, tmp_path: Path) -> None:
    lacking = [one for one in ("nbclient", "ipykernel", *NEEDED.get(name, ())) if find_spec(one) is None]
    if lacking:
        assert "PAARS_REQUIRE_ALL" not in os.environ, f"{lacking} are not installed"
        pytest.skip(f"{lacking} are not installed")
    notebook = executed(name, tmp_path, reduced=True)
    assert not MACHINE.search(json.dumps(notebook))
    assert [
        out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs if "error" in out.output_type
    ] == []
