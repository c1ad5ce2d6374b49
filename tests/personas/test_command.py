"""``paars personas mine``, from a folder of sessions to a file of personas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from paars_gym import cli
from paars_gym.personas.redaction import pseudonym
from paars_gym.personas.settings import MiningSettings
from paars_gym.personas.store import read_personas
from paars_gym.sessions.event import History
from paars_gym.sessions.store import Provenance
from paars_gym.sessions.writer import write_sessions

PROFILE = {"reasoning": "Nappies.", "profile": {"children": {"value": "1", "confidence": 0.8}}}
PREFERENCES = {"reasoning": "Cheap.", "preferences": {"price_sensitivity": {"value": 4.5}}}


@pytest.fixture
def folder(year: History, tmp_path: Path) -> Path:
    sessions = [
        session.model_copy(update={"shopper": f"household {number}", "key": f"{number}/{session.key}"})
        for number in range(3)
        for session in year.sessions
    ]
    write_sessions(tmp_path / "sessions", sessions, provenance=Provenance())
    lines = [
        {"text": json.dumps(PROFILE), "when": "Step 1 of 2", "times": None},
        {"text": json.dumps(PREFERENCES), "when": "Step 2 of 2", "times": None},
    ]
    (tmp_path / "script.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path


def run(folder: Path, *options: str) -> str:
    arguments = ["personas", "mine", "--sessions", str(folder / "sessions"), "--out", str(folder / "p.jsonl")]
    result = CliRunner().invoke(cli.app, [*arguments, "--model", f"scripted:{folder / 'script.jsonl'}", *options])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return " ".join(result.output.split())


def test_mine_and_mine_again(folder: Path) -> None:
    assert "│ mined │ 3 │" in run(folder).replace("  ", " ")
    personas = list(read_personas(folder / "p.jsonl"))
    assert [persona.shopper for persona in personas] == [pseudonym(f"household {number}") for number in range(3)]
    again = run(folder)
    assert "│ mined │ 0 │" in again
    assert "│ there already │ 3 │" in again
    (folder / "p.jsonl").unlink()
    offline = run(folder, "--offline")
    assert "0, and 6 answers from the cache" in offline
    assert list(read_personas(folder / "p.jsonl")) == personas


def test_as_of_limit_and_dry_run(folder: Path) -> None:
    printed = run(folder, "--as-of", "2017-11-10", "--limit", "2", "--dry-run")
    assert "calls │ 4" in printed
    assert not (folder / "p.jsonl").exists()
    run(folder, "--as-of", "2017-11-10", "--limit", "2")
    personas = list(read_personas(folder / "p.jsonl"))
    assert len(personas) == 2
    assert all("tea" not in persona.history for persona in personas)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "nonsense"], "Unknown model"),
        (["--sessions", "/nowhere"], "/nowhere"),
        (["--offline", "--cache", "/nowhere/c.sqlite"], "no cache|none at"),
        (["--model", "openai:gpt-4.1-mini"], "OPENAI_API_KEY is not set"),
        (["--option", "form=json"], "Unknown --option form in mining. Available: attempts,"),
    ],
)
def test_mistakes_are_one_line(
    folder: Path,
    options: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    given = ["--sessions", str(folder / "sessions"), "--out", str(folder / "p.jsonl")]
    given += ["--model", f"scripted:{folder / 'script.jsonl'}", *options]
    monkeypatch.setattr("sys.argv", ["paars", "personas", "mine", *given])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    errors = capsys.readouterr().err
    assert any(part in " ".join(errors.split()) for part in message.split("|"))
    assert "Traceback" not in errors


def test_only_the_shoppers_that_are_named(folder: Path) -> None:
    (folder / "who.txt").write_text("household 2\n\nhousehold 0\n")
    assert "calls │ 4" in run(folder, "--shoppers", str(folder / "who.txt"), "--dry-run")
    run(folder, "--shoppers", str(folder / "who.txt"))
    mined = {persona.shopper for persona in read_personas(folder / "p.jsonl")}
    assert mined == {pseudonym("household 0"), pseudonym("household 2")}


def test_nothing_mined_is_a_failure_that_says_why(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"no shopper of .* did anything before 2001-01-01"):
        run(folder, "--as-of", "2001-01-01")
    (folder / "script.jsonl").write_text(json.dumps({"text": "no", "times": None}))
    with pytest.raises(ValueError, match=r"No persona was mined: 3 MalformedAnswerError; .*p\.failed\.jsonl"):
        run(folder)


def test_settings_lie_beside_the_personas(folder: Path) -> None:
    run(folder, "--limit", "1", "--as-of", "2017-11-10")
    written = (folder / "p.settings.json").read_text()
    settings = MiningSettings.model_validate_json(written)
    assert (settings.model, settings.temperature) == (f"scripted:{folder / 'script.jsonl'}", 0.0)
    assert (settings.reasoning, settings.not_sent) == ("low", ("reasoning",))
    assert (settings.token_budget, str(settings.as_of)) == (6000, "2017-11-10 00:00:00+00:00")
    with pytest.raises(ValueError, match=r"token_budget == 6000 there and 500 now"):
        run(folder, "--tokens", "500", "--as-of", "2017-11-10")
    assert (folder / "p.settings.json").read_text() == written
    run(folder, "--as-of", "2017-11-10")
    assert len(list(read_personas(folder / "p.jsonl"))) == 3


def test_what_has_no_price_is_said_and_a_price_can_be_given(folder: Path, llmock: Any) -> None:
    model = ["--model", f"openai:own@{llmock.base_url()}", "--limit", "1"]
    for said in (PROFILE, PREFERENCES):
        llmock.reply(json.dumps(said))
    printed = run(folder, *model)
    assert "US dollars │ unpriced:" in printed
    assert "--price" in printed
    assert "reasoning" in json.loads((folder / "p.settings.json").read_text())["dropped"]
    (folder / "p.jsonl").unlink()
    (folder / "p.replies.sqlite").unlink()
    for said in (PROFILE, PREFERENCES):
        llmock.reply(json.dumps(said))
    priced = run(folder, *model, "--price", "1000,1000", "--max-usd", "100")
    assert "unpriced" not in priced
    assert float(priced.split("US dollars │ ")[1].split()[0]) > 0
    with pytest.raises(ValueError, match="give one as --price IN,OUT"):
        run(folder, *model, "--max-usd", "1")
    with pytest.raises(ValueError, match="price 'cheap', must be IN,OUT or IN,OUT,READ,WRITE"):
        run(folder, "--price", "cheap")
