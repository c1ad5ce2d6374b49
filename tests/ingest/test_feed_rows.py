"""Rows of every format, with what real and hostile files hold: nothing is lost without a word."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from paars_gym.ingest import text_blocks, unpacking
from paars_gym.ingest.csv_records import CsvFormat
from paars_gym.ingest.feed_rows import FeedFile, Row
from paars_gym.ingest.log_blocks import ROW
from paars_gym.ingest.log_reading import read_log


class Read:
    """What a file gave."""

    def __init__(self, path: Path, content: str | bytes, **options: Any) -> None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with FeedFile(path, **options) as file:
            self.rows: list[Row] = list(file)
            self.kind, self.columns, self.damage, self.notes = file.kind, file.columns, file.damage, file.notes
        self.values = [row.values for row in self.rows if row.values is not None]
        self.problems = {row.number: row.problem for row in self.rows if row.values is None}


@pytest.mark.parametrize("second", ['A9000,"The" kettle,8.50', 'A9000,Pan 24",8.50', 'A9000,"Red",8.50', "A9000,x,8"])
@pytest.mark.parametrize("block", [1 << 20, 5_000])
def test_a_stray_quote_swallows_nothing(tmp_path: Path, second: str, block: int) -> None:
    lines = [f"A{number},Pan number {number},{number % 97}.50" for number in range(1, 10_001)]
    lines[99], lines[8999] = 'A100,"Big 24 inch pan,9.50', second
    read = Read(tmp_path / "f.csv", "id,title,price\n" + "\n".join(lines) + "\n", block_bytes=block)
    assert len(read.rows) == 10_000
    assert read.problems == {}
    assert [row["id"] for row in read.values] == [f"A{number}" for number in range(1, 10_001)]
    assert read.values[99] == {"id": "A100", "title": "Big 24 inch pan", "price": "9.50"}
    assert max(len(row["title"]) for row in read.values) < 30
    assert "have a stray quote" in read.notes[0]


def test_what_may_be_read_in_two_ways_is_refused_line_by_line(tmp_path: Path) -> None:
    lines = [f"A{number},Pan number {number},{number}.50" for number in range(1, 21)]
    lines[10:12] = ['A11,"Big pan,9.50', 'A12,Pan 24",8.50']
    read = Read(tmp_path / "f.csv", "id,title,price\n" + "\n".join(lines) + "\n")
    assert list(read.problems) == [11, 12]
    assert len(read.rows) == 20
    assert "(line 12)" in read.problems[11]


def test_cells_of_several_lines_are_read_as_they_were_written(tmp_path: Path) -> None:
    cells = ['Soft, warm\nand "24" inch\n\nwide', "a\r\nb\r\n", '"', '""', "x,\ny,z", "last"]
    rows = [{"id": str(number), "title": cell, "price": "9.5"} for number, cell in enumerate(cells * 40)]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ["id", "title", "price"])
    writer.writeheader()
    writer.writerows(rows)
    for block in (1 << 20, 50, 7):
        read = Read(tmp_path / "f.csv", out.getvalue(), block_bytes=block)
        assert (read.values, read.problems, read.notes) == (rows, {}, [])


FORMS: dict[str, tuple[str | bytes, list[list[str]], int]] = {
    "a stray quote in the header": ('id,"title\n1,a\n2,b\n', [["1", "a"], ["2", "b"]], 0),
    "a header of two lines": ('id,"title\n(short)"\n1,a\n', [["1", "a"]], 0),
    "in the last line": ('id,title\n1,a\n2,"b', [["1", "a"], ["2", "b"]], 0),
    "a stray quote within lines": ('id,title\n1,"a\nb 24" c\nd"\n2,e\n', [["1", 'a\nb 24" c\nd'], ["2", "e"]], 0),
    "backslashes": ('id,title\n1,"say \\"hi, you\\", ok"\n', [["1", 'say "hi, you", ok']], 0),
    "single quotes": ("id,title\n1,'a, b'\n2,'c, d'\n", [["1", "a, b"], ["2", "c, d"]], 0),
    "carriage returns": ('id,title\r1,a\r2,"b\rc"\r', [["1", "a"], ["2", "b\rc"]], 0),
    "mixed line ends": ("id,title\r\n1,a\n2,b\r3,c\r\n", [["1", "a"], ["2", "b"], ["3", "c"]], 0),
    "NUL": (b"id,title\n1,a\x00b\n2,c\n", [["1", "a\x00b"], ["2", "c"]], 0),
    "a mark and blank lines": (
        b"\xef\xbb\xbf\n\nid,title\n" + b"\n" * 5000 + b"1,a\n \n2,b",
        [["1", "a"], ["2", "b"]],
        0,
    ),
    "UTF-32": ("id,title\n1,é\n".encode("utf-32"), [["1", "é"]], 0),
    "ragged rows": ("id,title\n1,a\n2\n3,b,c\n4,d,,\n", [["1", "a"], ["4", "d"]], 2),
    "the header again": ("id,title\n1,a\nid,title\n2,b\n", [["1", "a"], ["2", "b"]], 1),
    "lines above the header": ("Products of 2026\n\nid;title\n1;a, b\n", [["1", "a, b"]], 0),
    "the separator named": ("sep=;\nid;title\n1;a\n", [["1", "a"]], 0),
    "rows of nothing": ("id,title\n,\n1,a\n", [["", ""], ["1", "a"]], 0),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("block", [1 << 20, 4])
def test_forms_of_delimited_text(tmp_path: Path, name: str, block: int) -> None:
    content, expected, refused = FORMS[name]
    if block == 4 and name in {"a header of two lines", "single quotes", "lines above the header"}:
        pytest.skip("found by looking at the first lines")
    read = Read(tmp_path / "f.csv", content, block_bytes=block)
    assert [list(row.values()) for row in read.values] == expected
    assert len(read.problems) == refused


def test_columns_without_a_name_of_their_own(tmp_path: Path) -> None:
    read = Read(tmp_path / "f.csv", "id,title,id,,\n1,a,2,3,4\n")
    assert read.columns == ("id", "title", "id (2)", "column 4", "column 5")
    assert read.notes == ["The header names 'id' again; its column 3 is called 'id (2)'."]
    assert read.values[0]["id"] == "1"


def zipped(data: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("feed", data)
    return sink.getvalue()


PACKS: list[Callable[[bytes], bytes]] = [gzip.compress, bz2.compress, lzma.compress, zipped]


@pytest.mark.parametrize("pack", PACKS)
def test_packed_files_are_known_by_what_they_hold_and_a_bomb_is_named(
    tmp_path: Path, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Read(tmp_path / "f.csv", pack(b"id,title\n1,a\n")).values == [{"id": "1", "title": "a"}]
    workbook = book({"S": [["id", "title"], ["1", "a"]]})
    assert Read(tmp_path / "f.csv", pack(workbook)).values == [{"id": "1", "title": "a"}]
    monkeypatch.setattr(unpacking, "UNPACK_FREE_BYTES", 1 << 20)
    bomb = pack(b"id,title\n" + b"0" * (8 << 20))
    with pytest.raises(ValueError, match=r"unpacks to more than .* over 200 times as many. .* --unpack-ratio 2000"):
        Read(tmp_path / "f", bomb)
    assert len(Read(tmp_path / "f", bomb, written=CsvFormat(unpack_ratio=1e9)).problems) == 1


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_many_members_and_a_cut(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    rows = b"".join(b"%d,title %d\n" % (number, number * 7919) for number in range(100_000))
    whole = pack(b"id,title\n" + rows[: len(rows) // 3]) + pack(rows[len(rows) // 3 :])
    assert len(Read(tmp_path / "f", whole).rows) == 100_000
    read = Read(tmp_path / "f", whole[: len(whole) * 2 // 3])
    assert "cut or damaged" in read.damage
    assert 30_000 < len(read.values) < 100_000


def test_lines_cells_and_nesting_have_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "LINE_BYTES", 6_000_000)
    lines = ["id,title", "1,a", "2," + "x" * 9_000_000, "3,c", "4," + "y" * 5_000_000, "5,d", ""]
    read = Read(tmp_path / "f.csv", "\n".join(lines))
    assert [row.number for row in read.rows] == [1, 2, 3, 4, 5]
    assert ["more than" in problem for problem in read.problems.values()] == [True, True]
    assert list(read.problems) == [2, 4]
    assert all(len(row.text) < 1000 for row in read.rows)
    for depth in (100, 100_000):
        nested = '{"id": 1, "t": ' + "[" * depth + "]" * depth + "}"
        read = Read(tmp_path / "f.jsonl", nested + '\n{"id": 2}\n')
        assert (list(read.problems), read.values) == ([1], [{"id": 2}])
        read = Read(tmp_path / "f.json", f"[{nested}]")
        assert read.values == []
        assert read.problems or "nested too deeply" in read.damage


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"%PDF-1.4\n" + bytes(range(256)) * 20, "it is no text, no workbook and no Parquet"),
        (b"<!DOCTYPE html><html><p>Log in", "is a web page"),
        (b"\n" * 100, "is empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and no more", "damaged workbook"),
        (zipped(b"x")[:-20], "no whole zip file"),
    ],
    ids=["pdf", "page", "blank", "workbook", "zip"],
)
def test_what_is_no_feed_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Read(tmp_path / "f", content)


def test_json_in_its_other_forms(tmp_path: Path) -> None:
    expected = [{"id": 1, "t": ["a"]}, {"id": 2}]
    pretty = "\n".join(json.dumps(row, indent=1) for row in expected)
    for text in (pretty, json.dumps({"products": expected}), json.dumps({"products": expected}, indent=1) + "\n"):
        assert Read(tmp_path / "f.json", text).values == expected
    one = {"session": 1, "events": [{"aid": 2}]}
    assert Read(tmp_path / "f.jsonl", json.dumps(one) + "\n").values == [one]


def book(sheets: dict[str, list[list[object]]]) -> bytes:
    workbook = openpyxl.Workbook()
    for number, (name, rows) in enumerate(sheets.items()):
        sheet = workbook.active if number == 0 else workbook.create_sheet()
        assert sheet is not None
        sheet.title = name
        for row in rows:
            sheet.append(row)
    sink = io.BytesIO()
    workbook.save(sink)
    return sink.getvalue()


def test_a_workbook(tmp_path: Path) -> None:
    when = datetime(2026, 1, 2, 3, 4)  # noqa: DTZ001
    rows: list[list[object]] = [
        ["Products of 2026"], [], ["id", "Title ", None, "since"], [17, "Pan\n24\"", 1.5, when], [], ["x", True],
    ]  # fmt: skip
    read = Read(tmp_path / "f.csv", book({"About": [["Read me"]], "Data": rows}))
    assert (read.kind, read.columns) == ("workbook", ("id", "Title", "column 3", "since"))
    assert read.values == [
        {"id": 17, "Title": 'Pan\n24"', "column 3": 1.5, "since": when},
        {"id": "x", "Title": True, "column 3": None, "since": None},
    ]
    assert read.notes == ["Sheet 'Data' was read, the one with the most rows; not 'About'.",
                          "2 rows above the header were skipped."]  # fmt: skip
    far = openpyxl.Workbook()
    far.active["A1"], far.active["XFD1048576"] = "id", "far"  # type: ignore[index]
    far.save(tmp_path / "far.xlsx")
    with pytest.raises(ValueError, match="1,048,576 rows and 16,384 columns"):
        FeedFile(tmp_path / "far.xlsx")
    with pytest.raises(ValueError, match="no sheet has a cell"):
        Read(tmp_path / "f.xlsx", book({"Empty": []}))


GOOGLE = """<?xml version="1.0"?><rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>
<title>Shop</title><item><g:id>1</g:id><title><![CDATA[Pan <b>24"</b>]]></title><g:price>9 EUR</g:price>
<g:link>u</g:link><g:link>v</g:link>
<g:shipping><g:country>DE</g:country><g:price>3 EUR</g:price></g:shipping></item></channel></rss>"""


def test_markup(tmp_path: Path) -> None:
    read = Read(tmp_path / "f", GOOGLE)
    assert (read.kind, read.columns) == ("xml", None)
    assert read.values == [
        {"g:id": "1", "title": 'Pan <b>24"</b>', "g:price": "9 EUR", "g:link": ["u", "v"],
         "g:shipping": {"g:country": "DE", "g:price": "3 EUR"}},
    ]  # fmt: skip
    assert Read(tmp_path / "f", GOOGLE.replace("g:", "goo:").replace("xmlns:g=", "xmlns:goo=")).values == read.values
    assert Read(tmp_path / "f", GOOGLE.encode("utf-16")).values == read.values
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><link href="a"/><link href="b"/>'
        '<entry><id>1</id><link href="q"/></entry><entry><id>2</id><title>B</title></entry></feed>'
    )
    assert Read(tmp_path / "f", atom).values == [{"id": "1", "link": {"href": "q"}}, {"id": "2", "title": "B"}]
    market = (
        '<!DOCTYPE yml SYSTEM "shops.dtd"><yml><shop><cats><cat id="1" up="0">A</cat><cat id="2" up="1">B</cat></cats>'
        '<offers><offer id="7"><price currency="EUR">5</price><param name="Colour">red</param>'
        '<param name="Size">L</param></offer></offers></shop></yml>'
    )
    assert Read(tmp_path / "f", market).values == [
        {"id": "7", "price": "5", "price@currency": "EUR",
         "param": [{"name": "Colour", "value": "red"}, {"name": "Size", "value": "L"}]},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "kept", "damage"),
    [
        ("<l><item><id>1</id><t>a</t></item><item><id>2</id><t>b</t></item><item><id>3</i", 2, "after row 2: no XML"),
        ("<l><item><id>1</id><t>a</t></item><item><id>2</wrong>", 1, "after row 1: no XML: mismatched tag"),
        ('<!DOCTYPE z [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><l><item><id>&b;</id><t/></item></l>', 0, "entities"),
        ('<!DOCTYPE z [<!ENTITY a SYSTEM "file:///etc/passwd">]><l><item><id>&a;</id><t/></item></l>', 0, "entities"),
        ("<a>" * 5000, 0, "nested more than 100 deep"),
        ("<a><b>" + "x" * 100 + "</b></a>", 0, "no element in it is a record"),
    ],
)
def test_damaged_and_hostile_markup(tmp_path: Path, content: str, kept: int, damage: str) -> None:
    read = Read(tmp_path / "f", content)
    assert len(read.values) == kept
    assert damage in read.damage


cells = st.text(
    st.sampled_from("ab1,;\t|\"'\n\r\\ <>&#é\u2028\x0b\x00{[") | st.characters(exclude_categories=["Cs"]), max_size=12
)


def ids(rows: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"id": f"p{number}", "title": one, "note": two} for number, (one, two) in enumerate(rows)]


def check(read: Read, rows: list[dict[str, str]]) -> None:
    """What was written, or a refusal for it: never fewer rows than both together."""
    assert len(read.rows) >= len(rows)
    for row in read.values:
        assert row in rows
    assert len(read.values) + len(read.problems) == len(read.rows)


def check_log(path: Path, rows: list[dict[str, str]], *, whole: bool) -> None:
    """The same of a log, of which columns are read; all are read where the format leaves no doubt (``whole``)."""
    batches = list(read_log(path, CsvFormat(), dict.fromkeys(("id", "title", "note"), pl.String())))
    read = [
        {name: cell or "" for name, cell in row.items()} for one in batches for row in one.frame.drop(ROW).to_dicts()
    ]
    refused = [reject for one in batches for reject in one.rejects]
    assert len(read) + len(refused) >= len(rows)
    assert all(row in rows for row in read)
    assert not whole or (read, refused) == (rows, [])


@given(
    st.lists(st.tuples(cells, cells), min_size=1, max_size=30),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
)
@example([("a\nb,c,d\ne", "x")] * 30, 0, "\n")
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_csv_of_hostile_cells(tmp_path: Path, rows: list[tuple[str, str]], quoting: Any, end: str) -> None:
    if end == "\n":  # the csv module then quotes no carriage return
        rows = [(one.replace("\r", ""), two.replace("\r", "")) for one, two in rows]
    written = ids(rows)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ["id", "title", "note"], quoting=quoting, lineterminator=end)
    writer.writeheader()
    writer.writerows(written)
    for block in (1 << 20, 64):
        check(Read(tmp_path / "f.csv", out.getvalue(), block_bytes=block), written)
    check_log(tmp_path / "f.csv", written, whole=False)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=10), st.sampled_from([None, 1]), st.booleans())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_json_of_hostile_cells(tmp_path: Path, rows: list[tuple[str, str]], indent: int | None, ascii: bool) -> None:  # noqa: A002
    written = ids(rows)
    lines = "".join(json.dumps(row, ensure_ascii=ascii) + "\n" for row in written)
    for text in (lines, json.dumps(written, indent=indent, ensure_ascii=ascii)):
        read = Read(tmp_path / "f.json", text)
        assert (read.values, read.problems, read.damage) == (written, {}, "")
        check_log(tmp_path / "f.json", written, whole=True)


allowed = st.text(
    st.sampled_from("ab1,\"'\n= <>&é_x000D_") | st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn", "Co"]),
    max_size=12,
).map(str.strip)
"""Without lxml openpyxl writes blanks at the ends of a cell so that no reader keeps them."""


@given(st.lists(st.tuples(allowed, allowed), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_workbooks_of_hostile_cells(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    written = ids(rows)
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(["id", "title", "note"])
    for number, row in enumerate(written, start=2):
        for place, cell in enumerate(row.values(), start=1):
            sheet.cell(number, place).value = cell
            sheet.cell(number, place).data_type = "s"  # "=" begins no formula here
    workbook.save(tmp_path / "f.xlsx")
    read = Read(tmp_path / "f.xlsx", (tmp_path / "f.xlsx").read_bytes())
    assert len(read.rows) == len(written)
    shown = [{name: cell or "" for name, cell in row.items()} for row in read.values]
    written = [{name: cell.replace("\r\n", "\n") for name, cell in row.items()} for row in written]
    assert shown == written
    check_log(tmp_path / "f.xlsx", written, whole=True)


def test_a_big_array_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "CHUNK_BYTES", 7)
    rows = [
        {"id": str(number), "title": 'br]ac{ket "quoted" \\ é', "n": 12.5, "deep": [[{}], []]} for number in range(50)
    ]
    for text in (json.dumps(rows), json.dumps(rows, indent=1, ensure_ascii=False)):
        read = Read(tmp_path / "f.json", text)
        assert (read.values, read.damage) == (rows, "")
