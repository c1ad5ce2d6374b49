"""For which groups agents are near people, for which far, and how many people the rest would take (PAARS section 7).

A group's distance is the mean JS divergence of searches, views and purchases. Agents are near where it is below what a
panel of so many of the group's own people would show by chance; far where it is above that, and above what as many
people as there are would show among themselves. Both by the wider of two bootstrap intervals, which take off the
distance's upward bias, and by Holm's method over the groups (1979).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from paars_gym.alignment.divergences import jensen_shannon
from paars_gym.alignment.histograms import Counts
from paars_gym.alignment.report import LEVEL, GroupVerdict
from paars_gym.alignment.resampling import Metric, random_groups, resample_counts
from paars_gym.alignment.session_generation import TABLE_2, SessionBins, session_histograms
from paars_gym.alignment.session_log import SessionLog
from paars_gym.alignment.worst_served import holm
from paars_gym.estimate import Z95, Estimate, Interval

NEAR, FAR, OPEN = "near people", "far from people", "cannot tell yet"
FEWEST_SHOPPERS = 20
"""Of a side, for a verdict: among fewer a panel's chance comes out too small, and groups at the limit too often far."""
POWER = 0.9
"""With which a planned number decides if the distance is as measured; that it is not exactly takes off some of it."""
MOST_TIMES = 1000
"""So many times the people there are is no number to plan with."""
PANEL_DRAWS = 400
MOST_ROWS, ROWS_OF_MANY = 10_000, 1_000
"""Of the tables: more shoppers go together at random, which leaves the error as it is."""
MOST_DRAWS = 20_000


class ShopperTables(NamedTuple):
    """Histograms of one population whose rows are the same shoppers, or groups of them, in every table.

    Attributes:
        tables: By statistic, shape (rows, bins).
        shoppers: How many there are.
    """

    tables: Mapping[str, Counts]
    shoppers: int


@dataclass(frozen=True)
class GroupDistance:
    """How far the agents of a group are from its people, as far as its sizes tell.

    Attributes:
        value: Mean JS over the statistics, nats.
        corrected: The value less the errors of the resamples, shape (resamples,): where the distance may lie.
        among_people: The mean JS of people among themselves, at these sizes, shape (resamples,).
        panel: What a panel of people shows by chance, mean JS: below it agents are near.
        shoppers: Of the people.
        agent_shoppers: Of the agents.
    """

    value: float
    corrected: Counts
    among_people: Counts
    panel: float
    shoppers: int
    agent_shoppers: int

    @property
    def best(self) -> float:
        """The distance with its upward bias taken off, >= 0."""
        return max(float(self.corrected.mean()), 0.0)

    @property
    def leaning(self) -> str:
        """The verdict that is nearer."""
        return NEAR if self.best < self.panel else FAR

    @property
    def p_value(self) -> float:
        """Two-sided, of a distance that is just that of a panel."""
        n = len(self.corrected)
        if self.leaning == NEAR:
            least = max((1 + int((draws >= self.panel).sum())) / (1 + n) for draws in self._both_ways)
        else:
            below = max((1 + int((draws <= self.panel).sum())) / (1 + n) for draws in self._both_ways)
            least = max(below, (1 + int((self.among_people >= self.value - 1e-12).sum())) / (1 + n))
        return min(1.0, 2 * least)

    @property
    def ends(self) -> tuple[float, float]:
        """Of the interval, >= 0: the wider of both ways."""
        ends = [np.quantile(draws, [LEVEL / 2, 1 - LEVEL / 2]) for draws in self._both_ways]
        low, high = float(min(end[0] for end in ends)), float(max(end[1] for end in ends))
        return max(min(low, self.best), 0.0), max(high, self.best)

    @property
    def _both_ways(self) -> tuple[Counts, Counts]:
        """The basic bootstrap's draws and the percentile's about the same middle.

        The first alone calls groups at the limit near too often where shoppers resemble themselves: a distance is a
        square, whose error grows with it. The second alone calls them far too often.
        """
        return self.corrected, 2 * float(self.corrected.mean()) - self.corrected

    def people_needed(self, *, groups: int = 1, best: float | None = None) -> int | None:
        """Shoppers of the group in all for a verdict, agents growing in proportion; None where no number will do.

        Of the error measured, what chance alone makes falls as 1 / n, the rest as 1 / sqrt(n).

        Args:
            groups: Verdicts that are still open, over which the level is shared.
            best: Suppose this distance in place of the measured one.
        """
        from scipy.special import ndtri

        distance = self.best if best is None else best
        by_chance = float(self.among_people.var())
        rest = max(float(self.corrected.var()) - by_chance, 0.0) / self.value if self.value else 0.0
        floor, gap = float(self.among_people.mean()), abs(distance - self.panel)
        reach = self.ends[1] - self.best if distance < self.panel else self.best - self.ends[0]
        longer = max(reach / (Z95 * float(self.corrected.std()) or 1.0), 1.0)  # than a normal error's
        people = np.unique(np.geomspace(2, max(MOST_TIMES * self.shoppers, 4), 2000).astype(np.int64))
        f = self.shoppers / people
        interval = np.sqrt(by_chance * f**2 + rest * f * (distance + floor * f))  # a resample starts from the floor
        sampling = np.sqrt(by_chance * f**2 + rest * f * distance)
        decides = longer * float(ndtri(1 - LEVEL / (2 * groups))) * interval + float(ndtri(POWER)) * sampling <= gap
        return max(int(people[decides.argmax()]), FEWEST_SHOPPERS) if decides.any() and gap else None


def group_distance(
    human: ShopperTables, agent: ShopperTables, *, panel: int, n_resamples: int, rng: np.random.Generator
) -> GroupDistance:
    """The distance of a group with all that a verdict needs.

    Args:
        human: People of the group; statistics that the agents lack are left out.
        agent: The agents.
        panel: Shoppers of a panel that is near enough.
        n_resamples: Of the bootstraps.
        rng: Their source.

    Raises:
        ValueError: A side is empty, or they share no statistic.
    """
    names = [name for name in human.tables if name in agent.tables]
    if not names or not human.shoppers or not agent.shoppers:
        raise ValueError(f"{human.shoppers} people and {agent.shoppers} agents share {names}, must share something.")
    people, agents = (_joined(side, names, rng) for side in (human, agent))
    ends = np.cumsum([human.tables[name].shape[1] for name in names])[:-1]

    def distance(p: Counts, q: Counts) -> Counts:
        parts = zip(np.split(p, ends, axis=-1), np.split(q, ends, axis=-1), strict=True)
        return np.asarray(np.mean([jensen_shannon(*pair) for pair in parts], axis=0))

    whole, of_people = people.sum(axis=0), resample_counts(people, n_resamples, rng)
    value = float(distance(whole, agents.sum(axis=0)))
    draws = distance(of_people, resample_counts(agents, n_resamples, rng))
    # As many sessions as the agents have.
    size = agents.sum() * len(people) / people.sum()
    among_people = distance(of_people, resample_counts(people, n_resamples, rng, size=max(1, round(size))))
    return GroupDistance(
        value,
        2 * value - draws,
        among_people,
        _panel_distance(people, human, distance, panel, rng),
        human.shoppers,
        agent.shoppers,
    )


def verdict_of_groups(distances: Mapping[str, GroupDistance]) -> tuple[GroupVerdict, ...]:
    """A verdict for each group, the false ones of all held to 5% in sum; and the people that open ones would take.

    Args:
        distances: By group.
    """
    adjusted = holm([(each.p_value, label) for label, each in distances.items()])
    enough = {label: min(each.shoppers, each.agent_shoppers) >= FEWEST_SHOPPERS for label, each in distances.items()}
    open_ones = sum(adjusted[label] >= LEVEL or not enough[label] for label in distances)
    found = []
    for label, each in distances.items():
        decided = enough[label] and adjusted[label] < LEVEL
        estimate = Estimate(
            each.best,
            Interval(*each.ends, method="wider of basic and percentile bootstrap, clustered by shopper"),
            unit="nats",
            sizes={"human": each.shoppers, "agent": each.agent_shoppers},
            floor=0.0,
            p_value=adjusted[label],
            verdict=each.leaning if decided else OPEN,
            details={
                "panel": each.panel,
                "as_measured": each.value,
                "floor_as_measured": float(each.among_people.mean()),
            },
        )
        needed = None if decided else each.people_needed(groups=open_ones)
        few = not decided and needed is not None and needed <= each.shoppers
        found.append(
            GroupVerdict(
                segment=label,
                estimate=estimate,
                leaning=each.leaning,
                needed=None if few else needed,
                too_few_agents=few,
            )
        )
    return tuple(found)


def resamples_for(groups: int, n_resamples: int) -> int:
    """As many as the least p-value that so many verdicts leave takes, and not fewer than wanted."""
    return max(n_resamples, min(MOST_DRAWS, round(4 * groups / LEVEL)))


def tables_of(log: SessionLog, *, bins: SessionBins, rng: np.random.Generator) -> ShopperTables:
    """A log's searches, views and purchases, as far as it records them, a row a shopper or a group of shoppers.

    Args:
        log: Its scored sessions.
        bins: Where values go.
        rng: Says who goes together where there are many.
    """
    present = np.bincount(log.shoppers[log.keep], minlength=int(log.shoppers.max(initial=0)) + 1) > 0
    count = log.n_shoppers
    row = np.cumsum(present) - 1  # of each shopper; of those absent, somebody's, who has no session in the mask
    if count > MOST_ROWS:
        row = rng.permutation(count)[row] % ROWS_OF_MANY
    rows = count if count <= MOST_ROWS else ROWS_OF_MANY
    histograms = session_histograms(log, bins=bins, actions=(), groups=row[log.shoppers], rows=rows)
    return ShopperTables({name: histograms[name] for name in TABLE_2 if name in histograms}, count)


def _joined(side: ShopperTables, names: list[str], rng: np.random.Generator) -> Counts:
    """All statistics beside each other, so that a resample draws a shopper with everything it did."""
    rows = np.concatenate([side.tables[name] for name in names], axis=1)
    return random_groups(rows[rows.any(axis=1)], rng)


def _panel_distance(rows: Counts, side: ShopperTables, distance: Metric, panel: int, rng: np.random.Generator) -> float:
    """What a panel of so many of these people shows by chance, against all of them: a mean over draws."""
    each = side.shoppers / len(rows)
    size = panel if each <= 1 else len(rows)  # rows of many shoppers: the chance of all, which falls as 1 / n
    drawn = float(distance(rows.sum(axis=0), resample_counts(rows, PANEL_DRAWS, rng, size=size)).mean())
    return drawn if each <= 1 else drawn * side.shoppers / panel
