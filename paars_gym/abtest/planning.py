"""How many sessions a test needs and what they will cost, from the variance of a pilot."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from paars_gym.abtest.estimate import FEWEST_DEGREES
from paars_gym.abtest.outcomes import PRIMARY, check_outcome
from paars_gym.abtest.result import ABTestResult
from paars_gym.estimate import Detail, Tabular

FEWEST_PERSONAS, MOST_PERSONAS = 3, 10**15
POWERS = (0.5, 0.8, 0.9, 0.95)


class PlannedTest(BaseModel):
    """A test that finds an effect of a size with a probability.

    Attributes:
        power: Probability that the interval leaves out 0.
        personas: That many.
        pairs: Persona × intention pairs an arm.
        sessions: In both arms, all draws.
        tokens: Expected, from the pilot's.
        usd: Expected, from the pilot's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    power: float
    personas: int
    pairs: int
    sessions: int
    tokens: int
    usd: float


class TestPlan(Tabular, BaseModel):
    """What tests it takes to find an effect.

    Attributes:
        outcome: In which the effect is.
        mde: Smallest relative effect to be found.
        effect: The same in the outcome's unit.
        level: Of the interval.
        pilot_sessions: Both arms' sessions of the pilot.
        needed: By power, ascending.
        uncalibrated: Whether the pilot's shopper was the behavioural one, fitted to no people.
    """

    __test__ = False  # no test of pytest's
    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: str
    mde: float
    effect: float
    level: float
    pilot_sessions: int
    needed: tuple[PlannedTest, ...]
    uncalibrated: bool = False

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row a power."""
        return [{"outcome": self.outcome, "mde": self.mde, **one.model_dump()} for one in self.needed]

    def summary(self) -> str:
        """What is to be found, and where that is known from."""
        uncalibrated = " (uncalibrated)" if self.uncalibrated else ""
        return (
            f"To find {self.mde:.3g} of {self.outcome}, from a pilot of {self.pilot_sessions:,} sessions{uncalibrated}"
        )


def check_plan(mde: float, outcome: str, powers: Sequence[float]) -> None:
    """Finds out before a pilot is played that a test can be planned from it; arguments as of `plan_test`.

    Raises:
        ValueError: A number out of range, or an unknown outcome.
    """
    if not 0 < mde < math.inf:
        raise ValueError(f"mde == {mde}, must be > 0, as in 2% or 0.02.")
    check_outcome(outcome)
    for power in powers:
        if not 0 < power < 1:
            raise ValueError(f"power == {power}, must be in (0, 1).")


def plan_test(pilot: ABTestResult, *, mde: float, outcome: str = PRIMARY, powers: Sequence[float] = POWERS) -> TestPlan:
    """Sessions for an effect, from a pilot of the same two arms.

    The clustered error of a paired difference shrinks with the root of the number of personas, each with as many
    sessions as in the pilot; ``(t(level) + t(power)) · error`` has to reach the effect, with the degrees of freedom of
    `paars_gym.abtest.estimate.effective_degrees`, as large a share of the personas as in the pilot.

    Args:
        pilot: A finished test, whose variance is taken for that of the test to come.
        mde: Smallest relative effect that is to be found, 0.02 for 2%.
        outcome: In which.
        powers: Probabilities to find it.

    Raises:
        ValueError: A number out of range, an unknown outcome, or a pilot that tells no variance.
    """
    check_plan(mde, outcome, powers)
    measured = pilot.outcomes[outcome]
    error = measured.difference.number("standard_error")
    if not error or not measured.control:
        why = measured.difference.note or f"its control mean is {measured.control}"
        raise ValueError(
            f"The pilot says nothing about the variance of {outcome} ({why}); take other arms, or more sessions."
        )
    effect = abs(measured.control) * mde
    kept = measured.sessions / 2
    # Sessions that failed in the pilot will fail again: plan for them.
    lost = (pilot.control.sessions + pilot.treatment.sessions) / measured.sessions
    spent = pilot.control.usd + pilot.treatment.usd, pilot.control.tokens + pilot.treatment.tokens
    played = pilot.control.sessions + pilot.treatment.sessions
    needed = []
    spread = error * math.sqrt(pilot.personas)
    share = (measured.difference.number("degrees") or pilot.personas) / pilot.personas
    for power in sorted(powers):
        personas = personas_for(effect, spread, power=power, level=pilot.level, share=share)
        pairs = math.ceil(lost * personas * kept / pilot.personas / pilot.draws)
        sessions = 2 * pairs * pilot.draws
        needed.append(
            PlannedTest(
                power=power,
                personas=personas,
                pairs=pairs,
                sessions=sessions,
                usd=spent[0] / played * sessions,
                tokens=round(spent[1] / played * sessions),
            )
        )
    return TestPlan(
        outcome=outcome,
        mde=mde,
        effect=effect,
        level=pilot.level,
        pilot_sessions=measured.sessions,
        needed=tuple(needed),
        uncalibrated=pilot.uncalibrated,
    )


def personas_for(effect: float, spread: float, *, power: float, level: float = 0.95, share: float = 1.0) -> int:
    """Personas for a paired t-test: the least number, three at least, whose own quantiles reach the effect.

    Args:
        effect: To be found, in the outcome's unit.
        spread: Standard error times the root of the number of personas it came from.
        power: Probability to find it.
        level: Of the interval.
        share: Degrees of freedom a persona, at most 1.

    Raises:
        ValueError: The effect is not above 0, or so small that no test finds it.
    """
    if not effect > 0:
        raise ValueError(f"effect == {effect}, must be > 0.")
    from scipy.special import stdtrit

    def wanted(personas: int) -> float:
        degrees = degrees_of(personas, share)
        quantiles = float(stdtrit(degrees, (1 + level) / 2) + stdtrit(degrees, power))
        root = max(quantiles, 0.0) * spread / effect
        return root * root

    # More personas have more degrees of freedom and so want fewer: the first number that is enough parts the line.
    most = wanted(FEWEST_PERSONAS)
    if not most < MOST_PERSONAS:
        raise ValueError(
            f"An effect of {effect:g} with a spread of {spread:g} would take over {MOST_PERSONAS} personas."
        )
    candidates = range(FEWEST_PERSONAS, max(math.ceil(most), FEWEST_PERSONAS))
    return FEWEST_PERSONAS + bisect_left(candidates, True, key=lambda personas: wanted(personas) <= personas)


def power_of(effect: float, error: float, personas: int, *, level: float = 0.95, share: float = 1.0) -> float:
    """Probability that a paired test's interval leaves out 0, by the noncentral t distribution.

    Args:
        effect: True difference.
        error: Standard error of its estimate; 0 where every pair differs by the same.
        personas: In the test.
        level: Of the interval.
        share: Degrees of freedom a persona, at most 1.
    """
    from scipy.stats import nct, t

    if error == 0.0:
        return float(effect != 0.0)
    degrees = degrees_of(personas, share)
    critical = float(t.ppf((1 + level) / 2, degrees))
    shift = effect / error
    return float(nct.sf(critical, degrees, shift) + nct.cdf(-critical, degrees, shift))


def degrees_of(personas: float, share: float) -> float:
    """Degrees of freedom of a test of so many personas, of which each brings a share."""
    return min(max(share * personas, FEWEST_DEGREES), personas - 1)
