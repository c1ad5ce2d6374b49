"""The door that all workers ask: what it holds back together, and what becomes of the calls of a worker that died."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from paars_gym.cluster.door import RemoteLedger, _Keeper
from paars_gym.llm.budget import Pricing
from paars_gym.llm.chat import Usage
from paars_gym.llm.ledger import CallLedger
from paars_gym.llm.lost_causes import Watched
from paars_gym.llm.prices import Price, parse_price
from paars_gym.llm.scripted import Line, ScriptedChat

PRICE = Pricing("scripted:x", parse_price("1,0"))
MILLION = Usage(input=1_000_000)
"""Tokens of one dollar."""


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_prices_travel() -> None:
    assert isinstance(PRICE.price, Price)
    assert PRICE(MILLION) == 1.0


def test_calls_of_a_worker_that_died_stay_open_and_are_waited_for_no_longer(tmp_path: Path) -> None:
    async def main() -> None:
        keeper = _Keeper(str(tmp_path / "ledger.jsonl"), 8, None)
        await keeper.open("a", "a#1")
        await keeper.open("b", "b#1")
        assert await keeper.reserve("a#1", "scripted:x", MILLION, PRICE, "", 2.5, "")
        call = await keeper.reserve("b#1", "scripted:x", MILLION, PRICE, "", 2.5, "")
        assert call
        assert await keeper.reserve("b#1", "scripted:x", MILLION, PRICE, "", 2.5, "") == "", "both may cost less"
        await keeper.settle("b#1", call, Usage(input=600_000), 0.6, False)
        assert await keeper.reserve("b#1", "scripted:x", MILLION, PRICE, "", 2.5, "") == "", "that of a may"
        await keeper.open("a", "a#2")
        assert await keeper.reserve("b#1", "scripted:x", MILLION, PRICE, "", 2.5, "") is None
        late = await keeper.reserve("a#1", "scripted:x", Usage(input=1), PRICE, "", 2.5, "")
        assert late, "a worker that was held to be dead, and was not, is entered as well"
        assert await keeper.reserve("b#1", "scripted:x", MILLION, PRICE, "", 2.5, "") is None
        taken = CallLedger(tmp_path / "ledger.jsonl").taken()
        assert (taken.calls, taken.usd, len(taken.open)) == (1, 0.6, 2)
        assert 1.0 < taken.open_usd < 1.001

    run(main())


def test_places_of_a_worker_that_died_are_free_again(tmp_path: Path) -> None:
    async def main() -> None:
        keeper = _Keeper(str(tmp_path / "ledger.jsonl"), 1, None)
        await keeper.open("a", "a#1")
        await keeper.open("b", "b#1")
        await keeper.begin("a#1", "first", 10)
        queued = asyncio.create_task(keeper.begin("a#1", "second", 10))
        waiting = asyncio.create_task(keeper.begin("b#1", "third", 10))
        await asyncio.sleep(0.01)
        assert not waiting.done(), "one call at once, whoever asks"
        await keeper.open("a", "a#2")
        await asyncio.wait_for(waiting, 5)
        await asyncio.wait_for(queued, 5)
        await keeper.end("b#1", "third", 10, None)
        await asyncio.wait_for(keeper.begin("a#2", "fourth", 10), 5)

    run(main())


def test_a_refusal_of_one_worker_holds_all_back(tmp_path: Path) -> None:
    async def main() -> None:
        keeper = _Keeper(str(tmp_path / "ledger.jsonl"), 4, None)
        await keeper.begin("a#1", "first", 10)
        await keeper.end("a#1", "first", None, (0.3,))
        began = asyncio.get_running_loop().time()
        await keeper.begin("b#1", "second", 10)
        assert asyncio.get_running_loop().time() - began > 0.25

    run(main())


def test_failures_are_watched_over_all_pieces_of_a_worker() -> None:
    model = ScriptedChat([Line(text="hello", times=None)])
    ledgers = [RemoteLedger(None, asker, "door") for asker in ("a#1", "b#1")]
    left, right = (Watched(model, ledger=ledger) for ledger in ledgers)
    other = Watched(model, ledger=RemoteLedger(None, "a#1", "another door"))
    assert left._so_far is right._so_far
    assert left._so_far is not other._so_far
