"""How are many shoppers asked one question each, some of them at once?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from inspect import isawaitable
from typing import TypeVar, cast

from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import session_rng
from paars_gym.shoppers.protocol import Answerer

T = TypeVar("T")


def ask_all(
    make: Callable[[], Answerer],
    askings: Sequence[tuple[str, Persona | None]],
    question: Callable[[Answerer, int], T | Awaitable[T]],
    *,
    seed: int,
    concurrency: int,
) -> list[T]:
    """The answers, in order; each comes from a shopper of its own.

    Args:
        make: Of the shoppers; an ``aclose`` of its is called at the end.
        askings: Of each, the key of its random generator, and whom the shopper plays.
        question: Asks a shopper the question of a number.
        seed: Of the answers.
        concurrency: Shoppers asked at once.
    """
    answers: dict[int, T] = {}
    waiting = enumerate(askings)

    async def work() -> None:
        for number, (key, persona) in waiting:
            shopper = make()
            started = shopper.reset(persona, None, session_rng(seed, key))
            if isawaitable(started):
                await started
            answer = question(shopper, number)
            answers[number] = cast("T", await answer if isawaitable(answer) else answer)

    async def everybody() -> None:
        try:
            await asyncio.gather(*(work() for _ in range(concurrency)))
        finally:
            if (aclose := getattr(make, "aclose", None)) is not None:
                await aclose()

    asyncio.run(everybody())
    return [answers[number] for number in range(len(askings))]
