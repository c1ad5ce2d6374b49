from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from paars_gym.sessions import import_log
from paars_gym.sessions.logs.mapping import LogMapping
from paars_gym.sessions.logs.wizard import ask, propose

FIXTURES = Path(__file__).parent / "fixtures"


def test_it_finds_what_the_named_formats_say():
    mapping = propose(FIXTURES / "events.csv").mapping
    assert mapping is not None
    assert mapping.columns == {"shopper": "visitorid", "time": "timestamp", "kind": "event", "product": "itemid"}
    assert mapping.kinds == {"addtocart": "add", "transaction": "purchase"}
    assert mapping.time == "ms"
    mapping = propose(FIXTURES / "2019-Nov.csv").mapping
    assert mapping is not None
    assert mapping.columns["session"] == "user_session"
    assert mapping.kinds == {"cart": "add", "remove_from_cart": "remove"}
    assert mapping.time == "iso"


def test_its_mapping_is_a_file_that_imports_the_log(tmp_path):
    proposed = propose(FIXTURES / "2019-Nov.csv").mapping
    assert proposed is not None
    (tmp_path / "map.toml").write_text(proposed.toml(), encoding="utf-8")
    mapping = LogMapping.parse(str(tmp_path / "map.toml"))
    assert mapping == proposed
    by_map = import_log(FIXTURES / "2019-Nov.csv", tmp_path / "a", mapping)
    assert list(by_map) == list(import_log(FIXTURES / "2019-Nov.csv", tmp_path / "b", "rees46"))


def test_json_lines_and_unplaced_words(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"uid": 1, "ts": 1500000000, "action": "buy", "sku": "x"}\n{"uid": 1, "action": "yodel"}\n')
    proposal = propose(log)
    assert proposal.mapping is not None
    assert proposal.mapping.time == "s"
    assert proposal.unplaced == ("yodel",)
    assert proposal.head.columns == ["uid", "ts", "action", "sku"]


def test_it_says_what_it_misses(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("colour;size\nred;4\n")
    proposal = propose(log)
    assert proposal.mapping is None
    assert proposal.missing == ("shopper or session", "kind")


def test_a_column_that_is_always_empty_is_none(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("user_id,uid,event,price,unit_price,ts\n,ann,view,,,1500000000\n,ann,buy,,9,1500000001\n")
    mapping = propose(log).mapping
    assert mapping is not None
    assert mapping.columns == {"shopper": "uid", "kind": "event", "price": "unit_price", "time": "ts"}


def test_it_says_what_is_missing_before_it_asks_all_questions(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("colour;size\nred;4\n")
    asked: list[str] = []

    def answer(question: str, default: str) -> str:
        asked.append(question)
        return default

    with pytest.raises(ValueError, match="A log needs a column for shopper or session, and for kind"):
        ask(log, answer)
    assert len(asked) == 3


def test_it_says_when_its_mapping_would_import_nothing(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("user,event,item\nann,view,\nbob,view,\n")
    with pytest.raises(ValueError, match="none of the first 2 records can be used: product '', no product"):
        ask(log, lambda question, default: default)


def test_answers_override_its_guesses(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("who,when,did,sku\na,2026-01-01,looked,p\na,2026-01-01,view,q\n")
    replies = {"shopper": "who", "time": "when", "kind": "did", "Event 'looked'": "view"}

    def answer(question: str, default: str) -> str:
        key = question.partition(" is a ")[0].removeprefix("Column for ").removesuffix(" (-: none)")
        return replies.get(key, default)

    mapping = ask(log, answer)
    assert mapping.columns == {"shopper": "who", "time": "when", "kind": "did", "product": "sku"}
    assert mapping.kinds == {"looked": "view"}
    with pytest.raises(ValueError, match="needs a column for shopper or session, and for kind"):
        ask(log, lambda question, default: default)


def test_a_guess_can_be_refused_and_a_slip_is_asked_again(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("user,time,event,item,price\na,2026-01-01,looked,p,1\na,2026-01-01,view,q,2\n")
    replies = {"shopper": ["usr", "User", "user"], "price": ["-"], "title": [""], "'looked'": ["glance", "view"]}

    def answer(question: str, default: str) -> str:
        asked = next((name for name in replies if f"for {name} (" in question or f"Event {name} is" in question), None)
        return replies[asked].pop(0) if asked else default

    mapping = ask(log, answer)
    assert mapping.columns == {"shopper": "user", "time": "time", "kind": "event", "product": "item"}
    assert mapping.kinds == {"looked": "view"}
    assert not any(replies.values())
    with pytest.raises(ValueError, match="Event 'looked' is a 'glance'"):
        propose(log, answers={"kinds.looked": "glance"})


@pytest.mark.parametrize(
    ("times", "notation"),
    [
        (["31.01.2026 08:05", "01.02.2026 23:59"], "%d.%m.%Y %H:%M"),
        (["1/31/2026 8:05", "2/1/2026 23:59"], "%m/%d/%Y %H:%M"),
        (["31/01/2026 08:05 PM", "01/02/2026 11:59 AM"], "%d/%m/%Y %I:%M %p"),
        (["31/Jan/2026:08:05:01 +0100"], "%d/%b/%Y:%H:%M:%S %z"),
        (["2026-01-31 08:05", "20260131T080500Z"], "iso"),
        (["1769846400", "1769846401.5"], "s"),
    ],
)
@pytest.mark.parametrize("column", ["time", "Zeitstempel, timestamp"])
def test_times_are_found_in_common_notations_whatever_the_column(tmp_path, times, notation, column):
    log = tmp_path / "log.csv"
    log.write_text(f'user,event,"{column}",item\n' + "".join(f"a,view,{time},p\n" for time in times))
    proposal = propose(log)
    assert proposal.mapping is not None
    assert (proposal.mapping.columns.get("time"), proposal.mapping.time, proposal.doubts) == (column, notation, ())
    store = import_log(log, tmp_path / "s", proposal.mapping)
    assert (store.card.events, store.provenance.times) == (len(times), "all")


@pytest.mark.parametrize(
    ("times", "doubt"),
    [
        (["third of May", "later"], "No notation known here fits the times of 'time', such as 'third of May'"),
        (["01/02/2026", "03/04/2026"], "'%m/%d/%Y' and '%d/%m/%Y' fit the times of 'time' equally"),
        (["2026-01-01", "2026-01-02", "soon"], "1 of 3 values of 'time' are no times in the notation 'iso'"),
    ],
)
def test_it_says_when_it_is_not_sure_of_the_times(tmp_path, times, doubt):
    log = tmp_path / "log.csv"
    log.write_text("user,event,time,item\n" + "".join(f"a,view,{time},p\n" for time in times))
    proposal = propose(log)
    assert proposal.doubts[0].startswith(doubt)
    assert proposal.mapping is not None
    assert ("time" in proposal.mapping.columns) == ("soon" in times)


def test_it_asks_for_the_notation_that_it_does_not_know(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("user,event,time,item\na,view,01/02/2026,p\n")
    formats = ["nonsense", "%Y", "%d/%m/%Y"]
    mapping = ask(log, lambda question, default: formats.pop(0) if "notation" in question else default)
    assert mapping.time == "%d/%m/%Y"
    mapping = ask(log, lambda question, default: default)
    assert "time" not in mapping.columns


def test_nested_parquet_is_shown_and_imported(tmp_path):
    frame = pl.DataFrame(
        {
            "user": ["a", "a", "b"],
            "event": ["search", "view", "fly"],
            "item": [None, {"id": 1}, {"id": 2}],
            "results": [["p1", "p2"], None, []],
            "query": [["red", "fan"], None, None],
        }
    )
    frame.write_parquet(tmp_path / "log.parquet")
    proposal = propose(tmp_path / "log.parquet")
    assert proposal.head["results"].to_list() == ['["p1", "p2"]', None, "[]"]
    store = import_log(tmp_path / "log.parquet", tmp_path / "s", proposal.mapping)
    (session,) = store
    assert session.events[0].results == ("p1", "p2")
    assert session.events[0].query == '["red", "fan"]'
    assert session.events[1].product == '{"id": 1}'
    assert '"fly"' in (tmp_path / "s" / "rejected.jsonl").read_text()
    frame.with_columns(results=pl.lit([{"id": 1}])).write_parquet(tmp_path / "log.parquet")
    with pytest.raises(ValueError, match="results must be lists of product ids"):
        import_log(tmp_path / "log.parquet", tmp_path / "s", proposal.mapping, overwrite=True)


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
