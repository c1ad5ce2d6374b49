"""How well simulated effects stand for true ones: direction, slope, errors and coverage, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rich.table import Table

from benchmarks.validity.bars import SURE, Verdict
from benchmarks.validity.direction import SHOPPERS, WITH_TESTS, Case
from paars_gym.abtest.fit.magnitude import calibrate
from paars_gym.abtest.past_tests import error_of
from paars_gym.abtest.prior import fit_prior
from paars_gym.abtest.shrinkage import CarryOver, fit_carry_over, shrink
from paars_gym.estimate import Detail, Estimate, Interval
from paars_gym.synthetic.kinds import KINDS

Floats = npt.NDArray[np.float64]
RESAMPLES = 500
ALL = "all kinds"
DIRECTION, SLOPE, COVERAGE = (0.85, 1.0), (0.5, 2.0), (0.90, 0.98)
"""Aims, of shoppers fitted with past tests."""


class Judged(NamedTuple):
    """One case with everything that was said of it, in relative change.

    Attributes:
        case: The treatment on the people.
        true: Effect on people.
        sure: Whether people's effect is beyond two standard errors.
        simulated: As it is.
        shrunken: By the past tests of other kinds of people.
        predicted: By the line through these, with its interval.
        held: Whether that holds the true effect.
    """

    case: Case
    true: float
    sure: bool
    simulated: float
    shrunken: float
    predicted: Estimate
    held: bool


def judge(cases: Sequence[Case], shopper: str) -> list[Judged]:
    """Each case beside what was simulated, and what past tests make of that.

    Past tests are those of the other kinds of people, of other treatments of the same fold: the shoppers that simulated
    them have seen nothing of this case, nor do the tests tell of it.
    """
    found = []
    for case in cases:
        past = [
            other
            for other in cases
            if other.kind != case.kind and other.fold == case.fold and other.treatment != case.treatment
        ]
        human, shown = ([one.true for one in past], [one.simulated[shopper] for one in past])
        truth, simulated = _value(case.true), _value(case.simulated[shopper])
        y, x = ([_value(one) for one in of] for of in (human, shown))
        error = error_of(case.simulated[shopper])
        if len(x) > 2 and any(x):
            line = calibrate(x, y)
            predicted = line.predict(simulated, error=error)
            prior = fit_prior(y, [error_of(one) for one in human])
            carried = fit_carry_over(
                (y, [error_of(one) for one in human]), (x, [error_of(one) for one in shown]), prior
            )
            less = _value(shrink(_estimate(simulated, error), prior, carried))
        else:
            predicted, less = Estimate(None, note="too few past tests"), 0.0
        held = predicted.interval is not None and truth in predicted.interval
        z = abs(truth) / (error_of(case.true) or np.inf)
        found.append(Judged(case, truth, z > 2, simulated, less, predicted, held))
    return found


def carry_over_of(cases: Sequence[Case], shopper: str) -> CarryOver:
    """How effects came out in the simulation of a shopper, over all cases: what is assumed where nothing is known."""
    true = [_value(case.true) for case in cases], [error_of(case.true) for case in cases]
    shown = [case.simulated[shopper] for case in cases]
    return fit_carry_over(true, ([_value(one) for one in shown], [error_of(one) for one in shown]), fit_prior(*true))


MEASURES: dict[str, Callable[[Sequence[Judged]], float]] = {
    "direction": lambda of: _mean([_same(one.simulated, one.true) for one in of if one.sure]),
    "direction, predicted": lambda of: _mean([_same(_value(one.predicted), one.true) for one in of if one.sure]),
    "slope": lambda of: _slope([one.true for one in of], [one.simulated for one in of]),
    "rmse, simulated": lambda of: _rmse([one.simulated - one.true for one in of]),
    "rmse, shrunken": lambda of: _rmse([one.shrunken - one.true for one in of]),
    "rmse, predicted": lambda of: _rmse([_value(one.predicted) - one.true for one in of]),
    "rmse, no effect": lambda of: _rmse([one.true for one in of]),
    "coverage": lambda of: _mean([one.held for one in of if one.predicted.interval is not None]),
}


def scores(judged: Sequence[Judged], *, seed: int = 0) -> dict[str, Estimate]:
    """Every measure with its interval: treatments are drawn again, each with all its kinds of people."""
    names = list(dict.fromkeys(one.case.treatment for one in judged))
    by_name = {name: [one for one in judged if one.case.treatment == name] for name in names}
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(names), size=(RESAMPLES, len(names)))
    found = {}
    for name, measure in MEASURES.items():
        resampled = np.array([measure([one for at in draw for one in by_name[names[at]]]) for draw in draws])
        known = resampled[np.isfinite(resampled)]
        ends = np.quantile(known, [0.025, 0.975]).tolist() if len(known) > RESAMPLES / 2 else (np.nan, np.nan)
        around = Interval.of((ends[0], ends[1]), method="bootstrap over treatments")
        details: dict[str, Detail] = {"standard_error": float(known.std()) if len(known) else None}
        sizes = {"treatments": len(names), "cases": len(judged), "sure": sum(one.sure for one in judged)}
        found[name] = Estimate(measure(judged), around, sizes=sizes, details=details)
    return found


Scores = dict[tuple[str, str], dict[str, Estimate]]
"""By shopper and kind of people."""


def all_scores(cases: Sequence[Case]) -> Scores:
    """Of each shopper: on each kind of people, and on all."""
    found: Scores = {}
    for shopper in SHOPPERS:
        judged = judge(cases, shopper)
        for kind in (*KINDS, ALL):
            of = [one for one in judged if kind in (ALL, one.case.kind)]
            if of:
                found[shopper, kind] = scores(of)
    return found


def scores_table(found: Scores) -> Table:
    """A row a shopper and kind of people."""
    table = Table(title="Simulated beside true effects on sales, by shopper and people", title_justify="left")
    for head in ("shopper", "people", *MEASURES):
        table.add_column(head, justify="left" if head in ("shopper", "people") else "right")
    for (shopper, kind), measures in found.items():
        table.add_row(shopper, kind, *(_cell(name, one) for name, one in measures.items()))
    table.caption = "intervals: bootstrap over treatments; predictions by past tests of other people, other treatments"
    return table


def cases_table(cases: Sequence[Case]) -> Table:
    """Each treatment on each kind of people."""
    table = Table(title="Effects on sales", title_justify="left")
    for head in ("people", "treatment", "true ± error", *SHOPPERS):
        table.add_column(head, justify="left" if head in ("people", "treatment") else "right")
    for case in cases:
        shown = (f"{_value(case.simulated[name]):+.1%}" for name in SHOPPERS)
        table.add_row(case.kind, case.treatment, f"{_value(case.true):+.1%} ± {error_of(case.true):.1%}", *shown)
    return table


def rows(cases: Sequence[Case], found: Scores) -> dict[str, Any]:
    """For a JSON file: ``scores``, a row a measure, and ``cases``, a row an effect."""
    scored = [
        {"shopper": shopper, "people": kind, "measure": name, **one.to_dict()}
        for (shopper, kind), measures in found.items()
        for name, one in measures.items()
    ]
    effects = [
        {"people": case.kind, "treatment": case.treatment, "family": case.family, "shopper": who, **one.to_dict()}
        for case in cases
        for who, one in {"people": case.true, **case.simulated}.items()
    ]
    return {"scores": scored, "cases": effects}


def direction_bars(found: Scores) -> Iterator[Verdict]:
    """What shoppers fitted with past tests aim at, over all kinds of people."""
    measures = found[WITH_TESTS, ALL]
    for name, (low, high) in (("direction", DIRECTION), ("slope", SLOPE), ("coverage", COVERAGE)):
        one = measures[name]
        value, error = one.value, one.number("standard_error") or 0.0
        if value is None:
            continue
        beyond = max(low - value, value - high)
        yield Verdict(
            f"{WITH_TESTS}, people of another kind: {name} {low:g} to {high:g}",
            _cell(name, one),
            beyond <= 0,
            beyond > SURE * error,
        )


def _cell(name: str, one: Estimate) -> str:
    if one.value is None:
        return "–"
    form = "{:.2f}" if name == "slope" else "{:.1%}" if name.startswith("rmse") else "{:.0%}"
    ends = "" if one.interval is None else " [" + ", ".join(form.format(end) for end in one.interval.ends) + "]"
    return form.format(one.value) + ends


def _value(one: Estimate) -> float:
    return 0.0 if one.value is None else one.value


def _estimate(value: float, error: float) -> Estimate:
    return Estimate(value, details={"standard_error": error})


def _same(left: float, right: float) -> bool:
    return left * right > 0


def _mean(values: Sequence[bool]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _rmse(values: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _slope(true: Sequence[float], simulated: Sequence[float]) -> float:
    """Through the origin: what does nothing has no effect."""
    x, y = np.array(true), np.array(simulated)
    return float(x @ y / (x @ x)) if (x @ x) else float("nan")
