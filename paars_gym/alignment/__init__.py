"""Metrics of how alike agents and people shop (PAARS section 4), on plain arrays, and the report of two logs.

Every metric returns an :class:`~paars_gym.estimate.Estimate`: a number with its interval, and the floor and the test
that it must be read against. Everything is loaded when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paars_gym.lazy import lazy as _lazy

if TYPE_CHECKING:
    from paars_gym.alignment.comparison import ScoreOptions as ScoreOptions
    from paars_gym.alignment.comparison import compare_embeddings as compare_embeddings
    from paars_gym.alignment.difficulty import by_stratum as by_stratum
    from paars_gym.alignment.difficulty import conditional_perplexity as conditional_perplexity
    from paars_gym.alignment.difficulty import overlap_difficulty as overlap_difficulty
    from paars_gym.alignment.difficulty import quantile_strata as quantile_strata
    from paars_gym.alignment.divergences import js_divergence as js_divergence
    from paars_gym.alignment.divergences import kl_divergence as kl_divergence
    from paars_gym.alignment.divergences import wasserstein1 as wasserstein1
    from paars_gym.alignment.diversity import hd_d as hd_d
    from paars_gym.alignment.diversity import mattr as mattr
    from paars_gym.alignment.diversity import rarefied_ttr as rarefied_ttr
    from paars_gym.alignment.diversity import tokens as tokens
    from paars_gym.alignment.diversity import type_token_ratio as type_token_ratio
    from paars_gym.alignment.diversity import variety as variety
    from paars_gym.alignment.histograms import Bins as Bins
    from paars_gym.alignment.histograms import count_bins as count_bins
    from paars_gym.alignment.histograms import histogram as histogram
    from paars_gym.alignment.histograms import joint_histogram as joint_histogram
    from paars_gym.alignment.histograms import rank_bins as rank_bins
    from paars_gym.alignment.histograms import transition_histogram as transition_histogram
    from paars_gym.alignment.individual import accuracy as accuracy
    from paars_gym.alignment.individual import accuracy_difference as accuracy_difference
    from paars_gym.alignment.individual import position_bias as position_bias
    from paars_gym.alignment.individual import relative_gain as relative_gain
    from paars_gym.alignment.individual import similarity as similarity
    from paars_gym.alignment.individual import wilson_interval as wilson_interval
    from paars_gym.alignment.item_selection import DistractorOptions as DistractorOptions
    from paars_gym.alignment.item_selection import mine_item_cases as mine_item_cases
    from paars_gym.alignment.kde import kde_kl as kde_kl
    from paars_gym.alignment.kde import kde_kl_loo as kde_kl_loo
    from paars_gym.alignment.kde import kde_sweep as kde_sweep
    from paars_gym.alignment.kde_halves import log_density as log_density
    from paars_gym.alignment.kde_halves import split_kl as split_kl
    from paars_gym.alignment.language_model import LanguageModel as LanguageModel
    from paars_gym.alignment.language_model import load_language_model as load_language_model
    from paars_gym.alignment.paired import paired_difference as paired_difference
    from paars_gym.alignment.permutation import energy_distance as energy_distance
    from paars_gym.alignment.permutation import kde_kl_loo_test as kde_kl_loo_test
    from paars_gym.alignment.private import Reference as Reference
    from paars_gym.alignment.private import export_reference as export_reference
    from paars_gym.alignment.query_generation import QueryOptions as QueryOptions
    from paars_gym.alignment.query_generation import mine_query_pairs as mine_query_pairs
    from paars_gym.alignment.query_generation import score_queries as score_queries
    from paars_gym.alignment.rank_selection import mine_rank_cases as mine_rank_cases
    from paars_gym.alignment.rank_selection import score_ranks as score_ranks
    from paars_gym.alignment.report import AlignmentReport as AlignmentReport
    from paars_gym.alignment.report import Measure as Measure
    from paars_gym.alignment.scoring import score as score
    from paars_gym.alignment.segments import groups as groups
    from paars_gym.alignment.session_generation import SessionBins as SessionBins
    from paars_gym.alignment.session_generation import compare_sessions as compare_sessions
    from paars_gym.alignment.session_log import open_log as open_log
    from paars_gym.alignment.two_sample import c2st_auc as c2st_auc
    from paars_gym.alignment.two_sample import coverage as coverage
else:
    __getattr__, __dir__ = _lazy(
        __name__,
        {
            "AlignmentReport": "report",
            "Bins": "histograms",
            "DistractorOptions": "item_selection",
            "LanguageModel": "language_model",
            "Measure": "report",
            "QueryOptions": "query_generation",
            "Reference": "private",
            "ScoreOptions": "comparison",
            "SessionBins": "session_generation",
            "accuracy": "individual",
            "accuracy_difference": "individual",
            "by_stratum": "difficulty",
            "c2st_auc": "two_sample",
            "compare_embeddings": "comparison",
            "compare_sessions": "session_generation",
            "conditional_perplexity": "difficulty",
            "count_bins": "histograms",
            "coverage": "two_sample",
            "energy_distance": "permutation",
            "export_reference": "private",
            "groups": "segments",
            "hd_d": "diversity",
            "histogram": "histograms",
            "joint_histogram": "histograms",
            "js_divergence": "divergences",
            "kde_kl": "kde",
            "kde_kl_loo": "kde",
            "kde_kl_loo_test": "permutation",
            "kde_sweep": "kde",
            "kl_divergence": "divergences",
            "load_language_model": "language_model",
            "log_density": "kde_halves",
            "mattr": "diversity",
            "mine_item_cases": "item_selection",
            "mine_query_pairs": "query_generation",
            "mine_rank_cases": "rank_selection",
            "open_log": "session_log",
            "overlap_difficulty": "difficulty",
            "paired_difference": "paired",
            "position_bias": "individual",
            "quantile_strata": "difficulty",
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
        },
    )
