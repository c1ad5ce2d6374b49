"""A year of one shopper's visits, and a model that answers both mining questions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from paars_gym.llm.scripted import Line, ScriptedChat
from paars_gym.sessions.event import Event, History, Session

PROFILE: dict[str, Any] = {
    "reasoning": "Nappies every other week, so there is a small child.",
    "profile": {
        "age_range": {"value": "25-34", "confidence": 0.6, "evidence": "nappies"},
        "children": {"value": "1", "confidence": 0.8, "evidence": "nappies of one size"},
        "categories": {"values": ["nappies", "coffee"], "confidence": 0.9, "evidence": "most lines"},
    },
}
PREFERENCES: dict[str, Any] = {
    "reasoning": "Always the store brand, except for coffee.",
    "preferences": {
        "price_sensitivity": {"value": 4.5, "confidence": 0.7, "evidence": "store brand"},
        "novelty_seeking": {"value": 1, "confidence": 0.5, "evidence": "same coffee"},
        "decision_style": {"value": "routine", "confidence": 0.8, "evidence": "every other Friday"},
    },
}


@pytest.fixture(autouse=True)
def _hash_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAARS_HASH_KEY", "a key for tests")


@pytest.fixture
def miner() -> ScriptedChat:
    return ScriptedChat(
        [
            Line(text=json.dumps(PROFILE), when="Step 1 of 2", times=None),
            Line(text=json.dumps(PREFERENCES), when="Step 2 of 2", times=None),
        ]
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def visit(number: int, start: str, *events: Event, shopper: str = "household 7") -> Session:
    return Session(shopper=shopper, key=f"{shopper}/{number}", start=at(start), events=events)


@pytest.fixture
def year() -> History:
    return History(
        shopper="household 7",
        as_of=at("2017-12-01 00:00"),
        sessions=(
            visit(
                1,
                "2017-03-03 18:00",
                Event(kind="search", query="nappies", time=at("2017-03-03 18:00")),
                Event(kind="purchase", product="n1", title="Nappies size 2", price=9, time=at("2017-03-03 18:05")),
            ),
            visit(
                2,
                "2017-11-03 18:00",
                Event(kind="search", query="coffee", time=at("2017-11-03 18:00")),
                Event(kind="view", product="c1", title="Dark coffee", rank=3, time=at("2017-11-03 18:01")),
                Event(kind="add", product="c1", title="Dark coffee", units=2, time=at("2017-11-03 18:01")),
                Event(
                    kind="purchase", product="c1", title="Dark coffee", units=2, price=4, time=at("2017-11-03 18:04")
                ),
                Event(kind="purchase", product="n2", title="Nappies size 4", price=11, time=at("2017-11-03 18:04")),
                Event(kind="stop", time=at("2017-11-03 18:05")),
            ),
            visit(3, "2017-11-17 09:30", Event(kind="search", query="tea", page=1, time=at("2017-11-17 09:30"))),
        ),
    )
