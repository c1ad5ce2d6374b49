"""Choices of real households that are set aside to choose between prompts, scorers and renderings by.

No number of the reports is judged on these households. A choice is judged by its log-probability, which says more of
100 cases than a share that is right: one coefficient, fitted on the other half of the cases, says how much of a score
to believe. By chance 25% are right, and log p is log 1/4.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.alignment.item_selection import OPTIONS
from paars_gym.config import RunConfig
from paars_gym.personas.persona import Persona
from paars_gym.personas.statistics import count_persona
from paars_gym.sessions.split import is_held_out
from paars_gym.tasks.items.questions import ItemDesign, ItemQuestions, item_cases
from paars_gym.tasks.people import reference_people

Floats = npt.NDArray[np.float64]
SEED = 20_261_129


def set_aside(shopper: str) -> bool:
    """Whether a household is of the fitting half, and there of those who choose between what is fitted."""
    return not is_held_out(shopper) and is_held_out(shopper, salt="choice")


class HouseholdChoices:
    """Cases with matched distractors, one a household that is set aside.

    Attributes:
        indices: Of the cases, among all questions.
        truth: Option bought, shape (cases,).
        folds: Which half each case is in, shape (cases,).
    """

    def __init__(self, cases: int, seed: int = SEED) -> None:
        """Args:
        cases: How many, at most.
        seed: Of the cases.

        Raises:
            ImportError: The households are missing.
        """
        log = reference_people("journey").product_log()
        design = ItemDesign(("popularity",), per_shopper=1)
        self._questions = ItemQuestions(item_cases(log, RunConfig(sessions=12 * cases, seed=seed), design)[0])
        questions = self._questions
        self.indices = [index for index in range(len(questions)) if set_aside(questions.shopper(index))][:cases]
        self.truth = np.array([int(questions.cases.answer[index]) for index in self.indices])
        self.folds = np.array([is_held_out(questions.shopper(index), salt="fold") for index in self.indices])

    def __len__(self) -> int:
        return len(self.indices)

    def persona(self, index: int, history_tokens: int) -> Persona:
        """Counted from what may be known, its history no longer than so many tokens, as `tokens_in` counts."""
        return count_persona(self._questions.history(index), self._questions.catalog, token_budget=history_tokens)

    def titles(self, index: int) -> list[str]:
        """Of the four items."""
        return [product.title for product in self._questions.options(index)]

    def prices(self, index: int) -> list[float | None]:
        """Of the four items."""
        return [product.price for product in self._questions.options(index)]


class ChoiceLogs(NamedTuple):
    """How well scores tell what was bought.

    Attributes:
        choice: Log-probability of the item that was bought, each case's, shape (cases,).
        right: Share of cases in which it has the best score.
    """

    choice: Floats
    right: float


def choice_log_probs(scores: Floats, truth: npt.NDArray[np.int64], folds: npt.NDArray[np.bool_]) -> ChoiceLogs:
    """Log-probability of the truth under a softmax whose one coefficient is fitted on the other fold; and accuracy.

    Args:
        scores: Shape (cases, options).
        truth: Option bought, shape (cases,).
        folds: Which half each case is in, shape (cases,).
    """

    def of(coefficient: float, which: npt.NDArray[np.bool_]) -> Floats:
        logits = coefficient * scores[which]
        top = logits.max(axis=1, keepdims=True)
        logs = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
        return np.asarray(logs[np.arange(len(logs)), truth[which]], dtype=np.float64)

    out = np.full(len(truth), math.log(1 / OPTIONS))
    for side in (folds, ~folds):
        grid = np.linspace(0, 2, 81)
        best = grid[int(np.argmax([of(one, ~side).mean() for one in grid]))]
        out[side] = of(float(best), side)
    return ChoiceLogs(out, float((scores.argmax(axis=1) == truth).mean()))
