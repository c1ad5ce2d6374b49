from __future__ import annotations

import pytest
from typer.testing import CliRunner

import paars_gym
from paars_gym import cli
from paars_gym.cli.app import PANELS, example


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


def test_examples_keep_their_brackets() -> None:
    assert example("paars play [x]") == "Example:\npaars play \\[x]"
    assert example("a", "b") == "Examples:\na\nb"
