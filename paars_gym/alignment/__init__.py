"""Metrics of how alike agents and people shop (PAARS section 4), on plain arrays, and the report of two logs.

Every metric returns an :class:`~paars_gym.estimate.Estimate`: a number with its interval, and the floor and the test
that it must be read against. Everything is loaded when it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paars_gym.alignment.comparison import ScoreOptions, compare_embeddings
    from paars_gym.alignment.divergences import js_divergence, kl_divergence, wasserstein1
    from paars_gym.alignment.diversity import hd_d, mattr, rarefied_ttr, tokens, type_token_ratio, variety
    from paars_gym.alignment.histograms import (
        Bins,
        count_bins,
        histogram,
        joint_histogram,
        rank_bins,
        transition_histogram,
    )
    from paars_gym.alignment.individual import (
        accuracy,
        accuracy_difference,
        position_bias,
        relative_gain,
        similarity,
        wilson_interval,
    )
    from paars_gym.alignment.kde import kde_kl, kde_kl_loo, kde_sweep
    from paars_gym.alignment.kde_halves import kde_kl_loo_test, split_kl
    from paars_gym.alignment.kernels import log_density
    from paars_gym.alignment.permutation import coverage, energy_distance
    from paars_gym.alignment.perplexity import (
        LanguageModel,
        conditional_perplexity,
        load_language_model,
        overlap_difficulty,
    )
    from paars_gym.alignment.private import Reference, export_reference
    from paars_gym.alignment.query_generation import mine_query_pairs, score_queries
    from paars_gym.alignment.rank_selection import mine_rank_cases, score_ranks
    from paars_gym.alignment.report import AlignmentReport, Measure
    from paars_gym.alignment.scoring import score
    from paars_gym.alignment.session_generation import SessionBins, compare_sessions
    from paars_gym.alignment.session_log import open_log
    from paars_gym.alignment.strata import by_stratum, groups, quantile_strata
    from paars_gym.alignment.two_sample import c2st_auc

_LATE = {
    "AlignmentReport": "report",
    "Bins": "histograms",
    "LanguageModel": "perplexity",
    "Measure": "report",
    "Reference": "private",
    "ScoreOptions": "comparison",
    "SessionBins": "session_generation",
    "accuracy": "individual",
    "accuracy_difference": "individual",
    "by_stratum": "strata",
    "c2st_auc": "two_sample",
    "compare_embeddings": "comparison",
    "compare_sessions": "session_generation",
    "conditional_perplexity": "perplexity",
    "count_bins": "histograms",
    "coverage": "permutation",
    "energy_distance": "permutation",
    "export_reference": "private",
    "groups": "strata",
    "hd_d": "diversity",
    "histogram": "histograms",
    "joint_histogram": "histograms",
    "js_divergence": "divergences",
    "kde_kl": "kde",
    "kde_kl_loo": "kde",
    "kde_kl_loo_test": "kde_halves",
    "kde_sweep": "kde",
    "kl_divergence": "divergences",
    "load_language_model": "perplexity",
    "log_density": "kernels",
    "mattr": "diversity",
    "mine_query_pairs": "query_generation",
    "mine_rank_cases": "rank_selection",
    "open_log": "session_log",
    "overlap_difficulty": "perplexity",
    "position_bias": "individual",
    "quantile_strata": "strata",
    "rank_bins": "histograms",
    "rarefied_ttr": "diversity",
    "relative_gain": "individual",
    "score": "scoring",
    "score_queries": "query_generation",
    "score_ranks": "rank_selection",
    "similarity": "individual",
    "split_kl": "kde_halves",
    "tokens": "diversity",
    "transition_histogram": "histograms",
    "type_token_ratio": "diversity",
    "variety": "diversity",
    "wasserstein1": "divergences",
    "wilson_interval": "individual",
}
__all__ = [
    "AlignmentReport",
    "Bins",
    "LanguageModel",
    "Measure",
    "Reference",
    "ScoreOptions",
    "SessionBins",
    "accuracy",
    "accuracy_difference",
    "by_stratum",
    "c2st_auc",
    "compare_embeddings",
    "compare_sessions",
    "conditional_perplexity",
    "count_bins",
    "coverage",
    "energy_distance",
    "export_reference",
    "groups",
    "hd_d",
    "histogram",
    "joint_histogram",
    "js_divergence",
    "kde_kl",
    "kde_kl_loo",
    "kde_kl_loo_test",
    "kde_sweep",
    "kl_divergence",
    "load_language_model",
    "log_density",
    "mattr",
    "mine_query_pairs",
    "mine_rank_cases",
    "open_log",
    "overlap_difficulty",
    "position_bias",
    "quantile_strata",
    "rank_bins",
    "rarefied_ttr",
    "relative_gain",
    "score",
    "score_queries",
    "score_ranks",
    "similarity",
    "split_kl",
    "tokens",
    "transition_histogram",
    "type_token_ratio",
    "variety",
    "wasserstein1",
    "wilson_interval",
]


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
