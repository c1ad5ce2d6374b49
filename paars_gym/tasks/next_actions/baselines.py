"""What comes next by counting others' sessions: the commonest action, and Markov chains of order 1 and 2."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from paars_gym.tasks.answers import Choices
from paars_gym.tasks.next_actions.cases import NextCase

ORDERS = {"commonest": 0, "Markov, order 1": 1, "Markov, order 2": 2}
"""By row, how many of the last actions are looked at."""
COMMONEST = next(iter(ORDERS))
Context = tuple[str, ...]


def baselines(cases: Sequence[NextCase]) -> dict[str, Choices]:
    """Each row's prediction of each case, made from the sessions of all other people, each counted as one.

    The type that most often came after the same last actions; of fewer of them where others never did these, or did
    two things as often. Where a page is shown and a product is opened, the place that was opened most often.

    Returns:
        By row, the index of an option, shape (cases,).
    """
    everybody = _Counts()
    own: defaultdict[str, _Counts] = defaultdict(_Counts)
    lengths = Counter((case.shopper, case.session) for case in cases)
    for case in cases:
        weight = 1 / lengths[case.shopper, case.session]
        everybody.add(case, weight)
        own[case.shopper].add(case, weight)
    return {
        name: np.array([_predict(case, order, everybody, own[case.shopper]) for case in cases], dtype=np.int64)
        for name, order in ORDERS.items()
    }


class _Counts:
    """Types by what came before them, and places that were opened on a page."""

    def __init__(self) -> None:
        self.types: defaultdict[Context, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
        self.places: defaultdict[int, float] = defaultdict(float)

    def add(self, case: NextCase, weight: float) -> None:
        for context in _contexts(case, max(ORDERS.values())):
            self.types[context][case.kind] += weight
        if case.kind == "view" and _places(case):
            self.places[case.options[case.right].place] += weight


def _contexts(case: NextCase, order: int) -> Iterator[Context]:
    """The last actions, fewer and fewer of them, to none; a session's beginning counts as one."""
    past = ("begin", *case.before)
    for length in range(min(order, len(past)), -1, -1):
        yield past[len(past) - length :]


def _places(case: NextCase) -> list[int]:
    return [option.place for option in case.options if option.kind == "view" and option.place]


def _predict(case: NextCase, order: int, everybody: _Counts, own: _Counts) -> int:
    left = {option.kind for option in case.options}
    for context in _contexts(case, order):
        counts = {kind: _less(everybody.types[context][kind], own.types[context][kind]) for kind in left}
        best = max(counts.values())
        left = {kind for kind, count in counts.items() if count == best}
    kind = next(option.kind for option in case.options if option.kind in left)
    place = 0
    if kind == "view" and (places := _places(case)):
        place = max((0, *places), key=lambda one: (_less(everybody.places[one], own.places[one]), -one))
    return next(at for at, option in enumerate(case.options) if (option.kind, option.place) == (kind, place))


def _less(whole: float, part: float) -> float:
    return round(whole - part, 9)  # sums of fractions: what nobody else did must come to 0
