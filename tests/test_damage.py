"""Bits that flip, ends that are cut and files that vanish: the same answer, or a sentence that says what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from paars_gym.catalog.store import Catalog
from paars_gym.cli.app import app
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.ranking.index import open_index
from paars_gym.sessions.store import Store
from paars_gym.simulation.run import run as simulate
from tests.abtest.shoppers import FirstBuyer, headphones, people

ROOT = Path(__file__).resolve().parents[1]
HARMLESS = {"telemetry.jsonl", "account.json", "rejected.jsonl"}
"""Of a run: what it took of a model, which no session depends on."""
ADVICE = ("paars ", "choose another folder")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("sound")
    catalog.save(root / "catalog")
    open_index(Catalog.open(root / "catalog"))
    run = RunConfig(personas=people(4), intentions=headphones, policy=FirstBuyer, sessions=6, record="steps")
    simulate(root / "run", run, ShopConfig(catalog=catalog))
    return {"catalog": root / "catalog", "store": root / "run" / "sessions", "run": root / "run"}


@pytest.mark.parametrize("flips", [50, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["catalog", "store", "run"])
def test_damage_is_harmless_or_named_with_what_to_do(
    kind: str, flips: int, folders: dict[str, Path], tmp_path: Path
) -> None:
    # Another process: a crash of a library in damaged bytes must fail this test alone, and be seen.
    done = subprocess.run(
        [sys.executable, "-m", "tests.flips", kind, str(folders[kind]), str(tmp_path), str(flips)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    good, *lines = done.stdout.splitlines()
    assert done.returncode == 0, f"it died of {done.returncode} after {lines[-1:]}: {done.stderr[-2000:]}"
    assert len(lines) == flips
    named = 0
    for line in lines:
        name, _, outcome, said = line.split("\t")
        if outcome == good:
            continue
        words = outcome.removeprefix("named: ") if outcome.startswith("named: ") else said
        assert any(advice in words for advice in ADVICE), line
        assert name not in HARMLESS, line
        named += 1
    assert named > flips // 10


def test_the_store_of_a_run_is_written_again_from_its_log(folders: dict[str, Path], tmp_path: Path) -> None:
    run = shutil.copytree(folders["run"], tmp_path / "run")
    before = list(Store(run / "sessions"))
    (part,) = (run / "sessions").glob("events-*/part-*.parquet")
    part.write_bytes(part.read_bytes()[:-9])
    with pytest.raises(ValueError, match=f"paars sessions check {run} --mend"):
        Store(run / "sessions")
    done = CliRunner().invoke(app, ["sessions", "check", str(run), "--mend"], catch_exceptions=False)
    assert "mended" in done.output
    assert list(Store(run / "sessions")) == before
