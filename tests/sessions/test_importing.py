"""Any columns and words by a mapping; what cannot be used is named, and a cut file is read up to the cut."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paars_gym.ingest import buckets, log_reading
from paars_gym.ingest.account import ReadingAccount
from paars_gym.sessions import Store, import_log
from paars_gym.sessions.logs.mapping import LogMapping

PAIRS = "shopper=user,time=ts,kind=what,product=item,price=paid,kinds.buy=purchase,kinds.wish=ignore,time_format=s"
MAPPING = LogMapping.parse(PAIRS)
SHORT = LogMapping.parse("shopper=user,time=ts,kind=what,product=item,time_format=s")
HEADER = "user,ts,what,item,paid,extra\n"
GOOD = "ann,1500000000,view,p1,,x\n"


def rejected(store: Store) -> list[tuple[int, str, str]]:
    path = store.folder / "rejected.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [(line["row"], line["field"], line["value"]) for line in map(json.loads, lines)]


def run(tmp_path: Path, content: str | bytes, name: str = "log.csv", **options) -> Store:
    log = tmp_path / name
    log.write_bytes(content.encode() if isinstance(content, str) else content)
    return import_log(log, tmp_path / "out", options.pop("mapping", MAPPING), overwrite=True, **options)


def test_bad_rows_are_quarantined_by_row_field_and_value(tmp_path):
    rows = [
        GOOD,
        ",1500000000,view,p1,,x\n",  # 2: no shopper
        "ann,soon,view,p1,,x\n",  # 3: no time
        "ann,1500000000,fly,p1,,x\n",  # 4: unknown word
        "ann,1500000000,buy,p1,-3,x\n",  # 5: negative price
        "ann,1500000000,view,,,x\n",  # 6: no product
        "ann,1500000000,view\n",  # 7: short
        "ann,1500000000,view,p1,,x,y,z\n",  # 8: long
        "ann,1500000000,wish,p1,,x\n",  # 9: ignored
        "ann,1500000000,view,p1,-3,x\n",  # 10: a view has no price: kept
        "ann,1500000000000,view,p1,,x\n",  # 11: milliseconds where seconds were told
        'ann,1500000000,view,"p1,,x\n',  # 12: a quote that never closes swallows nobody: kept
        GOOD,
    ]
    store = run(tmp_path, HEADER + "".join(rows))
    assert rejected(store) == [
        (7, "", "ann,1500000000,view"),
        (8, "", "ann,1500000000,view,p1,,x,y,z"),
        (2, "shopper", ""),
        (3, "time", "soon"),
        (4, "kind", "fly"),
        (5, "price", "-3"),
        (6, "product", ""),
        (11, "time", "1500000000000"),
    ]
    provenance = store.provenance
    assert (
        provenance.records_read,
        provenance.records_kept,
        provenance.records_rejected,
        provenance.records_ignored,
    ) == (13, 4, 8, 1)
    assert store.card.events == 4
    assert {event.product for session in store for event in session.events} == {"p1"}


def test_bytes_that_are_no_text_cost_their_row_only(tmp_path):
    store = run(tmp_path, HEADER.encode() + GOOD.encode() + b"a\xff,1500000000,view,p1,,x\n" + GOOD.encode())
    assert store.card.events == 2
    assert [row for row, _, _ in rejected(store)] == [2]
    latin = LogMapping.model_validate({**MAPPING.model_dump(), "encoding": "latin1"})
    store = run(tmp_path, HEADER.encode() + b"a\xff,1500000000,view,p1,,x\n", mapping=latin)
    assert next(iter(store)).shopper == "aÿ"


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_file_cut_anywhere_is_imported_up_to_the_cut(tmp_path, suffix, compressed):
    records = [
        {"user": f"u{i}", "ts": 1_500_000_000 + i, "what": "view", "item": f"p{i}", "paid": None} for i in range(200)
    ]
    if suffix == "csv":
        text = "user,ts,what,item,paid\n" + "".join(f"{r['user']},{r['ts']},view,{r['item']},\n" for r in records)
    else:
        text = "".join(json.dumps(record) + "\n" for record in records)
    name = f"log.{suffix}" + ".gz" * compressed
    whole = gzip.compress(text.encode()) if compressed else text.encode()
    for cut in (len(whole) // 2, len(whole) * 3 // 4, len(whole) - 20):
        store = run(tmp_path, whole[:cut], name=name)
        provenance = store.provenance
        assert provenance.cut, "a cut file says so"
        assert 0 < store.card.events < 200
        products = store.scan().select("product").collect().to_series().to_list()
        assert sorted(products) == sorted(f"p{i}" for i in range(store.card.events))
        assert provenance.records_read == provenance.records_kept + provenance.records_rejected
        assert provenance.records_rejected <= 1
    assert run(tmp_path, whole, name=name).provenance.cut == ()


def test_a_last_line_without_its_end_is_a_line_if_what_is_read_of_it_is_whole(tmp_path):
    store = run(tmp_path, HEADER + GOOD + GOOD.strip())  # its last field, extra, is not read
    assert store.card.events == 2
    assert store.provenance.cut == ()
    lines = "user,ts,what,item\nann,1500000000,view,p1\n"
    assert run(tmp_path, lines.strip() + "\r", mapping=SHORT).provenance.cut == ()  # half of a line end is enough
    store = run(tmp_path, lines + "ann,1500000000,view,p22", mapping=SHORT)
    assert store.provenance.cut == ("log.csv has no line end after record 2, whose last field may be cut",)
    assert rejected(store) == [(2, "", "ann,1500000000,view,p22")]
    assert "end its last line and import it again" in (store.folder / "rejected.jsonl").read_text()


@pytest.mark.parametrize(
    ("name", "from_record", "stride"),
    [
        ("2019-Nov.csv", 5, 1),
        ("2019-Nov.csv.gz", 4, 17),
        pytest.param("2019-Nov.csv", 2, 1, marks=pytest.mark.slow),
    ],
)
def test_cut_at_any_byte_a_log_gives_only_what_it_held(tmp_path, name, from_record, stride):
    text = (Path(__file__).parent / "fixtures" / "2019-Nov.csv").read_bytes()
    log = tmp_path / name
    pack = gzip.compress if name.endswith("gz") else bytes
    log.write_bytes(pack(text))

    def events(store: Store) -> set[object]:
        return {(session.key, event) for session in store for event in session.events}

    known = events(import_log(log, tmp_path / "s", "rees46"))
    first = sum(len(line) for line in text.splitlines(keepends=True)[:from_record])
    last_field = text.rindex(b",")
    for cut in (*range(first, last_field, 9 * stride), *range(last_field, len(text), stride)):
        log.write_bytes(pack(text[:cut]))
        store = import_log(log, tmp_path / "s", "rees46", overwrite=True)
        assert events(store) <= known, text[:cut]
        provenance = store.provenance
        assert provenance.records_kept == text[:cut].count(b"\n") - 1
        assert bool(provenance.cut) == bool(provenance.records_rejected) == (text[cut - 1] != ord("\n"))


def parquet_of_one() -> bytes:
    sink = io.BytesIO()
    row = {"user": "ann", "ts": 1_500_000_000, "what": "view", "item": "p", "paid": None}
    pl.DataFrame([row]).write_parquet(sink)
    return sink.getvalue()


def test_packed_logs(tmp_path):
    text = HEADER + GOOD
    for name in ("log.csv.gz", "log.csv.xz", "log.bz2", "log.zip"):  # a file is what it holds
        assert run(tmp_path, text, name=name).card.events == 1
        for pack in (gzip.compress, bz2.compress, lzma.compress):
            assert run(tmp_path, pack(text.encode()), name=name).card.events == 1
    with pytest.raises(ValueError, match="no whole zip file"):
        run(tmp_path, b"PK\x03\x04 and no more", name="log.zip")
    log, out = tmp_path / "log.zip", tmp_path / "o"
    with zipfile.ZipFile(log, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/log.csv", text)
        archive.writestr("__MACOSX/data/._log.csv", "x")
    assert import_log(log, out, MAPPING).card.events == 1
    with zipfile.ZipFile(log, "a") as archive:
        archive.writestr("more.csv", text)
    with pytest.raises(ValueError, match=r"holds 2 files \(data/log.csv, more.csv\), must hold one; unpack it"):
        import_log(log, out, MAPPING, overwrite=True)
    with zipfile.ZipFile(log, "w") as archive:
        archive.writestr("log.parquet", parquet_of_one())
    assert import_log(log, out, MAPPING, overwrite=True).card.events == 1
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no file; give a log"):
        import_log(tmp_path / "empty", out, MAPPING, overwrite=True)


def test_whole_numbers_may_be_written_with_a_point(tmp_path):
    mapping = LogMapping.parse("shopper=user,every_kind=purchase,product=item,units=n")
    store = run(tmp_path, "user,item,n,x\na,p,2.0,\na,p,3,\na,p,2.5,\na,p,inf,\n", mapping=mapping)
    assert store.scan().collect()["units"].to_list() == [2, 3]
    assert rejected(store) == [(3, "units", "2.5"), (4, "units", "inf")]


def test_a_log_without_times_is_not_said_to_be_cut_by_them(tmp_path):
    mapping = LogMapping.parse("shopper=user,session=visit,every_kind=view,product=item")
    rows = "user,visit,item,x\na,1,p,\na,2,q,\n"
    assert run(tmp_path, rows, mapping=mapping).provenance.sessionised == "the log's session ids"
    with pytest.raises(ValueError, match="gap_minutes == 30, but the log has no times"):
        run(tmp_path, rows, mapping=mapping, gap_minutes=30)
    mapping = LogMapping.parse("shopper=user,every_kind=view,product=item")
    store = run(tmp_path, rows, mapping=mapping)
    assert (len(store), store.provenance.sessionised) == (1, "one session a shopper (no times)")


def test_parquet_whole_and_cut(tmp_path):
    frame = pl.DataFrame(
        {"user": [1, 1, None], "ts": [1_500_000_000, 1_500_000_060, 1], "what": ["view", "buy", "view"],
         "item": [7.0, 8.0, 9.0], "paid": [None, 2.5, None]}
    )  # fmt: skip
    frame.write_parquet(tmp_path / "log.parquet")
    store = import_log(tmp_path / "log.parquet", tmp_path / "out", MAPPING)
    (session,) = store
    assert session.shopper == "1"
    assert [event.product for event in session.events] == ["7", "8"]
    assert session.events[1].price == 2.5
    assert rejected(store) == [(3, "shopper", "")]
    whole = (tmp_path / "log.parquet").read_bytes()
    with pytest.raises(ValueError, match="cannot be read up to the cut"):
        run(tmp_path, whole[: len(whole) // 2], name="half.parquet")
    assert list(Store(tmp_path / "out")) == [session]  # the former store is still there


def test_jsonl_bad_lines_and_arrays(tmp_path):
    lines = [
        '{"user": "a", "ts": 1500000000, "what": "view", "item": 5, "paid": null}',
        "{broken",
        "[1, 2]",
        "",
        "null",
    ]
    store = run(tmp_path, "\n".join([*lines, lines[0]]) + "\n", name="log.jsonl")
    assert store.card.events == 2
    assert [row for row, _, _ in rejected(store)] == [2, 3, 4]
    array = run(tmp_path, f"[{lines[0]}, 7, {lines[0]}]", name="log.json")
    assert (array.card.events, rejected(array)) == (2, [(2, "", "7")])


def test_naive_times_get_a_zone_and_a_note(tmp_path):
    mapping = LogMapping.parse("shopper=user,time=ts,every_kind=view,product=item")
    rows = "user,ts,item\na,2017-07-01 12:00:00,1\nb,2017-03-26 02:30:00,2\n"
    store = run(tmp_path, rows, mapping=mapping, timezone="Europe/Berlin")
    (session,) = store
    assert session.start is not None
    assert session.start.isoformat() == "2017-07-01T12:00:00+02:00"
    assert rejected(store) == [(2, "time", "2017-03-26 02:30:00")]  # the hour that Berlin skipped
    assert store.provenance.timezone == "Europe/Berlin"
    assert "Times without a zone were taken for Europe/Berlin." in store.provenance.notes
    zoned = run(tmp_path, "user,ts,item\na,2017-07-01T12:00:00-05:00,1\n", mapping=mapping)
    (session,) = zoned
    assert session.start is not None
    assert session.start.utcoffset() == timedelta(hours=-5)
    assert zoned.provenance.timezone is None
    with pytest.raises(ValueError, match="Unknown time zone 'Mars'"):
        run(tmp_path, rows, mapping=mapping, timezone="Mars")


def test_what_is_no_log(tmp_path):
    with pytest.raises(ValueError, match=r"no column 'user'; it has 'a', 'b'"):
        run(tmp_path, "a,b\n1,2\n")
    with pytest.raises(ValueError, match="is empty"):
        run(tmp_path, "")
    with pytest.raises(
        ValueError, match=r"Nothing in .* could be imported; the first of 1 refused.*time_format is iso, s,"
    ):
        run(tmp_path, HEADER + "ann,soon,view,p1,,x\n")
    with pytest.raises(FileNotFoundError, match="No log"):
        import_log(tmp_path / "nowhere.csv", tmp_path / "out", MAPPING)
    with pytest.raises(ValueError, match="needs a mapping"):
        import_log(tmp_path / "log.csv", tmp_path / "out", "generic")
    with pytest.raises(ValueError, match="gap_minutes == 0"):
        run(tmp_path, HEADER + GOOD, gap_minutes=0)
    with pytest.raises(KeyError, match="Unknown log format"):
        import_log(tmp_path / "log.csv", tmp_path / "out", "excel")
    assert not (tmp_path / "out").exists()


def test_large_logs_are_sorted_in_buckets(tmp_path, monkeypatch):
    rows = "".join(f"u{i % 37},{1_500_000_000 + i * 7919 % 90_000},view,p{i},,x\n" for i in range(3000))
    small = run(tmp_path, HEADER + rows)
    monkeypatch.setattr(buckets, "BUCKET_RECORDS", 500)
    monkeypatch.setattr("paars_gym.sessions.logs.importing.BUCKET_RECORDS", 500)
    monkeypatch.setattr(log_reading, "BLOCK_BYTES", 10_000)
    expected = sorted(small, key=lambda session: session.key)
    large = run(tmp_path, HEADER + rows, gap_minutes=30)
    assert sorted(large, key=lambda session: session.key) == expected
    assert large.provenance.out_of_order == small.provenance.out_of_order > 0
    assert [path.name for path in (tmp_path / "out").glob("*.spill")] == []


lines = st.builds(
    "{},{},{},{},{},x".format,
    st.sampled_from(["a", "b", ""]),
    st.sampled_from(["1500000000", "x", "1500009000"]),
    st.sampled_from(["view", "buy", "wish", "nap"]),
    st.sampled_from(["p", ""]),
    st.sampled_from(["", "2", "-1"]),
)


@given(st.lists(lines | st.text("ab\"'é1", min_size=1, max_size=12), max_size=12))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_record_is_accounted_for(tmp_path, lines):
    store = run(tmp_path, HEADER + GOOD + "".join(line + "\n" for line in lines) + GOOD)
    provenance = store.provenance
    assert (
        provenance.records_read
        == provenance.records_kept + provenance.records_rejected + provenance.records_ignored
        == len(lines) + 2
    )
    assert store.card.events == provenance.records_kept
    assert len(rejected(store)) == provenance.records_rejected
    rows = [row for row, _, _ in rejected(store)]
    assert len(set(rows)) == len(rows)
    assert not {1, len(lines) + 2} & set(rows)


def test_records_repeated_exactly_are_counted_and_kept_once_where_that_is_proven(tmp_path):
    rows = ["ann,2026-01-02 03:04:05.25,view,p1,,x\n"] * 3 + ["ann,2026-01-02 03:04:06,view,p1,,x\n"] * 2 + [
        "bob,2026-01-02 03:04:06,view,p1,,x\n"
    ]  # fmt: skip
    mapping = MAPPING.model_copy(update={"time": "iso"})
    store = run(tmp_path, HEADER + "".join(rows), mapping=mapping)
    provenance = store.provenance
    assert store.card.events == provenance.records_kept == 4
    assert (provenance.records_read, provenance.records_ignored) == (6, 2)
    told = "3 records repeat an earlier one, the first of them record 2; 2 were left out. Where neither"
    assert any(note.startswith(told) for note in provenance.notes)
    assert ReadingAccount.read(store.folder).counts["left_out_as_repeated"] == 2
    dropped = run(tmp_path, HEADER + "".join(rows), mapping=mapping.model_copy(update={"drop_duplicates": True}))
    assert dropped.card.events == 3
    assert not any("repeat" in note for note in run(tmp_path, HEADER + rows[0], mapping=mapping).provenance.notes)


def test_of_rows_with_one_event_id_the_first_is_kept_with_all_its_events(tmp_path):
    lines = [{"id": "A", "n": 1}, {"id": "A", "n": 1}, {"id": "B", "n": 2}]
    rows = [
        {"e": event, "u": "ann", "t": f"2026-01-02 03:04:{second:02d}", "lines": lines}
        for event, second in (("1", 5), ("2", 5), ("1", 9), (None, 30), (None, 30), ("3", 40))
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    order = {"kind": "purchase", "explode": "lines[*]", "columns": {"product": "lines[*].id", "units": "lines[*].n"}}
    columns = {"shopper": "u", "time": "t", "event_id": "e"}
    mapping = LogMapping.model_validate({"columns": columns, "events": [order]})
    store = import_log(tmp_path / "log.jsonl", tmp_path / "s", mapping, gap_minutes=0.5)
    assert [[event.product for event in session.events] for session in store] == [["A", "A", "B"] * 5]
    assert [event.time.second for session in store for event in session.events][::3] == [5, 5, 30, 30, 40]
    provenance = store.provenance
    assert (provenance.records_read, provenance.records_kept, provenance.records_ignored) == (6, 5, 1)
    assert any(
        note.startswith("2 records repeat an earlier one, the first of them record 3; 1 were")
        for note in provenance.notes
    )
