"""One door to language models for all workers of a cluster: the driver's ledger of calls, and limits that all share.

An actor on the driver's node enters every call into the ledger of the output and lets calls out, so that ``max_usd``,
calls at once and tokens a minute bound all workers together. It ends with the driver. Whoever asks does so for a piece
of work; when a piece begins again because its worker died, what that worker had under way is waited for no longer: its
calls stay open in the ledger, at the most that they may cost.
"""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from paars_gym.cluster.session import require_ray
from paars_gym.config import BudgetConfig
from paars_gym.llm.budget import Pricing
from paars_gym.llm.chat import Usage
from paars_gym.llm.errors import RateLimitError
from paars_gym.llm.ledger import LEDGER_FILE, CallLedger, ledger_of
from paars_gym.llm.limits import CallLimits
from paars_gym.llm.spending import Taken

AT_ONCE = 100_000
"""Calls of all workers that may wait at the door."""


class Door:
    """The driver's side: starts the actor, and ends it with the block.

    Attributes:
        budget: For what the driver itself asks for, or adds up: its ledger is the file that the door writes.
        workers: For the workers: the actor and the limits, a small thing that can be pickled.
    """

    def __init__(self, budget: BudgetConfig) -> None:
        """Args:
        budget: Of all workers together. The file of its ledger has to be the driver's; one in memory is replaced by a
            temporary file, which is empty at first.
        """
        self.budget = budget
        self._ours = ExitStack()

    def __enter__(self) -> Self:
        ray = require_ray()
        strategies = import_module("ray.util.scheduling_strategies")
        ledger = ledger_of(self.budget.ledger)
        if ledger.path is None:
            folder = self._ours.enter_context(tempfile.TemporaryDirectory(prefix="paars-ledger-"))
            ledger = ledger_of(Path(folder) / LEDGER_FILE)
        self.budget = self.budget.model_copy(update={"ledger": ledger})
        here = strategies.NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        kind = ray.remote(_Keeper).options(num_cpus=0, max_concurrency=AT_ONCE, scheduling_strategy=here)
        assert ledger.path is not None
        self._keeper = kind.remote(
            str(ledger.path.absolute()), self.budget.concurrency, self.budget.tokens_per_minute
        )  # fmt: skip
        self._ours.callback(ray.kill, self._keeper)
        self.workers = DoorForWorkers(self._keeper, self.budget.model_copy(update={"ledger": None}))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ours.close()

    def stop(self) -> None:
        """Tells all workers to begin nothing new."""
        self._keeper.stop.remote()


class DoorForWorkers:
    """What workers are sent of a door."""

    def __init__(self, keeper: Any, budget: BudgetConfig) -> None:
        self.keeper = keeper
        self.budget = budget
        self._name = uuid.uuid4().hex
        self._first: RemoteLedger | None = None

    def opened(self, piece: str) -> BudgetConfig:
        """In a worker: the budget for a piece of work, whose calls and limits are those of the door.

        Args:
            piece: Names it among all pieces. When it is opened again its former worker is held to be dead.
        """
        asker = f"{piece}#{uuid.uuid4().hex[:8]}"
        _answer(self.keeper.open.remote(piece, asker))
        ledger = RemoteLedger(self.keeper, asker, self._name)
        self._first = self._first or ledger  # kept, and with it what is known of requests that all fail
        return self.budget.model_copy(update={"ledger": ledger, "limits": RemoteLimits(self.keeper, asker)})

    def is_stopped(self) -> bool:
        """Whether nothing new is to begin."""
        return bool(_answer(self.keeper.is_stopped.remote()))


class RemoteLedger(CallLedger):
    """The door's ledger, as the calls of a worker see it; those of one door are equal, whoever asks."""

    def __init__(self, keeper: Any, asker: str, door: str) -> None:
        super().__init__()
        self._keeper = keeper
        self._asker = asker
        self._door = door

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteLedger) and other._door == self._door

    def __hash__(self) -> int:
        return hash(self._door)

    def reserve(
        self,
        model: str,
        worst: Usage,
        price: Callable[[Usage], float | None],
        *,
        part: str = "",
        limit: float | None = None,
        key: str = "",
    ) -> str | None:
        """See `CallLedger.reserve`."""
        call: str | None = _answer(self._keeper.reserve.remote(self._asker, model, worst, price, part, limit, key))
        return call

    def settle(self, call: str, usage: Usage, usd: float | None, *, estimated: bool = False) -> None:
        """See `CallLedger.settle`."""
        _answer(self._keeper.settle.remote(self._asker, call, usage, usd, estimated))

    def release(self, call: str) -> None:
        """See `CallLedger.release`."""
        _answer(self._keeper.release.remote(self._asker, call))

    def lose(self, call: str) -> None:
        """See `CallLedger.lose`."""
        _answer(self._keeper.lose.remote(self._asker, call))

    def taken(self, part: str | None = None) -> Taken:
        """See `CallLedger.taken`."""
        taken: Taken = _answer(self._keeper.taken.remote(part))
        return taken

    @property
    def name(self) -> str:
        """How settings call it."""
        return "of the driver"


class RemoteLimits:
    """The door's limits, as the calls of a worker see them."""

    def __init__(self, keeper: Any, asker: str) -> None:
        self._keeper = keeper
        self._asker = asker

    async def begin(self, expected: float) -> str:
        """See `CallLimits.begin`; gives the name of the turn."""
        turn = uuid.uuid4().hex
        try:
            await self._keeper.begin.remote(self._asker, turn, expected)
        except BaseException:
            self.end(turn)
            raise
        return turn

    def end(self, turn: str, taken: float | None = None, refused: RateLimitError | None = None) -> None:
        """See `CallLimits.end`; nobody waits for it."""
        after = None if refused is None else (refused.retry_after,)
        self._keeper.end.remote(self._asker, turn, taken, after)


class _Keeper:
    """The actor: the ledger and the limits."""

    def __init__(self, ledger: str, concurrency: int, tokens_per_minute: float | None) -> None:
        self._ledger = CallLedger(Path(ledger))
        self._limits = CallLimits(concurrency=concurrency, tokens_per_minute=tokens_per_minute)
        self._asker_of: dict[str, str] = {}
        self._calls: defaultdict[str, set[str]] = defaultdict(set)
        self._turns: defaultdict[str, dict[str, asyncio.Task[Any]]] = defaultdict(dict)
        self._stopped = False

    async def open(self, piece: str, asker: str) -> None:
        former, self._asker_of[piece] = self._asker_of.get(piece), asker
        if former is not None:
            self._ledger.abandon(self._calls.pop(former, ()))
            for turn in tuple(self._turns.pop(former, {}).values()):
                self._leave(turn)

    async def reserve(
        self, asker: str, model: str, worst: Usage, price: Pricing, part: str, limit: float | None, key: str
    ) -> str | None:
        call = self._ledger.reserve(model, worst, price, part=part, limit=limit, key=key)
        if call and asker == self._asker_of.get(asker.rpartition("#")[0]):
            self._calls[asker].add(call)
        elif call:  # of a worker that was held to be dead
            self._ledger.abandon([call])
        return call

    async def settle(self, asker: str, call: str, usage: Usage, usd: float | None, estimated: bool) -> None:
        self._ledger.settle(call, usage, usd, estimated=estimated)
        self._calls[asker].discard(call)

    async def release(self, asker: str, call: str) -> None:
        self._ledger.release(call)
        self._calls[asker].discard(call)

    async def lose(self, asker: str, call: str) -> None:
        self._ledger.lose(call)
        self._calls[asker].discard(call)

    async def taken(self, part: str | None) -> Taken:
        return self._ledger.taken(part)

    async def begin(self, asker: str, turn: str, expected: float) -> None:
        waiting = asyncio.ensure_future(self._limits.begin(expected))
        self._turns[asker][turn] = waiting
        await asyncio.wait([waiting])

    async def end(self, asker: str, turn: str, taken: float | None, refused: tuple[float | None] | None) -> None:
        waiting = self._turns[asker].pop(turn, None)
        if waiting is not None:
            self._leave(waiting, taken, None if refused is None else RateLimitError("", retry_after=refused[0]))

    def _leave(
        self, turn: asyncio.Task[Any], taken: float | None = None, refused: RateLimitError | None = None
    ) -> None:
        """The end of a turn, or of waiting for one."""
        if not turn.done():
            turn.cancel()
        elif not turn.cancelled():
            self._limits.end(turn.result(), taken, refused)

    async def stop(self) -> None:
        self._stopped = True

    async def is_stopped(self) -> bool:
        return self._stopped


def _answer(reference: Any) -> Any:
    ray = require_ray()
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, Exception):
            raise cause from None  # such as a full disk, which ends a run
        raise
