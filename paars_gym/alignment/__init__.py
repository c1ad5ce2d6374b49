"""Do agents shop like people? The metrics of PAARS section 4, and what each must be read against, on plain arrays.

Light to import: beyond numpy everything loads when it is used; what reads logs, when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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
from paars_gym.alignment.covering import coverage
from paars_gym.alignment.density import kde_kl, kde_kl_loo
from paars_gym.alignment.density_halves import split_kl
from paars_gym.alignment.density_sweep import kde_sweep
from paars_gym.alignment.density_test import kde_kl_loo_test
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
from paars_gym.alignment.two_sample import energy_distance, frechet_distance

if TYPE_CHECKING:
    from paars_gym.alignment.language_model import load_language_model
    from paars_gym.alignment.measure import Measure
    from paars_gym.alignment.query_generation import score_queries
    from paars_gym.alignment.query_pairs import mine_query_pairs
    from paars_gym.alignment.rank_selection import mine_rank_cases, score_ranks
    from paars_gym.alignment.reference import Reference, export_reference
    from paars_gym.alignment.report import AlignmentReport
    from paars_gym.alignment.scoring import score
    from paars_gym.alignment.session_generation import SessionBins, compare_sessions
    from paars_gym.alignment.session_log import open_log
    from paars_gym.alignment.text_comparison import compare_embeddings, variety

_LATE = {
    "AlignmentReport": "report",
    "Measure": "measure",
    "Reference": "reference",
    "SessionBins": "session_generation",
    "compare_embeddings": "text_comparison",
    "compare_sessions": "session_generation",
    "export_reference": "reference",
    "load_language_model": "language_model",
    "mine_query_pairs": "query_pairs",
    "mine_rank_cases": "rank_selection",
    "open_log": "session_log",
    "score": "scoring",
    "score_queries": "query_generation",
    "score_ranks": "rank_selection",
    "variety": "text_comparison",
}
__all__ = [
    "AlignmentReport",
    "Bins",
    "Interval",
    "LanguageModel",
    "Measure",
    "Reference",
    "SessionBins",
    "Sizes",
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
    "frechet_distance",
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
