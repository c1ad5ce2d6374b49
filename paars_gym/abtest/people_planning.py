"""How many visits of people a given precision takes, from how much people differ in a log of theirs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from paars_gym.abtest.outcomes import COLUMNS, FAILED, OUTCOMES, PRIMARY, Floats, measure
from paars_gym.abtest.planning import POWERS, check_plan, personas_for
from paars_gym.estimate import Detail, Tabular
from paars_gym.sessions.event import Session

FEWEST_SHOPPERS = 10
"""From whom a spread can be told at all."""
DRAWS = 1_000
"""Of the bootstrap by shopper."""
NEEDS = {
    "sales_units": "purchases",
    "revenue": "purchases",
    "conversion": "purchases",
    "cart_adds": "carts",
    "searches": "searches",
    "views": "views",
    "rank_viewed": "views",
    "abandonment": "carts",
}
"""What a log has to record for an outcome."""
MEAN_ITSELF = 0.5
"""At this power a test asks for no more than an interval whose half width is the effect, as a mean does."""


class PlannedVisits(BaseModel):
    """Visits of people that reach something.

    Attributes:
        power: Probability to find the effect; None for knowing the mean itself.
        visits: Of as many different people, one visit each; in both arms together.
        low: Lower end of an interval for ``visits``, by bootstrap over the log's shoppers.
        high: Upper end.
        shoppers: People who come as often as those of the log instead.
        visits_of_shoppers: What these make.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    power: float | None
    visits: int
    low: int
    high: int
    shoppers: int
    visits_of_shoppers: int


class PeoplePlan(Tabular, BaseModel):
    """What a reference or an A/B test of people takes.

    Attributes:
        people: Name of the log.
        synthetic: Whether no person made it.
        outcome: In which.
        mde: Relative half width of the mean's interval, and smallest relative effect of a test.
        level: Of the intervals.
        mean: Of the log.
        shoppers: Of the log.
        sessions: Of the log.
        mean_itself: What it takes to know the mean to ``mde``.
        test: What a test takes whose shoppers are in one arm each, by power, ascending.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: str
    synthetic: bool
    outcome: str
    mde: float
    level: float
    mean: float
    shoppers: int
    sessions: int
    mean_itself: PlannedVisits
    test: tuple[PlannedVisits, ...]

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row for knowing the mean, and a row a power of a test."""
        named = [("mean", self.mean_itself), *(("test", one) for one in self.test)]
        return [{"outcome": self.outcome, "mde": self.mde, "of": of, **one.model_dump()} for of, one in named]

    def summary(self) -> str:
        """What is to be found, and where that is known from."""
        synthetic = " (SYNTHETIC)" * self.synthetic
        return f"Visits to find {self.mde:.3g} of {self.outcome}, if people differ as in {self.people}{synthetic}"


def plan_people(
    sessions: Iterable[Session],
    *,
    mde: float,
    outcome: str = PRIMARY,
    powers: Sequence[float] = POWERS,
    level: float = 0.95,
    people: str = "people",
    synthetic: bool = False,
    seed: int = 0,
) -> PeoplePlan:
    """Visits that a precision takes, if people differ as they do in a log.

    With ``z`` a visit's share in the ratio of means (delta method), the error of a mean of ``n`` people who come once
    is ``sd(z) / root(n)``, and that of a test ``root(2) · sd(z) / root(n an arm)``. For people who come again ``z`` is
    of all their visits: people are independent of each other, their visits are not.

    Args:
        sessions: Of people.
        mde: Relative: half width for the mean, smallest effect for a test.
        outcome: Of `paars_gym.abtest.outcomes.OUTCOMES`.
        powers: Probabilities to find the effect.
        level: Of the intervals.
        people: Name of the log.
        synthetic: Whether no person made it.
        seed: Of the bootstrap.

    Raises:
        ValueError: A number out of range, an unknown outcome, too few shoppers, or a log that tells no variance.
    """
    check_plan(mde, outcome, powers)
    of = next(one for one in OUTCOMES if one.name == outcome)
    sums: defaultdict[str, Floats] = defaultdict(lambda: np.zeros(6))
    for session in sessions:
        if session.end not in FAILED:
            row = dict(zip(COLUMNS, measure(session), strict=True))
            above, below = row[of.numerator], 1.0 if of.denominator is None else row[of.denominator]
            sums[session.shopper] += (above, below, 1.0, above * above, above * below, below * below)
    table = np.array(list(sums.values())).reshape(-1, 6)
    if len(table) < FEWEST_SHOPPERS:
        raise ValueError(
            f"The log has {len(table)} shoppers, at least {FEWEST_SHOPPERS} are needed to tell how much people differ; "
            "give a larger one, such as --human journey, or let a few colleagues shop first."
        )
    mean, of_visit, of_shopper = _spreads(table)
    if not of_visit or not mean:
        raise ValueError(
            f"The log says nothing about the variance of {outcome}: its mean is {mean:g} and its standard deviation "
            f"{of_visit:g}. Plan with another --outcome."
        )
    rng = np.random.default_rng(seed)
    drawn = [_spreads(table[rng.integers(len(table), size=len(table))]) for _ in range(DRAWS)]
    # The numbers depend on the coefficient of variation alone.
    relative = np.array([sd / abs(one) if one and sd else math.nan for one, sd, _ in drawn])
    tails = np.nanquantile(relative, [(1 - level) / 2, (1 + level) / 2])

    def people_for(variation: float, power: float | None, arms: int) -> int:
        each = personas_for(mde, math.sqrt(arms) * variation, power=power or MEAN_ITSELF, level=level)
        return arms * each

    def needed(power: float | None, arms: int) -> PlannedVisits:
        visits, low, high = (people_for(float(one), power, arms) for one in (of_visit / abs(mean), *tails))
        shoppers = people_for(of_shopper / abs(mean), power, arms)
        return PlannedVisits(
            power=power,
            visits=visits,
            low=low,
            high=high,
            shoppers=shoppers,
            visits_of_shoppers=math.ceil(shoppers * float(table[:, 2].mean())),
        )

    return PeoplePlan(
        people=people,
        synthetic=synthetic,
        outcome=outcome,
        mde=mde,
        level=level,
        mean=mean,
        shoppers=len(table),
        sessions=int(table[:, 2].sum()),
        mean_itself=needed(None, 1),
        test=tuple(needed(power, 2) for power in sorted(powers)),
    )


def _spreads(table: Floats) -> tuple[float, float, float]:
    """The ratio of means, and the standard deviation of a visit's and of a shopper's share in it; zeros without one."""
    above, below, visits, squares, products, squares_below = table.sum(axis=0)
    if not below or visits < 2:
        return 0.0, 0.0, 0.0
    ratio = above / below
    around = max(squares - 2 * ratio * products + ratio * ratio * squares_below, 0.0)
    of_visit = math.sqrt(around / (visits - 1)) / (below / visits)
    shares = (table[:, 0] - ratio * table[:, 1]) / table[:, 1].mean()
    return float(ratio), float(of_visit), float(shares.std(ddof=1))
