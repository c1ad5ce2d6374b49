"""What would any shopper answer, a language model included? Each case is put to an `Answerer` (PAARS section 4.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from inspect import isawaitable
from typing import Any

import numpy as np

from benchmarks.item_scorers import Choices, Chooser
from paars_gym.alignment.item_selection import ItemCase, ItemCases
from paars_gym.llm.errors import ModelError
from paars_gym.personas.persona import Condition, Persona
from paars_gym.personas.statistics import household_persona
from paars_gym.sessions.seed import session_rng
from paars_gym.shoppers.protocol import Answerer, GaveUp
from paars_gym.shoppers.registry import make_answerer
from paars_gym.simulation.rollout import RUN_ENDING

UNANSWERED = -1


def answers_of(
    spec: str,
    condition: Condition,
    *,
    personas: dict[str, Persona] | None = None,
    concurrency: int = 16,
    options: Mapping[str, Any] | None = None,
) -> Chooser:
    """A chooser that asks a shopper: persona and question as in the paper, one case at a time.

    Personas are computed from what each case may know. A case that the shopper gives up, or whose model fails, is
    `UNANSWERED` and counts as wrong; a spent budget or a missing key ends the run.

    Args:
        spec: Name for `make_answerer`.
        condition: What of the persona it may use.
        personas: By key of the case, filled as they are needed, so that several conditions can share them.
        concurrency: Cases asked at once.
        options: For the shopper.

    Raises:
        ValueError: No such shopper, condition or option.
    """
    known = {} if personas is None else personas

    def choose(cases: ItemCases) -> Choices:
        make = make_answerer(spec, condition=condition, **(options or {}))
        return asyncio.run(_ask_all(cases, make, known, base=condition == "base", concurrency=concurrency))

    return choose


async def _ask_all(
    cases: ItemCases, make: Callable[[], Answerer], known: dict[str, Persona], *, base: bool, concurrency: int
) -> Choices:
    chosen = np.full(len(cases), UNANSWERED, dtype=np.int64)
    waiting = iter(range(len(cases)))

    async def work() -> None:
        for index in waiting:
            case = cases[index]
            if not base and case.key not in known:
                known[case.key] = persona_of(cases, index)
            try:
                chosen[index] = await _ask(cases, case, make(), known.get(case.key) if not base else None)
            except RUN_ENDING:
                raise
            except (ModelError, GaveUp):
                continue

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(work())
    except* RUN_ENDING as errors:
        raise errors.exceptions[0] from None
    finally:
        # Connections belong to this event loop: the next cases get new ones.
        if (aclose := getattr(make, "aclose", None)) is not None:
            await aclose()
    return chosen


async def _ask(cases: ItemCases, case: ItemCase, shopper: Answerer, persona: Persona | None) -> int:
    started = shopper.reset(persona, None, session_rng(cases.seed, case.key))
    if isawaitable(started):
        await started
    answer = shopper.choose_item([cases.log.catalog[product] for product in case.options])
    return int(await answer if isawaitable(answer) else answer)


def persona_of(cases: ItemCases, index: int) -> Persona:
    """The household's persona as of a case's basket, from a history without any of the four items."""
    return household_persona(cases.history(index), cases.log.catalog)
