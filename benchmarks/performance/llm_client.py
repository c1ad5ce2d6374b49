"""What a shopping session with a language model costs beside the model, against the bare SDK in the same run.

A server on 127.0.0.1 answers after a fixed latency. The same request bodies go out twice at the same concurrency: from
whole sessions in the shop (prompts, parsing, cache, budget, limits, retries), and from nothing but the async SDK.
Called as its documentation calls it, that one transforms the body level by level, which `OpenAIChat` spares itself.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.performance.rows import SpeedRow, at_least, at_most, peak_mb, resident_mb
from benchmarks.processes import SPAWN, served
from paars_gym.config import BudgetConfig, ModelConfig
from paars_gym.llm.openai import OpenAIChat
from paars_gym.personas.persona import ConsumerProfile, Interests, Persona, ShoppingPreferences
from paars_gym.sessions.event import Intention, session_rng
from paars_gym.shop.env import RetailEnv
from paars_gym.shop.open import open_shop
from paars_gym.shop.rewards import NoReward
from paars_gym.shop.shop import Shop
from paars_gym.shop.visit import Visit
from paars_gym.shoppers.llm_shared import llm_shoppers
from paars_gym.simulation.episode import ScheduledVisit, play_async

PERSONA = Persona(
    shopper="s",
    profile=ConsumerProfile(categories=Interests(values=("Headphones",))),
    preferences=ShoppingPreferences(notes="Compares."),
    history="\n".join(f"2025-01-{day:02d}\n- bought headphones for 29.00; a kettle for 19.00" for day in range(1, 29)),
    source="synthetic",
)
ARRIVAL = datetime(2025, 1, 6, tzinfo=UTC)
LEAST_RATIO, MAX_MORE_MS, MAX_KIB = 0.9, 3.0, 300.0
GROWTH_SESSIONS = 256


class Pass(NamedTuple):
    """One way of making the calls: how many a second, and this process's CPU time for each."""

    calls_per_second: float
    cpu_ms: float


def shopping_script(shop: Shop) -> list[tuple[str, dict[str, Any]]]:
    """What the model says, step by step."""
    visit = Visit(shop, max_steps=2, reward=NoReward())
    first = visit.advance("search[headphones]")[4]["results"]
    return [
        ("search", {"query": "headphones"}),
        ("view", {"product_id": first[0]}),
        ("view", {"product_id": first[1]}),
        ("add_to_cart", {"product_id": first[1]}),
        ("purchase", {}),
        ("stop", {}),
    ]


async def sessions(shop: Shop, url: str, count: int, concurrency: int, bodies: list[dict[str, Any]] | None) -> Pass:
    """Whole sessions, each slot one after another, as a run plays them."""
    with tempfile.TemporaryDirectory() as folder:
        model = _Recording(url, bodies) if bodies is not None else f"openai:m@{url}"
        cache = Path(folder) / "replies.sqlite"
        shoppers = llm_shoppers(
            ModelConfig(spec=model, price="1,4"), BudgetConfig(cache=cache, concurrency=concurrency)
        )
        waiting = iter(range(count))

        async def slot() -> None:
            shopper, env = shoppers(), RetailEnv(shop=shop)
            for number in waiting:
                arrival = ScheduledVisit(
                    str(number), "s", PERSONA, Intention(text="headphones"), ARRIVAL, session_rng(0, str(number))
                )
                played = await play_async(shopper, env, arrival, max_steps=20)
                assert played.session.end == "stop", played.cause

        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(slot() for _ in range(concurrency)))
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        calls = shoppers.model.spending.calls
        await shoppers.aclose()
    return Pass(calls / seconds, 1000 * cpu / calls)


async def bare(url: str, bodies: list[dict[str, Any]], concurrency: int) -> Pass:
    """The same bodies through the async SDK alone."""
    import openai

    client = openai.AsyncOpenAI(api_key="not-needed", base_url=url, max_retries=0, timeout=120)
    waiting = iter(bodies)

    async def slot() -> None:
        for body in waiting:
            await client.chat.completions.create(**body)

    begun, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(slot() for _ in range(concurrency)))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    await client.close()
    return Pass(len(bodies) / seconds, 1000 * cpu / len(bodies))


async def waiting_kib(shop: Shop, url: str, count: int, settle_seconds: float) -> float:
    """Resident memory of each of so many sessions that wait for their first answer."""
    shoppers = llm_shoppers(f"openai:m@{url}", BudgetConfig(concurrency=count))
    gc.collect()
    before = 1e6 / 1024 * resident_mb()
    tasks = []
    for number in range(count):
        arrival = ScheduledVisit(
            str(number), "s", PERSONA, Intention(text="headphones"), ARRIVAL, session_rng(0, str(number))
        )
        tasks.append(asyncio.create_task(play_async(shoppers(), RetailEnv(shop=shop), arrival, max_steps=20)))
    await asyncio.sleep(settle_seconds)
    assert not any(task.done() for task in tasks)
    after = 1e6 / 1024 * resident_mb()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await shoppers.aclose()
    return (after - before) / count


class _Recording(OpenAIChat):
    """Keeps what it sends."""

    def __init__(self, url: str, bodies: list[dict[str, Any]]) -> None:
        super().__init__("m", base_url=url)
        self._bodies = bodies

    async def _send(self, body: dict[str, Any]) -> Any:
        self._bodies.append(body)
        return await super()._send(body)


@contextmanager
def server(latency_seconds: float, script: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """A server in a process of its own; which step it is, it sees by the assistant's turns in the request."""
    ours, theirs = SPAWN.Pipe()
    with served(_serve, theirs, latency_seconds, script):
        yield f"http://127.0.0.1:{ours.recv()}/v1"


def _serve(to: Connection, latency_seconds: float, script: list[tuple[str, dict[str, Any]]]) -> None:
    answers = [_answer(name, arguments) for name, arguments in script]

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                body = await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
                await asyncio.sleep(latency_seconds)
                writer.write(answers[body.count(b'"role":"assistant"') % len(answers)])
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionResetError):
            writer.close()

    async def main() -> None:
        listening = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=2000, limit=2**24)
        to.send(listening.sockets[0].getsockname()[1])
        await listening.serve_forever()

    asyncio.run(main())


def _answer(name: str, arguments: dict[str, Any]) -> bytes:
    call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
    choice = {"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": [call]}}
    usage = {"prompt_tokens": 2000, "completion_tokens": 20, "total_tokens": 2020}
    answer = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    body = json.dumps(answer).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def compare(shop: Shop, latency: float, concurrency: int, rounds: int) -> tuple[Pass, Pass]:
    """The bare SDK and whole sessions, alternating; medians of the rounds.

    Args:
        shop: Where the sessions shop.
        latency: Seconds until the server answers.
        concurrency: Sessions at once, and calls at once.
        rounds: Of both passes.
    """
    with server(latency, shopping_script(shop)) as url:
        bodies: list[dict[str, Any]] = []
        asyncio.run(sessions(shop, url, concurrency, concurrency, bodies))
        pairs = [
            (
                asyncio.run(bare(url, bodies, concurrency)),
                asyncio.run(sessions(shop, url, concurrency, concurrency, None)),
            )
            for _ in range(rounds)
        ]
    alone, ours = (
        Pass(*(statistics.median(column) for column in zip(*passes, strict=True)))
        for passes in zip(*pairs, strict=True)
    )
    return alone, ours


def rows(reduced: bool) -> list[SpeedRow]:
    """Throughput, processor time and memory beside those of the bare SDK."""
    concurrency, rounds, latency, settle = (8, 1, 0.05, 3.0) if reduced else (256, 3, 0.2, 20.0)
    shop = open_shop("mini", "bm25")
    # First of all: memory that a pass has freed would be used again, and not be seen.
    with server(120.0, shopping_script(shop)) as url:
        memory = asyncio.run(waiting_kib(shop, url, concurrency, settle))
    alone, ours = compare(shop, latency, concurrency, rounds)
    name = f"{concurrency} sessions of a language model that answers in {latency:g} s"
    beside, lenience = "bare SDK, the same bodies", 4.0 if reduced else 1.0
    return [
        SpeedRow(
            name=name,
            measured=ours.calls_per_second,
            unit="calls/s",
            beside=beside,
            peer=alone.calls_per_second,
            asked=at_least(LEAST_RATIO / lenience, "ratio"),
        ),
        SpeedRow(name=f"{name}: a call", measured=ours.cpu_ms, unit="CPU ms", beside=beside, peer=alone.cpu_ms),
        SpeedRow(
            name=f"{name}: a call, beyond the SDK",
            measured=ours.cpu_ms - alone.cpu_ms,
            unit="CPU ms",
            beside="limit",
            peer=MAX_MORE_MS,
            asked=at_most(MAX_MORE_MS * lenience),
        ),
        SpeedRow(
            name=f"memory of a session that waits, its connection included, {concurrency} of them",
            measured=memory,
            unit="KiB",
            beside="limit",
            peer=MAX_KIB,
            # Of few sessions it is mostly what the first one loads.
            asked=() if reduced else at_most(MAX_KIB),
        ),
    ]


def growth_point(concurrency: int) -> dict[str, float]:
    """As many sessions at once as were asked for, each six calls long, against a server that answers in 0.2 s."""
    shop = open_shop("mini", "bm25")
    with server(0.2, shopping_script(shop)) as url:
        asyncio.run(sessions(shop, url, 1, 1, None))  # what the first call of a process loads
        before = resident_mb()
        count = max(concurrency, min(GROWTH_SESSIONS, 4 * concurrency))
        done = asyncio.run(sessions(shop, url, count, concurrency, None))
    figures = {"calls, calls/s": done.calls_per_second, "a call, CPU ms": done.cpu_ms}
    return figures if concurrency == 1 else {**figures, "memory beyond one session's, MB": peak_mb() - before}
