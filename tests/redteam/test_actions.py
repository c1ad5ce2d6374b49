"""A million hostile and plain actions, by eight threads on one shop, in two forks that are each other's twin.

``actions.jsonl`` holds a piece a line: a ``string``; a ``text`` or a ``mapping`` in which ``{}`` stands for strings; a
``value`` or a ``number``, as it is or by the name of what makes it; a ``plain`` action.
"""

from __future__ import annotations

import datetime
import decimal
import json
import multiprocessing
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.shop.env import RetailEnv
from paars_gym.shop.open import open_shop
from paars_gym.shop.shop import Shop

ROWS = [json.loads(row) for row in (Path(__file__).parent / "actions.jsonl").read_text(encoding="utf-8").splitlines()]
PIECES = {kind: [row[kind] for row in ROWS if kind in row] for kind in ("string", "text", "mapping", "value", "number")}
PLAIN = [row["plain"] for row in ROWS if "plain" in row]
POOL = 6_000
THREADS = 8
SAME_AFTER_A_MISTAKE = ("page", "query", "results", "first_rank", "product", "more", "can_back", "cart", "purchases")


class Broken(dict[str, Any]):
    """A mapping that raises when it is asked."""

    def get(self, *_: Any) -> Any:
        raise OSError("no")

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("no")


def nested(depth: int, *, mapping: bool = False) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"x": value} if mapping else [value]
    return value


def circular() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


MAKERS: dict[str, Callable[[], Any]] = {
    "huge_int": lambda: 10**5_000,
    "negative_huge": lambda: -(10**5_000),
    "nan": lambda: float("nan"),
    "inf": lambda: float("-inf"),
    "bytes": lambda: b"view[s1]",
    "bytearray": lambda: bytearray(b"\xff\x00"),
    "none": lambda: None,
    "true": lambda: True,
    "int64": lambda: np.int64(3),
    "float32": lambda: np.float32("nan"),
    "str_": lambda: np.str_("view[s1]"),
    "array": lambda: np.zeros((2, 2)),
    "object": object,
    "nested_list": lambda: nested(3_000),
    "nested_dict": lambda: nested(3_000, mapping=True),
    "wide_dict": lambda: {str(number): "x" for number in range(2_000)},
    "long_text": lambda: "x" * 50_000,
    "long_bytes": lambda: b"x" * 50_000,
    "set": lambda: {1, 2},
    "tuple": lambda: ("search", "x"),
    "complex": lambda: 1j,
    "decimal": lambda: decimal.Decimal("1e-400"),
    "date": lambda: datetime.date(2020, 1, 1),
    "path": lambda: Path("view[s1]"),
    "lambda": lambda: MAKERS["object"],
    "broken_mapping": lambda: Broken(name="search"),
    "circular": circular,
}


def made(value: Any) -> Any:
    return MAKERS[value]() if isinstance(value, str) and value in MAKERS else value


def filled(template: Any, rng: random.Random) -> Any:
    """The template with pieces in its places."""
    if isinstance(template, str):
        parts = template.split("{}")
        return parts[0] + "".join(rng.choice(PIECES["string"]) + part for part in parts[1:])
    if isinstance(template, dict):
        if "$" in template:
            return made(rng.choice(PIECES[template["$"]]))
        return {filled(name, rng): filled(value, rng) for name, value in template.items()}
    return template


def pool(seed: int) -> list[Any]:
    """Actions, a third of each kind."""
    rng = random.Random(seed)
    actions: list[Any] = []
    for _ in range(POOL // 3):
        actions.append(filled(rng.choice(PIECES["text"]), rng))
        actions.append(filled(rng.choice(PIECES["mapping"]), rng))
        actions.append(made(rng.choice(PIECES["value"])) if rng.random() < 0.1 else rng.choice(PIECES["string"]))
    return actions


class Played(NamedTuple):
    """What came of a thread's steps: equal for equal seeds, whatever the threads around it did."""

    digest: int
    mistakes: int
    bought: int


def play(shop: Shop, seed: int, steps: int, hostile: list[Any]) -> Played:
    env, rng = RetailEnv(shop=shop, max_steps=60, reward="units"), random.Random(seed)
    _, before = env.reset(seed=seed)
    digest = mistakes = bought = 0
    for _ in range(steps):
        action = rng.choice(PLAIN) if rng.random() < 0.5 else rng.choice(hostile)
        page, reward, terminated, truncated, info = env.step(action)
        assert env.observation_space.contains(page), repr(action)[:200]
        assert info["action_valid"] == (info["error"] is None)
        if info["error"] is not None:
            mistakes += 1
            assert "\n" not in info["error"]
            assert reward == 0.0
            assert all(info[name] == before[name] for name in SAME_AFTER_A_MISTAKE), repr(action)[:200]
        assert info["step"] == before["step"] + 1
        bought += sum(event.kind == "purchase" for event in info["events"])
        # Encoded: half a surrogate pair would raise.
        told = f"{page}{reward}{terminated}{truncated}{info['error']}{info['cart']}".encode()
        digest = crc32(told, digest)
        before = env.reset()[1] if terminated or truncated else info
    return Played(digest, mistakes, bought)


def play_threads(shop: Shop, steps: int, hostile: list[Any]) -> list[Played]:
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(lambda seed: play(shop, seed, steps // THREADS, hostile), range(THREADS)))


def forgetful(catalog: Catalog) -> Shop:
    """A shop that forgets pages all the time, while others look at them."""
    return open_shop(catalog, "bm25", page_size=3, max_remembered=50)


def test_ten_thousand_steps(catalog: Catalog) -> None:
    hostile, shop = pool(1), forgetful(catalog)
    together = play_threads(shop, 8_000, hostile)
    assert together[3] == play(shop, 3, 1_000, hostile)
    assert len({one.digest for one in together}) == THREADS
    assert sum(one.mistakes for one in together) > 2_000
    assert sum(one.bought for one in together) > 20


def test_every_piece_is_reached() -> None:
    named = {name for name in (*PIECES["value"], *PIECES["number"]) if isinstance(name, str)}
    assert named - {"2", "two"} == set(MAKERS)
    kinds = {type(action) for action in pool(1)}
    assert {str, dict, bytes, float, np.float32, np.ndarray, Broken, list, type(None)} <= kinds


@pytest.mark.slow
def test_a_million_steps_by_threads_in_two_forks(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, hostile = forgetful(catalog), pool(2)
    play(shop, 0, 100, hostile)  # what a fork inherits has been used
    monkeypatch.setattr(f"{__name__}.inherited", (shop, hostile))
    with multiprocessing.get_context("fork").Pool(2) as forks:
        jobs = [forks.apply_async(_in_fork, (500_000,)) for _ in range(2)]
        one, other = (job.get(timeout=900) for job in jobs)
    assert one == other
    assert one[5].mistakes > 10_000
    assert play(shop, 5, 2_000, hostile).mistakes > 200


inherited: tuple[Any, ...] = ()
"""By a fork: the shop and the objects themselves, whose addresses may stand in what is said of them."""


def _in_fork(steps: int) -> list[Played]:
    shop, hostile = inherited
    return play_threads(shop, steps, hostile)
