"""How choices from a shelf answer to prices, displays and features: a conditional logit, people's and agents' alike.

The utility of a brand is its own constant, the logarithm of its price, and its marks. In each of the five panels the
logarithm fits people better than the price, and it is the same for an ounce and for a pack. From a fit come the
own-price elasticity, by how many percent a brand's choices change with one percent of its price, and what a mark adds
to the chance of a choice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.alignment.conditional_logit import Floats, fit_conditional_logit
from paars_gym.datasets.panels import Panel
from paars_gym.estimate import Estimate, Interval

Ints = npt.NDArray[np.int64]
ELASTICITY, OVERALL = "own-price elasticity", "all brands"
POINTS = "points of choice"
METHOD = "delta method, clustered by household"
DECIDED = "not estimable: price and marks decide the choices alone, so that no fit is the best"
DECIDED_NATS = 0.01
"""Log-likelihood a choice, at most, of a fit that explains all of them: it would be better and better without end."""
FEWEST = 30
"""Choices without which nothing is fitted."""


class ShelfChoices(NamedTuple):
    """What was chosen from shelves.

    Attributes:
        panel: The shelves.
        chosen: Column of the brand, shape (purchases,).
        place: Of each brand on the page from 0, shape (purchases, brands); None for people, whose shelf is not known.
    """

    panel: Panel
    chosen: Ints
    place: Ints | None = None


def shelf_estimates(choices: ShelfChoices) -> dict[tuple[str, str], Estimate]:
    """Elasticities and effects of marks of one side, by quantity and what it is of.

    Brands that were never chosen are left out: the logit's odds of the others do not depend on them.
    """
    panel = choices.panel
    sizes = {"choices": len(choices.chosen), "households": len(np.unique(panel.household))}
    names = [(ELASTICITY, OVERALL), *((ELASTICITY, panel.info.brands[brand]) for brand in panel.brands)]
    names += [(f"effect of a {mark}", OVERALL) for mark in panel.marks]

    def without(note: str) -> dict[tuple[str, str], Estimate]:
        return {name: Estimate(None, sizes=sizes, note=note) for name in names}

    if len(choices.chosen) < FEWEST:
        return without(f"not estimable: {len(choices.chosen)} choices, fewer than {FEWEST}")
    kept = np.flatnonzero(np.bincount(choices.chosen, minlength=len(panel.brands)))
    if len(kept) < 2:
        return without("not estimable: one brand is always chosen")
    answer = np.searchsorted(kept, choices.chosen)
    features, terms = _features(choices, kept)
    fit = fit_conditional_logit(features, answer, groups=panel.household)
    if fit.log_likelihood / len(answer) > -DECIDED_NATS:
        return without(DECIDED)
    found = without("not estimable: it was never chosen")

    def estimate(name: tuple[str, str], of: Callable[[Floats], float], unit: str) -> None:
        value = of(fit.coefficients)
        error = _delta_error(of, fit.coefficients, fit.covariance)
        interval = Interval.normal(value, error, METHOD).if_wide()
        found[name] = Estimate(value, interval, unit=unit, sizes=sizes, details={"standard_error": error})

    price = terms["price"]
    estimate((ELASTICITY, OVERALL), lambda at: _overall(features, at, price), "% per %")
    for column, brand in enumerate(kept):
        name = (ELASTICITY, panel.info.brands[panel.brands[brand]])
        estimate(name, lambda at, column=column: _of_brand(features, at, price, column), "% per %")  # type: ignore[misc]
    for mark, values in panel.marks.items():
        name = (f"effect of a {mark}", OVERALL)
        if terms[mark] is None:
            found[name] = Estimate(None, sizes=sizes, note=f"not estimable: no {mark} tells brands apart here")
            continue
        of_mark = values[:, kept]
        estimate(name, lambda at, m=mark, v=of_mark: _mark_effect(features, at, v, terms[m]), POINTS)  # type: ignore[misc]
    return found


def difference(people: Estimate, agents: Estimate) -> Estimate:
    """Agents less people. The shelves are the same; given these, the choices of the two are independent."""
    if people.value is None or agents.value is None:
        missing = people.note if people.value is None else agents.note
        return Estimate(None, note=missing)
    value = agents.value - people.value
    errors = [one.number("standard_error") or 0.0 for one in (people, agents)]
    interval = Interval.normal(value, math.hypot(*errors), METHOD).if_wide()
    verdict = ""
    if interval is not None:
        verdict = "differs" if interval.low > 0 or interval.high < 0 else "not told apart"
    return Estimate(value, interval, unit=agents.unit, verdict=verdict)


def _features(choices: ShelfChoices, kept: Ints) -> tuple[Floats, Mapping[str, int | None]]:
    """Of each brand that is kept, shape (purchases, brands, terms), and the term of the price and of each mark."""
    panel = choices.panel
    shape = (len(choices.chosen), len(kept))
    columns = [np.broadcast_to(row, shape) for row in np.eye(len(kept))[1:]]
    terms: dict[str, int | None] = {"price": len(columns)}
    columns.append(np.log(panel.prices[:, kept]))
    for mark, values in panel.marks.items():
        of_mark = values[:, kept]
        differs = bool((of_mark != of_mark[:, :1]).any())
        terms[mark] = len(columns) if differs else None
        if differs:
            columns.append(of_mark)
    if choices.place is not None:  # pages are shuffled: a habit of taking the first is no taste
        columns.append(np.log1p(choices.place[:, kept].astype(np.float64)))
    return np.stack(columns, axis=-1), terms


def _shares(features: Floats, at: Floats) -> Floats:
    utilities = features @ at
    powers = np.exp(utilities - utilities.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _overall(features: Floats, at: Floats, price: int | None) -> float:
    """Own-price elasticity of a choice of a brand, the mean over brands weighted by their choices."""
    assert price is not None
    shares = _shares(features, at)
    return float(at[price] * (shares * (1 - shares)).sum(axis=1).mean())


def _of_brand(features: Floats, at: Floats, price: int | None, column: int) -> float:
    """Own-price elasticity of one brand's choices on all shelves together."""
    assert price is not None
    share = _shares(features, at)[:, column]
    return float(at[price] * (share * (1 - share)).sum() / share.sum())


def _mark_effect(features: Floats, at: Floats, values: Floats, term: int | None) -> float:
    """Mean change of a brand's chance when it alone gets a mark that it had not, in points."""
    assert term is not None
    utilities = features @ at - at[term] * values
    powers = np.exp(utilities - utilities.max(axis=1, keepdims=True))
    marked = np.exp(at[term] * values) * powers
    others = marked.sum(axis=1, keepdims=True) - marked
    with_it = powers * np.exp(at[term])
    return 100 * float((with_it / (with_it + others) - powers / (powers + others)).mean())


def _delta_error(of: Callable[[Floats], float], at: Floats, covariance: Floats) -> float:
    """Standard error of a function of the coefficients, by central differences."""
    errors = np.sqrt(np.diag(covariance))
    gradient = np.zeros(len(at))
    for term, error in enumerate(errors):
        if error > 0:
            step = np.zeros(len(at))
            step[term] = 1e-4 * error
            gradient[term] = (of(at + step) - of(at - step)) / (2 * step[term])
    return float(np.sqrt(gradient @ covariance @ gradient))
