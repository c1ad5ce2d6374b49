"""Whom do the agents resemble least? Groups of shoppers, for the same metrics (PAARS section 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from paars_gym.alignment.session_log import SessionLog
from paars_gym.alignment.stratify import POOLED

Attributes = Mapping[str, Mapping[str, str]]
OF_INTENTIONS = ("goal", "category")
UNKNOWN = "unknown"


class Segments(NamedTuple):
    """Groups that both sides have enough of.

    Attributes:
        labels: The groups shown, the one with most human sessions first; small ones are together in the last.
        pooled: Names that went into :data:`~paars_gym.alignment.stratify.POOLED`.
        suppressed: Human sessions left out, since even pooled they, or the agents', are too few.
        human: Label of each human session, shape (sessions,).
        agent: Label of each agent session.
    """

    labels: tuple[str, ...]
    pooled: tuple[str, ...]
    suppressed: int
    human: NDArray[np.str_]
    agent: NDArray[np.str_]


def segments(
    human: SessionLog, agent: SessionLog, *, by: str, attributes: Attributes | None = None, minimum: int = 20
) -> Segments:
    """Groups both populations by an attribute of the shopper, or of the session's intention.

    Args:
        human: A population.
        agent: Another.
        by: ``goal`` or ``category`` of the intention, or a name in ``attributes``.
        attributes: Names and values of each shopper.
        minimum: Sessions that a group needs on each side to be shown alone: small groups say little about alignment
            and much about the few people in them.

    Raises:
        ValueError: Nobody has that attribute on one of the sides.
    """
    if minimum < 1:
        raise ValueError(f"minimum == {minimum}, must be >= 1.")
    sides = {}
    for side, log in (("human", human), ("agent", agent)):
        sides[side] = _labels(log, by, attributes or {})
        if (sides[side][log.keep] == UNKNOWN).all():
            names = sorted({name for row in (attributes or {}).values() for name in row} | set(OF_INTENTIONS))
            raise ValueError(
                f"No {side} session has a {by!r}. Available: {', '.join(names)}; others: --attributes FILE."
            )
    counts = [dict(zip(*np.unique(sides[side][log.keep], return_counts=True), strict=True))
              for side, log in (("human", human), ("agent", agent))]  # fmt: skip
    names = sorted({str(name) for count in counts for name in count}, key=lambda name: (-counts[0].get(name, 0), name))
    large = [name for name in names if min(count.get(name, 0) for count in counts) >= minimum]
    small = [name for name in names if name not in large]
    rest = [sum(int(count.get(name, 0)) for name in small) for count in counts]
    for side, labels in sides.items():
        sides[side] = np.where(np.isin(labels, small), POOLED, labels)
    shown = [*large, POOLED] if small and min(rest) >= minimum else large
    return Segments(tuple(shown), tuple(small), rest[0] if POOLED not in shown else 0, sides["human"], sides["agent"])


def _labels(log: SessionLog, by: str, attributes: Attributes) -> NDArray[np.str_]:
    if any(by in row for row in attributes.values()):
        values = {shopper: str(row[by]) for shopper, row in attributes.items() if row.get(by) is not None}
        found = log.frame["name"].replace_strict(values, default=UNKNOWN, return_dtype=pl.String)
    elif by in OF_INTENTIONS:
        found = log.frame["intention"].str.json_path_match(f"$.{by}").fill_null(UNKNOWN)
    else:
        found = pl.Series([UNKNOWN] * len(log.frame), dtype=pl.String)
    return found.to_numpy().astype(str)
