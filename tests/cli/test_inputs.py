"""Options and arguments that name what is read: URLs are copied, keys in them refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import fsspec
import pytest
import typer

from paars_gym import cli
from paars_gym.cli.inputs import BY_URL, NO_INPUTS, _checked, _copied, reading_urls
from tests.benchmarks.running import run_main
from tests.cli.test_outputs import inner, verbs

pytestmark = pytest.mark.usefixtures("cache_of_one_process")


def test_inputs_of_every_verb_may_be_urls() -> None:
    seen = 0
    for _, command in verbs(reading_urls(typer.main.get_command(cli.app))):
        written = getattr(inner(command.callback), "outputs", {})
        for parameter in command.params:
            named = re.search(r"\b(Path|str)\b", str(parameter.type_descriptor.annotation))
            if named and parameter.name not in written:
                read_in_parts = getattr(inner(command.callback), "by_url", ())
                kept = (*BY_URL, *NO_INPUTS, *read_in_parts)
                is_kept = parameter.name in kept and parameter.param_type_name == "option"
                assert parameter.callback is (_checked if is_kept else _copied), parameter.name
                seen += 1
    assert seen > 100


def test_verb_gets_copies_of_what_it_reads_and_urls_of_what_settings_keep() -> None:
    got: list[object] = []

    def verb(
        run: Path,
        human: str = "mini",
        compare: Annotated[list[Path] | None, typer.Option()] = None,
        catalog: Annotated[str, typer.Option()] = "mini",
        address: Annotated[str, typer.Option()] = "",
        size: int = 1,
    ) -> None:
        got.extend([run.read_text(), Path(human).read_text(), [each.read_text() for each in compare or ()]])
        got.extend([catalog, address, size])

    files = fsspec.filesystem("memory")
    for name in "abcd":
        files.pipe_file(f"/inputs/{name}", name.encode())
    ended = run_main(
        verb, "memory://inputs/a", "--human", "memory://inputs/b", "--compare", "memory://inputs/c", "--compare",
        "memory://inputs/d", "--catalog", "s3://bucket/shop", "--address", "ray://host:10001", "--size", 3,
    )  # fmt: skip
    files.store.clear()
    assert ended.exit_code == 0, ended.stderr
    assert got == ["a", "b", ["c", "d"], "s3://bucket/shop", "ray://host:10001", 3]


@pytest.mark.parametrize(
    "text", ["scripted:/dir/replies.jsonl", "likelihood:/dir/model.gguf", "logged:/dir/lists.parquet"]
)
def test_a_path_behind_a_colon_is_no_url(text: str) -> None:
    got: list[str] = []

    def verb(
        model: Annotated[str, typer.Option()] = "",
        policy: Annotated[list[str] | None, typer.Option()] = None,
        ranking: Annotated[str, typer.Option()] = "",
    ) -> None:
        got.extend([model, *(policy or ()), ranking])

    ended = run_main(verb, "--model", text, "--policy", text, "--ranking", text)
    assert ended.exit_code == 0, ended.stderr
    assert got == [text] * 3


@pytest.mark.parametrize("words", [("memory://inputs/x", "--mend"), ("--mend", "memory://inputs/x")])
def test_a_copy_is_not_mended(words: tuple[str, ...]) -> None:
    fsspec.filesystem("memory").pipe_file("/inputs/x", b"x")

    def verb(store: Path, mend: Annotated[bool, typer.Option("--mend")] = False) -> None:
        raise AssertionError

    ended = run_main(verb, *words)
    fsspec.filesystem("memory").store.clear()
    assert ended.exit_code == 2
    assert "copy it here first" in ended.stderr
