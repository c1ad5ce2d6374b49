"""What session generation gives: the report of a shopper with and without its persona, and whose people judged it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from paars_gym.alignment.report import AlignmentReport
from paars_gym.alignment.session_log import SessionLog
from paars_gym.config import Condition, NeedsSource
from paars_gym.estimate import Detail, Estimate, Tabular
from paars_gym.shoppers.registry import SHOPPERS
from paars_gym.simulation.account import RunAccount
from paars_gym.tasks.query_results import measure_row
from paars_gym.tasks.run_noise import RunNoise
from paars_gym.tasks.shoppers import fitted_name

SESSION_CONDITIONS: dict[str, Condition] = {"baseline": "base", "agents": "persona"}
"""By the role in the report."""
NEEDS: dict[str, NeedsSource] = {"base": "marginal", "persona": "persona"}
"""Where each condition's own needs come from."""
BUYERS_ONLY = (
    "This log holds visits that bought, and no others: agents' sessions are compared given that they buy ({shares} of "
    "them did). A basket holds what a household was out of, an agent comes for one thing."
)


class SessionResults(Tabular, BaseModel):
    """Sessions of a shopper, with and without personas, against those of people.

    Attributes:
        headline: What ran, and what did not.
        policy: Who shopped.
        fitted: Whether it was fitted to the half of the people that does not judge.
        people: Whom they are compared with.
        label: Whether these are real or synthetic, as heads of tables say it.
        report: Of the shopper with personas, the one without as baseline, each told needs of its own.
        same: By statistic, the KL of the shopper with personas less that of the one without, both told the same needs:
            those of the persona. Below 0 the persona is closer to people.
        same_only: Whether both were told the same needs to begin with, so that ``report`` compares them so.
        buying: Share of sessions that buy, of ``human``, ``agents`` and ``baseline``.
        judged: By whom, what fits come from, and what the floor is, where that is another than usual.
        choices: What shoppers were given, each choice in a sentence.
        notes: What a reader has to know of these people.
        usd: What a language model took.
        account: Its calls, those of former tries included, by the ledger of the runs.
        noise: What differs between repeats, where there were several; all else is of the first.
    """

    model_config = ConfigDict(frozen=True)
    SHOWN: ClassVar[tuple[str, ...]] = ("shopper", "metric", "estimate", "unit", "floor", "verdict")

    headline: str
    policy: str
    fitted: bool = False
    people: str
    label: str
    report: AlignmentReport
    same: dict[str, Estimate] = {}
    same_only: bool = False
    buying: dict[str, float] = {}
    judged: str = ""
    choices: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    usd: float = 0.0
    account: RunAccount = RunAccount()
    noise: RunNoise | None = None

    @property
    def shopper(self) -> str:
        """How tables call it."""
        return fitted_name(self.policy) if self.fitted else self.policy

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row for each number of each population."""
        return [measure_row(each) for each in self.report.measures]

    def summary(self) -> str:
        """Who, and whom they are compared with."""
        return f"Session generation, {self.shopper}, {self.people}"


def headline_of(policy: str) -> str:
    """What ran, in a sentence."""
    offline = "No language model ran: the" if policy in set(SHOPPERS) - {"llm"} else "The"
    return f"{offline} shoppers are {policy}, with and without a persona."


def share_that_buys(log: SessionLog) -> float:
    """Share of scored sessions with a purchase; 0 where there is none."""
    return float(np.mean(log.activity.purchases[log.keep] > 0)) if len(log) else 0.0


def that_buys(log: SessionLog) -> SessionLog:
    """The same log, of which only sessions with a purchase are scored."""
    return log.where(log.activity.purchases > 0)


def buyers_only(known: Collection[str], buying: Mapping[str, float]) -> bool:
    """Whether a log holds visits that bought and no others, so that agents are compared given that they buy.

    Args:
        known: What the people's log records.
        buying: Share of sessions that buy, of ``human`` and others.
    """
    return buying["human"] == 1 and not {"searches", "views"} & set(known)


def buyers_only_note(buying: Mapping[str, float]) -> str:
    """What is said then, with the shares of agents that buy."""
    shares = " and ".join(f"{condition} {buying[role]:.0%}" for role, condition in SESSION_CONDITIONS.items())
    return BUYERS_ONLY.format(shares=shares)
