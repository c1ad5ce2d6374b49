"""Rewards of a step. PAARS itself needs none: its suite reads sessions, not returns."""

from __future__ import annotations

from typing import Protocol

from paars_gym.catalog.store import Catalog
from paars_gym.sessions.event import Intention
from paars_gym.shop.goal import goal_score
from paars_gym.shop.state import Bought, State


class Reward(Protocol):
    """Worth of a transition. Pure: the same states and intention always give the same number."""

    def __call__(self, catalog: Catalog, intention: Intention | None, before: State, after: State) -> float:
        """The reward of the step from one state to the next."""
        ...


class NoReward:
    """Always 0: for simulation, where a shopper is no optimiser."""

    def __call__(self, catalog: Catalog, intention: Intention | None, before: State, after: State) -> float:
        return 0.0


class UnitsBought:
    """Units bought in the step: sum of units over the lines purchased; range [0, 500]."""

    def __call__(self, catalog: Catalog, intention: Intention | None, before: State, after: State) -> float:
        return float(sum(line.units for line in _new(before, after)))


class RevenueBought:
    """Money spent in the step: sum of units x price over the lines purchased, in the catalog's currency; range
    [0, inf). A line without a known price counts 0."""

    def __call__(self, catalog: Catalog, intention: Intention | None, before: State, after: State) -> float:
        return float(sum(line.units * (line.price or 0.0) for line in _new(before, after)))


class GoalReward:
    """By how much the best line bought so far became better: step rewards sum to the best `goal_score`, in [0, 1].

    In the manner of WebShop (Yao et al. 2022, section 3.1). Without an intention to measure by, 0.
    """

    def __call__(self, catalog: Catalog, intention: Intention | None, before: State, after: State) -> float:
        if intention is None or len(after.bought) == len(before.bought):
            return 0.0
        best = max((goal_score(catalog, intention, line) for line in before.bought), default=0.0)
        new = max(goal_score(catalog, intention, line) for line in _new(before, after))
        return max(0.0, new - best)


REWARDS: dict[str, type[Reward]] = {
    "none": NoReward,
    "units": UnitsBought,
    "revenue": RevenueBought,
    "goal": GoalReward,
}


def make_reward(reward: str | Reward) -> Reward:
    """A reward by name, or the object itself.

    Raises:
        ValueError: Unknown name.
    """
    if not isinstance(reward, str):
        return reward
    if reward not in REWARDS:
        raise ValueError(f"Unknown reward {reward!r}. Available: {', '.join(REWARDS)}, or any Reward object.")
    return REWARDS[reward]()


def _new(before: State, after: State) -> tuple[Bought, ...]:
    return after.bought[len(before.bought) :]
