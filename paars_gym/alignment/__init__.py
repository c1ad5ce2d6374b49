"""Do agents shop like people? The metrics of PAARS section 4, and what each must be read against, on plain arrays.

Light to import: beyond numpy everything loads when it is used.
"""

from paars_gym.alignment.bins import (
    Bins,
    count_bins,
    histogram,
    joint_histogram,
    rank_bins,
    transition_histogram,
)
from paars_gym.alignment.classifier import c2st_auc
from paars_gym.alignment.cosine import relative_gain, similarity
from paars_gym.alignment.density import kde_kl, kde_kl_loo, kde_sweep, split_kl
from paars_gym.alignment.divergence import js_divergence, kl_divergence, wasserstein1
from paars_gym.alignment.diversity import hd_d, mattr, rarefied_ttr, tokens, type_token_ratio
from paars_gym.alignment.individual import (
    accuracy,
    accuracy_difference,
    position_bias,
    wilson_interval,
)
from paars_gym.alignment.kernels import log_density
from paars_gym.alignment.perplexity import LanguageModel, conditional_perplexity, overlap_difficulty
from paars_gym.alignment.result import Interval, Sizes
from paars_gym.alignment.stratify import by_stratum, groups, quantile_strata
from paars_gym.alignment.two_sample import coverage, energy_distance, frechet_distance

__all__ = [
    "Bins",
    "Interval",
    "LanguageModel",
    "Sizes",
    "accuracy",
    "accuracy_difference",
    "by_stratum",
    "c2st_auc",
    "conditional_perplexity",
    "count_bins",
    "coverage",
    "energy_distance",
    "frechet_distance",
    "groups",
    "hd_d",
    "histogram",
    "joint_histogram",
    "js_divergence",
    "kde_kl",
    "kde_kl_loo",
    "kde_sweep",
    "kl_divergence",
    "log_density",
    "mattr",
    "overlap_difficulty",
    "position_bias",
    "quantile_strata",
    "rank_bins",
    "rarefied_ttr",
    "relative_gain",
    "similarity",
    "split_kl",
    "tokens",
    "transition_histogram",
    "type_token_ratio",
    "wasserstein1",
    "wilson_interval",
]
