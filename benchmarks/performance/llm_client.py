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
from typing import Annotated, Any, NamedTuple

import typer
from rich.table import Table

from benchmarks.processes import SPAWN, served
from paars_gym.cli.running import run_command
from paars_gym.config import BudgetConfig, ModelConfig
from paars_gym.llm.openai import OpenAIChat
from paars_gym.personas.persona import ConsumerProfile, Interests, Persona, ShoppingPreferences
from paars_gym.report.printing import Printer
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
    before = _resident_kib()
    tasks = []
    for number in range(count):
        arrival = ScheduledVisit(
            str(number), "s", PERSONA, Intention(text="headphones"), ARRIVAL, session_rng(0, str(number))
        )
        tasks.append(asyncio.create_task(play_async(shoppers(), RetailEnv(shop=shop), arrival, max_steps=20)))
    await asyncio.sleep(settle_seconds)
    assert not any(task.done() for task in tasks)
    after = _resident_kib()
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


def _resident_kib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4.0


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


def main(
    concurrency: Annotated[int, typer.Option(min=1, help="Sessions at once.")] = 256,
    rounds: Annotated[int, typer.Option(min=1, help="Of both passes at the shorter latency; medians are printed.")] = 3,
    short: Annotated[float, typer.Option(min=0.01, help="Seconds; the shorter latency.")] = 0.2,
    long: Annotated[float, typer.Option(min=0.01, help="Seconds; the longer latency.")] = 2.0,
    settle: Annotated[float, typer.Option(min=0.0, help="Seconds until memory is read.")] = 20.0,
) -> None:
    """Prints throughput, CPU and memory beside those of the bare SDK, all from this run."""
    shop = open_shop("mini", "bm25")
    # First of all: memory that a pass has freed would be used again, and not be seen.
    with server(120.0, shopping_script(shop)) as url:
        memory = asyncio.run(waiting_kib(shop, url, concurrency, settle))
    table = Table(
        "latency", "calls/s, bare SDK", "sessions", "ratio", "of the latency bound", "CPU ms a call, bare", "sessions"
    )
    console = Printer()
    for latency, times in ((short, rounds), (long, 1)):
        alone, ours = compare(shop, latency, concurrency, times)
        table.add_row(
            f"{latency:g} s",
            f"{alone.calls_per_second:.0f}",
            f"{ours.calls_per_second:.0f}",
            f"{ours.calls_per_second / alone.calls_per_second:.2f}",
            f"{ours.calls_per_second * latency / concurrency:.0%}",
            f"{alone.cpu_ms:.2f}",
            f"{ours.cpu_ms:.2f} ({ours.cpu_ms - alone.cpu_ms:+.2f})",
        )
    console.print(table)
    console.print(f"Wanted: a ratio of at least 0.90 at {short:g} s, and at most +3 ms.")
    console.print(f"Memory of a waiting session, its connection included: {memory:.0f} KiB (wanted: under 300).")


if __name__ == "__main__":
    run_command(main)
