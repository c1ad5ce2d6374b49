"""A task's questions put by the workers of a Ray cluster: pieces of the cases go out, answers come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from math import ceil
from typing import Any, NamedTuple

from paars_gym.cluster.door import Door, DoorForWorkers
from paars_gym.cluster.pieces import OVERLAPPING, spread
from paars_gym.cluster.session import Cluster
from paars_gym.config import BudgetConfig
from paars_gym.llm.stack import Stack, StackAccount, open_model
from paars_gym.personas.persona import Persona
from paars_gym.personas.redaction import Redactor, hash_key
from paars_gym.tasks.asking import Round, Said
from paars_gym.tasks.persona_sources import MinedPersonas
from paars_gym.tasks.questions import Questions, TaskShopper, TaskShoppers

PIECES_A_WORKER = 8
"""At least, so that none waits long for the last one."""
MOST_CASES = 500
"""Of a piece; so much is asked again when its worker dies, out of the cache as far as that reaches."""


class CasePiece(NamedTuple):
    """Some cases.

    Attributes:
        number: Of the piece.
        cases: Number of the set and index in it, of each.
    """

    number: int
    cases: tuple[tuple[int, int], ...]


class MinedThere:
    """Stands for `MinedPersonas` on the way to a worker, which has a model of its own."""

    source = MinedPersonas.source

    def __init__(self, spec: str, history_tokens: int, key: bytes) -> None:
        self.spec, self.history_tokens, self._key = spec, history_tokens, key

    def opened(self, model: Stack) -> MinedPersonas:
        """With the worker's model, and the driver's pseudonyms."""
        return MinedPersonas(model, self.history_tokens, Redactor(key=self._key))

    async def __call__(self, questions: Any, index: int) -> Persona:
        raise NotImplementedError("Personas are mined where it is opened.")


@dataclass(frozen=True)
class AskedThere:
    """What all pieces share.

    Attributes:
        sets: The questions.
        shoppers: Whom they are put to, by their recipes.
        at_once: Cases of a piece at once.
        noise: See `TaskShoppers`.
        door: To the models; None where nobody asks one.
    """

    sets: Sequence[Questions]
    shoppers: tuple[TaskShopper, ...]
    at_once: int
    noise: str
    door: DoorForWorkers | None

    @cached_property
    def computing(self) -> TaskShoppers:
        """The shoppers of a task in which nobody asks a model, made once in a worker."""
        return self.made(BudgetConfig())

    def made(self, budget: BudgetConfig) -> TaskShoppers:
        """The shoppers, with models of their own."""
        recipes = [shopper.recipe for shopper in self.shoppers if shopper.recipe is not None]
        configs = {recipe.spec: recipe.run.model for recipe in recipes if recipe.run.model is not None}
        models = {spec: open_model(config, budget) for spec, config in configs.items()}
        mined: dict[int, MinedPersonas] = {}
        shoppers = []
        for shopper, recipe in zip(self.shoppers, recipes, strict=True):
            source = shopper.personas
            if isinstance(source, MinedThere):  # the same for all conditions: a persona is made once
                source = mined.setdefault(id(source), source.opened(models[source.spec]))
            made = recipe._replace(run=recipe.run.model_copy(update={"budget": budget}))
            shoppers.append(shopper._replace(make=made.maker(models.get(recipe.spec)), personas=source))
        return TaskShoppers(tuple(shoppers), models, self.at_once, noise=self.noise)


def on_ray(budget: BudgetConfig, address: str | None) -> Callable[[Round], None]:
    """What puts a round to shoppers on a Ray cluster; see `TaskShoppers.ask`.

    Args:
        budget: Of all models together; its ledger is a file.
        address: Of the cluster; see `Cluster`.
    """
    if budget.batches is not None:
        raise ValueError(
            "--batch hands all questions to the provider at once: there is nothing to do for --backend ray."
        )
    return partial(_ask, budget, address)


def ask_piece(asked: AskedThere, piece: CasePiece) -> tuple[Said, dict[str, StackAccount]]:
    """Puts the cases of a piece, in a worker; gives what came of them, and what each model took."""
    door = asked.door
    if door is None:
        questions = Round(asked.sets, shoppers := asked.computing)
    else:
        shoppers = asked.made(door.opened(f"cases {piece.number}"))
        questions = Round(asked.sets, shoppers, ended=door.is_stopped)
    asyncio.run(questions.put(piece.cases))
    if door is None and any(hasattr(shopper.make, "aclose") for shopper in shoppers.shoppers):
        vars(asked).pop("computing")  # they are closed
    return questions.said(piece.cases), {spec: model.account for spec, model in shoppers.models.items()}


def _ask(budget: BudgetConfig, address: str | None, questions: Round) -> None:
    asked = questions.asked
    only_here = [shopper.name for shopper in asked.shoppers if shopper.recipe is None]
    if only_here:
        raise ValueError(f"{', '.join(only_here)} can be asked in this process only: leave out --backend ray.")
    with ExitStack() as open_:
        cluster = open_.enter_context(Cluster(address))
        door = open_.enter_context(Door(budget)) if asked.models else None
        at_once = ceil(asked.at_once / (cluster.cpus * OVERLAPPING)) if asked.models else 1
        context = AskedThere(
            questions.sets, tuple(_sent(asked.shoppers)), at_once, asked.noise, None if door is None else door.workers
        )
        heard: dict[int, tuple[CasePiece, Said]] = {}

        def finished(piece: CasePiece, result: tuple[Said, dict[str, StackAccount]]) -> None:
            said, accounts = result
            heard[piece.number] = piece, said
            questions.heard(len(piece.cases), said)
            for spec, account in accounts.items():
                asked.models[spec].add(account)
            if door is not None and is_over():
                door.stop()

        def is_over() -> bool:
            return bool(questions.stop.reason) or questions.hopeless()

        spread(
            cluster,
            ask_piece,
            context,
            _pieces(questions, cluster.cpus, at_once),
            finished=finished,
            waits=bool(asked.models),
            stopped=is_over,
        )
        for _, (piece, said) in sorted(heard.items()):
            questions.take(piece.cases, said)
    asyncio.run(questions.put(()))  # closes the models of this process


def _sent(shoppers: Sequence[TaskShopper]) -> Iterator[TaskShopper]:
    """The shoppers without what only this process has."""
    there: dict[int, MinedThere] = {}
    for shopper in shoppers:
        assert shopper.recipe is not None
        source = shopper.personas
        if isinstance(source, MinedPersonas):
            source = there.setdefault(id(source), MinedThere(shopper.recipe.spec, source.history_tokens, hash_key()))
        # What opens models in a worker is the door's budget.
        recipe = shopper.recipe._replace(run=shopper.recipe.run.model_copy(update={"budget": BudgetConfig()}))
        yield shopper._replace(make=_not_there, personas=source, recipe=recipe)


def _not_there() -> Any:
    raise NotImplementedError("Shoppers are made from their recipes there.")


def _pieces(questions: Round, workers: int, at_once: int) -> Iterator[CasePiece]:
    """The cases in pieces; those for which the same persona is mined stay together."""
    cases = questions.cases
    size = min(max(ceil(len(cases) / (workers * PIECES_A_WORKER)), at_once), MOST_CASES)
    together: dict[Any, list[tuple[int, int]]] = {}
    mined = any(isinstance(shopper.personas, MinedPersonas) for shopper in questions.asked.shoppers)
    for number, index in cases:
        of_set: Any = questions.sets[number]
        together.setdefault(of_set.history_key(index) if mined else (number, index), []).append((number, index))
    piece: list[tuple[int, int]] = []
    made = 0
    for group in together.values():
        piece += group
        if len(piece) >= size:
            yield CasePiece(made, tuple(piece))
            made, piece = made + 1, []
    if piece:
        yield CasePiece(made, tuple(piece))
