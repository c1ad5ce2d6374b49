from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import paars_gym
from paars_gym import cli
from paars_gym.cli.app import PANELS
from paars_gym.cli.examples import EXAMPLES, examples_of


def test_version() -> None:
    said = CliRunner().invoke(cli.app, ["--version"])
    assert (said.exit_code, said.output) == (0, f"paars_gym {paars_gym.__version__}\n")


def test_every_verb_is_in_a_panel_of_the_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    verbs = [command.name or command.callback.__name__ for command in cli.app.registered_commands]  # type: ignore[union-attr]
    verbs += [str(group.name) for group in cli.app.registered_groups]
    assert set(verbs) <= {verb for panel in PANELS.values() for verb in panel}
    said = CliRunner().invoke(cli.app, ["--help"]).output
    at = [said.index(f"│ {verb} ") for panel in PANELS.values() for verb in panel if verb in verbs]
    assert at == sorted(at)


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


VERBS = dict(commands(typer.main.get_command(cli.app)))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_an_example(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    said = CliRunner().invoke(cli.app, [*verb.split(), "--help"])
    assert said.exit_code == 0
    assert f"paars {verb}" in said.output[said.output.index("Example") :]


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_stands_in_a_group_and_says_what_it_is(verb: str) -> None:
    for parameter in VERBS[verb].params:
        if parameter.param_type_name == "option" and parameter.name != "help":
            assert parameter.rich_help_panel, parameter.name
            assert parameter.help, parameter.name
            assert not parameter.help.startswith("Of "), parameter.help


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_examples_can_be_typed(line: str) -> None:
    words = shlex.split(line)[1:]
    verb = next(name for name in VERBS if words[: len(name.split())] == name.split())
    arguments = words[len(verb.split()) :]
    VERBS[verb].make_context("paars", arguments)


def test_examples_keep_their_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXAMPLES, "play", ("paars play [x]",))  # type: ignore[arg-type]
    assert examples_of("play") == "Example:\npaars play \\[x]"
    assert examples_of("nothing") is None
