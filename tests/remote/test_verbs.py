"""Verbs of the command line on places by URL, on fsspec's memory: what they read, write, print and keep."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import gymnasium
import pytest

from paars_gym import cli
from paars_gym.cache import cache_root
from paars_gym.catalog.load import load_catalog
from paars_gym.sessions.opening import open_store, read_sessions, run_settings
from tests.benchmarks.running import Ended, run_main

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("cache_of_one_process")]
COLUMNS = "shopper=who,kind=what,time=when,product=sku,query=words"


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    files = fsspec.filesystem("memory")
    rows = [f"{number},Auro pan {number},{9 + number},Pans\n" for number in range(1, 31)]
    files.pipe_file("/job/feed.csv", "".join(["id,title,price,category\n", *rows]).encode())
    log = ["who,what,when,sku,words\n"]
    for who in "abcdefghijklmnop":
        log += [f"{who},search,2020-01-0{day}T10:00:00,,pan\n" for day in range(1, 4)]
        log += [
            f"{who},{what},2020-01-0{day}T10:0{day}:00,{day},\n" for day in range(1, 4) for what in ("view", "purchase")
        ]
    files.pipe_file("/job/log.csv", "".join(log).encode())
    yield "memory://job"
    files.store.clear()


def run(*words: object) -> Ended:
    ended = run_main(cli.app, *words)
    assert ended.exit_code == 0, ended.stderr
    assert str(cache_root() / "remote") not in ended.output.replace("\n", ""), "a copy is called by its URL"
    return ended


@pytest.fixture(scope="module")
def job(base: str) -> str:
    """A catalog, a store of people and a run, all by URL."""
    run("catalog", "build", f"{base}/feed.csv", "--out", f"{base}/shop")
    run("sessions", "import", f"{base}/log.csv", "--map", COLUMNS, "--out", f"{base}/people")
    run("personas", "count", "--sessions", f"{base}/people", "--catalog", f"{base}/shop", "--out", f"{base}/who.jsonl")
    run("simulate", "--policy", "uniform", "--sessions", 12, "--catalog", f"{base}/shop", "--personas",
        f"{base}/who.jsonl", "--ranking", "bm25", "--out", f"{base}/run")  # fmt: skip
    return base


def test_catalogs(job: str) -> None:
    assert "30" in run("catalog", "describe", f"{job}/shop").output
    assert "as it was written" in run("catalog", "check", f"{job}/shop").output
    assert load_catalog(f"{job}/shop").name == "shop"
    env = gymnasium.make("PAARS-Retail-v0", catalog=f"{job}/shop")
    env.reset(seed=1)
    assert "Auro pan" in env.step("search[pan]")[0]


def test_stores(job: str) -> None:
    assert len(open_store(f"{job}/people")) == len(read_sessions(Path(f"{job}/people"))) == 48
    assert "48" in run("sessions", "describe", f"{job}/people").output
    assert "as it was written" in run("sessions", "check", f"{job}/people").output
    run("sessions", "split", f"{job}/people", "--by", "time", "--out", f"{job}/halves")
    assert len(open_store(f"{job}/halves/train")) + len(open_store(f"{job}/halves/test")) == 48


def test_runs(job: str) -> None:
    assert len(open_store(f"{job}/run")) == 12
    settings = run_settings(f"{job}/run")
    assert settings["run"]["personas"] == f"{job}/who.jsonl"
    assert settings["shop"]["catalog"].startswith(f"{job}/shop")
    run("sessions", "check", f"{job}/run")
    run("score", "--human", f"{job}/people", "--agents", f"{job}/run", "--embedder", "none", "--out", f"{job}/a/s.json")
    scored = json.loads(fsspec.filesystem("memory").cat_file("/job/a/s.json"))
    assert {population["name"] for population in scored["populations"]} == {"log", "uniform, persona"}
    told = run("report", f"{job}/run", "--human", f"{job}/people", "--embedder", "none", "--out", f"{job}/report.html")
    assert f"{job}/report.html: 12 of 12 sessions step by step" in told.output
    assert f"paars view {job}/run" in told.output
    files = fsspec.filesystem("memory")
    assert b"Auro pan" in files.cat_file("/job/report.html"), "pages are rebuilt from the catalog at its URL"
    copies = str(cache_root() / "remote" / "copies").encode()
    assert not [name for name in files.find("/job") if copies in files.cat_file(name)], "no copy is named in a file"


def test_other_inputs(job: str, tmp_path: Path) -> None:
    files = fsspec.filesystem("memory")
    files.pipe_file("/job/changes.jsonl", b'{"product": "1", "title": "Auro pan of gold"}\n')
    files.pipe_file("/job/columns.toml", b'title = "title"\nid = "id"\n')
    run("abtest", "--policy", "uniform", "--catalog", f"{job}/shop", "--control", "bm25", "--treatment", "bm25",
        "--treatment-patch", f"{job}/changes.jsonl", "--sessions", 4, "--out", f"{job}/test")  # fmt: skip
    run("report", f"{job}/test", "--out", tmp_path / "test.html")
    run("simulate", "--policy", "uniform", "--sessions", 2, "--catalog", f"{job}/shop", "--intentions",
        f"people:{job}/people", "--personas", f"{job}/who.jsonl", "--out", tmp_path / "run")  # fmt: skip


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("catalog", "check", "{job}/shop", "--mend"), "not on this machine"),
        (("sessions", "check", "--mend", "{job}/people"), "not on this machine"),
        (("catalog", "describe", "foo://b/x"), "no scheme 'foo' is known"),
        (("catalog", "describe", "{job}/nothing"), "There is nothing at"),
        (("sessions", "describe", "{job}/nothing"), "There is nothing at"),
        (("sessions", "describe", "s3://KEY:HUSH@b/x"), "environment only"),
        (("catalog", "describe", "s3://KEY:HUSH@b/x"), "environment only"),
        (("simulate", "--catalog", "s3://KEY:HUSH@b/x", "--out", "run"), "environment only"),
        (("simulate", "--ranking", "logged:s3://KEY:HUSH@b/x", "--out", "run"), "environment only"),
        (("score", "--human", "mini", "--agents", "{job}/run", "--out", "s3://KEY:HUSH@b/x"), "environment only"),
        (("score", "--human", "mini", "--agents", "{job}/run", "--out", "foo://b/x"), "--out cannot be written to"),
        (("score", "--human", "mini", "--agents", "{job}/run", "--out", "{job}/shop"), "is a folder, must be a file"),
        (("catalog", "build", "{job}/feed.csv", "--out", "{job}/log.csv"), "is a file, must be a folder"),
        (("catalog", "build", "{job}/feed.csv", "--out", "{job}/people"), "is not a catalog"),
        (("simulate", "--policy", "llm", "--model", "scripted:x", "--cache", "{job}/x", "--out", "x"), "this machine"),
    ],
)
def test_what_cannot_be_is_told(job: str, words: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    before = fsspec.filesystem("memory").find("/job")
    ended = run_main(cli.app, *(word.format(job=job) for word in words))
    assert ended.exit_code == 2, ended.stderr
    assert says in ended.stderr.replace("\n", " ")
    assert "HUSH" not in ended.stderr
    assert fsspec.filesystem("memory").find("/job") == before
