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
        with Cluster(cpus=2) as started:
            yield started
