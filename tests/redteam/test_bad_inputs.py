"""Does every bad input end in words and the exit code of the table, in every verb and benchmark?

``bad_inputs.jsonl`` holds a case a line: ``args``; ``main``, a module of ``benchmarks``, where it is not ``paars``;
``files`` that lie in the working directory; ``exit``, where it is not 2; ``says``, words that must stand in stderr; and
``slow``. A file is its text, ``{"hex": …}``, or ``{"copy": …}`` of something sound, with ``write`` (files in it) or
``replace`` (a text by another). ``{store}``, ``{run}``, ``{shop}``, ``{shopper}``, ``{listed}`` stand for sound ones.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main

from paars_gym import cli
from paars_gym.catalog.load import load_catalog
from paars_gym.shoppers.parameters import BehaviouralParameters
from tests.benchmarks.running import Ended, run_main

ROWS = (Path(__file__).parent / "bad_inputs.jsonl").read_text(encoding="utf-8").splitlines()
CASES: list[dict[str, Any]] = [json.loads(row) for row in ROWS]
BENCHMARK = "benchmarks."


def name_of(case: dict[str, Any]) -> str:
    words = [case.get("main", "paars").removeprefix(BENCHMARK), *case["args"]]
    text = " ".join(word if len(word) < 40 else f"{word[:40]}…" for word in words)
    files = [f"{name}: {str(content)[:40]}" for name, content in case.get("files", {}).items()]
    return " | ".join([text, *files]).encode("ascii", "backslashreplace").decode().replace("\0", "\\0")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A store, a run, a catalog and a fitted shopper by name; with typer's commands made once."""
    root = tmp_path_factory.mktemp("sound")
    views = [f"{who},view,2020-01-0{day}T10:00:00,p{day}\n" for who in "ab" for day in range(1, 5)]
    (root / "log.csv").write_text("".join(["who,what,when,sku\n", *views]))
    (root / "feed.csv").write_text("id,title,price\np1,Pan,9.5\np2,Pot,7\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", lru_cache(typer.main.get_command))
        columns = "shopper=who,kind=what,time=when,product=sku"
        for words in (
            ("sessions", "import", root / "log.csv", "--map", columns, "--out", root / "store"),
            ("catalog", "build", root / "feed.csv", "--out", root / "shop"),
            ("simulate", "--policy", "uniform", "--sessions", 4, "--out", root / "run"),
        ):
            ended = run_main(cli.app, *words)
            assert ended.exit_code == 0, ended.stderr
        sold = load_catalog("mini").column("id").to_pylist()
        (root / "shopper.json").write_text(json.dumps(FITTED, indent=2))
        yield {name: str(root / name) for name in ("store", "shop", "run")} | {
            "shopper": str(root / "shopper.json"),
            "listed": sold[0],
        }


HALF = {"sessions": 2, "fitted": -1.0, "default": -2.0}
FITTED: dict[str, Any] = {
    "policy": "behavioural", "condition": "persona", "parameters": asdict(BehaviouralParameters()),
    "standard_errors": {}, "prior_errors": {}, "held": [], "reference_prices": {}, "people": "mini", "catalog": "mini",
    "tests": [],
    "test_sessions": 0, "strength": 1.0, "strength_chosen": False, "fitting": HALF, "judging": HALF, "unexplained": 0,
}  # fmt: skip
"""As ``paars fit`` writes it."""


def filled(text: str, sound: dict[str, str]) -> str:
    for name, place in sound.items():
        text = text.replace("{" + name + "}", place)
    return text


def lay_out(files: dict[str, Any], sound: dict[str, str]) -> None:
    for name, content in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(filled(content, sound), encoding="utf-8", newline="")
        elif "hex" in content:
            path.write_bytes(bytes.fromhex(content["hex"]))
        else:
            source = Path(filled(content["copy"], sound))
            shutil.copytree(source, path) if source.is_dir() else shutil.copy(source, path)
            lay_out({f"{name}/{inner}": text for inner, text in content.get("write", {}).items()}, sound)
            if "replace" in content:
                before, after = content["replace"]
                assert before in path.read_text(), "the file does not hold what is to be replaced"
                path.write_text(path.read_text().replace(before, after))


def ended(case: dict[str, Any], sound: dict[str, str]) -> Ended:
    words = [filled(word, sound) for word in case["args"]]
    if "main" not in case:
        return run_main(cli.app, *words)
    module = importlib.import_module(case["main"])
    return _argparse(module.main, words) if hasattr(module, "argparse") else run_main(module.main, *words)


def _argparse(main: Callable[[], None], words: list[str]) -> Ended:
    out, err, code = StringIO(), StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["benchmark", *words])
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Ended(code, out.getvalue(), err.getvalue())


@pytest.mark.parametrize(
    "case", [pytest.param(one, marks=[pytest.mark.slow] if one.get("slow") else [], id=name_of(one)) for one in CASES]
)
def test_a_bad_input_ends_in_words(
    case: dict[str, Any], sound: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for key in [name for name in os.environ if name.endswith("_API_KEY")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789")
    lay_out(case.get("files", {}), sound)
    end = ended(case, sound)
    assert end.exit_code == case.get("exit", 2), end
    said = " ".join(end.stderr.split())
    for words in case["says"]:
        assert filled(words, sound) in said
    assert "Traceback" not in end.output + end.stderr


def test_every_verb_and_benchmark_is_in_the_table() -> None:
    verbs = Counter(tuple(case["args"][:2]) for case in CASES if "main" not in case)
    mains = {case["main"] for case in CASES if "main" in case}
    assert len(CASES) >= 400
    for name, command in typer.main.get_command(cli.app).commands.items():  # type: ignore[attr-defined]
        for inner in getattr(command, "commands", {name: None}):
            assert any(words[0] == name and (inner == name or words[1:] == (inner,)) for words in verbs), (name, inner)
    folder = Path(__file__).parents[2] / "benchmarks"
    with_main = {
        f"{BENCHMARK}{'.'.join(path.relative_to(folder).with_suffix('').parts)}"
        for path in folder.rglob("*.py")
        if "\ndef main(" in path.read_text(encoding="utf-8")
    }
    assert with_main == mains | {"benchmarks.local_server"}, (
        "the server that local_llm starts is no command of a user's"
    )
