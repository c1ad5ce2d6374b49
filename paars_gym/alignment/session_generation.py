"""Session generation: histograms of how long, how deep and in which order people shop (PAARS section 4.3, Table 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paars_gym.alignment.divergences import js_divergence, kl_divergence, wasserstein1
from paars_gym.alignment.histograms import JOINT_BINS, Bins, Counts, count_bins, histogram, joint_histogram, rank_bins
from paars_gym.alignment.navigation import FILTERED, NAVIGATION, RETURNS, SORTED, TURNS, missing
from paars_gym.alignment.resampling import Replicas
from paars_gym.alignment.session_log import Mask, SessionLog
from paars_gym.alignment.session_numbers import ACTIONS, Ints
from paars_gym.estimate import Estimate

Codes = NDArray[np.intp]

TABLE_2 = ("searches", "views", "purchases")
JOINT, ORDER = "searches, views and purchases together", "order of actions"
DEPTH, SECONDS, RANK = "deepest rank viewed", "seconds in the shop", "rank of a view"
RANDOM_GROUPS = 500
SECONDS_BINS = Bins((0, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600))


@dataclass(frozen=True)
class SessionBins:
    """Into which bins the statistics of a session go.

    Attributes:
        counts: Of searches, views, purchases and whatever else is counted.
        ranks: Of ranks.
        seconds: Of time.
        joint: Of each of the three counts when they are taken together.
    """

    counts: Bins = field(default_factory=count_bins)
    ranks: Bins = field(default_factory=lambda: rank_bins(20))
    seconds: Bins = SECONDS_BINS
    joint: Bins = JOINT_BINS

    def of(self, statistic: str) -> Bins | None:
        """The bins of one statistic; None where they have no order (combinations and sequences)."""
        special = {SECONDS: self.seconds, DEPTH: self.ranks, RANK: self.ranks, JOINT: None, ORDER: None}
        return special.get(statistic, self.counts)

    def described(self) -> dict[str, tuple[int, ...]]:
        """Lower bounds of each kind of bins: what two reports must share to be compared."""
        return {name: getattr(self, name).lower for name in ("counts", "ranks", "seconds", "joint")}


class HistogramComparison(NamedTuple):
    """Two histograms and three distances between them.

    Attributes:
        statistic: What was counted.
        kl: KL(human || agent), nats.
        js: Jensen-Shannon, nats.
        w1: Wasserstein-1; None where the bins have no order.
        human: Sessions in each bin.
        agent: Sessions in each bin.
    """

    statistic: str
    kl: Estimate
    js: Estimate
    w1: Estimate | None
    human: Counts
    agent: Counts


def shared_actions(human: SessionLog, agent: SessionLog) -> tuple[str, ...]:
    """The actions that both logs record, of which an order can be compared."""
    return tuple(action for action, known in ACTIONS.items() if known in human.known and known in agent.known)


def compare_sessions(
    human: SessionLog,
    agent: SessionLog,
    *,
    bins: SessionBins | None = None,
    n_resamples: int = 1000,
    rng: np.random.Generator,
) -> dict[str, HistogramComparison]:
    """All statistics that both logs record, by name.

    Where shoppers have several sessions, the intervals resample shoppers.

    Args:
        human: The sessions to be like.
        agent: The sessions to be judged.
        bins: Where values go.
        n_resamples: Of the bootstrap.
        rng: Its source.

    Raises:
        ValueError: A side has no session to score.
    """
    bins = bins or SessionBins()
    for side, log in (("human", human), ("agent", agent)):
        if not len(log):
            raise ValueError(
                f"{log.name!r} has no session to score on the {side} side: {log.excluded or 'it is empty'}."
            )
    actions = shared_actions(human, agent)
    least = min(human.n_shoppers, agent.n_shoppers)
    sides = [
        session_histograms(log, bins=bins, actions=actions, groups=grouped_shoppers(log, least, rng))
        for log in (human, agent)
    ]
    return compare_histograms(*sides, bins=bins, n_resamples=n_resamples, rng=rng)


def session_histograms(
    log: SessionLog,
    *,
    bins: SessionBins,
    actions: tuple[str, ...],
    groups: Codes | None = None,
    rows: int | None = None,
) -> dict[str, Counts]:
    """Histograms of every statistic that a log records.

    Args:
        log: Of people or agents.
        bins: Where values go.
        actions: Of which the order is counted.
        groups: Group of each session of the log, scored or not, shape (sessions,); None counts sessions alone.
        rows: With groups 0 .. rows - 1, a row for each of them in every table, so that tables of several logs match.

    Returns:
        Shape (bins,), or one row a group where shoppers repeat. The order of actions always has a row a group, for
        the transitions of one session depend on each other.
    """
    keep, activity = log.keep, log.activity
    repeats = rows is not None or log.n_shoppers < len(log)

    def owners(which: Mask) -> Codes | None:
        return groups[which] if groups is not None and repeats else None

    known = [name for name in TABLE_2 if name in log.known]
    columns = {name: getattr(activity, name)[keep] for name in TABLE_2}
    histograms = {name: histogram(columns[name], bins.counts, owners(keep), rows=rows) for name in known}
    if len(known) == len(TABLE_2):
        histograms[JOINT] = joint_histogram(list(columns.values()), bins.joint, owners(keep), rows=rows)
    if len(actions) > 1:
        histograms[ORDER] = _transitions(log, actions, groups, rows)
    for name, values in navigation_counts(log).items():
        histograms[name] = histogram(values[keep], bins.counts, owners(keep), rows=rows)
    deep, timed = keep & (activity.depth > 0), keep & (activity.seconds >= 0)
    if deep.any():
        histograms[DEPTH] = histogram(activity.depth[deep], bins.ranks, owners(deep), rows=rows)
        seen = keep[activity.viewers]
        viewers = None if groups is None else groups[activity.viewers[seen]]
        histograms[RANK] = histogram(activity.ranks[seen], bins.ranks, viewers, rows=rows)
    if timed.any() and activity.seconds[timed].any():
        histograms[SECONDS] = histogram(activity.seconds[timed], bins.seconds, owners(timed), rows=rows)
    return histograms


def compare_histograms(
    human: Mapping[str, Counts],
    agent: Mapping[str, Counts],
    *,
    bins: SessionBins,
    n_resamples: int = 1000,
    rng: np.random.Generator,
    replicas: Mapping[str, Replicas] | None = None,
) -> dict[str, HistogramComparison]:
    """The distances between two logs' histograms, for every statistic that both have.

    Args:
        human: By statistic, shape (bins,), or one row a shopper.
        agent: The same.
        bins: Whether, and where, the bins of a statistic lie on a line.
        n_resamples: Of the bootstrap.
        rng: Its source.
        replicas: By statistic, draws that take its place.
    """
    compared = {}
    for name in human:
        if name not in agent:
            continue
        p, q, order = human[name], agent[name], bins.of(name)
        if nobody_does(name, p, q):
            continue
        if order is None:  # most combinations never occur: bins that both leave empty are none
            used = p.any(axis=tuple(range(p.ndim - 1))) | q.any(axis=tuple(range(q.ndim - 1)))
            p, q = p[..., used], q[..., used]
        draws: int | Replicas = n_resamples if replicas is None else replicas.get(name, n_resamples)
        w1 = None
        kl = kl_divergence(p, q, n_resamples=draws, rng=rng)
        js = js_divergence(p, q, n_resamples=draws, rng=rng)
        if order is not None:
            w1 = wasserstein1(p, q, positions=order.lower, unit=distance_unit(name), n_resamples=draws, rng=rng)
        p, q = (side if side.ndim == 1 else side.sum(axis=0) for side in (p, q))
        compared[name] = HistogramComparison(name, kl, js, w1, p, q)
    return compared


def navigation_counts(log: SessionLog) -> dict[str, Ints]:
    """What of `NAVIGATION` a log records: how often in each session, scored or not, shape (sessions,)."""
    activity = log.activity
    counts = {TURNS: activity.turns, FILTERED: activity.filtered, SORTED: activity.resorted, RETURNS: activity.returns}
    return {name: values for name, values in counts.items() if not missing(name, log.known)}


def nobody_does(statistic: str, *tables: Counts) -> bool:
    """Whether a way to navigate occurs in no table: there is nothing to compare, and the report says so."""
    return statistic in NAVIGATION and not any(table[..., 1:].any() for table in tables)


def grouped_shoppers(log: SessionLog, least: int, rng: np.random.Generator) -> Codes:
    """Shoppers, or where there are many random groups of as many on both sides: the group of each session.

    Resampling random groups of shoppers in place of shoppers leaves the expected variance as it is (Wolter 2007,
    chapter 2), and makes its cost independent of their number.
    """
    return shopper_groups(int(log.shoppers.max()) + 1, least, rng)[log.shoppers]


def shopper_groups(shoppers: int, least: int, rng: np.random.Generator) -> Codes:
    """The group of each of so many shoppers, see `grouped_shoppers`."""
    return np.asarray(rng.permutation(shoppers) // max(1, least // RANDOM_GROUPS), dtype=np.intp)


def distance_unit(statistic: str) -> str:
    """Of the Wasserstein distance of a statistic."""
    return "seconds" if statistic == SECONDS else "steps"


def _transitions(log: SessionLog, actions: tuple[str, ...], groups: Codes | None, rows: int | None) -> Counts:
    """As :func:`~paars_gym.alignment.transition_histogram`, of the actions given, without sorting ten million."""
    names, activity = list(ACTIONS), log.activity
    code = np.full(len(names), -1, dtype=np.int8)
    code[[names.index(action) for action in actions]] = np.arange(len(actions))
    action, session = code[activity.actions], activity.actors
    if len(actions) < len(names) or not log.keep.all():
        used = (action >= 0) & log.keep[session]
        action, session = action[used], session[used]
    action = action.astype(np.int32)
    width = len(actions) + 1
    begins = np.flatnonzero(np.r_[True, session[1:] != session[:-1]]) if len(session) else np.zeros(0, dtype=np.intp)
    before = np.empty_like(action)
    before[1:] = action[:-1]
    before[begins] = len(actions)
    last = (np.r_[begins[1:], len(session)] - 1)[: len(begins)]
    table = before * width + action
    ending = action[last] * width + len(actions)
    if groups is None:
        total = np.bincount(table, minlength=width**2) + np.bincount(ending, minlength=width**2)
        return np.asarray(total, dtype=np.float64)
    rows = int(groups.max()) + 1 if rows is None else rows
    owner = groups * width**2
    flat = np.bincount(owner[session] + table, minlength=rows * width**2)
    flat += np.bincount(owner[session[last]] + ending, minlength=rows * width**2)
    return np.asarray(flat.reshape(rows, width**2), dtype=np.float64)
