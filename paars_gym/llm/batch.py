"""Questions that go out as a provider's batches, for half the price within a day, and are found again after a crash."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from paars_gym.files import make_private
from paars_gym.llm.batch_api import BatchApi, batch_api
from paars_gym.llm.cache import request_key
from paars_gym.llm.chat import ChatModel, Reply, Request, Wrapper, fit
from paars_gym.llm.errors import ModelError, ServerError, TransientError

BATCHED_AT_ONCE = 10_000
"""Questions put at once when they go out as batches: each waits in some ten kilobytes of memory."""
FIRST_POLL_SECONDS = 2.0
"""Small batches are often done at once; the wait grows by half each time."""


class Batched(Wrapper):
    """Answers through the provider's batches: calls that come in together go out together.

    When no call has come in for ``linger_seconds``, all that wait are handed in as one batch (several, when it would be
    too large). The batch's id and the keys of its requests are written to ``state`` before anything else happens, so
    the same calls made again, in this process or the next, wait for that batch instead of handing in another.

    Args:
        model: A bare adapter of a provider that has batches.
        state: File of the batches handed in, a JSON line each; made if needed.
        linger_seconds: How long to wait for more calls.
        poll_seconds: Longest time between two questions whether a batch is done: the first ones come sooner.
        announce: Told the id of each batch that is handed in, or waited for again.
        api: Instead of the adapter's own, for tests.
        environment: Part of the keys; see `paars_gym.llm.connection.environment_of`.
        sleep: For tests.

    Raises:
        ValueError: The provider has no batches.
    """

    def __init__(
        self,
        model: ChatModel,
        state: Path,
        *,
        linger_seconds: float = 2.0,
        poll_seconds: float = 60.0,
        announce: Callable[[str], None] | None = None,
        api: BatchApi | None = None,
        environment: Mapping[str, str] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(model)
        self._api = api or batch_api(model)
        self._environment = environment
        self._state = state
        self._linger = linger_seconds
        self._poll = poll_seconds
        self._sleep = sleep
        self._announce = announce or (lambda _: None)
        self._batch_of = _read_state(state, model.spec)
        self._results: dict[str, Reply] = {}
        self._futures: dict[str, asyncio.Future[Reply]] = {}
        self._queue: dict[str, Request] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._watched: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def complete(self, request: Request) -> Reply:
        """Answers when the batch is done; raises what kept the provider from answering this request."""
        key = request_key(self.spec, request, self._environment)
        dropped = {"dropped": fit(request, self.family)[1]}
        if key in self._results:
            return self._results[key].model_copy(update=dropped)
        future = self._futures.get(key)
        if future is None:
            future = self._futures[key] = asyncio.get_running_loop().create_future()
            if key in self._batch_of:
                if self._batch_of[key] not in self._watched:
                    self._announce(f"waiting for batch {self._batch_of[key]}, handed in before")
                self._watch(self._batch_of[key])
            else:
                self._enqueue(key, request)
        # One caller that gives up must not take the answer from another.
        return (await asyncio.shield(future)).model_copy(update=dropped)

    def handed_in(self, request: Request) -> str:
        """The key of a request; `Budgeted` finds by it the entry of one that a former process has handed in."""
        return request_key(self.spec, request, self._environment)

    async def aclose(self) -> None:
        """Stops waiting; batches already handed in go on at the provider, and are found again through ``state``."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._api.aclose()
        await super().aclose()

    def _enqueue(self, key: str, request: Request) -> None:
        self._queue[key] = request
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._linger, lambda: self._start(self._flush()))

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _flush(self) -> None:
        queue, self._queue = self._queue, {}
        part: dict[str, Request] = {}
        size = 0
        for key, request in queue.items():
            more = self._api.size(request)
            if part and (len(part) == self._api.max_requests or size + more > self._api.max_bytes):
                await self._submit(part)
                part, size = {}, 0
            part[key] = request
            size += more
        if part:
            await self._submit(part)

    async def _submit(self, part: dict[str, Request]) -> None:
        try:
            batch = await self._api.submit(part)
        except Exception as error:
            # Whatever it is, nobody may be left waiting for a batch that does not exist.
            self._settle(dict.fromkeys(part, _named(error)))
            return
        with make_private(self._state).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"batch": batch, "spec": self.spec, "keys": list(part)}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._batch_of.update(dict.fromkeys(part, batch))
        self._announce(f"handed in batch {batch}, {len(part):,} requests; its id is in {self._state}")
        self._watch(batch)

    def _watch(self, batch: str) -> None:
        if batch not in self._watched:
            self._watched.add(batch)
            self._start(self._wait_for(batch))

    async def _wait_for(self, batch: str) -> None:
        keys = [key for key, owner in self._batch_of.items() if owner == batch]
        results: dict[str, Reply | ModelError]
        wait = min(FIRST_POLL_SECONDS, self._poll)
        try:
            while True:
                try:
                    if await self._api.ended(batch):
                        results = await self._api.results(batch)
                        break
                except TransientError:
                    # The batch goes on without us; a bad minute of the network is no reason to give it up.
                    pass
                await self._sleep(wait)
                wait = min(wait * 1.5, self._poll)
        except Exception as error:
            results = dict.fromkeys(keys, _named(error))
        expired = ServerError(f"The batch {batch} ended before this request had an answer.")
        self._watched.discard(batch)
        self._settle({key: results.get(key, expired) for key in keys})

    def _settle(self, results: dict[str, Reply | ModelError]) -> None:
        for key, result in results.items():
            future = self._futures.pop(key, None)
            if isinstance(result, Reply):
                self._results[key] = result
                if future is not None and not future.done():
                    future.set_result(result)
                continue
            # Asked again, it goes into a new batch.
            self._batch_of.pop(key, None)
            if future is not None and not future.done():
                future.set_exception(result)
                # Nobody may be waiting any more; that is no unhandled error.
                future.exception()


def _named(error: Exception) -> ModelError:
    return error if isinstance(error, ModelError) else ModelError(f"The batch failed: {type(error).__name__}: {error}")


def _read_state(path: Path, spec: str) -> dict[str, str]:
    """The batch of each key; where a key was handed in again, the last one."""
    owners: dict[str, str] = {}
    if path.exists():
        for row in path.read_text(encoding="utf-8").splitlines():
            try:
                line = json.loads(row)
            except json.JSONDecodeError:
                # The process was killed while it wrote this line.
                continue
            if line["spec"] == spec:
                owners.update(dict.fromkeys(line["keys"], line["batch"]))
    return owners
