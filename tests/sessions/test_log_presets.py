"""Exports of web analytics, recognised by their columns; their events were worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from paars_gym.alignment import mine_query_pairs
from paars_gym.ingest.account import ReadingAccount
from paars_gym.sessions import Store, import_log
from paars_gym.sessions.logs.finding import log_format, recognise, with_searches
from paars_gym.sessions.logs.formats import FORMATS
from paars_gym.sessions.logs.mapping import LogMapping

FIXTURES = Path(__file__).parents[1] / "ingest" / "fixtures"
LOGS = Path(__file__).parent / "fixtures"
Told = tuple[str, float, dict[str, Any]]


def told(store: Store) -> dict[str, list[Told]]:
    """Kind, seconds since the session's start, and all other fields of each event, by the session's shopper."""
    sessions = {}
    for session in store:
        assert session.start is not None
        events = []
        for event in session.events:
            assert event.time is not None
            fields = event.model_dump(exclude={"kind", "time"}, exclude_defaults=True)
            events.append((event.kind, (event.time - session.start).total_seconds(), fields))
        sessions[session.shopper] = events
    return sessions


def test_ga4(tmp_path: Path) -> None:
    store = import_log(FIXTURES / "ga4_events.jsonl", tmp_path / "s")
    floor, desk = {"product": "L2", "title": "Floor Lamp"}, {"product": "L1", "title": "Desk Lamp"}
    assert told(store) == {
        "anna": [  # who logs in after 90 seconds
            ("search", 5, {"query": "desk lamp", "results": ("L1", "L2")}),
            ("view", 20, floor),
            ("add", 60, {**floor, "units": 1}),
            ("remove", 95, {**floor, "units": 1}),
            ("purchase", 140, {**desk, "units": 2, "price": 30.5}),
            ("purchase", 140, {"product": "B9", "title": "Bulb", "units": 1, "price": 4.0}),
        ],
        "902.411": [("view", 0, {"product": "B9", "title": "Bulb"})],
    }  # fmt: skip
    provenance = store.provenance
    assert (provenance.format, provenance.sessionised) == ("ga4", "the log's session ids")
    assert (provenance.records_read, provenance.records_rejected) == (11, 1)  # an item that is (not set)
    account = ReadingAccount.read(store.folder)
    assert account.recognised
    assert account.facts["visits in which a login named events around it"] == "1"
    assert account.rejected == {"product, no product": 1}


def test_ga360(tmp_path: Path) -> None:
    store = import_log(FIXTURES / "ga360_sessions.jsonl", tmp_path / "s")
    bottle = {"product": "GG1", "title": "Bottle 22 oz"}
    assert told(store) == {
        "0042": [
            ("search", 4, {"query": "bottle"}),
            ("view", 9, bottle),
            ("add", 20, {**bottle, "units": 2}),
            ("purchase", 61.5, {**bottle, "units": 2, "price": 24.99}),
            ("purchase", 61.5, {"product": "GG3", "title": "Sticker", "units": 1, "price": 1.5}),
        ],
        "u-8": [("view", 0, {"product": "GG7", "title": "Mug"}), ("remove", 0.4, {**bottle, "units": 1})],
        "0043": [],
    }  # fmt: skip
    assert (store.provenance.format, store.provenance.records_read) == ("ga360", 3)


def test_segment(tmp_path: Path) -> None:
    store = import_log(FIXTURES / "segment_events.jsonl", tmp_path / "s")
    kettle, tea = {"product": "K2", "title": "Blue Kettle"}, {"product": "T-1", "title": "Tea"}
    assert told(store) == {
        "u7": [
            ("search", 10.25, {"query": "blue kettle"}),
            ("view", 20, kettle),
            ("add", 60, {**kettle, "units": 1}),
            ("add", 120, {**tea, "units": 2}),
            ("remove", 150, {**tea, "units": 1}),
            ("purchase", 300, {**kettle, "units": 1, "price": 49.9}),
            ("purchase", 300, {**tea, "units": 1, "price": 5.0}),
        ],
        "a-2": [("view", 0, {"product": "T9", "title": "Pot"})],
    }
    assert (store.provenance.format, store.provenance.sessionised) == ("segment", "30 minutes of inactivity")


@pytest.mark.parametrize("log", ["adobe", "adobe/hit_data.tsv"])
def test_adobe(tmp_path: Path, log: str) -> None:
    store = import_log(FIXTURES / log, tmp_path / "s")
    assert told(store) == {
        "55.77": [
            ("view", 10, {"product": "A-1"}),
            ("add", 20, {"product": "A-1", "units": 1}),
            ("add", 30, {"product": "B-2", "units": 2}),
            ("remove", 40, {"product": "B-2", "units": 1}),
            ("purchase", 90, {"product": "A-1", "units": 2, "price": 59.9}),  # 119.80 for both
            ("purchase", 90, {"product": "B-2", "units": 1, "price": 15.0}),
        ],
        "55.78": [("view", 0, {"product": "C\t3"})],
    }
    provenance = store.provenance
    assert (provenance.format, provenance.records_read, provenance.records_ignored) == ("adobe", 8, 1)
    assert "searches" not in provenance.what_is_known


def test_adobe_searches_where_the_log_is_told_which_variable_holds_them(tmp_path: Path) -> None:
    (log := tmp_path / "log").mkdir()
    header = "hit_time_gmt\tvisid_high\tvisid_low\tvisit_num\thitid_high\thitid_low\tevent_list\tproduct_list\tprop7"
    hits = [f"179604000{n}\t5\t7\t1\t1\t{n}\t{event}\t{item}\t{words}" for n, event, item, words in
            [(1, "", "", "red kettle"), (2, "2", ";A-1", ""), (2, "2", ";A-1", ""), (3, "", "", "")]]  # fmt: skip
    (log / "hit_data.tsv").write_text("\n".join((header, *hits)) + "\n")
    layout = log_format("adobe", log)
    store = import_log(log, tmp_path / "s", with_searches(layout, "prop7", log))
    (session,) = store
    assert [(event.kind, event.query, event.product) for event in session.events] == [
        ("search", "red kettle", None), ("view", None, "A-1"),
    ]  # fmt: skip
    assert {"searches", "queries"} <= set(store.provenance.what_is_known)
    assert not any("Searches are not read" in note for note in store.provenance.notes)
    with pytest.raises(ValueError, match="no column 'prop9'"):
        with_searches(layout, "prop9", log)
    with pytest.raises(ValueError, match="'rees46' reads its own columns"):
        with_searches(log_format("rees46", log), "prop7", log)


def test_query_click(tmp_path: Path) -> None:
    store = import_log(FIXTURES / "query_click.csv", tmp_path / "s")
    sessions = [
        [(event.kind, event.query or event.product, event.rank) for event in session.events] for session in store
    ]
    assert sessions == [
        [("search", "running shoes", None), ("view", "S1", 1), ("view", "S4", 4)],
        [("search", "rain jacket", None), ("view", "J2", 7)],
        [("search", "rain jacket", None), ("view", "J2", 2)],
    ]
    assert store.provenance.format == "query-click"
    assert "searches" not in store.provenance.what_is_known
    assert len(mine_query_pairs(store, titles={"S1": "Shoe", "J2": "Jacket"}).pairs) == 3


def test_bestbuy_gives_the_pairs_that_it_exists_for(tmp_path: Path) -> None:
    store = import_log(LOGS / "bestbuy.csv", tmp_path / "s")
    mined = mine_query_pairs(store, titles={"9755322": "Panasonic TV", "2670133": "Sharp TV"})
    assert [(pair.query, pair.title) for pair in mined.pairs] == [
        ("Televisiones Panasonic  50 pulgadas", "Panasonic TV"),
        ("Sharp", "Sharp TV"),
    ]


KNOWN = {
    "events.csv": "retailrocket", "2019-Nov.csv": "rees46", "bestbuy.csv": "bestbuy", "diginetica": "diginetica",
    "otto.jsonl": "otto", "sessions_train.csv": "amazon-m2", "yoochoose-clicks.dat": "yoochoose",
    "online_shoppers_intention.csv": "uci-shoppers", "opera-train-00000-of-00001.parquet": "opera",
    "transactions.parquet": "journey", "ta_feng.csv": "ta-feng", "train.csv": "trivago",
}  # fmt: skip


@pytest.mark.parametrize(("log", "name"), KNOWN.items())
def test_public_logs_are_recognised(log: str, name: str) -> None:
    assert recognise(LOGS / log) == name


def test_every_format_is_recognised_somewhere() -> None:
    assert set(FORMATS) == {*KNOWN.values(), "ga4", "ga360", "segment", "adobe", "query-click"}


def test_a_log_that_is_none_of_them_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("who,did\nann,view\n")
    with pytest.raises(ValueError, match="--propose"):
        import_log(tmp_path / "log.csv", tmp_path / "s")


def imported(tmp_path: Path, lines: Iterable[str], mapping: str, **settings: Any) -> Store:
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "map.toml").write_text(mapping)
    parsed = LogMapping.parse(str(tmp_path / "map.toml"))
    (tmp_path / "again.toml").write_text(parsed.toml())
    assert LogMapping.parse(str(tmp_path / "again.toml")) == parsed
    return import_log(tmp_path / "log.csv", tmp_path / "s", parsed, overwrite=True, **settings)


PAGES = """
[columns]
shopper = "user"
time = "at"

[[events]]
kind = "search"
when = {event = "page_view", term = "*", item = ""}
columns = {query = "term"}

[[events]]
kind = "view"
when = {event = "page_view", item = "*"}
columns = {product = "item"}
"""


def test_a_kind_that_depends_on_other_columns(tmp_path: Path) -> None:
    lines = [
        "user,at,event,term,item",
        "ann,2026-01-01T10:00:00Z,page_view,red fan,",
        "ann,2026-01-01T10:00:05Z,page_view,red fan,F1",
        "ann,2026-01-01T10:00:09Z,page_view,,",
    ]
    store = imported(tmp_path, lines, PAGES)
    assert told(store) == {"ann": [("search", 0, {"query": "red fan"}), ("view", 5, {"product": "F1"})]}
    assert store.provenance.records_rejected == 1  # a page that is neither
    store = imported(tmp_path, lines, 'otherwise = "visit"\n' + PAGES)
    assert store.provenance.records_rejected == 0


COLUMNS = '[columns]\nkind = "what"\ntime = "at"\nproduct = "item"\n'


def test_a_login_in_the_middle_of_a_visit_does_not_cut_it(tmp_path: Path) -> None:
    lines = [
        "user,device,visit,what,at,item",
        ",d1,1,view,2026-01-01T10:00:00Z,A",
        "ann,d1,1,view,2026-01-01T10:01:00Z,B",
        ",d1,1,view,2026-01-01T10:02:00Z,C",
        ",d1,2,view,2026-01-01T12:00:00Z,D",
        ",d2,1,view,2026-01-01T10:00:30Z,E",
    ]
    by_gap = imported(tmp_path, lines, COLUMNS + 'shopper = ["user", "device"]\n')
    expected = {"ann": ["A", "B", "C"], "d1": ["D"], "d2": ["E"]}
    assert {session.shopper: [event.product for event in session.events] for session in by_gap} == expected
    by_id = imported(tmp_path, lines, COLUMNS + 'shopper = "user"\nvisitor = "device"\nsession = "visit"\n')
    assert {session.shopper: [event.product for event in session.events] for session in by_id} == expected
    assert ReadingAccount.read(by_id.folder).facts["visits in which a login named events around it"] == "1"
    # Without devices the ids of a log may be anybody's: of two people under one id neither gets the unnamed event.
    lines = ["user,visit,what,at,item", ",1,view,2026-01-01T10:00:00Z,A", "ann,1,view,2026-01-01T10:01:00Z,B"]
    joined = imported(tmp_path, lines, COLUMNS + 'shopper = "user"\nsession = "visit"\n')
    assert [(session.shopper, len(session.events)) for session in joined] == [("ann", 2)]
    apart = imported(
        tmp_path, [*lines, "bob,1,view,2026-01-01T10:03:00Z,C"], COLUMNS + 'shopper = "user"\nsession = "visit"\n'
    )
    assert {session.shopper: len(session.events) for session in apart} == {"ann": 1, "bob": 1, "anonymous-1": 1}


@pytest.mark.parametrize(
    ("times", "resolution"),
    [
        (["2026-01-01", "2026-01-02"], "day"),
        ([f"2026-01-01 {hour:02d}:00" for hour in range(12)], "hour"),
        (["2026-01-01 10:00", "2026-01-01 11:00"], "minute"),
        (["2026-01-01 10:05", "2026-01-01 11:00"], "minute"),
        (["2026-01-01 10:05:07", "2026-01-01 11:00"], "second"),
        (["2026-01-01 10:05:07.5", "2026-01-01 11:00"], "subsecond"),
    ],
)
def test_the_resolution_of_times_is_told(tmp_path: Path, times: list[str], resolution: str) -> None:
    lines = ["user,what,at,item,q", *(f"ann,{what},{at},A,x" for at in times for what in ("search", "view"))]
    store = imported(tmp_path, lines, COLUMNS + 'shopper = "user"\nquery = "q"\n')
    assert store.provenance.time_resolution == resolution
    if resolution in ("day", "hour"):
        assert any(f"Times are whole {resolution}s" in note for note in store.provenance.notes)
        with pytest.raises(ValueError, match=f"whole {resolution}s"):
            mine_query_pairs(store, titles={"A": "a"})
    else:
        assert mine_query_pairs(store, titles={"A": "a"}).in_time == len(store)


def test_the_account_of_an_import(tmp_path: Path) -> None:
    lines = [
        "user,what,at,item,list_price",
        "ann,view,2026-01-01,A,3",
        ",view,2026-01-01,A,3",
        "ann,fly,2026-01-01,A,3",
    ]
    store = imported(tmp_path, lines, COLUMNS + 'shopper = "user"\n')
    account = ReadingAccount.read(store.folder)
    fields = {one.field: (one.columns, one.how, one.filled, one.examples) for one in account.fields}
    assert fields["product"] == (("item",), "as you say", 1.0, ("A",))
    assert account.unused == ("list_price",)
    assert account.warnings == ("Column 'list_price' looks like a price and is not used: --map price=list_price.",)
    assert account.counts == {"records": 3, "kept": 1, "rejected": 2, "ignored": 0, "out_of_order": 0}
    assert account.facts["time resolution"] == "day"
    assert account.rejected == {
        "kind 'fly', unknown event word: map it to a kind, to visit or to ignore": 1,
        "shopper, no shopper": 1,
    }
