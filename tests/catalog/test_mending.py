"""A file of a catalog is missing, cut or altered: what is advised ends with a good catalog."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.cli import app
from tests.benchmarks.running import Ended, run_main

BUILT_AGAIN = ("catalog.json", "checksums.json")
"""What nothing else in the folder says."""
LEFT_OUT = ("account.json", "rejected.jsonl")
FILES = (*BUILT_AGAIN, *LEFT_OUT, "products.parquet", "products.arrow")


def paars(*words: object) -> Ended:
    return run_main(app, *words)


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    feed = tmp_path_factory.mktemp("feed") / "feed.csv"
    rows = [f"p{number},Kettle {number},{number + 10}.5,Kitchen" for number in range(30)]
    feed.write_text("\n".join(["id,title,price,category", *rows, "p1,again,3,Kitchen"]) + "\n")
    return feed


@pytest.fixture(scope="module")
def sound(feed: Path) -> Path:
    assert paars("catalog", "build", feed, "--out", feed.with_name("shop")).exit_code == 0
    return feed.with_name("shop")


def test_the_files_are_all_there_are(sound: Path) -> None:
    assert {path.name for path in sound.iterdir()} == set(FILES)


@pytest.mark.parametrize("how", ["delete", "truncate", "flip"])
@pytest.mark.parametrize("name", FILES)
def test_what_is_advised_ends_with_a_good_catalog(sound: Path, feed: Path, name: str, how: str, tmp_path: Path) -> None:
    before, folder = list(Catalog.open(sound)), tmp_path / "shop"
    shutil.copytree(sound, folder)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    if how == "delete":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content if how == "flip" else content[: len(content) * 2 // 3])
    checked = paars("catalog", "check", folder)
    assert checked.exit_code == 1
    assert name in checked.stderr
    if name not in (*LEFT_OUT, "products.arrow"):
        described = paars("catalog", "describe", folder)
        assert described.exit_code == 2
        assert described.stderr.removeprefix("error: ").split() == checked.stderr.split()
    if name in BUILT_AGAIN:
        assert "Build the catalog again: paars catalog build FEED --out DIR" in checked.stderr
        assert paars("catalog", "check", folder, "--mend").exit_code == 2
        assert paars("catalog", "build", feed, "--out", folder).exit_code == 0
    else:
        assert f"paars catalog check {folder} --mend" in " ".join(checked.stderr.split())
        said = paars("catalog", "check", folder, "--mend")
        assert said.exit_code == 0
        assert ("left out" if name in LEFT_OUT else "written again") in said.output
    assert paars("catalog", "check", folder).exit_code == 0
    assert list(Catalog.open(folder)) == before
