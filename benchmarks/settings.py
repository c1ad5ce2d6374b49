"""The fixed settings of the benchmarks. A change here makes scores incomparable: say so in CHANGELOG, in capitals."""

from __future__ import annotations

from paars_gym.config import Condition, RunConfig

SESSIONS = 2_400
"""Of each population, as in PAARS section 4.3."""
SAME_NEEDS_SESSIONS = 2_400
"""Of the population without personas that is told the personas' needs."""
FIT_STRENGTH = 1.0
"""Of the prior of fits: standard deviation in log odds for one standard deviation of a feature."""
SESSION_SEED = 20_260_101
PEOPLE, PEOPLE_SESSIONS = 1_200, 4_800
"""Invented shoppers of the world of `mini` and their sessions, of both halves: one is fitted to, one judges."""
SHOPPERS = "behavioural"
SESSION_RUN = RunConfig(policy=SHOPPERS, sessions=SESSIONS, seed=SESSION_SEED)
REAL_PEOPLE = "opera"
"""Real people of Tables 2 and 4, where they are on this machine."""
REAL_RUN = RunConfig(policy=SHOPPERS, sessions=1_000, seed=20_260_103)

ITEM_CASES = 4_600
ITEM_SEED = 20_260_301
ITEM_MIN_KNOWN = 20
ITEM_RUN = RunConfig(sessions=ITEM_CASES, seed=ITEM_SEED)

ABTEST_ARMS = ("bm25", "bm25+rating:0.3")
ABTEST_PAST = ("bm25+popularity:0.3", "price", "random:1", "bm25+price:-0.3")
"""Rankings of past tests against the control."""
ABTEST_SEED = 0
ABTEST_SIZE = {
    "people": 1_200,
    "visits": 2_500,
    "past_visits": 1_000,
    "fit_people": 400,
    "fit_sessions": 800,
    "shopper_visits": 1_000,
}
"""People of the world (half of them judge) and their visits to each arm, and those of past tests; of the shoppers, the
people and sessions that they are fitted on, and their own visits to each arm."""

QUERY_SHOPPERS = ("uniform", "embedding", "behavioural")
"""The first is the one that the others gain on."""
ALL = 1_000_000
"""More than there are: every pair, every page."""
QUERY_RUN = RunConfig(policy=SHOPPERS, sessions=ALL, seed=20_260_401)
LIKELIHOOD_ITEMS, LIKELIHOOD_QUERIES, LIKELIHOOD_VIEWS = 30, 16, 16
"""Cases that a language model of this machine is put in the main job; one takes it some five seconds in all."""
LIKELIHOOD_CONDITIONS: tuple[Condition, ...] = ("base", "history", "persona")
ITEM_LIKELIHOOD_CASES = 200
"""The same in `benchmarks.item_selection` alone."""
PROMPT_SEED = 20_260_501
VIEW_RUN = RunConfig(policy=SHOPPERS, sessions=ALL, seed=20_260_601)
