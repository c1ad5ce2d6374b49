"""Fits the behavioural shopper to counts alone, for people whose log shows neither the results nor products of a shop.

Where decisions are seen, `paars_gym.shoppers.fitting` fits to them by likelihood. Here only how often people search,
look and buy in a session is known. So shoppers with many settings of three levels are simulated, and the setting is
taken whose counts are nearest. Simulations know nothing of people: one set of them serves every fold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from paars_gym.alignment.divergences import smoothed_kl
from paars_gym.alignment.histograms import Counts, count_bins, histogram
from paars_gym.alignment.session_generation import TABLE_2
from paars_gym.alignment.session_log import SessionLog
from paars_gym.catalog.store import Catalog
from paars_gym.config import Condition
from paars_gym.personas.persona import Persona
from paars_gym.shop.open import env_factory, open_shop
from paars_gym.shoppers.behavioural import BehaviouralShopper
from paars_gym.shoppers.parameters import BehaviouralParameters
from paars_gym.shoppers.reference_prices import reference_prices
from paars_gym.simulation.episode import play
from paars_gym.simulation.schedule import Draw, Schedule

LEVELS: Mapping[str, tuple[float, float]] = {
    "attraction": (-2.0, 1.0),
    "outside": (-4.0, 1.0),
    "reformulate": (-2.0, 2.0),
}
"""Parameters that are tried, and how far from their defaults, in log odds: opening a result, not buying what is open,
searching again. One for each of the three counts."""
SETTINGS, SESSIONS_EACH = 64, 120
"""Settings tried, the defaults among them, and sessions simulated with each."""
FOLDS = 5
KINDS = {"searches": "search", "views": "view", "purchases": "purchase"}


class SimulatedSetting(NamedTuple):
    """A setting of the shopper and what came of it.

    Attributes:
        parameters: Those that differ from the defaults.
        counts: By statistic, sessions in each bin of its number.
    """

    parameters: Mapping[str, float]
    counts: Mapping[str, Counts]


def simulate_settings(
    catalog: Catalog,
    personas: Sequence[Persona],
    needs: Draw,
    condition: Condition,
    *,
    settings: int = SETTINGS,
    sessions: int = SESSIONS_EACH,
    seed: int = 0,
) -> list[SimulatedSetting]:
    """Simulates shoppers with many settings, the same visitors each time.

    Args:
        catalog: Of the shop.
        personas: Who come, in turn.
        needs: What for; they do not depend on who comes.
        condition: What of the personas the shoppers know.
        settings: How many; the defaults are the first.
        sessions: Of each.
        seed: Of settings and visits.
    """
    from scipy.stats import qmc

    default, bins = BehaviouralParameters(), count_bins()
    low, high = np.array(list(LEVELS.values())).T
    shifts = low + (high - low) * qmc.Sobol(len(LEVELS), seed=np.random.default_rng(seed)).random(settings)
    shifts[0] = 0.0
    env = env_factory(open_shop(catalog, "bm25"))()
    schedule = Schedule(sessions=sessions, seed=seed, personas=personas, draw=needs, independent=True)
    prices, found = reference_prices(catalog).prices, []
    try:
        for row in shifts:
            parameters = {name: getattr(default, name) + float(by) for name, by in zip(LEVELS, row, strict=True)}
            shopper = BehaviouralShopper(condition, parameters, prices, catalog.language)
            visits = (visit._replace(persona=None) if condition == "base" else visit for visit in schedule.arrivals())
            played = [play(shopper, env, visit).session for visit in visits]
            counts = {
                name: histogram([session.count(kind) for session in played], bins)  # type: ignore[arg-type]
                for name, kind in KINDS.items()
            }
            found.append(SimulatedSetting(parameters, counts))
    finally:
        env.close()
    return found


def nearest_setting(tried: Sequence[Sequence[SimulatedSetting]], people: SessionLog) -> Mapping[str, float]:
    """The parameters with the least sum of KL(people || shoppers) over the counts that the people's log records.

    Args:
        tried: By `simulate_settings`: the same settings under one condition or several, over which is summed too. Were
            each fitted alone, chance in the choice would look like a difference between conditions.
        people: Whom it is fitted to.

    Raises:
        ValueError: The log records none of the counts, or no session is scored.
    """
    known = [name for name in TABLE_2 if name in people.known]
    if not known or not len(people):
        raise ValueError(f"{people.name} shows {len(people)} sessions and none of {', '.join(TABLE_2)}: no fit.")
    bins = count_bins()
    theirs = {name: histogram(getattr(people.activity, name)[people.keep], bins) for name in known}

    def distance(number: int) -> float:
        counts = [one[number].counts for one in tried]
        return sum(float(smoothed_kl(theirs[name], each[name])) for each in counts for name in known)

    return tried[0][min(range(len(tried[0])), key=distance)].parameters


def folds_of(shoppers: Sequence[str], folds: int = FOLDS) -> dict[str, int]:
    """A fold for each shopper; folds differ by one shopper at most, and hang on the names alone.

    >>> sorted(folds_of(["ann", "bob", "cy", "di"], folds=2).values())
    [0, 0, 1, 1]

    Args:
        shoppers: Names; several times the same counts once.
        folds: At most so many.

    Raises:
        ValueError: There are fewer than two shoppers.
    """
    names = sorted(set(shoppers), key=lambda name: hashlib.blake2b(f"fold|{name}".encode("utf-8", "replace")).digest())
    if len(names) < 2:
        raise ValueError(f"{len(names)} shopper: a fit is judged on other people than those it is fitted to.")
    return {name: place % min(folds, len(names)) for place, name in enumerate(names)}
