"""A log that workers read, part by part, and the personas that they mine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from paars_gym.alignment import open_log, score
from paars_gym.cluster.ordered import in_order
from paars_gym.cluster.session import Cluster
from paars_gym.sessions import writer
from paars_gym.sessions.event import Event, Session
from paars_gym.sessions.opening import EVERYTHING
from paars_gym.sessions.store import Provenance

pytestmark = pytest.mark.slow


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(writer, "PART_EVENTS", 50)
    monkeypatch.setattr(writer, "SESSIONS_AT_ONCE", 20)
    rng = np.random.default_rng(0)
    sessions = []
    for number in range(200):
        events = [Event(kind="search", query=f"shoes {rng.integers(9)}")]
        events += [
            Event(kind="view", product=f"p{n}", title=f"Shoe {n}", rank=int(rng.integers(1, 30)))
            for n in range(rng.integers(4))
        ]
        sessions.append(Session(shopper=f"s{number % 40}", key=f"k{number}", events=tuple(events)))
    return writer.write_sessions(tmp_path / "people", sessions, provenance=Provenance(what_is_known=EVERYTHING)).folder


def test_a_score_of_parts_is_that_of_one_process(cluster: Cluster, people: Path) -> None:
    here, there = open_log(people), open_log(people, spread=in_order(cluster))
    assert len(there._parts) > 3
    assert score(there, there, embedder=None) == score(here, here, embedder=None)


def test_damage_that_a_worker_finds_is_told(cluster: Cluster, people: Path) -> None:
    part = sorted(people.glob("events-*/part-*.parquet"))[-1]
    content = bytearray(part.read_bytes())
    content[40] ^= 1
    part.write_bytes(content)
    with pytest.raises(ValueError, match=rf"damaged: .*{part.name}: its checksum is"):
        open_log(people, spread=in_order(cluster))
