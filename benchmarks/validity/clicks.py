"""The estimators on real clicks: the Open Bandit sample, random against Thompson sampling on a fashion shop.

Saito et al. (2021), "Open Bandit Dataset and Pipeline". The package ``obp`` ships 10,000 rows of each policy and
campaign; its files are read, its code is not: ``pip install --no-deps obp``.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from paars_gym.abtest.estimate import Floats, clustered_error
from paars_gym.abtest.unpaired import unpaired_difference
from paars_gym.estimate import Estimate, Interval, share_that_may_differ

CAMPAIGNS = ("all", "men", "women")
CONTROL, TREATMENT = "random", "bts"


class CampaignResult(NamedTuple):
    """Random recommendation against Thompson sampling in one campaign.

    Attributes:
        campaign: all, men or women.
        rows: Recommendations shown, control and treatment.
        difference: Of click rates, treatment minus control, by Welch's test on rows.
        sample_ratio_p: Exact binomial test that both were shown as often.
        random_rate: Clicks of the random policy.
        on_policy: Clicks of Thompson sampling, where it ran.
        ips: The same from the random log alone, by inverse propensity scores for each position.
        snips: The same, self-normalised.
    """

    campaign: str
    rows: tuple[int, int]
    difference: Estimate
    sample_ratio_p: float
    random_rate: Estimate
    on_policy: Estimate
    ips: Estimate
    snips: Estimate


def open_bandit_folder() -> Path:
    """Where the installed sample lies.

    Raises:
        ImportError: ``obp`` is not installed.
    """
    spec = find_spec("obp")  # locates, and does not import: obp's code wants torch
    folder = Path(spec.origin).parent / "dataset" / "obd" if spec is not None and spec.origin else None
    if folder is None or not folder.is_dir():
        raise ImportError("The Open Bandit sample is not installed: pip install --no-deps obp.")
    return folder


def read_campaign(folder: Path, policy: str, campaign: str) -> pl.DataFrame:
    """Columns item_id, position, click and propensity_score of one log.

    Raises:
        FileNotFoundError: It is not there.
        ValueError: It has other columns.
    """
    path = folder / policy / campaign / f"{campaign}.csv"
    if not path.is_file():
        raise FileNotFoundError(f"No Open Bandit log at {str(path)!r}.")
    try:
        return pl.read_csv(path, columns=["item_id", "position", "click", "propensity_score"])
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{str(path)!r} is no Open Bandit log: {error}.") from error


def compare_campaign(
    control: pl.DataFrame, treatment: pl.DataFrame, campaign: str, *, level: float = 0.95
) -> CampaignResult:
    """The on-policy difference, and what the random log alone says about Thompson sampling.

    Rows are taken for independent: the sample does not say which belong to one visitor. For the off-policy estimates
    the treatment's probability of an item in a position is how often it chose it there, over the whole log, so that a
    policy that learns is taken for its mean; the uncertainty of these frequencies is not in the interval.

    Args:
        control: Log of a policy that gives every item a chance.
        treatment: Log of the policy to be evaluated.
        campaign: Name for the result.
        level: Of the intervals.
    """
    from scipy.stats import binomtest

    clicks = [frame["click"].to_numpy().astype(np.float64) for frame in (control, treatment)]
    groups = [{"n": column, "d": np.ones(len(column))} for column in clicks]
    weights = position_weights(control, treatment)
    ones = np.ones(len(weights))
    return CampaignResult(
        campaign,
        (len(control), len(treatment)),
        unpaired_difference(*groups, level=level).difference,
        float(binomtest(len(control), len(control) + len(treatment)).pvalue),
        _value(clicks[0], ones, level),
        _value(clicks[1], np.ones(len(treatment)), level),
        _value(weights * clicks[0], ones, level),
        _value(weights * clicks[0], weights, level),
    )


def position_weights(control: pl.DataFrame, treatment: pl.DataFrame) -> Floats:
    """How much likelier the treatment was to show each control row's item in its position, shape (control rows,)."""
    keys = ["position", "item_id"]
    shown = treatment.group_by(keys).len().with_columns(share=pl.col("len") / pl.col("len").sum().over("position"))
    joined = control.join(shown, on=keys, how="left", maintain_order="left")
    share = joined["share"].fill_null(0.0).to_numpy()
    weights: Floats = share / control["propensity_score"].to_numpy()
    return weights


def _value(numerators: Floats, denominators: Floats, level: float) -> Estimate:
    """Ratio of means with a delta-method interval; rows are their own clusters."""
    from scipy.special import ndtri

    rate = float(numerators.sum() / denominators.sum())
    influence = (numerators - rate * denominators) / denominators.mean()
    margin = float(ndtri((1 + level) / 2)) * clustered_error(influence, np.arange(len(influence)))
    around = Interval(rate - margin, rate + margin, level, "delta method, rows independent").if_wide()
    if around is None and not numerators.any():  # no click at all
        around = Interval(0.0, share_that_may_differ(len(numerators), level), level, "rule of three")
    return Estimate(rate, around, unit="click rate")
