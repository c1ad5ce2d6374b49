"""Accuracy of item selection by what people told about themselves, and who is worst served (PAARS section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from paars_gym.alignment.individual import accuracy, accuracy_difference
from paars_gym.alignment.item_selection import OPTIONS, ItemCases, Protocol
from paars_gym.alignment.segments import groups
from paars_gym.estimate import Estimate
from paars_gym.tasks.answers import Answers, asked_of


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class GroupRow(_Frozen):
    """One shopper's accuracy on the cases of one group of people.

    Attributes:
        group: Its label; people who did not tell are none.
        rest: Accuracy less that of all other groups together, as two independent proportions.
    """

    shopper: str
    protocol: Protocol
    group: str
    accuracy: Estimate
    rest: Estimate | None


class AccuracyByGroup(_Frozen):
    """Accuracy by what people told about themselves; small groups are pooled or left out."""

    attribute: str
    rows: tuple[GroupRow, ...]
    pooled: tuple[str, ...]
    suppressed: int
    did_not_tell: int


def by_group(
    attribute: str, trait_of: Mapping[str, str], chosen: Mapping[str, Answers], cases: ItemCases, *, minimum: int = 20
) -> AccuracyByGroup:
    """Accuracy of every shopper in each group of people.

    Args:
        attribute: Its name.
        trait_of: Label by person; who is absent did not tell.
        chosen: The answers.
        cases: The cases.
        minimum: Cases of a group; smaller ones are pooled, and left out if even that is too little.
    """
    labels = np.array([trait_of.get(cases.log.shoppers[shopper], "") for shopper in cases.shopper.tolist()])
    known = np.flatnonzero(labels != "")
    grouped = groups(labels[known], minimum=minimum)
    rows = []
    for name, answers in chosen.items():
        asked, right = np.flatnonzero(asked_of(answers.choices)), answers.choices == cases.answer
        for group, inside in grouped.rows.items():
            here = np.intersect1d(known[inside], asked)
            rest = np.setdiff1d(np.intersect1d(known, asked), here)
            if not len(here):
                continue
            against = None
            if len(rest):
                against = accuracy_difference(right[rest], right[here], paired=False)
            measured = accuracy(right[here], options=OPTIONS, shoppers=cases.shopper[here])
            rows.append(GroupRow(shopper=name, protocol=cases.protocol, group=group, accuracy=measured, rest=against))
    return AccuracyByGroup(
        attribute=attribute,
        rows=tuple(rows),
        pooled=grouped.pooled,
        suppressed=grouped.suppressed,
        did_not_tell=len(labels) - len(known),
    )


def worst_served(rows: Sequence[GroupRow]) -> GroupRow | None:
    """The group with the least accuracy; None where there is but one."""
    return min(rows, key=lambda row: row.accuracy.value or 0.0) if len(rows) > 1 else None
