"""Verdicts of groups where the truth is known: how often they are right, and a planned number of people decides.

    python -m benchmarks.group_verdicts [--tries 60]

Shoppers' searches, views and purchases are Poisson counts; those with several sessions resemble themselves. Agents do
everything so many times as often as people.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
import typer
from rich.table import Table

from paars_gym.alignment.group_verdicts import (
    FAR,
    NEAR,
    OPEN,
    GroupDistance,
    ShopperTables,
    group_distance,
    resamples_for,
    verdict_of_groups,
)
from paars_gym.alignment.report import GroupVerdict
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.report.printing import Printer

MEANS = {"searches": 1.8, "views": 2.5, "purchases": 0.6}
BINS, PANEL, DRAWS, GROUPS = 22, 50, 400, 4
SESSIONS, PEOPLE = (1, 5), (20, 40, 150)
LIMIT = {1: 1.31, 5: 1.22}
"""By sessions a shopper: times people's counts at which the distance is that of the panel."""
UNLIKE = 2.0
PLANNED_FROM, PLANNED = (40, 80), (1.0, 1.45, 1.6)
MOST_PLANNED = 5_000


class Shopping(NamedTuple):
    """Of whom groups consist.

    Attributes:
        people: Shoppers of a group, and as many agents.
        sessions: Of each.
        times: How often agents do everything, people doing it once.
    """

    people: int
    sessions: int
    times: float


def shoppers(each: Shopping, times: float, rng: np.random.Generator) -> ShopperTables:
    """Counts of one population, a row a shopper."""
    scale = rng.gamma(4, 1 / 4, each.people) if each.sessions > 1 else np.ones(each.people)
    tables = {}
    for name, mean in MEANS.items():
        counts = np.minimum(rng.poisson(mean * times * scale[:, None], (each.people, each.sessions)), BINS - 1)
        tables[name] = np.zeros((each.people, BINS))
        np.add.at(tables[name], (np.repeat(np.arange(each.people), each.sessions), counts.ravel()), 1)
    return ShopperTables(tables, each.people)


def judged(each: Shopping, groups: int, rng: np.random.Generator) -> tuple[GroupVerdict, ...]:
    """The verdicts of so many groups alike."""
    draws = resamples_for(groups, DRAWS)

    def distance() -> GroupDistance:
        sides = shoppers(each, 1.0, rng), shoppers(each, each.times, rng)
        return group_distance(*sides, panel=PANEL, n_resamples=draws, rng=rng)

    return verdict_of_groups({str(group): distance() for group in range(groups)})


def verdicts(tries: int, rng: np.random.Generator) -> Table:
    """How often groups of known truth get each verdict."""
    table = Table(title=f"Verdicts of {GROUPS} groups at once, {tries} times", title_justify="left")
    for head in (
        "sessions\na shopper",
        "people",
        "agents do\neverything",
        "truth",
        NEAR,
        FAR,
        OPEN,
        "tries with a\nfalse one",
    ):
        table.add_column(head, justify="right", no_wrap=True)
    for sessions in SESSIONS:
        truths = {1.0: "as people", LIMIT[sessions]: "at the limit", UNLIKE: "far"}
        for people in PEOPLE:
            for times, truth in truths.items():
                found = [judged(Shopping(people, sessions, times), GROUPS, rng) for _ in range(tries)]
                said = [[one.estimate.verdict for one in groups] for groups in found]
                false = {"as people": {FAR}, "at the limit": {NEAR, FAR}, "far": {NEAR}}[truth]
                shares = (sum(one.count(verdict) for one in said) for verdict in (NEAR, FAR, OPEN))
                table.add_row(
                    str(sessions),
                    str(people),
                    f"{times:g} times",
                    truth,
                    *(f"{share / (tries * GROUPS):.1%}" for share in shares),
                    str(sum(bool(false & set(one)) for one in said)),
                )
    return table


def plans(tries: int, rng: np.random.Generator) -> Table:
    """Of groups that could not be told yet: how often the planned number of people decides."""
    table = Table(title=f"Planned from few people, {tries} tries each", title_justify="left")
    for head in (
        "sessions\na shopper",
        "people",
        "agents do\neverything",
        "cannot\ntell yet",
        "plan,\nmedian",
        "decided",
    ):
        table.add_column(head, justify="right", no_wrap=True)
    for sessions in SESSIONS:
        for times in PLANNED:
            for people in PLANNED_FROM:
                of = Shopping(people, sessions, times)
                first = [judged(of, 1, rng)[0] for _ in range(tries)]
                undecided = [one for one in first if one.estimate.verdict == OPEN]
                wanted = [one.needed for one in undecided if one.needed is not None and one.needed <= MOST_PLANNED]
                decided = sum(judged(of._replace(people=n), 1, rng)[0].estimate.verdict != OPEN for n in wanted)
                table.add_row(
                    str(sessions),
                    str(people),
                    f"{times:g} times",
                    str(len(undecided)),
                    f"{np.median(wanted):.0f}" if wanted else "",
                    f"{decided} of {len(wanted)}",
                )
    return table


@with_page
def main(
    tries: Annotated[int, typer.Option(min=1, help="Of each kind.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every draw.")] = 5,
) -> None:
    """Verdicts of groups of known truth, and what a planned number of people decides."""
    rng = np.random.default_rng(seed)
    printer = Printer()
    printer.print(verdicts(tries, rng))
    printer.print(plans(tries, rng))


if __name__ == "__main__":
    run_command(main)
