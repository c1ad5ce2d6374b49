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
    """By how much the visit's `goal_score` changes: step rewards sum to that of everything bought, in [0, 1].

    ``score = fit of the line that fits best / lines bought``, where the budget is that of all lines together; see
    `paars_gym.shop.goal.goal_score`. A step is worth -1 to 1: one that buys what was not wanted costs. In the manner of
    WebShop (Yao et al. 2022, section 3.1), where a visit buys one thing. Without an intention to measure by, 0.
    """

    def __call__(self, catalog: Catalog, intention: Intention | None, before: State, after: State) -> float:
        if intention is None or len(after.bought) == len(before.bought):
            return 0.0
        return goal_score(catalog, intention, after.bought) - goal_score(catalog, intention, before.bought)


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
