"""What is said of people whose own shop agents cannot visit: who judges, how few, and what shoppers were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from paars_gym.alignment.session_log import SessionLog
from paars_gym.catalog.store import Catalog
from paars_gym.shoppers.taste import stems
from paars_gym.tasks.count_fitting import LEVELS, SETTINGS
from paars_gym.tasks.reference_people import ReferencePeople
from paars_gym.tasks.session_results import SESSION_CONDITIONS

JUDGED = (
    "{people} ({label}): all {shoppers:,} of them judge, by {sessions:,} sessions; nothing of these is told to the "
    "shoppers. The one who came most often has {most:,} of the sessions ({share:.0%}): for a mean over sessions they "
    "count as {worth:.1f} people who come equally often. Intervals resample people. Floor: people against resamples of "
    "themselves, as many sessions as the shoppers have."
)
PRODUCTS = (
    "{people}: their shop is not here, so the shoppers visit the catalog {catalog}, which sells none of their "
    "products. How often and in which order they act is compared, and how varied queries are; ranks, titles and what "
    "queries mean are not."
)
NEEDS_TOLD = (
    "{people}: needs are those of {catalog}'s invented population, the same for base and persona, whoever comes. "
    "{queries}Personas do not say what somebody came for."
)
QUERIES = "Of {asked:,} different queries of the people all words of {found:,} stand together in a title of {catalog}. "
MOST_QUERIES = 1_000
"""Looked for in titles; of more, so many are drawn."""
PERSONAS = (
    "{people}: the persona is what the log's file tells of each of them, for {told:,} of {shoppers:,}; the others are "
    "played as nobody in particular. Each comes as often as in the log."
)
FIT = (
    "{people}, fitted: their log shows no results to choose from, so three levels ({levels}) are set by the counts: "
    "of {tried} settings the one with the least sum of KL over the counts of the people of the other of {folds} folds, "
    "base and persona alike. So nobody judges a fit that has seen them; the intervals do not hold what another choice "
    "would have given. Chosen: {chosen}."
)
LEVELS_IN_WORDS = "opening a result, not buying it, searching again"
NO_SEARCH = (
    "{people}: {human:.0%} of their sessions show no search, of the shoppers' {agents}. A recording may begin at a "
    "product or a cart, a shopper here begins at the search box: the distance in searches is mostly this."
)


class OtherShopWords:
    """The sentences about some people and the shop that stands for theirs."""

    def __init__(self, people: ReferencePeople, human: SessionLog, catalog: Catalog) -> None:
        """Args:
        people: Whom shoppers are compared with.
        human: Their sessions.
        catalog: Of the shop that the shoppers visit.
        """
        self._human, self._catalog = human, catalog
        name = people.name[:1].upper() + people.name[1:]
        self._named = {"people": name, "label": people.label, "catalog": catalog.name}

    def judged(self) -> str:
        """Who judges, how few they are, and what the floor is."""
        each = np.bincount(self._human.shoppers[self._human.keep])
        each = each[each > 0]
        share = each.max() / each.sum()
        worth = each.sum() ** 2 / (each.astype(float) ** 2).sum()
        return JUDGED.format(
            **self._named, shoppers=len(each), sessions=int(each.sum()), most=int(each.max()), share=share, worth=worth
        )

    def choices(
        self, logs: Mapping[str, SessionLog], *, told: int, chosen: Sequence[Mapping[str, float]], seed: int
    ) -> tuple[str, ...]:
        """What shoppers were given, and where that cannot be as it was with the people.

        Args:
            logs: Of the shoppers, by role.
            told: Of how many people anything is known.
            chosen: Parameters of each fold, where they were fitted.
            seed: Of which queries are looked for, where there are many.
        """
        shoppers = self._human.n_shoppers
        said = [
            PRODUCTS.format(**self._named),
            NEEDS_TOLD.format(**self._named, queries=self._queries(seed)),
            PERSONAS.format(**self._named, told=told, shoppers=shoppers),
            self._fit(chosen) if chosen else "",
            self._without_search(logs),
        ]
        return tuple(filter(None, said))

    def _fit(self, chosen: Sequence[Mapping[str, float]]) -> str:
        values = {level: sorted(each[level] for each in chosen) for level in LEVELS}
        ranges = ", ".join(
            f"{level} {of[0]:+.1f}" + (f" to {of[-1]:+.1f}" if of[-1] > of[0] else " in every fold")
            for level, of in values.items()
        )
        return FIT.format(**self._named, levels=LEVELS_IN_WORDS, tried=SETTINGS, folds=len(chosen), chosen=ranges)

    def _queries(self, seed: int) -> str:
        """How many of the people's queries the shop could answer; empty where none is known."""
        texts = self._human.texts(len(self._human), np.random.default_rng(seed))
        asked = pl.Series("text", texts.queries, dtype=pl.String).str.to_lowercase().str.strip_chars().unique().sort()
        if len(asked) > MOST_QUERIES:
            asked = asked.sample(MOST_QUERIES, seed=seed)
        if not len(asked):
            return ""
        catalog, titles = self._catalog, dict[str, set[int]]()
        for row in range(len(catalog)):
            for word in stems(catalog.listing(row)[1], catalog.language):
                titles.setdefault(word, set()).add(row)
        wanted = [[titles.get(word, set()) for word in stems(text, catalog.language)] for text in asked]
        found = sum(bool(rows) and bool(set.intersection(*rows)) for rows in wanted)
        return QUERIES.format(asked=len(asked), found=found, catalog=catalog.name)

    def _without_search(self, logs: Mapping[str, SessionLog]) -> str:
        """How many sessions show no search, where people's do more often than the shoppers'; else empty."""
        whole = {"human": self._human, **logs}
        if not all("searches" in log.known for log in whole.values()):
            return ""
        shares = {role: float(np.mean(log.activity.searches[log.keep] == 0)) for role, log in whole.items()}
        if shares["human"] <= max(share for role, share in shares.items() if role != "human"):
            return ""
        agents = ", ".join(f"{condition} {shares[role]:.0%}" for role, condition in SESSION_CONDITIONS.items())
        return NO_SEARCH.format(**self._named, human=shares["human"], agents=agents)
