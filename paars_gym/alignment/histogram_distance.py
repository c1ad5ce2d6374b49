"""How surely is the distance of two histograms known, and what would a faultless population show?"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.randomness import check_rng
from paars_gym.alignment.resampling import basic_interval, percentile_interval, random_groups, resample_counts
from paars_gym.alignment.result import Interval, Settings, Sizes

Array = NDArray[np.float64]
Metric = Callable[[Array, Array], Array]  # histograms (..., bins) on each side -> (...)
FLOOR_RESAMPLES = 200  # a mean needs fewer than quantiles do


class Divergence(NamedTuple):
    """A distance between two histograms.

    Attributes:
        estimate: In the unit that ``settings`` names; infinite only without smoothing.
        interval: Over sessions, or over shoppers where there is a row for each; None when ``note`` says why.
        sizes: Sessions on each side.
        settings: What it was computed with.
        null_floor: Mean of the same metric between two samples of these sizes drawn from the humans' own histogram:
            what an agent population without any fault would still show. None without an interval.
        unsupported_mass: Share of the human mass on bins that no agent ever uses.
        novel_mass: Share of the agents' mass on bins that no human ever uses.
        p_value: Of "the agents are drawn from the people's histogram", where replicas were given; None otherwise.
        sensitivity: By how much the estimate grows when the smoothing constant is made ten times smaller.
        warning: Set when the smoothing constant decides the number.
        note: What is missing here, and why.
    """

    estimate: float
    interval: Interval | None
    sizes: Sizes
    settings: Settings
    null_floor: float | None
    unsupported_mass: float
    novel_mass: float
    p_value: float | None = None
    sensitivity: float = 0.0
    warning: str | None = None
    note: str | None = None


class Replicas(NamedTuple):
    """Draws for histograms that went through more than sampling, such as noise: each of shape (replicas, bins).

    Attributes:
        human: What might have been released of people like these.
        agent: What might have been counted of agents like these.
        null_human: The same as ``human``, if both populations were one.
        null_agent: The same as ``agent``, if both populations were one.
    """

    human: Array
    agent: Array
    null_human: Array
    null_agent: Array


def two_histograms(human_counts: ArrayLike, agent_counts: ArrayLike) -> tuple[Array, Array]:
    """Both sides as float arrays, without the rows of shoppers who have no session.

    Raises:
        ValueError: Counts are empty, negative, not finite or of unequal length.
    """
    sides = []
    for name, counts in (("human_counts", human_counts), ("agent_counts", agent_counts)):
        array = np.asarray(counts, dtype=np.float64)
        if array.ndim not in (1, 2) or array.shape[-1] == 0:
            raise ValueError(f"{name} has shape {array.shape}, must be (bins,) or (shoppers, bins), not empty.")
        if not np.all(np.isfinite(array)) or np.any(array < 0):
            raise ValueError(f"{name} holds negative, NaN or infinite values, must hold counts >= 0.")
        if not array.sum() > 0:
            raise ValueError(f"{name} sums to 0: an empty population has no distribution to compare.")
        sides.append(array if array.ndim == 1 else array[array.any(axis=1)])  # a shopper without sessions is none
    human, agent = sides
    if human.shape[-1] != agent.shape[-1]:
        raise ValueError(f"{human.shape[-1]} human bins but {agent.shape[-1]} agent bins, must be the same bins.")
    return human, agent


def histogram_distance(
    metric: Metric,
    human: Array,
    agent: Array,
    settings: Settings,
    n_resamples: int,
    rng: np.random.Generator | None,
    *,
    interval: Literal["basic", "percentile"],
    replicas: Replicas | None = None,
) -> Divergence:
    """The distance with its interval and its floor, as far as the counts allow.

    Args:
        metric: The distance.
        human: As :func:`two_histograms` gives it.
        agent: The same.
        settings: What the result says it was computed with.
        n_resamples: Of the bootstrap; 0 leaves out interval and floor.
        rng: Its source; by default a fresh generator with a fixed seed.
        interval: Basic takes off an upward bias; percentile suits a distance that has little.
        replicas: Draws that take the place of the bootstrap.

    Raises:
        TypeError: ``rng`` is no generator.
        ValueError: ``n_resamples`` is negative.
    """
    if rng is not None:
        check_rng(rng)
    if n_resamples < 0:
        raise ValueError(f"n_resamples == {n_resamples}, must be >= 0; 0 leaves the interval out.")
    p, q = total(human), total(agent)
    estimate = float(metric(p, q))
    result = Divergence(
        estimate,
        None,
        Sizes(round(p.sum()), round(q.sum())),
        settings,
        None,
        unsupported_mass=float(p[q == 0].sum() / p.sum()),
        novel_mass=float(q[p == 0].sum() / q.sum()),
    )
    if replicas is not None:
        return _from_replicas(result, metric, replicas, interval)
    if n_resamples == 0:
        return result
    if np.any(np.mod(human, 1)) or np.any(np.mod(agent, 1)):
        return result._replace(note="No interval: shares, not counts, say nothing of how many sessions there were.")
    for side, counts in (("human", human), ("agent", agent)):
        if counts.ndim == 2 and len(counts) < 2:
            return result._replace(note=f"Not estimable: it would take two {side} shoppers, and there is one.")
        if counts.sum() < 2:
            return result._replace(note=f"Not estimable: it would take two {side} sessions, and there is one.")
    rng = np.random.default_rng(0) if rng is None else rng
    human, agent = random_groups(human, rng), random_groups(agent, rng)
    of_humans = resample_counts(human, n_resamples, rng)
    draws = metric(of_humans, resample_counts(agent, n_resamples, rng))
    few = min(n_resamples, FLOOR_RESAMPLES)
    # As many sessions as the agents have: their shoppers may have more or fewer each than people.
    size = q.sum() * (len(human) / p.sum() if human.ndim == 2 else 1.0)
    faultless = resample_counts(human, few, rng, size=max(1, round(size)))
    floor = float(np.mean(metric(of_humans[:few], faultless)))
    if not (math.isfinite(estimate) and np.all(np.isfinite(draws))):
        return result._replace(note="No interval: without smoothing some resamples are infinite.")
    unit = "multinomial over sessions" if human.ndim == agent.ndim == 1 else "clustered by shopper"
    made = basic_interval(estimate, draws, unit) if interval == "basic" else percentile_interval(draws, unit)
    return result._replace(interval=made.clip(), null_floor=floor)


def _from_replicas(
    result: Divergence, metric: Metric, replicas: Replicas, interval: Literal["basic", "percentile"]
) -> Divergence:
    draws, null = metric(replicas.human, replicas.agent), metric(replicas.null_human, replicas.null_agent)
    if not (math.isfinite(result.estimate) and np.all(np.isfinite(draws)) and np.all(np.isfinite(null))):
        return result._replace(note="Not estimable: without smoothing some replicas are infinite.")
    made = basic_interval(result.estimate, draws, "noise and cut included")
    if interval == "percentile":
        made = percentile_interval(draws, "noise and cut included")
    p_value = (1 + int((null >= result.estimate - 1e-12).sum())) / (1 + len(null))
    return result._replace(interval=made.clip(), null_floor=float(null.mean()), p_value=p_value)


def total(counts: Array) -> Array:
    """Sessions in each bin, whether or not there is a row a shopper."""
    return counts if counts.ndim == 1 else np.asarray(counts.sum(axis=0))


def shares(counts: Array) -> Array:
    """Counts over their sum."""
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))


def jensen_shannon(p: Array, q: Array) -> Array:
    """Of histograms (..., bins), in nats."""
    p, q = shares(p), shares(q)
    middle = (p + q) / 2
    return (relative_entropy(p, middle) + relative_entropy(q, middle)) / 2


def relative_entropy(p: Array, q: Array) -> Array:
    """Sum p log(p / q) of shares (..., bins), in nats."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / q), 0.0)
    return np.asarray(np.maximum(terms.sum(axis=-1), 0.0))  # rounding may leave -1e-17 where p == q
