"""Every verb and benchmark that writes: refused where another process writes, and where nothing can be written."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

import benchmarks
from paars_gym import cli
from paars_gym.outputs import writing
from tests.benchmarks.running import run_main

OUTPUTS = ("out", "html", "runs", "log", "json_file", "write_shoppers", "export_questions")
"""Parameters that name what is written; ``log`` of an import is what it reads."""
NEEDED: dict[str, tuple[str, ...]] = {
    "sessions import": ("log.csv",), "sessions split": ("store", "--by", "time"), "catalog build": ("feed.csv",),
    "personas mine": ("--sessions", "s", "--model", "openai:m"),
    "personas count": ("--sessions", "s", "--catalog", "c"),
    "score": ("--human", "mini", "--agents", "a"), "reference export": ("--human", "mini"), "fit": ("--human", "mini"),
    "calibrate": ("--human", "mini"), "probe": ("brand",), "survey ask": ("q.yaml",),
    "personas sample": ("--from", "p", "--quota", "home=owner:1"), "backtest": ("tests.csv",), "report": ("run",),
    "sessions export": ("run", "--to", "otel"), "benchmarks.picture": ("report.html",),
    "benchmarks.archive": ("--data", "d"), "benchmarks.twins": ("--data", "d"),
    "benchmarks.local_llm": ("--model-file", "f.gguf"),
}  # fmt: skip


class Writer(NamedTuple):
    """A command, an option of it that says where it writes, and whether that is a file or a folder."""

    main: Callable[..., Any]
    words: tuple[str, ...]
    option: str
    kind: str


def verbs(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from verbs(command, (*path, name))
        else:
            yield (*path, name), command


def inner(callback: Any) -> Any:
    """The function below typer's and our wrappers that knows of outputs."""
    while callback is not None and not hasattr(callback, "outputs"):
        callback = getattr(callback, "__wrapped__", None)
    return callback


def writers() -> Iterator[Writer]:
    for words, command in verbs(typer.main.get_command(cli.app)):
        known = getattr(inner(command.callback), "outputs", {})
        for parameter in command.params:
            if parameter.name in OUTPUTS and parameter.param_type_name == "option":
                needed = NEEDED.get(" ".join(words), ())
                yield Writer(cli.app, (*words, *needed), parameter.opts[0], known.get(parameter.name, ""))
    for module in pkgutil.iter_modules(benchmarks.__path__, "benchmarks."):
        main = getattr(importlib.import_module(module.name), "main", None)
        for name in inspect.signature(main).parameters if main else ():
            if name in OUTPUTS:
                option = f"--{name.removesuffix('_file').replace('_', '-')}"
                yield Writer(
                    main, NEEDED.get(module.name, ()), option, getattr(inner(main), "outputs", {}).get(name, "")
                )


WRITERS = tuple(writers())


@pytest.mark.parametrize(
    "writer",
    WRITERS,
    ids=lambda one: f"{one.main.__module__ if one.main is not cli.app else ' '.join(one.words)} {one.option}",
)
def test_a_second_writer_and_a_wrong_place_are_refused(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert writer.kind, "with_outputs does not know this option"
    (tmp_path / "file").touch()
    wrong = "." if writer.kind == "file" else "file"
    ended = run_main(writer.main, *writer.words, writer.option, wrong)
    assert ended.exit_code == 2
    assert f"must be a {'file' if writer.kind == 'file' else 'folder'}" in ended.stderr
    with ThreadPoolExecutor(1) as other, writing("out"):
        held = other.submit(run_main, writer.main, *writer.words, writer.option, "out").result()
    assert held.exit_code == 2
    assert "is writing 'out'; wait for it to end, or choose another --" in held.stderr.replace("\n", " ")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_every_benchmark_with_an_output_is_among_them() -> None:
    assert len(WRITERS) > 28
