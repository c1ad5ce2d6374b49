from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from paars_gym.catalog import sorting
from paars_gym.catalog.feeds import build
from paars_gym.catalog.feeds.build import build_catalog
from paars_gym.catalog.feeds.layouts import FeedMapping
from paars_gym.catalog.files import find_damage, mend
from paars_gym.catalog.product import Product
from paars_gym.catalog.sorting import SortedRuns
from paars_gym.catalog.store import Catalog
from paars_gym.ingest.account import ReadingAccount

ROWS = [
    {"id": f"p{number}", "title": f"Tasse № {number} café", "price": f"{number},50 €", "bullets": "a|b"}
    for number in (3, 1, 2)
]
IDS = ["p1", "p2", "p3"]


def csv_text(separator: str = ",", newline: str = "\n") -> str:
    lines = [separator.join(ROWS[0])] + [separator.join(f'"{cell}"' for cell in row.values()) for row in ROWS]
    return newline.join(lines) + newline


def json_lines() -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def parquet() -> bytes:
    sink = io.BytesIO()
    pl.DataFrame(ROWS).write_parquet(sink)
    return sink.getvalue()


PLAIN = {
    "feed.csv": csv_text().encode(),
    "bom.csv": csv_text().encode("utf-8-sig"),
    "windows.csv": csv_text(newline="\r\n").encode(),
    "old-mac.csv": csv_text(newline="\r").encode(),
    "latin.csv": csv_text().replace("№", "no").replace("€", "EUR").encode("latin-1"),
    "cp1252.csv": csv_text().replace("№", "no").encode("cp1252"),
    "utf16.csv": csv_text().encode("utf-16"),
    "utf16-no-bom.csv": csv_text().encode("utf-16-le"),
    "feed.tsv": csv_text("\t").encode(),
    "tabs.csv": csv_text("\t").encode(),
    "semicolons.txt": csv_text(";").encode(),
    "feed.jsonl": json_lines().encode(),
    "utf16.jsonl": json_lines().encode("utf-16"),
    "blank-lines.ndjson": ("\n\n" + json_lines().replace("\n", "\r\n\r\n")).encode(),
    "array.json": json.dumps(ROWS, indent=2).encode(),
    "array-bom.json": json.dumps(ROWS).encode("utf-8-sig"),
    "lines.json": json_lines().encode(),
    "feed.parquet": parquet(),
    "no-suffix": parquet(),
}


@pytest.mark.parametrize("name", sorted(PLAIN))
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd], ids=["plain", "gzip", "zstd"])
def test_every_format_encoding_and_compression(tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    feed = tmp_path / name
    feed.write_bytes(pack(PLAIN[name]))
    report = build_catalog(feed, tmp_path / "out")
    catalog = Catalog.open(tmp_path / "out")
    assert [product.id for product in catalog] == IDS
    assert all("café" in product.title for product in catalog)
    assert catalog["p3"].price == 3.5
    assert catalog["p3"].bullets == ("a", "b")
    assert catalog.currency == "EUR"
    assert report.damage == ""
    assert report.card.counts["products"] == report.card.counts["rows"] == 3
    assert name in catalog.card.source


def test_an_encoding_that_must_be_named(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes("id,title\n1,水筒\n".encode("shift_jis"))
    build_catalog(tmp_path / "f.csv", tmp_path / "out", FeedMapping(encoding="shift_jis"))
    assert Catalog.open(tmp_path / "out")["1"].title == "水筒"
    with pytest.raises(ValueError, match="Unknown encoding 'klingon'"):
        build_catalog(tmp_path / "f.csv", tmp_path / "out", FeedMapping(encoding="klingon"))


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "json"])
def test_of_a_cut_compressed_file_what_was_read_is_kept(
    tmp_path: Path, kind: str, pack: Callable[[bytes], bytes]
) -> None:
    rng = np.random.default_rng(5)
    rows = [{"id": f"{number:05d}", "title": rng.bytes(400).hex()} for number in range(2000)]
    if kind == "csv":
        text = "id,title\n" + "".join(f"{row['id']},{row['title']}\n" for row in rows)
    else:
        text = "\n".join(map(json.dumps, rows)) if kind == "jsonl" else json.dumps(rows)
    data = pack(text.encode())
    (tmp_path / f"f.{kind}").write_bytes(data[: len(data) * 2 // 3])
    report = build_catalog(tmp_path / f"f.{kind}", tmp_path / "out")
    kept = Catalog.open(tmp_path / "out")
    assert 1100 < len(kept) < 1500
    assert "cut or damaged" in report.damage
    assert "incomplete" in kept.card.source
    # The half row is not passed off as a whole one.
    assert [product.title for product in kept] == [row["title"] for row in rows[: len(kept)]]


def test_broken_rows_are_told_and_the_rest_is_kept(tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_text('{"id": 1, "title": "a"}\nnonsense\n[1]\n{"id": 2, "title": "b"}\n{"id": 3, "ti')
    report = build_catalog(tmp_path / "f.jsonl", tmp_path / "out")
    assert [product.id for product in Catalog.open(tmp_path / "out")] == ["1", "2"]
    lines = [json.loads(line) for line in (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()]
    assert [(line["row"], line["reason"][:18]) for line in lines] == [
        (2, "not JSON: Expectin"), (3, "not an object but "), (5, "not JSON: Untermin"),
    ]  # fmt: skip
    assert report.damage == "it ends inside row 5"

    (tmp_path / "f.csv").write_text('id,title\n1,a\n2,b,c\n3\n4,d,,\n5,"never closed\n6,e\n')
    report = build_catalog(tmp_path / "f.csv", tmp_path / "out")
    assert report.card.counts["rejected"] == 2
    catalog = Catalog.open(tmp_path / "out")
    assert [product.id for product in catalog] == ["1", "4", "5", "6"]
    assert catalog["5"].title == "never closed"  # an unclosed quote takes nothing else

    (tmp_path / "f.json").write_text(
        '[{"id": 1, "title": "a"}, {"id": 2, "title": oops}, {"id": 3, "title": "c"}' + " " * 99
    )
    report = build_catalog(tmp_path / "f.json", tmp_path / "out")
    assert "row 2; nothing from there on was read" in report.damage
    assert len(Catalog.open(tmp_path / "out")) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"PAR1 but not really", "damaged or cut Parquet"),
        (b"one,two\n1,2\n", "No column for id and title among one, two"),
        (b"id,title\n", "None of the 0 rows"),
        (b"id,title\n,x\n,y\n", "None of the 2 rows .* row 1, id: missing"),
        (b'[{"id": 1}]', "None of the 1 rows .* row 1, title: missing"),
        (b"\x1f\x8b garbage", "is empty. the compressed file is cut or damaged"),
    ],
)
def test_a_useless_feed_leaves_the_old_catalog(tmp_path: Path, content: bytes, message: str) -> None:
    Catalog.from_products([Product(id="old", title="t")]).save(tmp_path / "out")
    (tmp_path / "feed").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        build_catalog(tmp_path / "feed", tmp_path / "out")
    assert [product.id for product in Catalog.open(tmp_path / "out")] == ["old"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feed", "out"]
    with pytest.raises(FileNotFoundError, match="No file"):
        build_catalog(tmp_path / "absent", tmp_path / "out")


def test_a_rule_of_product_is_the_only_rule(tmp_path: Path) -> None:
    rows = [
        {"id": "x" * 129, "title": "too long an id"},
        {"id": "a", "title": "<br>"},
        {"id": "b", "title": "kept", "popularity": 1.5, "currency": "EUR", "price": 3},
        {"id": "c", "title": "pounds", "currency": "GBP", "price": 3},
        {"id": "d", "title": "two marks", "currency": "EUR", "price": "$3"},
        {"id": "e", "title": "no currency", "currency": "shells", "price": 3},
    ]
    (tmp_path / "f.jsonl").write_text("\n".join(map(json.dumps, rows)))
    report = build_catalog(tmp_path / "f.jsonl", tmp_path / "out")
    (kept,) = Catalog.open(tmp_path / "out")
    assert kept == Product(id="b", title="kept", popularity=1.5, price=3)
    assert (report.card.currency, report.card.counts["rejected"]) == ("EUR", 5)
    lines = [json.loads(line) for line in (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()]
    assert [(line["row"], line["field"]) for line in lines] == [
        (1, "id"), (2, "title"), (4, "price"), (5, "price"), (6, "currency"),
    ]  # fmt: skip
    assert not any(line["row_kept"] for line in lines)


def test_more_products_than_fit_in_one_run_come_out_sorted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "RUN_ROWS", 7)
    monkeypatch.setattr(sorting, "READ_ROWS", 2)
    monkeypatch.setattr(sorting, "BATCH_ROWS", 10)
    for size in (1, 7, 9, 10, 11, 100):
        runs = SortedRuns(tmp_path)
        products = [Product(id=f"{number:03d}", title=f"t{number}") for number in range(size)]
        for index in np.random.default_rng(size).permutation(size):
            runs.add(products[index])
        tables = list(runs.merged())
        assert [table.num_rows for table in tables] == [10] * (size // 10) + ([size % 10] if size % 10 else [])
        titles = pa.concat_tables(tables).column("title").to_pylist()
        assert titles == [product.title for product in products]


def test_the_same_feed_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(PLAIN["feed.csv"])
    for out in ("one", "two"):
        build_catalog(tmp_path / "f.csv", tmp_path / out, name="same")
    for name in ("products.parquet", "products.arrow", "catalog.json", "account.json", "rejected.jsonl"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_progress_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "PROGRESS_ROWS", 2)
    (tmp_path / "f.csv").write_bytes(PLAIN["feed.csv"])
    progress: list[tuple[str, int, float]] = []
    build_catalog(tmp_path / "f.csv", tmp_path / "out", progress=lambda *report: progress.append(report))
    assert progress == [("reading", 2, 1.0), ("sorting", 3, 1.0)]


def paars(*arguments: object, **settings: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "paars_gym", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "100"})


def test_the_command_builds_describes_and_tells_mistakes_in_one_line(tmp_path: Path) -> None:
    feed = tmp_path / "f.csv"
    feed.write_text("sku,naam,cost\n1,Kop,€ 2\n1,Kop,€ 2\n2,Schotel,$ 3\n3,Lepel,€ 1 - € 2\n")
    done = paars(
        "catalog", "build", feed, "--out", tmp_path / "out", "--map", "title=naam,price=cost", "--name", "servies"
    )
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.replace("│", "").split())
    for fact in (
        "servies",
        "duplicates 1",
        "rejected 1",
        "products 2",
        "EUR",
        "low end",
        "rejected.jsonl",
    ):
        assert fact in words
    shown = paars("catalog", "describe", tmp_path / "out")
    assert shown.returncode == 0, shown.stderr
    assert "2 (100%): median" in shown.stdout
    wrong = paars("catalog", "build", feed, "--out", tmp_path / "out", "--map", "title=[b]")
    assert wrong.returncode == 2
    assert wrong.stderr.strip().startswith(
        "error: 'f.csv': --map title=[b]: no column '[b]' in the feed, only sku, naam, cost."
    )
    assert len(wrong.stderr.strip().splitlines()) == 1


@pytest.fixture
def long_feed(tmp_path: Path) -> Path:
    feed = tmp_path / "f.csv"
    feed.write_text("id,title\n" + "".join(f"{number},title {number}\n" for number in range(20_000)))
    return feed


@pytest.mark.parametrize("moment", ["reading", "sorting", "swapped"])
def test_a_kill_at_any_moment_leaves_the_old_catalog_or_the_new(long_feed: Path, tmp_path: Path, moment: str) -> None:
    out = tmp_path / "out"
    Catalog.from_products([Product(id="old", title="t")]).save(out)
    script = f"""
import sys, time
from paars_gym import files
from paars_gym.catalog.feeds import build
def stop():
    print("now", flush=True); time.sleep(60)
remove = files.shutil.rmtree
def progress(stage, rows, fraction):
    if stage == {moment!r}: stop()
if {moment!r} == "swapped":
    files.shutil.rmtree = lambda path, **how: stop() if "/.out.building-" in str(path)[-24:] else remove(path, **how)
build.build_catalog({str(long_feed)!r}, {str(out)!r}, progress=progress)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "now\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert len(Catalog.open(out)) == (20_000 if moment == "swapped" else 1)
    build_catalog(long_feed, out)  # and nothing is in the way of the next build
    assert len(Catalog.open(out)) == 20_000


def test_opening_is_quick_and_reads_little(long_feed: Path, tmp_path: Path) -> None:
    build_catalog(long_feed, tmp_path / "out")
    started = time.perf_counter()
    catalog = Catalog.open(tmp_path / "out")
    assert catalog["19999"].title == "title 19999"
    assert time.perf_counter() - started < 1.0


def test_columns_that_become_no_field_are_named(tmp_path: Path) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text("id,Benennung,Kosten,brand\na,Lampe,9,Nord\n")
    report = build_catalog(feed, tmp_path / "shop", FeedMapping(columns={"title": "Benennung"}))
    assert report.unused == ("Kosten",)
    report = build_catalog(feed, tmp_path / "shop", FeedMapping(columns={"title": "Benennung", "price": "Kosten"}))
    assert report.unused == ()


def test_a_catalog_without_prices_is_asked_for(tmp_path: Path) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text("id,title,Kaufpreis brutto\na,Lamp,9\n")
    refused = paars("catalog", "build", feed, "--out", tmp_path / "out")
    assert refused.returncode == 2
    assert "Columns that look like one: Kaufpreis brutto." in refused.stderr
    assert "--map price=COLUMN; or --allow-unpriced" in refused.stderr
    assert not (tmp_path / "out").exists()
    allowed = paars("catalog", "build", feed, "--out", tmp_path / "out", "--allow-unpriced")
    assert allowed.returncode == 0
    assert "Look at this: Nothing has a price." in " ".join(allowed.stdout.split())


def test_the_account_of_a_build(tmp_path: Path) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text(
        "sku,title,price,stock,Bestand Filiale,colour\n"
        'a,Lamp,"1.299,00 €",3,1,red\nb,Pot,"9,50 €",0,1,red\nc,Jug,,,1,red\nd,Bin,cheap,2,1,red\n,Tub,1 €,2,1,red\n'
    )
    build_catalog(feed, tmp_path / "out")
    account = ReadingAccount.read(tmp_path / "out")
    fields = {one.field: (one.columns, one.how, one.filled, one.examples) for one in account.fields}
    assert fields["price"] == (("price",), "by name", 0.5, ("1.299,00 €", "9,50 €"))
    assert account.unused == ("Bestand Filiale", "colour")
    assert [sentence.partition(" and ")[0] for sentence in account.warnings] == [
        "Column 'Bestand Filiale' looks like a stock status"
    ]
    assert account.rejected == {"price: no amount in it": 1, "id: missing": 1}
    assert account.facts == {
        "currency": "EUR, found in the feed",
        "number notation": "decimal comma (2)",
        "products without a price": "2 of 4",
        "products without a stock status": "1 of 4, taken to be in stock",
        "products without a category": "4 of 4",
    }


def test_what_a_build_tells_has_checksums_too(tmp_path: Path) -> None:
    (tmp_path / "feed.csv").write_text("id,title,price\na,Pan,9.50\n,Pot,3\n")
    build_catalog(tmp_path / "feed.csv", tmp_path / "shop")
    for name in ("account.json", "rejected.jsonl"):
        path = tmp_path / "shop" / name
        path.write_text(path.read_text().replace("P", "Q").replace("e", "E"))
        assert len(Catalog.open(tmp_path / "shop")) == 1
        assert set(find_damage(tmp_path / "shop", again=True)) == {name}
        assert set(mend(tmp_path / "shop")) == {name}
        assert not path.exists()
        assert find_damage(tmp_path / "shop", again=True) == {}
