from __future__ import annotations

from pathlib import Path

import pytest

from paars_gym.sessions import import_log
from paars_gym.sessions.ingest.mapping import LogMapping
from paars_gym.sessions.ingest.wizard import ask, propose

FIXTURES = Path(__file__).parent / "fixtures"


def test_it_finds_what_the_named_formats_say():
    found = propose(FIXTURES / "events.csv").mapping
    assert found is not None
    assert found.columns == {"shopper": "visitorid", "time": "timestamp", "kind": "event", "product": "itemid"}
    assert found.kinds == {"addtocart": "add", "transaction": "purchase"}
    assert found.time == "ms"
    found = propose(FIXTURES / "2019-Nov.csv").mapping
    assert found is not None
    assert found.columns["session"] == "user_session"
    assert found.kinds == {"cart": "add", "remove_from_cart": "remove"}
    assert found.time == "iso"


def test_its_mapping_is_a_file_that_imports_the_log(tmp_path):
    found = propose(FIXTURES / "2019-Nov.csv").mapping
    assert found is not None
    (tmp_path / "map.toml").write_text(found.toml(), encoding="utf-8")
    mapping = LogMapping.parse(str(tmp_path / "map.toml"))
    assert mapping == found
    by_map = import_log(FIXTURES / "2019-Nov.csv", tmp_path / "a", mapping=mapping)
    assert list(by_map) == list(import_log(FIXTURES / "2019-Nov.csv", tmp_path / "b", format="rees46"))


def test_json_lines_and_unplaced_words(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"uid": 1, "ts": 1500000000, "action": "buy", "sku": "x"}\n{"uid": 1, "action": "yodel"}\n')
    found = propose(log)
    assert found.mapping is not None
    assert found.mapping.time == "s"
    assert found.unplaced == ("yodel",)
    assert found.head.columns == ["uid", "ts", "action", "sku"]


def test_it_says_what_it_misses(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("colour;size\nred;4\n")
    found = propose(log)
    assert found.mapping is None
    assert found.missing == ("shopper or session", "kind")


def test_answers_override_its_guesses(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("who,when,did,sku\na,2026-01-01,looked,p\na,2026-01-01,view,q\n")
    replies = {"shopper": "who", "time": "when", "kind": "did", "Event 'looked'": "view"}

    def answer(question: str, default: str) -> str:
        key = question.partition(" is a ")[0].removeprefix("Column for ").removesuffix(" (empty: none)")
        return replies.get(key, default)

    mapping = ask(log, answer)
    assert mapping.columns == {"shopper": "who", "time": "when", "kind": "did", "product": "sku"}
    assert mapping.kinds == {"looked": "view"}
    with pytest.raises(ValueError, match="needs a column for shopper or session, and for kind"):
        ask(log, lambda question, default: default)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shopper=u", "lacks 'kind'"),
        ("kind=e", "neither 'shopper' nor 'session'"),
        ("shopper=u,kind=e,kinds.buy=acquire", "kinds.buy"),
        ("shopper=u,kind=e,colour=red", "colour"),
        ("shopper=u,kind", "no key=value pair"),
        ("nothing", "expected a .toml or .json file"),
        ("shopper=u,kind=e,header=false", "give the columns' names"),
    ],
)
def test_a_bad_mapping_says_where(text, message):
    with pytest.raises(ValueError, match=message):
        LogMapping.parse(text)
