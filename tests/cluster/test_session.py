"""Connecting to Ray: what is said where it is missing, or where nobody answers."""

from __future__ import annotations

import sys

import pytest

from paars_gym.cluster.session import Cluster


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r'pip install "paars_gym\[ray\]"'), Cluster():
        pass


def test_a_program_outside_the_cluster_is_told_where_to_run() -> None:
    with pytest.raises(ValueError, match=r"'ray://head:10001' is for programs outside .* --address auto"):
        Cluster("ray://head:10001").__enter__()


def test_an_address_where_nobody_answers_is_named() -> None:
    pytest.importorskip("ray")
    with pytest.raises(ConnectionError, match=r"No Ray cluster at --address '127.0.0.1:1'"), Cluster("127.0.0.1:1"):
        pass


@pytest.mark.slow
def test_a_cluster_within_another_is_that_one(cluster: Cluster) -> None:
    with Cluster() as inner:
        assert inner.cpus == 2
    assert cluster.cpus == 2
