"""A Ray of its own for the tests of this folder: two processors, a temporary home, ended by its own API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paars_gym.cluster.session import Cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))  # Ray writes a token there
        # By default they give way to all other processes, and on a busy machine tests would wait for them for minutes.
        patch.setenv("RAY_worker_niceness", "0")
        with Cluster(cpus=2) as started:
            yield started
