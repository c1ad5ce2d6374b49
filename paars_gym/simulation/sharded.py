"""Playing a run in shards: on the machines of a Ray cluster, or in this process where they go to a store of objects."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import replace
from inspect import iscoroutinefunction

from paars_gym.catalog.load import BUILT_IN
from paars_gym.catalog.store import Catalog
from paars_gym.cluster.door import Door
from paars_gym.cluster.pieces import OVERLAPPING, spread
from paars_gym.cluster.session import Cluster
from paars_gym.llm.ledger import ledger_of
from paars_gym.personas.redaction import pseudonym
from paars_gym.simulation.concurrency import MakePolicy, StopRequest
from paars_gym.simulation.schedule import Inhabitants
from paars_gym.simulation.shards import STOPPED, PlayedShard, Shard, ShardPlayer, cut, play_shard, size_of

MOST_COMPUTED, MOST_AWAITED, MOST_HERE = 1_000, 64, 1_000
"""Sessions a shard of policies that compute, of those that wait, and of those that are played in this process."""


def play_sharded(
    player: ShardPlayer,
    done: Collection[str],
    *,
    make_policy: MakePolicy,
    finished: Callable[[Shard, PlayedShard], None],
    stop: StopRequest,
) -> None:
    """Plays the sessions of a run that are not done.

    Args:
        player: Without a door and ``at_once``, which are given to it here.
        done: Keys.
        make_policy: Of the run; says whether its policies wait.
        finished: Called here with each shard that was played, or as far as a stop let it be.
        stop: Looked at before each shard, and told to the workers; set here by what ends the run.

    Raises:
        ConnectionError: There is no cluster at the address.
        ImportError: Ray is not installed.
        ValueError: The catalog is in memory, so that no other machine can open it; or something that was given in
            Python cannot be sent to other machines.
        WorkersLostError: The workers of a shard died again and again.
    """
    run, missing = player.run, player.schedule.sessions - len(done)

    def ended(shard: Shard, played: PlayedShard) -> None:
        finished(shard, played)
        if played.result.stopped not in ("", STOPPED) and not stop.reason:
            stop.reason, stop.exit_code = played.result.stopped, played.result.exit_code

    if run.backend == "local":
        player = replace(player, at_once=run.concurrency)
        for shard in cut(player.schedule, done, size_of(missing, 1, most=MOST_HERE, least=run.concurrency)):
            if stop.reason:
                return
            ended(shard, play_shard(player, shard, stop))
        return
    check_can_travel(player.opened.catalog)
    if ledger_of(run.budget.ledger).path is None:
        raise ValueError("The ledger of the budget is in memory, and the backend ray needs its file: give ledger=FILE.")
    waits = _waits(make_policy)
    with ExitStack() as held:
        cluster = held.enter_context(Cluster(run.address))
        door = held.enter_context(Door(run.budget))
        at_once = math.ceil(run.concurrency / (cluster.cpus * OVERLAPPING)) if waits else 1
        most, workers = (MOST_AWAITED, cluster.cpus * OVERLAPPING) if waits else (MOST_COMPUTED, cluster.cpus)
        size = size_of(missing, workers, most=most, least=at_once)
        travelling = ShardPlayer(
            run=run.model_copy(update={"personas": None, "intentions": None, "budget": door.workers.budget}),
            shop=player.shop,
            people=resolved(player.people),
            redactor=player.redactor,
            record=player.record,
            at_once=at_once,
            place=player.place,
            door=door.workers,
        )

        def stopped() -> bool:
            if stop.reason:
                door.stop()
            return bool(stop.reason)

        spread(
            cluster,
            play_shard,
            travelling,
            cut(player.schedule, done, size),
            finished=ended,
            waits=waits,
            stopped=stopped,
        )


def check_can_travel(catalog: Catalog) -> None:
    """Refuses a catalog that only this process has: it is opened where workers are, and never sent.

    Raises:
        ValueError: It is in memory.
    """
    if catalog.folder is None:
        raise ValueError(
            f"The catalog {catalog.name!r} is in memory, and the backend ray opens catalogs where its workers are: "
            f"save it to a folder that all machines see (Catalog.save), and name that, or one of {', '.join(BUILT_IN)}."
        )


def resolved(people: Inhabitants) -> Inhabitants:
    """The same people, whose needs name their personas: the key of pseudonyms is this machine's own."""
    known = {persona.shopper for persona in people.personas}
    if not people.mined or people.independent or not known:
        return people

    def name(shopper: str) -> str:
        return shopper if shopper in known or (alias := pseudonym(shopper)) not in known else alias

    return people._replace(mined=[need._replace(shopper=name(need.shopper)) for need in people.mined])


def _waits(make_policy: MakePolicy) -> bool:
    policy = make_policy()
    waits = iscoroutinefunction(policy.reset) or iscoroutinefunction(policy.act)
    return waits or bool(getattr(policy, "blocking", False))
