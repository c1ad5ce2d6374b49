from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from paars_gym.cli import app

FIXTURES = Path(__file__).parent / "fixtures"


def paars(*arguments: object, typed: str | None = None) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=typed, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_import_describe_split(tmp_path):
    printed = paars("sessions", "import", FIXTURES / "2019-Nov.csv", "--format", "rees46", "--out", tmp_path / "s")
    assert "2, by the log's session ids" in printed
    again = paars("sessions", "import", FIXTURES / "2019-Nov.csv", "--format", "rees46", "--out", tmp_path / "s")
    assert again == printed  # a store is replaced whole
    described = paars("sessions", "describe", tmp_path / "s")
    assert "sales of an A/B test" in described
    split = paars("sessions", "split", tmp_path / "s", "--by", "shopper", "--fraction", "0.5", "--out", tmp_path / "x")
    assert split == "1 sessions to train, 1 to test. Nothing leaks."


@pytest.mark.parametrize("how", ["option", "mapping"])
def test_an_import_of_invented_sessions_says_so_everywhere(tmp_path: Path, how: str) -> None:
    from paars_gym.alignment.session_log import open_log

    log, store = tmp_path / "log.csv", tmp_path / "s"
    log.write_text("who,event,item,time\na,view,x,2025-01-01T10:00:00\nb,view,y,2025-01-01T10:00:00\n")
    columns = '[columns]\nshopper = "who"\nkind = "event"\nproduct = "item"\ntime = "time"\n'
    (tmp_path / "map.toml").write_text("synthetic = true\n" * (how == "mapping") + columns)
    told = ["--synthetic"] if how == "option" else []
    real = paars("sessions", "import", log, "--map", tmp_path / "map.toml", "--out", tmp_path / "first")
    assert ("shoppers │ real people" in real) is (how == "option")
    printed = paars("sessions", "import", log, "--map", tmp_path / "map.toml", "--out", store, *told)
    assert "shoppers │ synthetic" in printed
    paars("sessions", "split", store, "--by", "shopper", "--fraction", "0.5", "--out", tmp_path / "x")
    for folder in (store, tmp_path / "x" / "train", tmp_path / "x" / "test"):
        described = paars("sessions", "describe", folder)
        assert "shoppers │ synthetic" in described
        assert "real people" not in described
        assert open_log(folder).synthetic


def test_a_run_is_described_finished_or_not(tmp_path):
    paars("simulate", "--policy", "uniform", "--sessions", "3", "--out", tmp_path / "run")
    finished = paars("sessions", "describe", tmp_path / "run")
    assert "sessions │ 3, as simulated" in finished
    shutil.rmtree(tmp_path / "run" / "sessions")
    before = sorted(path.name for path in (tmp_path / "run").iterdir())
    unfinished = paars("sessions", "describe", tmp_path / "run")
    assert "sessions │ 3, as simulated" in unfinished
    assert "The run has not finished: these are its sessions so far." in unfinished
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == before


def test_the_wizard_proposes_and_asks(tmp_path):
    proposed = paars("sessions", "import", FIXTURES / "events.csv", "--propose")
    assert '"addtocart" = "add"' in proposed
    confirmed = paars(
        "sessions", "import", FIXTURES / "events.csv", "--wizard", "--out", tmp_path / "s", typed="\n" * 30
    )
    assert "Import with this mapping?" in confirmed
    assert "3, by 30 minutes of inactivity" in confirmed


def test_text_of_a_log_is_printed_as_it_is(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("user,event,note\na,[red]yodel[/red],[bold]x[/]\nb,view,y\n")
    result = CliRunner().invoke(app, ["sessions", "import", str(log), "--propose"], catch_exceptions=False)
    assert "Event '[red]yodel[/red]' has no kind yet: add it to [kinds], or it is quarantined." in result.output
    assert "[bold]x[/]" in result.output
    assert "No column looks like times" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "x.csv"], "--out DIR"),
        (["import", "x.csv", "--out", "o"], "No log"),
        (["import", "x.csv", "--out", "o", "--format", "generic"], "needs a mapping"),
        (["import", "x.csv", "--out", "o", "--format", "excel"], "Unknown log format"),
        (["split", ".", "--by", "moon", "--out", "o"], "No session store|must be time or shopper"),
        (["describe", "nowhere"], "No session store"),
    ],
)
def test_mistakes_are_one_line(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ValueError, LookupError, OSError), match=message):
        CliRunner().invoke(app, ["sessions", *arguments], catch_exceptions=False)
    assert list(tmp_path.iterdir()) == []


GERMAN = "Kunde,Zeit,Aktion,Ware\nanna,2026-03-01 08:00,click,A1\nanna,2026-03-01 08:01,merken,A1\n"


def test_a_log_with_columns_in_another_language(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(GERMAN)
    runner = CliRunner()
    refused = runner.invoke(app, ["sessions", "import", str(log), "--propose"])
    assert "Name it: --map shopper=COLUMN,kind=COLUMN." in str(refused.exception)
    proposed = paars("sessions", "import", log, "--propose", "--map", "shopper=Kunde,kind=Aktion")
    assert '"shopper" = "Kunde"' in proposed
    assert '"time" = "Zeit"' in proposed
    mistaken = ["--map", "shopper=Kunde,kind=Aktion,item=Ware", "--out", "x"]
    wrong = runner.invoke(app, ["sessions", "import", str(log), *mistaken])
    assert "There is no 'item'; columns are shopper, session, time, kind, query, results" in str(wrong.exception)
    mapping = "shopper=Kunde,kind=Aktion,time=Zeit,product=Ware,kinds.click=view"
    told = paars("sessions", "import", log, "--map", mapping, "--out", tmp_path / "s")
    assert "Not used: 1 times kind 'merken', unknown event word: map it to a kind, to visit or to ignore." in told
