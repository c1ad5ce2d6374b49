"""Work that is spread over Ray: each piece once, opened once a worker, done again when its worker dies."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from paars_gym.cluster import pieces
from paars_gym.cluster.pieces import WorkersLostError, spread
from paars_gym.cluster.session import Cluster
from tests.cluster.work import Opened, die, die_once, refuse, square

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("waits", [False, True])
def test_each_piece_is_done_once(cluster: Cluster, tmp_path: Path, waits: bool) -> None:
    done: dict[int, int] = {}
    spread(cluster, square, Opened(tmp_path), range(40), finished=done.__setitem__, waits=waits)
    assert done == {piece: piece * piece for piece in range(40)}
    opened = [path.name.split("-")[1] for path in tmp_path.iterdir()]
    assert len(opened) == len(set(opened)) <= 3


@pytest.mark.parametrize("waits", [False, True])
def test_a_piece_whose_worker_dies_is_done_again(cluster: Cluster, tmp_path: Path, waits: bool) -> None:
    done: list[int] = []
    spread(cluster, die_once, tmp_path, range(20), finished=lambda _, result: done.append(result), waits=waits)
    assert sorted(done) == list(range(20))
    assert len(list(tmp_path.iterdir())) == 4


def test_a_piece_that_kills_its_workers_is_given_up(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "TRIES", 1)
    with pytest.raises(WorkersLostError, match="died 2 times"):
        spread(cluster, die, tmp_path, [7], finished=lambda *_: None)


def test_errors_of_the_work_are_raised_as_they_are(cluster: Cluster) -> None:
    with pytest.raises(LookupError, match=r"There is no \d") as raised:
        spread(cluster, refuse, None, range(9), finished=lambda *_: None)
    assert type(raised.value) is LookupError


def test_a_stop_finishes_what_is_under_way(cluster: Cluster, tmp_path: Path) -> None:
    done: list[int] = []
    spread(
        cluster,
        square,
        Opened(tmp_path),
        iter(range(10_000)),
        finished=lambda piece, _: done.append(piece),
        stopped=lambda: len(done) >= 3,
    )
    assert 3 <= len(done) <= 3 + 2 * pieces.AHEAD


def test_what_cannot_be_pickled_is_refused(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="cannot be sent to other machines"):
        spread(cluster, refuse, threading.Lock(), [1], finished=lambda *_: None)
