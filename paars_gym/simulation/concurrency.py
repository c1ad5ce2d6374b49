"""Many sessions: at once for policies that wait for something, one after another for policies that compute.

Policies that compute do not play through `RetailVectorEnv`: they answer one page at a time, so there is nothing to
batch, and the vector environment's arrays of infos cost more than the visits themselves. Twelve actions on cached pages
of the mini catalog, without a policy: 69,000 sessions a second of processor time in turn, 33,000 as 64 visits at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable, iscoroutinefunction
from itertools import chain
from typing import Any

import numpy as np

from paars_gym.exit_codes import ExitCode
from paars_gym.llm.errors import RUN_ENDING
from paars_gym.shop.open import MakeEnv
from paars_gym.shoppers.protocol import Policy
from paars_gym.simulation.episode import (
    AsynchronousPolicyError,
    Env,
    Played,
    ScheduledVisit,
    play,
    play_async,
)

MakePolicy = Callable[[], Policy]


@dataclass
class StopRequest:
    """Ends a population early: sessions in flight are finished, no new one begins.

    Attributes:
        reason: Why; empty as long as nobody asks for it.
        exit_code: Of a command that ends so.
    """

    reason: str = ""
    exit_code: int = ExitCode.WRONG_USE

    def end(self, error: Exception) -> None:
        """Asks for it, unless somebody has."""
        if not self.reason:
            self.reason, self.exit_code = str(error), int(getattr(error, "exit_code", ExitCode.WRONG_USE))


def play_all(
    visits: Iterable[ScheduledVisit],
    *,
    make_env: MakeEnv,
    make_policy: MakePolicy,
    finished: Callable[[Played], None],
    max_steps: int = 50,
    concurrency: int = 1,
    stop: StopRequest | None = None,
    record: bool = False,
) -> None:
    """Plays sessions in memory; `paars_gym.simulation.run.run` does the same with a folder.

    A policy whose ``reset`` and ``act`` compute plays one session after another. One that waits (``async def``, or
    plain methods of a class that says ``blocking = True``, which then run in threads) plays as many at once as
    ``concurrency`` says, each slot with a policy object of its own. The sessions are the same.

    Args:
        visits: Read as they are needed.
        make_env: Makes an environment to shop in, one for each slot; see `paars_gym.shop.open.env_factory`.
        make_policy: Makes a policy; after a ``policy_error`` a new one takes over.
        finished: Given each session when it is finished, in no particular order.
        max_steps: Actions until a session is cut off, where the environment does not truncate it earlier.
        concurrency: Sessions at once, for policies that wait.
        stop: Looked at before each session; set here by an error that ends the run.
        record: Whether each `Played` has the records of its steps.

    Raises:
        ValueError: ``concurrency`` < 1 or ``max_steps`` < 1, or the environment's ``info`` lacks a key.
    """
    if concurrency < 1 or max_steps < 1:
        raise ValueError(f"{concurrency=} and {max_steps=} must be >= 1.")
    stop = stop or StopRequest()
    waiting = iter(visits)
    policy = make_policy()
    envs = [make_env()]
    threads = ThreadPoolExecutor(concurrency) if getattr(policy, "blocking", False) else None
    if threads is not None:
        policy, make_policy = InThreads(policy, threads), partial(_in_threads, make_policy, threads)
    try:
        if not (iscoroutinefunction(policy.reset) or iscoroutinefunction(policy.act)):
            unplayed = _in_turn(waiting, policy, envs[0], make_policy, finished, max_steps, stop, record)
            if unplayed is None:
                return
            waiting = chain([unplayed], waiting)
        slots = [policy, *(make_policy() for _ in range(concurrency - 1))]
        envs += [make_env() for _ in slots[1:]]
        _run(_at_once(waiting, slots, envs, make_policy, finished, max_steps, stop, record))
    finally:
        for env in envs:
            env.close()
        if threads is not None:
            threads.shutdown()


class InThreads:
    """A policy whose plain methods wait: they run in threads, so that others go on meanwhile.

    Attributes:
        in_threads: The policy.
    """

    def __init__(self, policy: Policy, threads: ThreadPoolExecutor) -> None:
        self.in_threads, self.name, self._threads = policy, policy.name, threads

    async def reset(self, *given: Any) -> None:
        """See `Shopper.reset`."""
        await self._wait(self.in_threads.reset, *given)

    async def act(self, observation: str, info: dict[str, Any]) -> Any:
        """See `Policy.act`."""
        return await self._wait(self.in_threads.act, observation, info)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.in_threads, name)

    async def _wait(self, method: Callable[..., Any], *given: Any) -> Any:
        done = await asyncio.get_running_loop().run_in_executor(self._threads, method, *given)
        return await done if isawaitable(done) else done


def _in_turn(
    waiting: Iterator[ScheduledVisit],
    policy: Policy,
    env: Env,
    make_policy: MakePolicy,
    finished: Callable[[Played], None],
    max_steps: int,
    stop: StopRequest,
    record: bool,
) -> ScheduledVisit | None:
    """Plays all; or gives the visit back, as it came, in whose session the policy turns out to be asynchronous."""
    while not stop.reason and (visit := next(waiting, None)) is not None:
        begin = _bookmark(visit.rng)
        try:
            played = play(policy, env, visit, max_steps=max_steps, record=record)
        except RUN_ENDING as error:
            stop.end(error)
            break
        except AsynchronousPolicyError:
            return visit._replace(rng=_reopened(visit.rng, begin))
        if played.session.end == "policy_error":
            policy = make_policy()
        finished(played)
    return None


def _bookmark(rng: np.random.Generator) -> tuple[Any, int]:
    """Where a generator stands; a copy would cost forty times as much, for each session."""
    return rng.bit_generator.state, getattr(rng.bit_generator.seed_seq, "n_children_spawned", 0)


def _reopened(rng: np.random.Generator, bookmark: tuple[Any, int]) -> np.random.Generator:
    """A generator that draws, and spawns, what the given one did from the bookmark on."""
    state, spawned = bookmark
    again = deepcopy(rng)
    seeds = again.bit_generator.seed_seq
    if isinstance(seeds, np.random.SeedSequence) and seeds.n_children_spawned != spawned:
        settings: dict[str, Any] = {**seeds.state, "n_children_spawned": spawned}
        seeds = np.random.SeedSequence(**settings)
        again = np.random.Generator(type(again.bit_generator)(seeds))
    again.bit_generator.state = state
    return again


def _in_threads(make_policy: MakePolicy, threads: ThreadPoolExecutor) -> Policy:
    return InThreads(make_policy(), threads)


async def _at_once(
    waiting: Iterator[ScheduledVisit],
    policies: Sequence[Policy],
    envs: Sequence[Env],
    make_policy: MakePolicy,
    finished: Callable[[Played], None],
    max_steps: int,
    stop: StopRequest,
    record: bool,
) -> None:
    async def slot(policy: Policy, env: Env) -> None:
        while not stop.reason and (visit := next(waiting, None)) is not None:
            try:
                played = await play_async(policy, env, visit, max_steps=max_steps, record=record)
            except RUN_ENDING as error:
                stop.end(error)
                return
            if played.session.end == "policy_error":
                policy = make_policy()
            finished(played)

    try:
        async with asyncio.TaskGroup() as group:
            for policy, env in zip(policies, envs, strict=True):
                group.create_task(slot(policy, env))
    except ExceptionGroup as failed:
        # One fault, such as a full disk, stops all slots: the first tells enough.
        raise failed.exceptions[0] from None
    finally:
        for policy in policies:
            if (aclose := getattr(policy, "aclose", None)) is not None:
                await aclose()


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
    else:  # a notebook has a loop of its own, which cannot be waited for
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, work).result()
