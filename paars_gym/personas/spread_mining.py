"""Personas mined by the workers of a Ray cluster: histories go out in pieces, personas come back to the one writer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from math import ceil
from typing import NamedTuple

from paars_gym.cluster.door import Door, DoorForWorkers
from paars_gym.cluster.pieces import OVERLAPPING, spread
from paars_gym.cluster.session import Cluster
from paars_gym.config import BudgetConfig
from paars_gym.llm.errors import RUN_ENDING
from paars_gym.llm.stack import Stack, StackAccount, open_model
from paars_gym.personas.history import with_titles
from paars_gym.personas.mining_many import (
    Elsewhere,
    MiningOptions,
    MiningSummary,
    PersonaFile,
    Waiting,
    mine_waiting,
)
from paars_gym.personas.persona import Persona
from paars_gym.personas.redaction import Redactor, hash_key
from paars_gym.personas.settings import Mining
from paars_gym.personas.store import Failure
from paars_gym.redaction.texts import listed_names, named_recognisers

ROUNDS = 2
"""Of a piece: so often as many histories as a worker works on at once. More are mined again when it dies."""


class HistoryPiece(NamedTuple):
    """Some histories, and the number of the piece."""

    number: int
    waiting: tuple[Waiting, ...]


class MinedPiece(NamedTuple):
    """What came of a piece.

    Attributes:
        results: Personas, and why there is none.
        summary: Whether the run has to end, and why.
        account: What the model took.
    """

    results: list[Persona | Failure]
    summary: MiningSummary
    account: StackAccount


@dataclass(frozen=True)
class MiningThere:
    """What all pieces share.

    Attributes:
        mining: What to do.
        names: Listed names to redact.
        key: Of the pseudonyms, that of the driver.
        at_once: Histories of a piece at once.
        door: To the model.
    """

    mining: Mining
    names: tuple[str, ...]
    key: bytes
    at_once: int
    door: DoorForWorkers

    def redactor(self) -> Redactor:
        """The driver's, made anew."""
        recognisers = named_recognisers(self.mining.recognisers)
        return Redactor(listed_names=self.names, recognisers=recognisers, regions=self.mining.regions, key=self.key)


def mine_on_ray(mining: Mining, titles: Mapping[str, str] | None, budget: BudgetConfig, model: Stack) -> Elsewhere:
    """What mines on a Ray cluster; see `mine_personas`.

    Args:
        mining: What to do, and where.
        titles: Titles by product id, for events that have none.
        budget: Of all workers together; its ledger is a file.
        model: The driver's: takes in what those of the workers did.

    Raises:
        ValueError: Batches are asked for.
    """
    if budget.batches is not None:
        raise ValueError("--batch hands all questions to the provider at once: leave out --backend ray.")
    return partial(_mine, mining, titles, budget, model)


def mine_piece(there: MiningThere, piece: HistoryPiece) -> MinedPiece:
    """Mines the personas of a piece, in a worker."""
    return asyncio.run(_mined(there, piece))


async def _mined(there: MiningThere, piece: HistoryPiece) -> MinedPiece:
    redactor, mining = there.redactor(), there.mining
    config = mining.model.model_copy(update={"redactor": mining.model.redactor or redactor})
    model = open_model(config, there.door.opened(f"histories {piece.number}"))
    options = MiningOptions(mining.as_of, mining.token_budget, None, redactor, mining.temperature)
    results: list[Persona | Failure] = []
    summary = MiningSummary()

    def waiting() -> Iterator[Waiting]:
        for each in piece.waiting:
            if there.door.is_stopped():
                return
            yield each

    try:
        await mine_waiting(waiting(), model, options, results.append, summary, concurrency=there.at_once)
    finally:
        await model.aclose()
    return MinedPiece(results, summary, model.account)


def _mine(
    mining: Mining,
    titles: Mapping[str, str] | None,
    budget: BudgetConfig,
    model: Stack,
    waiting: Iterator[Waiting],
    file: PersonaFile,
) -> None:
    with Cluster(mining.address) as cluster, Door(budget) as door:
        at_once = ceil(model.at_once / (cluster.cpus * OVERLAPPING))
        sent = mining.model_copy(update={"budget": BudgetConfig()})
        there = MiningThere(sent, listed_names(mining.names), hash_key(), at_once, door.workers)
        if titles:
            waiting = (each._replace(history=with_titles(each.history, titles)) for each in waiting)

        def finished(_: HistoryPiece, mined: MinedPiece) -> None:
            model.add(mined.account)
            if mined.summary.stopped and not file.summary.stopped:
                file.summary.stopped, file.summary.exit_code = mined.summary.stopped, mined.summary.exit_code
            try:
                for result in mined.results:
                    file.take(result)
            except RUN_ENDING as error:
                file.summary.end(error)
            if file.summary.stopped:
                door.stop()

        spread(
            cluster,
            mine_piece,
            there,
            _pieces(waiting, at_once * ROUNDS),
            finished=finished,
            waits=True,
            stopped=lambda: bool(file.summary.stopped),
        )


def _pieces(waiting: Iterator[Waiting], size: int) -> Iterator[HistoryPiece]:
    for number in count():
        if not (some := tuple(islice(waiting, size))):
            return
        yield HistoryPiece(number, some)
