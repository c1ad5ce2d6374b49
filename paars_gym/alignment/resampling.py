"""Bootstraps of histograms: intervals and floors of distances between two of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from paars_gym.alignment.arrays import check_rng
from paars_gym.alignment.histograms import Counts
from paars_gym.estimate import LEVEL, NO_SPREAD, Detail, Estimate, Interval, share_that_may_differ

Metric = Callable[[Counts, Counts], Counts]  # histograms (..., bins) on each side -> (...)
FLOOR_RESAMPLES = 200  # a mean needs fewer than quantiles do
MOST_ROWS = 1000
MOST_SESSIONS = 2**53  # beyond it the next whole number is none of a float's
BLOCK = 64  # resamples a matrix product: 64 x 2,000 rows are 1 MB


def resample_counts(counts: Counts, n_resamples: int, rng: np.random.Generator, size: int | None = None) -> Counts:
    """Bootstrapped histograms.

    Resampling n sessions and counting them is a multinomial draw on the histogram, whatever n is. With one row a
    shopper the shoppers are resampled, each with all of their sessions.

    Args:
        counts: Whole numbers, shape (bins,) or (shoppers, bins).
        n_resamples: How many.
        rng: Source of randomness.
        size: Sessions (or shoppers) a resample; as many as there are, by default.

    Returns:
        Shape (n_resamples, bins).
    """
    if counts.ndim == 1:
        total = counts.sum()
        draws = int(total) if size is None else size
        return rng.multinomial(draws, counts / total, size=n_resamples).astype(np.float64)
    shoppers = len(counts)
    draws = shoppers if size is None else size
    out = np.empty((n_resamples, counts.shape[1]))
    for start in range(0, n_resamples, BLOCK):
        rows = min(BLOCK, n_resamples - start)
        drawn = rng.integers(0, shoppers, (rows, draws))
        drawn += shoppers * np.arange(rows)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=rows * shoppers).reshape(rows, shoppers)
        out[start : start + rows] = weights.astype(np.float64) @ counts
    return out


def random_groups(counts: Counts, rng: np.random.Generator) -> Counts:
    """At most some thousand rows: shoppers as they are, or where there are many, random groups of equally many.

    Resampling random groups in place of shoppers leaves the expected variance as it is (Wolter 2007, chapter 2), and
    makes its cost independent of their number.

    Args:
        counts: Shape (shoppers, bins); a single histogram of shape (bins,) is given back.
        rng: Says who goes together.
    """
    together = len(counts) // MOST_ROWS
    if counts.ndim == 1 or together < 2:
        return counts
    return np.asarray(np.add.reduceat(counts[rng.permutation(len(counts))], np.arange(0, len(counts), together)))


def basic_interval(value: float, draws: Counts, method: str, *, truth: float | None = None) -> Interval | None:
    """The basic bootstrap of a distance: the value less the errors of the resamples, and never below 0.

    That takes off the upward bias of a divergence, so that near zero the interval may lie below the estimate. Where
    nothing of it is left above 0, the distance is 0 but for the noise, and the upper end is how far that reaches.

    Args:
        value: The distance.
        draws: The same of resamples, shape (resamples,).
        method: What was resampled.
        truth: Of the populations that the resamples are drawn from; by default the value itself.

    Returns:
        None where all resamples agree.
    """
    truth = value if truth is None else truth
    low, high = (float(end) for end in np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    named = f"basic bootstrap, {method}"
    made = Interval(value + truth - high, value + truth - low, method=named).clip().if_wide()
    return made or Interval(0.0, max(float(draws.mean()) - low, 0.0), method=named).if_wide()


def percentile_interval(draws: Counts, method: str) -> Interval:
    """The middle 95% of the resamples."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high), method=f"percentile bootstrap, {method}")


class Replicas(NamedTuple):
    """Draws for histograms that went through more than sampling, such as noise: each of shape (replicas, bins).

    Attributes:
        human: What might have been released of people like these.
        agent: What might have been counted of agents like these.
        null_human: The same as ``human``, if both populations were one.
        null_agent: The same as ``agent``, if both populations were one.
        people: What ``human`` was drawn from, shape (bins,).
        agents: What ``agent`` was drawn from.
    """

    human: Counts
    agent: Counts
    null_human: Counts
    null_agent: Counts
    people: Counts
    agents: Counts


def histogram_distance(
    metric: Metric,
    human: Counts,
    agent: Counts,
    details: Mapping[str, Detail],
    n_resamples: int | Replicas,
    rng: np.random.Generator | None,
    *,
    interval: Literal["basic", "both"],
    unit: str = "",
) -> Estimate:
    """The distance with its interval and its floor, as far as the counts allow.

    Args:
        metric: The distance.
        human: Counts, shape (bins,), or one row a shopper.
        agent: The same bins.
        details: What the result says it was computed with.
        n_resamples: Of the bootstrap; 0 leaves out interval and floor. Or draws that take its place.
        rng: Its source; by default a fresh generator with a fixed seed.
        interval: Basic takes off an upward bias; both reaches from the lower end of the basic interval to the upper end
            of the percentile one, for a distance whose bias is large near zero and small far from it.
        unit: Of the distance.

    Raises:
        TypeError: ``rng`` is no generator.
        ValueError: ``n_resamples`` is negative.
    """
    if rng is not None:
        check_rng(rng)
    if not isinstance(n_resamples, Replicas) and n_resamples < 0:
        raise ValueError(f"n_resamples == {n_resamples}, must be >= 0; 0 leaves the interval out.")
    p, q = total(human), total(agent)
    value = float(metric(p, q))
    masses = {
        "unsupported_mass": float(p[q == 0].sum() / p.sum()),
        "novel_mass": float(q[p == 0].sum() / q.sum()),
    }
    result = Estimate(
        value, unit=unit, sizes={"human": round(p.sum()), "agent": round(q.sum())}, details={**details, **masses}
    )
    if isinstance(n_resamples, Replicas):
        return _from_replicas(result, value, metric, n_resamples)
    if n_resamples == 0:
        return result
    if np.any(np.mod(human, 1)) or np.any(np.mod(agent, 1)):
        return replace(result, note="No interval: shares, not counts, say nothing of how many sessions there were.")
    for side, counts in (("human", human), ("agent", agent)):
        if counts.ndim == 2 and len(counts) < 2:
            return replace(result, note=f"Not estimable: it would take two {side} shoppers, and there is one.")
        if counts.sum() < 2:
            return replace(result, note=f"Not estimable: it would take two {side} sessions, and there is one.")
        if counts.sum() > MOST_SESSIONS:
            return replace(result, note=f"No interval: no log has {counts.sum():.0e} {side} sessions.")
    rng = np.random.default_rng(0) if rng is None else rng
    human, agent = random_groups(human, rng), random_groups(agent, rng)
    of_humans = resample_counts(human, n_resamples, rng)
    draws = metric(of_humans, resample_counts(agent, n_resamples, rng))
    few = min(n_resamples, FLOOR_RESAMPLES)
    # As many sessions as the agents have: their shoppers may have more or fewer each than people.
    size = q.sum() * (len(human) / p.sum() if human.ndim == 2 else 1.0)
    faultless = resample_counts(human, few, rng, size=max(1, round(size)))
    floor = float(np.mean(metric(of_humans[:few], faultless)))
    if not (math.isfinite(value) and np.all(np.isfinite(draws))):
        return replace(result, note="No interval: without smoothing some resamples are infinite.")
    units = "multinomial over sessions" if human.ndim == agent.ndim == 1 else "clustered by shopper"
    around = basic_interval(value, draws, units)
    if interval == "both" and around is not None:
        upper = max(around.high, percentile_interval(draws, units).high)
        around = Interval(around.low, upper, method=f"basic and percentile bootstrap, {units}")
    if around is None or not np.ptp(draws):
        sizes = tuple(round(counts.sum()) if counts.ndim == 1 else len(counts) for counts in (human, agent))
        around = agreement_interval(value, metric, p, q, sizes)
    return replace(result, interval=around, floor=floor, note="" if around else NO_SPREAD)


def agreement_interval(value: float, metric: Metric, p: Counts, q: Counts, sizes: tuple[int, ...]) -> Interval | None:
    """Bounds of a distance where all sessions of a side are alike, so that resamples are too.

    By the rule of three some share of each side may lie elsewhere unseen (`share_that_may_differ`): the lower end moves
    it to where the other side is, the upper end to the bin that makes the distance largest. None with a single bin.

    Args:
        value: The distance.
        metric: Of two histograms of shape (bins,).
        p: Human counts.
        q: The agents'.
        sizes: Sessions, or shoppers where they repeat, of both.
    """
    own, other = (share_that_may_differ(size) for size in sizes)
    human, agent = p / p.sum(), q / q.sum()
    corners = np.eye(len(p))
    pairs = [((1 - own) * human + own * agent, (1 - other) * agent + other * human)]
    pairs += [((1 - own) * human + own * corner, agent) for corner in corners]
    pairs += [(human, (1 - other) * agent + other * corner) for corner in corners]
    # As many sessions as there are: a pseudocount weighs against them.
    reached = [float(metric(first * p.sum(), second * q.sum())) for first, second in pairs]
    known = [value, *(distance for distance in reached if math.isfinite(distance))]
    return Interval(min(known), max(known), method="rule of three, all sessions of a side being alike").if_wide()


def _from_replicas(result: Estimate, value: float, metric: Metric, replicas: Replicas) -> Estimate:
    """Estimate, interval and floor of the populations' distance: what noise, cut and sampling add is taken off.

    How much they add is known from the replicas, whose own populations are known. The estimate is the distance as
    released less their mean error, the interval that less the quantiles of their errors, so that it holds the estimate.
    """
    draws, null = metric(replicas.human, replicas.agent), metric(replicas.null_human, replicas.null_agent)
    if not (math.isfinite(value) and np.all(np.isfinite(draws)) and np.all(np.isfinite(null))):
        return replace(result, note="Not estimable: without smoothing some replicas are infinite.")
    errors = draws - float(metric(replicas.people, replicas.agents))
    made = basic_interval(value, errors, "noise and cut taken off", truth=0.0)
    p_value = (1 + int((null >= value - 1e-12).sum())) / (1 + len(null))
    return replace(
        result,
        value=max(value - float(errors.mean()), 0.0),
        interval=made,
        floor=float(np.maximum(null - null.mean(), 0.0).mean()),
        p_value=p_value,
        details={**result.details, "as_released": value, "floor_as_released": float(null.mean())},
    )


def total(counts: Counts) -> Counts:
    """Sessions in each bin, whether or not there is a row a shopper."""
    return counts if counts.ndim == 1 else np.asarray(counts.sum(axis=0))
