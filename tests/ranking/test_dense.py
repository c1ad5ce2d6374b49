"""Vectors of products on disk: made once, whoever asks, and a killed process leaves nothing for ever."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.ranking.dense import product_vectors

ROOT = Path(__file__).resolve().parents[2]


class Counting:
    """Vectors of ones, and how often they were asked for."""

    name, dim, comparable = "counting", 4, False

    def __init__(self) -> None:
        self.asked = 0

    def embed(self, texts: Any) -> Any:
        self.asked += len(texts)
        return np.ones((len(texts), self.dim), dtype=np.float32)


KILLED = """
import os, signal
from paars_gym.catalog.store import Catalog
from paars_gym.ranking.dense import product_vectors
from tests.conftest import twelve_products
from tests.ranking.test_dense import Counting
class Killed(Counting):
    def embed(self, texts):
        os.kill(os.getpid(), signal.SIGKILL)
product_vectors(Catalog.from_products(twelve_products(), name="twelve", synthetic=True), Killed())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_what_a_killed_embedding_left_is_gone_after_the_next(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAARS_CACHE", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, check=False, cwd=ROOT)
    assert done.returncode == -9, done.stderr
    folder = tmp_path / "products"
    assert list(folder.glob("*.building"))
    assert product_vectors(catalog, Counting()).sum() == 4 * 12
    assert [path.suffix for path in folder.iterdir()] == [".npy"]


def test_of_several_at_once_one_embeds(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAARS_CACHE", str(tmp_path))
    embedder = Counting()
    with ThreadPoolExecutor(4) as pool:
        sums = [one.sum() for one in pool.map(lambda _: product_vectors(catalog, embedder), range(4))]
    assert sums == [48.0] * 4
    assert embedder.asked == 12
