"""Places on an S3 server over real HTTP: the whole job, and what goes wrong there."""

from __future__ import annotations

import filecmp
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from paars_gym import cli, remote
from paars_gym.cache import cache_root
from paars_gym.catalog.load import load_catalog
from paars_gym.outputs import writing
from paars_gym.remote import RemoteError
from paars_gym.remote.working import work_path
from paars_gym.sessions.opening import open_store
from tests.benchmarks.running import Ended, run_main
from tests.remote.s3_server import SECRET, FaultyProxy

pytestmark = pytest.mark.slow
COLUMNS = "shopper=who,kind=what,time=when,product=sku"


def put(url: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "sent").write_text(text)
    remote.put_file(tmp_path / "sent", url)


def feed(tmp_path: Path, products: int = 30) -> Path:
    rows = [f"{number},Auro pan {number},{9 + number},Pans\n" for number in range(1, products + 1)]
    (tmp_path / "feed.csv").write_text("".join(["id,title,price,category\n", *rows]))
    return tmp_path / "feed.csv"


def run(*words: object) -> Ended:
    ended = run_main(cli.app, *words)
    assert ended.exit_code == 0, ended.stderr
    return ended


def content(folder: Path) -> dict[str, bytes]:
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_whole_job(bucket: str, tmp_path: Path, proxy: FaultyProxy) -> None:
    views = [f"{who},{what},2020-01-0{day}T10:0{day}:00,{day}\n" for who in "abcdefgh" for day in range(1, 4)
             for what in ("view", "purchase")]  # fmt: skip
    put(f"{bucket}/job/log.csv", "".join(["who,what,when,sku\n", *views]), tmp_path)
    remote.put_file(feed(tmp_path), f"{bucket}/job/feed.csv")
    run("catalog", "build", f"{bucket}/job/feed.csv", "--out", f"{bucket}/job/shop")
    assert proxy.written()[-1] == "/bucket/job/shop/catalog.json"
    run("catalog", "build", tmp_path / "feed.csv", "--out", tmp_path / "shop")
    assert content(remote.local_copy(f"{bucket}/job/shop")) == content(tmp_path / "shop")
    run("sessions", "import", f"{bucket}/job/log.csv", "--map", COLUMNS, "--out", f"{bucket}/job/people")
    assert proxy.written()[-1] == "/bucket/job/people/sessions.parquet"
    run("simulate", "--policy", "uniform", "--sessions", 20, "--catalog", f"{bucket}/job/shop", "--out",
        f"{bucket}/job/run")  # fmt: skip
    run("simulate", "--policy", "uniform", "--sessions", 20, "--catalog", tmp_path / "shop", "--out", tmp_path / "run")
    there, here = open_store(f"{bucket}/job/run"), open_store(tmp_path / "run")
    assert list(there) == list(here)
    run("score", "--human", f"{bucket}/job/people", "--agents", f"{bucket}/job/run", "--embedder", "none", "--out",
        f"{bucket}/job/score.json")  # fmt: skip
    assert json.loads(remote.local_copy(f"{bucket}/job/score.json").read_text())["measures"]
    run("report", f"{bucket}/job/run", "--human", f"{bucket}/job/people", "--embedder", "none", "--out",
        f"{bucket}/job/report.html")  # fmt: skip
    assert "Auro pan" in remote.local_copy(f"{bucket}/job/report.html").read_text()
    run("sessions", "check", f"{bucket}/job/run")
    run("catalog", "check", f"{bucket}/job/shop")
    # A second look takes listings, and no object again.
    proxy.reset()
    load_catalog(f"{bucket}/job/shop")
    assert not [path for method, path in proxy.asked if method == "GET" and "list-type" not in path]
    # A catalog that is replaced is seen.
    run("catalog", "build", feed(tmp_path, 7), "--out", f"{bucket}/job/shop")
    assert len(load_catalog(f"{bucket}/job/shop")) == 7
    # No key was written anywhere.
    for path in cache_root().joinpath("remote").rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def test_damage_on_the_way_is_found(bucket: str, tmp_path: Path) -> None:
    run("catalog", "build", feed(tmp_path), "--out", f"{bucket}/damaged")
    arrow = bytearray(remote.local_copy(f"{bucket}/damaged/products.parquet").read_bytes())
    arrow[len(arrow) // 2] ^= 1
    (tmp_path / "sent").write_bytes(arrow)
    remote.put_file(tmp_path / "sent", f"{bucket}/damaged/products.parquet")
    ended = run_main(cli.app, "catalog", "describe", f"{bucket}/damaged")
    assert ended.exit_code == 2
    assert f"{bucket}/damaged" in ended.stderr
    assert "products.parquet" in ended.stderr


def test_body_that_is_cut_off_is_fetched_again(bucket: str, tmp_path: Path, proxy: FaultyProxy) -> None:
    put(f"{bucket}/cut/long.txt", "0123456789" * 10_000, tmp_path)
    proxy.fault, proxy.cuts = "cut off", 2
    assert remote.local_copy(f"{bucket}/cut/long.txt").read_text() == "0123456789" * 10_000
    assert proxy.cuts == 0


def test_file_that_is_sent_in_parts(bucket: str, tmp_path: Path, proxy: FaultyProxy) -> None:
    large, url = tmp_path / "large", f"{bucket}/parts/large"
    large.write_bytes(np.random.default_rng(1).bytes(110_000_000))  # s3fs sends more than 100 MB in parts
    proxy.fault = "full"
    with pytest.raises(RemoteError, match="no room left"):
        remote.put_file(large, url)
    proxy.reset()
    with pytest.raises(FileNotFoundError):
        remote.local_copy(url)
    remote.put_file(large, url)
    assert sum("partNumber" in path for _, path in proxy.asked) > 1
    assert filecmp.cmp(remote.local_copy(url), large, shallow=False)


def test_full_store_loses_nothing(bucket: str, tmp_path: Path, proxy: FaultyProxy) -> None:
    url = f"{bucket}/full/shop"
    run("catalog", "build", feed(tmp_path, 7), "--out", url)
    words = ("catalog", "build", feed(tmp_path), "--out", url)
    proxy.fault, proxy.spares = "full", ("rejected.jsonl",)
    for _ in range(2):
        ended = run_main(cli.app, *words)
        assert ended.exit_code == 4, ended.stderr
        told = ended.stderr.replace("\n", " ")
        assert "there is no room left" in told
        assert f"kept in '{work_path(url)}'" in told
        assert SECRET not in ended.stderr
        assert len(load_catalog(work_path(url))) == 30
        assert run_main(cli.app, "catalog", "describe", url).exit_code == 2  # no mixture of old and new
    proxy.reset()
    run(*words)
    assert len(load_catalog(url)) == 30
    assert not work_path(url).exists()


@pytest.mark.parametrize(
    ("fault", "says"), [("forbidden", "your key may not do that"), ("wrong key", "the key was refused")]
)
def test_place_is_tried_before_any_work(bucket: str, proxy: FaultyProxy, fault: str, says: str) -> None:
    proxy.fault = fault
    began = time.monotonic()
    ended = run_main(cli.app, "simulate", "--policy", "uniform", "--sessions", 10**7, "--out", f"{bucket}/no/run")
    assert (ended.exit_code, time.monotonic() - began < 60) == (2, True), ended.stderr
    assert says in ended.stderr.replace("\n", " ")
    assert SECRET not in ended.stderr
    assert not [path for path in proxy.written() if "/no/" in path and "probe" not in path]


@pytest.mark.parametrize("words", [("catalog", "describe", "{}/shop"), ("sessions", "describe", "{}/people")])
def test_what_cannot_be_read(bucket: str, proxy: FaultyProxy, words: tuple[str, ...]) -> None:
    def ended(place: str) -> tuple[int, str]:
        found = run_main(cli.app, *(word.format(place) for word in words))
        return found.exit_code, found.stderr.replace("\n", " ")

    assert ended(f"{bucket}/absent")[0] == 2
    code, told = ended("s3://no-bucket-there")
    assert (code, "there is no such bucket" in told) == (2, True), told
    proxy.fault = "wrong key"
    code, told = ended(bucket)
    assert (code, "the key was refused" in told or "may not do that" in told) == (2, True), told
    assert "AWS_ACCESS_KEY_ID" in told


def in_another_process(code: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ | environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_no_network_and_no_key(bucket: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    main = (
        "import sys; sys.argv[1:] = ['catalog', 'describe', 's3://bucket/shop']; from paars_gym.cli import main; main()"
    )
    down = in_another_process(main, AWS_ENDPOINT_URL_S3=nobody)
    without = in_another_process(
        main, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", AWS_EC2_METADATA_DISABLED="true", HOME=str(tmp_path)
    )
    _, told = down.communicate(timeout=240)
    assert (down.returncode, "does not answer as it should" in told.replace("\n", " ")) == (4, True), told
    _, told = without.communicate(timeout=240)
    assert (without.returncode, "no key was found" in told.replace("\n", " ")) == (2, True), told


def test_processes_that_copy_at_once(bucket: str, tmp_path: Path, proxy: FaultyProxy) -> None:
    for number in range(5):
        put(f"{bucket}/shared/{number}", f"{number}" * 100_000, tmp_path)
    proxy.asked.clear()
    code = (
        "from paars_gym.remote import local_copy\n"
        "copy = local_copy('s3://bucket/shared')\n"
        "assert [(copy / str(n)).read_text() for n in range(5)] == [str(n) * 100_000 for n in range(5)]"
    )
    both = [in_another_process(code) for _ in range(3)]
    for each in both:
        assert each.communicate(timeout=240) is not None
        assert each.returncode == 0
    fetched = [path for method, path in proxy.asked if method == "GET" and "list-type" not in path]
    assert len(fetched) == 5, "one of them fetches, the others wait and find it"


def test_process_that_is_killed_while_it_sends(bucket: str, tmp_path: Path, proxy: FaultyProxy) -> None:
    url = f"{bucket}/killed"
    with writing(url) as path:
        path.mkdir()
        (path / "settings.json").write_text("old")
        (path / "0").write_text("old")
    code = (
        "import sys\nfrom paars_gym.outputs import writing\n"
        f"with writing({url!r}) as path:\n"
        "    [(path / str(n)).write_text('new') for n in range(400)]\n"
        "    (path / 'settings.json').write_text('new')\n"
        "    print('made', flush=True)\n"
    )
    proxy.asked.clear()
    process = in_another_process(code)
    assert process.stdout is not None
    assert process.stdout.readline() == "made\n"
    while len(proxy.written()) < 5:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = remote.list_files(url)
    assert "settings.json" not in left
    assert len(left) < 400
    again = in_another_process(code)
    assert again.communicate(timeout=240)[1] == ""
    copy = remote.local_copy(url)
    assert {one.name: one.read_text() for one in copy.iterdir()} == {
        **{str(number): "new" for number in range(400)},
        "settings.json": "new",
    }
