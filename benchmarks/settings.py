"""The fixed settings of the benchmarks. A change here makes scores incomparable: say so in CHANGELOG, in capitals."""

from __future__ import annotations

from paars_gym.config import Condition

SESSIONS = 2_400
"""Of each population, as in PAARS section 4.3."""
SESSION_SEED = 20_260_101
PEOPLE = 600
"""Invented shoppers of the world of `mini`."""
SHOPPERS = "behavioural"

ITEM_CASES = 4_600
ITEM_CASES_A_HOUSEHOLD = 2
ITEM_SEED = 20_260_301
ITEM_MIN_KNOWN = 20
ITEM_CONDITIONS: tuple[Condition, ...] = ("profile", "preferences", "history", "persona")
PAPER_ITEM_SELECTION = {"base": 25.46, "profile": 35.95, "preferences": 39.01, "history": 41.11, "persona": 47.26}
"""Accuracy in per cent, PAARS Table 3: Claude Sonnet 3.0 on a retailer's own customers."""

ABTEST_ARMS = ("bm25", "bm25+rating:0.3")
ABTEST_SESSIONS, ABTEST_DRAWS = 800, 1

QUERY_SEED = 20_260_401
QUERY_SHOPPERS = ("uniform", "embedding", "behavioural")
"""The first is the one that the others gain on."""
QUERY_SCORED = 300
"""Pairs whose perplexity is computed: a small model does some four a second on two cores."""
PROMPT_SEED = 20_260_501
RANK_SEED = 20_260_601
