from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from paars_gym.cli import app, asking, installed
from paars_gym.cli.installed import EXTRAS, REQUIRED, findings, is_older
from paars_gym.exit_codes import ExitCode
from tests.serving import JsonServer, served

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
OF_DEVELOPERS = {"test", "dev", "all"}
KEY = "sk-planted-0123456789"


def doctor(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["doctor", *arguments])


def names(requirements: list[str]) -> set[str]:
    """Packages of requirements, those of the extras that they name included."""
    found: set[str] = set()
    for one in requirements:
        own = re.fullmatch(r"paars_gym\[(.*)\]", one)
        if own is None:
            found.add(re.split(r"[<>=\[]", one)[0])
        else:
            for extra in own[1].split(","):
                found |= names(PROJECT["optional-dependencies"][extra])
    return found


def test_it_knows_what_the_project_needs() -> None:
    asked = [re.split(r"[>,]=?", one)[:2] for one in PROJECT["dependencies"]]
    assert dict(asked) == dict(REQUIRED)
    extras = {name: names(of) for name, of in PROJECT["optional-dependencies"].items() if name not in OF_DEVELOPERS}
    assert {name: set(packages) for name, (_, packages) in EXTRAS.items()} == extras
    assert PROJECT["requires-python"] == f">={'.'.join(map(str, installed.OLDEST_PYTHON))}"


def test_a_sound_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY} ")
    monkeypatch.delenv("OPENAI_COMPATIBLE_API_KEY", raising=False)
    said = doctor()
    assert said.exit_code == 0
    assert KEY not in said.output
    assert "Everything that is required is in order." in said.output
    told = json.loads(doctor("--json").output)
    assert {one["part"] for one in told} == {
        "paars_gym", "required packages", "extras", "keys", "models on this machine", "data",
    }  # fmt: skip
    keys = {one["name"].split(":")[0]: (one["status"], one["found"]) for one in told if one["part"] == "keys"}
    assert keys == {
        "ANTHROPIC_API_KEY": ("ok", "present"),
        "OPENAI_API_KEY": ("missing", "present, with a blank in it"),
        "OPENAI_COMPATIBLE_API_KEY": ("optional", "absent"),
    }


def test_what_is_missing_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = installed.versions_of
    monkeypatch.setattr(
        installed, "versions_of", lambda packages: real(packages) | dict.fromkeys({"opendp"} & {*packages})
    )
    monkeypatch.setattr("shutil.which", lambda _: None)
    told = {one.name: one for one in findings()}
    privacy = next(one for name, one in told.items() if name.startswith("privacy"))
    assert (privacy.status, privacy.found) == ("missing", "lacks opendp")
    assert privacy.to_do == 'pip install "paars_gym[privacy]"'
    assert next(one for name, one in told.items() if name.startswith("ollama")).status == "optional"
    assert doctor().exit_code == 0


def test_something_required_that_is_broken_is_the_only_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = installed.versions_of
    changed = {"polars": "1.9.0", "rich": None}
    monkeypatch.setattr(
        installed, "versions_of", lambda packages: {n: changed.get(n, v) for n, v in real(packages).items()}
    )
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PAARS_CACHE", str(tmp_path / "file" / "cache"))
    said = doctor()
    assert said.exit_code == ExitCode.CHECK_FAILED
    assert "Broken: cache, polars, rich." in said.output
    assert 'pip install "polars>=2"' in said.output


class Server(JsonServer):
    def reply(self, path: str, body: dict[str, Any]) -> dict[str, Any] | int:
        message = {"role": "assistant", "content": "Yes.\nIndeed \x1b[31m" + KEY}
        return {
            "id": "1", "object": "chat.completion", "created": 0, "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
        }  # fmt: skip


def test_asking_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in asking.USUAL:
        monkeypatch.delenv(name, raising=False)
    assert "no key is set, and no model named" in doctor("--ask").output
    monkeypatch.setenv("OPENAI_COMPATIBLE_API_KEY", KEY)
    with served(Server()) as server:
        model = f"openai:tiny@{server.url}"
        said = doctor("--ask", "--model", model, "--json")
        assert len(server.bodies) == 1
        assert server.bodies[0]["model"] == "tiny"
    assert said.exit_code == 0
    answer = json.loads(said.output)[-1]
    assert (answer["name"], answer["status"]) == (model, "ok")
    assert "answered 'Yes. Indeed" in answer["found"]
    assert KEY not in said.output
    gone = doctor("--ask", "--model", model)  # nobody listens any more
    assert gone.exit_code == 0
    assert "UnreachableError" in gone.output


def test_whom_it_asks_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert asking.models_to_ask([]) == ["anthropic:claude-haiku-4-5"]
    assert asking.models_to_ask(["ollama:x"]) == ["ollama:x"]


def test_versions_are_compared_by_their_numbers() -> None:
    assert is_older("2.9", "2.10")
    assert not is_older("2.10.0", "2.10")
    assert not is_older("2.13.0+cpu", "2.13")
    assert is_older("1", "2")
