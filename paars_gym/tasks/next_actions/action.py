"""Next action: what comes after the first actions of a real session, by any shopper (OPeRA, Wang et al. 2025).

The actions are those that shops of this package have: search, open a product, put into the cart, buy, leave. A shopper
is told what was done so far, and chooses among what can be done next. The words of a search are not asked for, and
which product is opened only where the log has the page. Both differ from OPeRA's benchmark, where a click has to hit
the very button and a search the very words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import numpy as np

from paars_gym.config import RunConfig
from paars_gym.llm.dry_run import Forecast
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import session_rng
from paars_gym.shoppers.protocol import Answerer
from paars_gym.tasks.answers import usable_choice
from paars_gym.tasks.asking import ask_shoppers
from paars_gym.tasks.next_actions.baselines import baselines
from paars_gym.tasks.next_actions.cases import NextCase, NextCases, next_cases
from paars_gym.tasks.next_actions.results import SHUFFLED, NextResults, score_next
from paars_gym.tasks.persona_sources import KnownPersonas
from paars_gym.tasks.questions import TaskShopper, TaskShoppers
from paars_gym.tasks.reference_people import ReferencePeople
from paars_gym.tasks.shoppers import forecast, task_shoppers

NOT_ASKED_OF = ("behavioural", "replay")
"""Shoppers who weigh a product's price and place, or answer nothing: the texts of actions mean nothing to them."""


class NextQuestions:
    """Cases as questions: which of the actions, in an order drawn for each, does the shopper choose?

    Who has ``choose_next`` is asked by it. For others the nearest question is which result is opened: the query is what
    was done so far, the results are the actions.

    Args:
        cases: Which.
        seed: Of the orders and the answers.
    """

    def __init__(self, cases: Sequence[NextCase], seed: int) -> None:
        self.cases, self.seed = cases, seed

    def __len__(self) -> int:
        return len(self.cases)

    def key(self, index: int) -> str:
        """Of the session, and how many of its actions are known."""
        case = self.cases[index]
        return f"{case.session}/{len(case.before)}"

    def shopper(self, index: int) -> str:
        """Whose session it is."""
        return self.cases[index].shopper

    def order(self, index: int) -> list[int]:
        """Which option stands in each place."""
        rng = session_rng(self.seed, f"order/{self.key(index)}")
        return [int(one) for one in rng.permutation(len(self.cases[index].options))]

    def put(self, index: int, shopper: Answerer) -> Awaitable[int] | int:
        """Asks what comes next."""
        case = self.cases[index]
        actions = [case.options[one].shown for one in self.order(index)]
        choose_next = getattr(shopper, "choose_next", None)
        if choose_next is not None:
            answer: Awaitable[int] | int = choose_next(case.told, [action.title for action in actions])
            return answer
        done = "; then ".join(case.told)
        return shopper.choose_view(f"what to do next in the shop, after I {done}", actions)

    def usable(self, index: int, answer: Any) -> int:
        """The index of an option, in the case's own order."""
        return self.order(index)[usable_choice(answer, len(self.cases[index].options))]


class OtherPersonas:
    """To every shopper the persona of another one, always the same: what is right with it is not the person's.

    Args:
        personas: By shopper, two at least.
        rng: Of who is whose other.
    """

    source = "given, of another person"

    def __init__(self, personas: Mapping[str, Persona], rng: np.random.Generator) -> None:
        if len(personas) < 2:
            raise ValueError(f"{len(personas)} persona, must be two at least to be swapped.")
        names = sorted(personas)
        ring = [names[one] for one in rng.permutation(len(names))]
        self._others = {name: personas[other] for name, other in zip(ring, [*ring[1:], ring[0]], strict=True)}

    async def __call__(self, questions: Any, index: int) -> Persona:
        return self._others[questions.shopper(index)]


def asked_next(people: ReferencePeople, run: RunConfig, policies: Sequence[str]) -> TaskShoppers:
    """Each policy alone and, where people have personas, with the person's own and with another person's.

    Raises:
        ValueError: A policy to whom texts of actions mean nothing, or nobody of that name.
    """
    for policy in policies:
        if policy.strip().lower() in NOT_ASKED_OF:
            raise ValueError(
                f"{policy} cannot be asked for the next action: it does not read what the actions say. "
                "Name a language model, embedding, uniform or a policy of your own."
            )
    if not policies:
        return TaskShoppers()
    known = people.personas
    if not known:
        return task_shoppers(run, policies, ("base",), personas="counted", language=people.language)
    asked = task_shoppers(run, policies, ("base", "persona"), personas=KnownPersonas(known), language=people.language)
    if len(known) < 2:
        return asked
    others = OtherPersonas(known, np.random.default_rng(run.seed))
    shoppers: list[TaskShopper] = []
    for shopper in asked.shoppers:
        shoppers.append(shopper)
        if shopper.condition == "persona":
            settings = {**shopper.settings, "personas": others.source}
            name = f"{shopper.policy}, {SHUFFLED}"
            shoppers.append(shopper._replace(name=name, personas=others, settings=settings))
    return asked._replace(shoppers=tuple(shoppers))


def _asked_cases(people: ReferencePeople, run: RunConfig, asked: TaskShoppers) -> tuple[NextCases, list[int]]:
    """The cases, and which of them are scored: those of people with a persona, where somebody is asked with one."""
    found = next_cases(people, most=run.sessions, rng=np.random.default_rng(run.seed))
    rows = list(range(len(found.cases)))
    if people.personas and asked.shoppers:
        rows = [row for row in rows if found.cases[row].shopper in people.personas]
        if not rows:
            raise ValueError(f"None of the personas is of a shopper of {people.name}.")
        if lost := len(found.cases) - len(rows):
            note = f"{lost:,} cases of shoppers without a persona were left out; baselines are fitted on them too."
            found = found._replace(notes=(*found.notes, note))
    return found, rows


def forecast_next(people: ReferencePeople, run: RunConfig, policies: Sequence[str]) -> dict[str, Forecast]:
    """What asking language models would take, by spec; nothing is sent."""
    asked = asked_next(people, run, policies)
    found, rows = _asked_cases(people, run, asked)
    return forecast([NextQuestions([found.cases[row] for row in rows], run.seed)], asked)


def predict_next(
    people: ReferencePeople,
    run: RunConfig,
    *,
    policies: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> NextResults:
    """Predicts every next action by the baselines and by each policy, and scores them.

    Args:
        people: Whose sessions; where they have personas, policies predict with and without, and with another's.
        run: Model, budget and seed; ``sessions`` sessions at most.
        policies: Whom to ask beside the baselines; none by default.
        progress: Told what is going on.

    Raises:
        ValueError: The log lacks searches, views or purchases, or holds no case; or a policy cannot be asked.
        NobodyAnswersError: A shopper could not be asked at all.
    """
    asked = asked_next(people, run, policies)
    progress("finding what comes next in each session")
    found, rows = _asked_cases(people, run, asked)
    cases = [found.cases[row] for row in rows]
    predicted = {name: choices[rows] for name, choices in baselines(found.cases).items()}
    stopped, notes = "", [*people.notes, *found.notes]
    if asked.shoppers:
        given = ask_shoppers([NextQuestions(cases, run.seed)], asked, progress=progress)
        predicted |= {name: answers.choices for name, answers in given.answers[0].items()}
        stopped = given.stopped
        if stopped:
            notes.insert(0, f"Stopped early, everything so far is kept: {stopped}")
        for name, answers in given.answers[0].items():
            if answers.failures:
                notes.append(f"{name} could not be asked in some cases: {next(iter(answers.failures))}")
    paid = tuple(model.report() for model in asked.models.values())
    results = score_next(cases, predicted, people=people.name, seed=run.seed)
    return results.model_copy(update={"notes": (*notes, *results.notes), "paid": paid, "stopped": stopped})
