"""Does the search choose the candidate that is truly nearest, and judge it on people it has not seen?"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.prompt_search import search, table
from paars_gym.alignment import open_log
from paars_gym.alignment.session_log import SessionLog
from paars_gym.sessions import Event, Session


def log(n: int, views: float, seed: int) -> SessionLog:
    rng = np.random.default_rng(seed)
    sessions = []
    for i in range(n):
        events = [Event(kind="search", query="q")] + [Event(kind="view", product="p")] * int(rng.poisson(views))
        events += [Event(kind="purchase", product="p", units=1)] * int(rng.random() < 0.3)
        sessions.append(Session(shopper=f"{i // 2}", key=f"{i}", events=tuple(events)))
    return open_log(sessions)


def test_the_nearest_candidate_is_chosen() -> None:
    people = log(800, 2.0, 0)
    found = search(people, {"far": log(400, 5.0, 1), "near": log(400, 2.1, 2), "none": log(400, 0.3, 3)})
    assert found.candidates[0].name == found.best_on_test == "near"
    assert (found.candidates[0].test.value or 1.0) < 0.01 < (found.candidates[1].test.low or 0.0)
    assert found.floor < 0.01
    assert all((one.test.low or 0.0) <= (one.test.high or 0.0) for one in found.candidates)
    assert table(found).row_count == 4
    assert found == search(people, {"far": log(400, 5.0, 1), "near": log(400, 2.1, 2), "none": log(400, 0.3, 3)})


def test_nothing_to_choose_from_is_refused() -> None:
    with pytest.raises(ValueError, match="0 candidates"):
        search(log(10, 1.0, 0), {})
