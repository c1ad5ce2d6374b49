"""The fixed settings of the benchmarks. A change here makes scores incomparable: say so in CHANGELOG, in capitals."""

from __future__ import annotations

from paars_gym.config import RunConfig

SESSIONS = 2_400
"""Of each population, as in PAARS section 4.3."""
SESSION_SEED = 20_260_101
PEOPLE = 600
"""Invented shoppers of the world of `mini`."""
SHOPPERS = "behavioural"
SESSION_RUN = RunConfig(policy=SHOPPERS, sessions=SESSIONS, seed=SESSION_SEED)

ITEM_CASES = 4_600
ITEM_SEED = 20_260_301
ITEM_MIN_KNOWN = 20
ITEM_RUN = RunConfig(sessions=ITEM_CASES, seed=ITEM_SEED)

ABTEST_ARMS = ("bm25", "bm25+rating:0.3")
ABTEST_SESSIONS, ABTEST_DRAWS = 800, 1

QUERY_SHOPPERS = ("uniform", "embedding", "behavioural")
"""The first is the one that the others gain on."""
ALL = 1_000_000
"""More than there are: every pair, every page."""
QUERY_RUN = RunConfig(policy=SHOPPERS, sessions=ALL, seed=20_260_401)
PROMPT_SEED = 20_260_501
VIEW_RUN = RunConfig(policy=SHOPPERS, sessions=ALL, seed=20_260_601)
