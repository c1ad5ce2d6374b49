"""Shards of a run: sessions of contiguous keys that one worker plays, and whose files it makes whole.

A shard has the files of a small run. They go back to the driver, which appends them to those of the run; or, where the
run's folder is a store of objects, they are put there under a name that says which keys it holds, so that a shard that
is played twice replaces itself.
"""

from __future__ import annotations

import copy
import math
import tempfile
import threading
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from paars_gym.cluster.door import DoorForWorkers
from paars_gym.config import BudgetConfig, RunConfig, ShopConfig
from paars_gym.personas.redaction import Redactor
from paars_gym.remote import child, put_file
from paars_gym.sessions.run_shards import SHARD_ENDS
from paars_gym.shop.open import env_factory, shop_of
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.registry import asks_a_model, policy_factory
from paars_gym.simulation.concurrency import MakePolicy, StopRequest, play_all
from paars_gym.simulation.result import RunFiles, RunResult
from paars_gym.simulation.run_folder import RunFolder
from paars_gym.simulation.schedule import Inhabitants, Schedule, make_schedule, visits_between

POLL_SECONDS = 0.5
"""How often a worker asks whether it is to stop."""
STOPPED = "stopped by the driver"


class Shard(NamedTuple):
    """Sessions by their numbers, both ends included, as `Schedule.arrival` counts them.

    Attributes:
        first: Number of the first.
        last: Number of the last.
        name: Their keys.
    """

    first: int
    last: int
    name: str


def cut(schedule: Schedule, done: Collection[str], size: int) -> Iterator[Shard]:
    """Shards of at most ``size`` sessions, of those whose keys are not done; made as they are needed."""
    first = None
    for index in range(schedule.sessions + 1):
        missing = index < schedule.sessions and schedule.session_key(index) not in done
        if first is not None and (not missing or index - first == size):
            yield Shard(first, index - 1, f"{schedule.session_key(first)}-{schedule.session_key(index - 1)}")
            first = None
        if missing and first is None:
            first = index


@dataclass
class PlayedShard:
    """What came out of a shard.

    Attributes:
        result: As of a run with these sessions; its ``stopped`` says why it ended early, `STOPPED` where it was told.
        files: Contents by the names of the run's files; empty where they were put into a store of objects.
        redacted: Pieces of personal data by kind.
    """

    result: RunResult
    files: dict[str, bytes] = field(default_factory=dict)
    redacted: Counter[str] = field(default_factory=Counter)


@dataclass
class ShardPlayer:
    """All that a worker needs in order to play any shard of a run; what is costly it opens once in each process.

    Attributes:
        run: Its personas and intentions are those of ``people``.
        shop: With the catalog by its name or folder, which are opened where the worker is.
        people: Who shops, and what for.
        redactor: For requests.
        record: Whether steps are recorded.
        at_once: Sessions at once in a shard, for policies that wait.
        place: URL that the files of shards go to; empty sends them back.
        door: To language models, and what says when to stop; None in the driver's own process.
    """

    run: RunConfig
    shop: ShopConfig
    people: Inhabitants
    redactor: Redactor
    record: bool
    at_once: int = 1
    place: str = ""
    door: DoorForWorkers | None = None

    @cached_property
    def opened(self) -> Shop:
        """The shop, with catalog and index."""
        return shop_of(self.shop)

    @cached_property
    def schedule(self) -> Schedule:
        """Who comes when."""
        return make_schedule(self.run, self.people)

    @cached_property
    def offline(self) -> MakePolicy | None:
        """What makes policies that ask no model through our door, with what they load; None for those that may."""
        return None if asks_a_model(self.run) else policy_factory(self.run)

    def policies(self, budget: BudgetConfig, redactor: Redactor) -> MakePolicy:
        """What makes the policies of a shard."""
        if self.offline is not None:
            return self.offline
        model = self.run.model and self.run.model.model_copy(update={"redactor": redactor})
        return policy_factory(self.run.model_copy(update={"budget": budget, "model": model}))


def play_shard(player: ShardPlayer, shard: Shard, stop: StopRequest | None = None) -> PlayedShard:
    """Plays the sessions of a shard; what a stop leaves unplayed is in no file.

    Raises:
        StorageError: The disk of the worker, or the store of objects, is full.
    """
    redactor = copy.copy(player.redactor)
    redactor.counts = Counter()
    stop = stop or StopRequest()
    budget = player.run.budget if player.door is None else player.door.opened(shard.name)
    make_policy = player.policies(budget, redactor)
    with tempfile.TemporaryDirectory(prefix="paars-shard-") as here, _told_to_stop(player.door, stop):
        folder = RunFolder(here)
        result = RunResult(folder.path, shard.last - shard.first + 1)
        with RunFiles(folder, result, record=player.record, fsync_seconds=None) as files:
            play_all(
                visits_between(player.run, player.schedule, shard.first, shard.last),
                make_env=env_factory(
                    player.opened, player.shop.env, max_steps=player.run.max_steps, options=player.shop.env_options
                ),
                make_policy=make_policy,
                finished=files.enter,
                max_steps=player.run.max_steps,
                concurrency=min(player.at_once, result.planned),
                stop=stop,
                record=player.record,
            )
        if result.played < result.planned:
            result.stopped, result.exit_code = stop.reason, stop.exit_code
        result.unanswered = getattr(getattr(make_policy, "model", None), "unanswered", "")
        played = PlayedShard(result, redacted=redactor.counts)
        made = [name for name in SHARD_ENDS if (folder.path / name).is_file()]
        if player.place:
            for name in made if result.played else ():
                put_file(folder.path / name, child(player.place, f"{shard.name}{SHARD_ENDS[name]}"))
        else:
            played.files = {name: (folder.path / name).read_bytes() for name in made}
    return played


@contextmanager
def _told_to_stop(door: DoorForWorkers | None, stop: StopRequest) -> Iterator[None]:
    """Asks the door now and then whether to stop, while the block runs."""
    if door is None:
        yield
        return
    ended = threading.Event()

    def ask() -> None:
        while not ended.wait(POLL_SECONDS):
            if door.is_stopped():
                stop.reason = stop.reason or STOPPED
                return

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    try:
        yield
    finally:
        ended.set()
        asking.join()


def size_of(sessions: int, workers: int, *, most: int, least: int = 1) -> int:
    """Sessions a shard: some eight shards a worker, so that all of them end at about the same time.

    Args:
        sessions: To be played.
        workers: That play at once.
        most: A killed worker loses no more than these.
        least: So many are played at once.
    """
    return max(least, min(most, math.ceil(sessions / (8 * workers))))
