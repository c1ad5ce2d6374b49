"""Small synthetic populations, whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from paars_gym.sessions.event import Event, Intention, Session

WORDS = (
    "red",
    "blue",
    "shoe",
    "kettle",
    "fan",
    "lamp",
    "desk",
    "chair",
    "quiet",
    "large",
    "small",
    "cheap",
    "usb",
    "hat",
)
GOALS = ("buy", "browse", "compare")


def make_population(
    n: int, *, seed: int, searches: float = 1.0, words: int = len(WORDS), shoppers: int | None = None
) -> list[Session]:
    rng = np.random.default_rng(seed)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    sessions = []
    for i in range(n):
        time, events = start, []
        for _ in range(1 + rng.poisson(searches)):
            time += timedelta(seconds=int(rng.integers(5, 40)))
            query = " ".join(rng.choice(WORDS[:words], 3))
            events.append(Event(kind="search", query=query, time=time, results=tuple("abcdef"), page=1))
            for _ in range(rng.poisson(1.2)):
                time += timedelta(seconds=int(rng.integers(5, 40)))
                rank = min(int(rng.geometric(0.4)), 6)
                seen = "abcdef"[rank - 1]
                events.append(Event(kind="view", product=seen, title=f"{query} {rank}", rank=rank, time=time))
                if rng.random() < 0.3:
                    events.append(Event(kind="purchase", product=seen, units=1, price=3.0, time=time))
        owner = i if shoppers is None else i % shoppers
        intention = Intention(text="x", goal=GOALS[i % 3])  # type: ignore[arg-type]
        sessions.append(
            Session(shopper=f"s{owner}", key=f"{seed}-{i:06d}", start=start, events=tuple(events), intention=intention)
        )
    return sessions


@pytest.fixture(scope="session")
def population() -> Callable[..., list[Session]]:
    return make_population
