"""Many machines whose catalog and runs lie in a store of objects: all that a retailer has."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from paars_gym import cli, remote
from paars_gym.catalog.store import Catalog
from paars_gym.cluster.session import Cluster
from paars_gym.sessions.opening import open_store
from tests.benchmarks.running import Ended, run_main
from tests.conftest import twelve_products
from tests.remote.s3_server import FaultyProxy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def machines(proxy: FaultyProxy, cluster: Cluster) -> Cluster:
    """Ray, begun where the server is known: its workers have the environment that it began with."""
    return cluster


@pytest.fixture
def shop(bucket: str, tmp_path: Path) -> str:
    Catalog.from_products(twelve_products(), name="twelve", synthetic=True).save(tmp_path / "shop")
    remote.put_folder(tmp_path / "shop", f"{bucket}/ray/shop")
    return f"{bucket}/ray/shop"


def command(shop: str, out: str | Path, *more: object) -> list[str]:
    slow = ("--policy", "tests.simulation.shoppers:SlowWanderer", "--seed", 5, "--max-steps", 8, "--record", "steps")
    return [str(word) for word in ("simulate", "--catalog", shop, "--sessions", 90, *slow, "--out", out, *more)]


def run(*words: object) -> Ended:
    ended = run_main(cli.app, *words)
    assert ended.exit_code == 0, ended.stderr
    return ended


def shards(proxy: FaultyProxy) -> list[str]:
    return [path for path in proxy.written() if "/shards/" in path]


@pytest.mark.usefixtures("machines")
def test_the_run_there_is_the_run_here(bucket: str, shop: str, proxy: FaultyProxy, tmp_path: Path) -> None:
    run(*command(shop, tmp_path / "here"))
    run(*command(shop, f"{bucket}/ray/run", "--backend", "ray"))
    assert shards(proxy)
    here, there = open_store(tmp_path / "here"), open_store(f"{bucket}/ray/run")
    assert list(there) == list(here)
    scores = []
    for backend in ("local", "ray"):
        out = tmp_path / f"{backend}.json"
        run("score", "--human", tmp_path / "here", "--agents", f"{bucket}/ray/run", "--embedder", "none",
            "--backend", backend, "--out", out)  # fmt: skip
        scores.append(json.loads(out.read_text()))
    assert scores[0]["measures"] == scores[1]["measures"]


def test_interrupted_it_goes_on(bucket: str, shop: str, proxy: FaultyProxy, tmp_path: Path, home_of_ray: Path) -> None:
    url = f"{bucket}/ray/interrupted"
    words = command(shop, url, "--backend", "ray")
    started = subprocess.Popen(
        [sys.executable, "-m", "paars_gym", *words], env={**os.environ, "HOME": str(home_of_ray)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    until = time.monotonic() + 120
    while not shards(proxy) and started.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    _, told = started.communicate(timeout=120)
    assert started.returncode == 130, told
    assert "Traceback" not in told
    run(*command(shop, tmp_path / "here"))
    whole: Any = list(open_store(tmp_path / "here"))
    begun = [one.key for one in open_store(url)]
    assert 0 < len(begun) < len(whole)
    run(*command(shop, url, "--resume"))
    assert list(open_store(url)) == whole
