"""A test whose arms are played by the workers of a Ray cluster: the same numbers as in one process."""

from __future__ import annotations

from pathlib import Path

import pytest

from paars_gym.abtest import ABTest, Arm
from paars_gym.abtest.patch import Change
from paars_gym.cluster.session import Cluster
from paars_gym.config import RunConfig
from paars_gym.synthetic.world import mini_world

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kept", [False, True])
def test_the_result_is_that_of_one_process(cluster: Cluster, tmp_path: Path, kept: bool) -> None:
    test = ABTest(Arm("bm25"), Arm("bm25+rating:0.3", patch=[Change(all=True, price_percent=-5)]))
    run = RunConfig(personas=mini_world(n_shoppers=20).personas, sessions=60, draws=2, seed=4)
    here = test.run(run)
    there = test.run(run.model_copy(update={"backend": "ray"}), out=tmp_path / "test" if kept else None)
    assert there == here
    if kept:
        assert {"control", "treatment", "result.json"} <= {path.name for path in (tmp_path / "test").iterdir()}
