"""Cache, budget, limits, script and questions: does each do its one thing around any model?"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from paars_gym.config import BudgetConfig
from paars_gym.llm.ask import ask, read_answer
from paars_gym.llm.budget import Budgeted
from paars_gym.llm.cache import Cached
from paars_gym.llm.chat import Message, Reply, Request, Usage
from paars_gym.llm.errors import (
    BudgetSpentError,
    MalformedAnswerError,
    OfflineError,
    OutOfRepliesError,
    RateLimitError,
    RefusedError,
)
from paars_gym.llm.families import SCRIPTED
from paars_gym.llm.limits import CallLimits, RateLimited
from paars_gym.llm.prices import Price, usd_of
from paars_gym.llm.scripted import Line, ScriptedChat
from paars_gym.llm.spending import Spending
from paars_gym.llm.stack import make_model, open_model

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def question(text: str = "Which kettle?", **more: Any) -> Request:
    return Request(messages=(Message(role="user", text=text),), **more)


class Counting:
    """Answers with the number of the call, after a turn of the loop; fails where it is told to."""

    spec = "openai:gpt-4.1-mini"
    family = SCRIPTED

    def __init__(self, fail: Callable[[int], Exception | None] = lambda _: None, usage: Usage | None = None) -> None:
        self.calls = 0
        self.running = 0
        self.peak = 0
        self.fail = fail
        self.usage = usage or Usage(input=10, output=5)

    async def complete(self, request: Request) -> Reply:
        self.calls += 1
        number = self.calls
        self.running += 1
        self.peak = max(self.peak, self.running)
        try:
            await asyncio.sleep(0)
            if (error := self.fail(number)) is not None:
                raise error
            return Reply(text=str(number), usage=self.usage)
        finally:
            self.running -= 1

    async def aclose(self) -> None:
        pass


def test_a_finished_run_repeated_makes_no_calls(tmp_path: Path) -> None:
    async def once() -> tuple[list[str], int]:
        model = Counting()
        cached = Cached(model, tmp_path / "replies.sqlite")
        replies = await asyncio.gather(*(cached.complete(question(draw=number % 10)) for number in range(40)))
        await cached.aclose()
        return [reply.text for reply in replies], model.calls

    first, calls = run(once())
    assert calls == 10, "the same question asked at the same time is sent once"
    second, calls = run(once())
    assert (second, calls) == (first, 0)


@pytest.mark.parametrize(
    "change", [{"draw": 1}, {"temperature": 0.5}, {"max_tokens": 7}, {"seed": 1}, {"text": "Else?"}]
)
def test_every_parameter_is_part_of_the_key(tmp_path: Path, change: dict[str, Any]) -> None:
    async def main() -> int:
        model = Counting()
        cached = Cached(model, tmp_path / "replies.sqlite")
        await cached.complete(question())
        await cached.complete(question(**change))
        await cached.aclose()
        return model.calls

    assert run(main()) == 2


def test_failures_are_not_cached(tmp_path: Path) -> None:
    async def main() -> str:
        cached = Cached(Counting(lambda n: RateLimitError("busy") if n == 1 else None), tmp_path / "replies.sqlite")
        with pytest.raises(RateLimitError):
            await cached.complete(question())
        reply = await cached.complete(question())
        await cached.aclose()
        return reply.text

    assert run(main()) == "2"


def test_offline_forbids_calls_and_needs_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "replies.sqlite"
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    async def main() -> Reply:
        filled = open_model(Counting(), BudgetConfig(cache=path))
        await filled.complete(question())
        await filled.aclose()
        offline = open_model("openai:gpt-4.1-mini", BudgetConfig(cache=path, offline=True))
        known = await offline.complete(question())
        with pytest.raises(OfflineError, match="not in the cache"):
            await offline.complete(question("Something new?"))
        await offline.aclose()
        return known

    reply = run(main())
    assert (reply.text, reply.cached, reply.usd) == ("1", True, 0.0)


def test_offline_without_a_cache(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="offline needs a cache"):
        open_model("openai:gpt-4.1-mini", BudgetConfig(offline=True))
    with pytest.raises(FileNotFoundError):
        open_model("openai:gpt-4.1-mini", BudgetConfig(offline=True, cache=tmp_path / "none.sqlite"))


def test_a_file_that_is_no_cache(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database at all, but long enough to be taken for one" * 20)
    with pytest.raises(ValueError, match="is no cache of replies"):
        Cached(Counting(), path)


def test_a_reply_is_on_disk_before_the_caller_has_it(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"

    async def main() -> int:
        cached = Cached(Counting(), path)
        await cached.complete(question())
        # Another process looks, and nothing was closed.
        with sqlite3.connect(path) as other:
            count = other.execute("SELECT count(*) FROM replies").fetchone()[0]
        other.close()
        await cached.aclose()
        return int(count)

    assert run(main()) == 1


def test_price_by_hand() -> None:
    usage = Usage(input=1_000_000, cache_read=2_000_000, cache_write=500_000, output=100_000)
    assert Price(3, 15, 0.3, 3.75).usd(usage) == pytest.approx(3 + 0.6 + 1.875 + 1.5)
    assert usd_of("openai:gpt-4.1-mini", Usage(input=1_000_000)) == pytest.approx(0.4)
    assert usd_of("anthropic:claude-sonnet-4-5", Usage(input=100, cache_read=100_000)) == pytest.approx(0.0303)
    assert usd_of("openai:local@http://127.0.0.1:1/v1", Usage(input=100)) is None
    assert usd_of("scripted:x", Usage(input=100)) == 0


@given(st.integers(1, 12), st.floats(0.001, 0.05))
def test_the_limit_holds_at_any_concurrency(concurrency: int, max_usd: float) -> None:
    async def main() -> tuple[Spending, int, int]:
        # 1,000 output tokens at a dollar per thousand tokens less: 0.001 USD a call, and the worst case is 0.004.
        model = Counting(usage=Usage(output=1000))
        budgeted = Budgeted(model, max_usd=max_usd, price=Price(0, 1))
        gate = asyncio.Semaphore(concurrency)

        async def one(number: int) -> bool:
            async with gate:
                try:
                    await budgeted.complete(question(draw=number, max_tokens=4000))
                except BudgetSpentError:
                    return False
                return True

        done = await asyncio.gather(*(one(number) for number in range(60)))
        return budgeted.spending, model.calls, sum(done)

    tally, calls, done = run(main())
    assert tally.usd <= max_usd + 1e-9
    assert tally.calls == calls == done
    # It stops only where another call at its worst would not fit.
    assert done == 60 or tally.usd + 0.004 > max_usd - 1e-9


def test_a_limit_needs_a_price() -> None:
    model = Counting()
    model.spec = "openai:local@http://127.0.0.1:1/v1"
    with pytest.raises(ValueError, match="needs a price"):
        Budgeted(model, max_usd=1)
    assert Budgeted(model, max_usd=1, price=Price(1, 1)).spending.usd == 0


def test_report_counts_tokens_by_kind(tmp_path: Path) -> None:
    async def main() -> dict[str, Any]:
        model = open_model(
            Counting(usage=Usage(input=25, cache_read=75, output=5)), BudgetConfig(cache=tmp_path / "a.sqlite")
        )
        for _ in range(3):
            await model.complete(question())
        await model.complete(question("More?"))
        await model.aclose()
        return model.report()

    report = run(main())
    assert (report["calls"], report["from_cache"], report["prompt_cache_share"]) == (2, 2, 0.75)
    assert report["tokens"] == {"input": 50, "cache_read": 150, "cache_write": 0, "output": 10, "reasoning": 0}
    assert report["usd"] > 0


def test_concurrency_adapts_to_refusals() -> None:
    async def main() -> tuple[float, float, int]:
        model = Counting(lambda n: RateLimitError("busy") if n <= 8 else None)
        limits = CallLimits(concurrency=8)
        limited = RateLimited(model, limits)
        await asyncio.gather(*(limited.complete(question(draw=n)) for n in range(8)), return_exceptions=True)
        low = limits.concurrency
        model.peak = 0
        await asyncio.gather(*(limited.complete(question(draw=n)) for n in range(300)))
        return low, limits.concurrency, model.peak

    low, high, peak = run(main())
    assert low == 4, "eight refusals of one round count once"
    assert high == pytest.approx(8, abs=0.2)
    assert peak <= 8


def test_a_cancelled_caller_gives_its_place_back() -> None:
    async def main() -> int:
        model = Counting()
        limited = RateLimited(model, CallLimits(concurrency=1))
        tasks = [asyncio.create_task(limited.complete(question(draw=n))) for n in range(20)]
        await asyncio.sleep(0)
        for task in tasks[:10]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        return sum(isinstance(result, Reply) for result in results)

    assert run(main()) == 10


def test_tokens_a_minute_are_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        await yielded(0)

    yielded = asyncio.sleep

    async def main() -> float:
        limited = RateLimited(
            Counting(usage=Usage(input=900, output=100)),
            CallLimits(concurrency=4, tokens_per_minute=6000, clock=lambda: now),
        )
        monkeypatch.setattr("paars_gym.llm.limits.asyncio.sleep", sleep)
        for number in range(20):
            await limited.complete(question(draw=number))
        return now

    # 20 calls of 1,000 tokens at 6,000 a minute: the last may start after 19,000 tokens have drained.
    assert run(main()) == pytest.approx(190, abs=2)


def test_a_retry_after_holds_everybody_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    slept: list[float] = []

    really = asyncio.sleep

    async def sleep(seconds: float) -> None:
        nonlocal now
        if threading.current_thread() is not threading.main_thread():  # a server of another test that waits
            return await really(seconds)
        slept.append(seconds)
        now += seconds
        return None

    async def main() -> None:
        model = Counting(lambda n: RateLimitError("busy", retry_after=9) if n == 1 else None)
        limited = RateLimited(model, CallLimits(concurrency=4, clock=lambda: now))
        with pytest.raises(RateLimitError):
            await limited.complete(question())
        monkeypatch.setattr("paars_gym.llm.limits.asyncio.sleep", sleep)
        await limited.complete(question())

    monkeypatch.setattr(Counting, "complete", _without_pause(Counting.complete))
    run(main())
    assert slept == [9]


def _without_pause(complete: Any) -> Any:
    async def answer(self: Counting, request: Request) -> Reply:
        self.calls += 1
        if (error := self.fail(self.calls)) is not None:
            raise error
        return Reply(text=str(self.calls), usage=self.usage)

    return answer


def test_a_script(tmp_path: Path) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text(
        '"hello"\n'
        '{"text": "for kettles", "when": "kettle", "times": null}\n'
        '\n{"tool_calls": [{"name": "search", "arguments": {"text": "shoes"}}]}\n'
    )

    async def main() -> list[Reply]:
        model = make_model(f"scripted:{path}")
        asked = ("a kettle", "a kettle", "shoes", "another kettle")
        replies = [await model.complete(question(text)) for text in asked]
        with pytest.raises(OutOfRepliesError, match=r"no reply left for request 5, which ends 'socks'"):
            await model.complete(question("socks"))
        return replies

    replies = run(main())
    assert [reply.text for reply in replies] == ["hello", "for kettles", "", "for kettles"]
    assert replies[2].finish == "tool_calls"
    assert replies[2].tool_calls[0].arguments == '{"text": "shoes"}'


@pytest.mark.parametrize("row", ["{", "3", '{"txt": "a"}', '{"times": 0}', "[" * 100_000])
def test_a_script_with_a_wrong_line(tmp_path: Path, row: str) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text('"fine"\n' + row + "\n")
    with pytest.raises(ValueError, match="line 2 is no reply"):
        make_model(f"scripted:{path}")


class Pick(BaseModel):
    number: int


@pytest.mark.parametrize("text", ['{"number": 3}', 'Sure:\n```json\n{"number": 3}\n```\n', 'I say {"number": 3}.'])
def test_answers_with_text_around(text: str) -> None:
    assert read_answer(Reply(text=text), Pick).number == 3


def test_one_repair_with_the_validators_message() -> None:
    async def main() -> tuple[Pick, ScriptedChat, int]:
        model = ScriptedChat([Line(text='{"number": "three"}'), Line(text='{"number": 3}')])
        pick, replies = await ask(model, question(), Pick)
        return pick, model, len(replies)

    pick, model, count = run(main())
    assert (pick.number, count) == (3, 2)
    assert "number: Input should be a valid integer" in model.requests[1].messages[-1].text
    assert model.requests[1].messages[-2].text == '{"number": "three"}'


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ([Line(text="no"), Line(text="never")], MalformedAnswerError),
        ([Line(text='{"number": 3}', finish="length"), Line(text="no")], MalformedAnswerError),
        ([Line(text="I will not.", finish="refusal")], RefusedError),
    ],
)
def test_no_answer(lines: list[Line], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        run(ask(ScriptedChat(lines), question(), Pick))
