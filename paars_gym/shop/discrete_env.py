"""`PAARS-Retail-Discrete-v0`: the shop with numbered actions and a numeric observation, for classical RL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from paars_gym.catalog.store import Catalog
from paars_gym.ranking.protocol import RankingPolicy
from paars_gym.shop.env import RetailEnv
from paars_gym.shop.rewards import Reward, sample_goal
from paars_gym.shop.shop import Shop
from paars_gym.shop.wrappers.discrete import QUERIES, DiscreteActions
from paars_gym.shop.wrappers.features import FeatureObservation

Features = npt.NDArray[np.float32]


class DiscreteRetailEnv(gymnasium.Env[Features, int]):
    """## Description
    The shop of `RetailEnv` for agents that pick a number and see numbers. One episode is one visit: the shopper has a
    goal (a category, attributes, options, a budget), and is paid for how well what it buys fits.

    Learners that take an environment by its id take this one: ``PPO("MlpPolicy", "PAARS-Retail-Discrete-v0")`` of
    Stable-Baselines3, or ``"paars_gym:PAARS-Retail-Discrete-v0"`` where other processes make it, as in RLlib.

    ## Action space
    `Discrete(q + n + 10)` with `q` queries and `n` results a page; 23 by default.

    | number | action |
    |---|---|
    | 0 … q-1 | search for the goal's words, for its category, or for its words up to its budget (`queries`) |
    | q … q+n-1 | view the result at position i on the page |
    | q+n … q+n+4 | take the i-th product in the cart out of it |
    | q+n+5 | put one unit of the product shown into the cart, with the goal's options where it has them |
    | q+n+6 | the next page of results, or of reviews |
    | q+n+7 | the page before |
    | q+n+8 | buy the cart; the visit may go on |
    | q+n+9 | leave |

    `info["action_mask"]` (int8, shape `(q + n + 10,)`) says at reset and at every step which are possible now;
    `action_masks()` is the same as booleans, found by sb3-contrib's `MaskablePPO` through wrappers and vector
    environments. An action that is not possible leaves the visit as it was, and the step counts. `action_text(i)` is
    the action in the words of `RetailEnv`.

    ## Observation space
    `Box(0, 1, (40 + 7 n,), float32)`; 110 numbers by default. `fields` names each:

    | entries | fields |
    |---|---|
    | 9 | the visit: page, steps used, units in the cart, lines bought, validity, next page and page before |
    | 7 for each position | the result there: words of the goal in its title, price, rating, stock, seen before … |
    | 6 | the product shown: words, attributes and options of the goal, price within budget, in the cart |
    | 5 for each of 5 | the first products in the cart |

    `paars_gym.shop.wrappers.features` says how each is scaled. None shows what the pages do not.

    ## Rewards
    `goal` (default): by how much the score of everything bought changes, that being the fit of the best line over the
    number of lines, after WebShop (Yao et al. 2022); their sum is in [0, 1]. Or `none`, `units`, `revenue`, or a
    `Reward`, as in `RetailEnv`.

    ## Starting state
    The entrance, with an empty cart and a goal drawn from the catalog; `reset(options={"intention": …})` sets it, and
    takes the other options of `RetailEnv`.

    ## Episode end
    Terminated by leaving, truncated after `max_steps` actions.

    ## Info
    That of `RetailEnv`, and `action_mask`.

    ## Arguments
    ```
    gymnasium.make("PAARS-Retail-Discrete-v0", catalog="mini", ranking="bm25", page_size=10, max_steps=50,
                   reward="goal", queries=("{text}", "{category}", "{text} | max_price={budget}"), render_mode=None)
    ```
    `catalog`, `ranking`, `page_size`, `max_steps`, `reward` and `render_mode` are those of `RetailEnv`; `queries` the
    searches on offer, see `DiscreteActions`.

    ## Version history
    v0: first.
    """

    metadata = RetailEnv.metadata

    def __init__(
        self,
        catalog: str | Path | Catalog = "mini",
        ranking: str | RankingPolicy = "bm25",
        *,
        page_size: int = 10,
        max_steps: int = 50,
        reward: str | Reward = "goal",
        queries: Sequence[str] = QUERIES,
        render_mode: str | None = None,
        shop: Shop | None = None,
    ) -> None:
        """Args:
            catalog: "mini", "journey", a catalog folder, or a `Catalog`.
            ranking: A ranking expression such as "bm25+rating:0.3", or a `RankingPolicy`.
            page_size: Results a page.
            max_steps: Actions until the visit is truncated.
            reward: "goal", "none", "units", "revenue", or a `Reward`.
            queries: Searches on offer, see `DiscreteActions`.
            render_mode: As for `RetailEnv`.
            shop: An open shop to visit instead of opening one; catalog, ranking and page size are then its own.

        Raises:
            ValueError: An argument out of its range; the message names it and what is allowed.
        """
        self.retail = RetailEnv(
            catalog,
            ranking,
            page_size=page_size,
            max_steps=max_steps,
            reward=reward,
            render_mode=render_mode,
            shop=shop,
        )
        features = FeatureObservation(self.retail)
        self._env = DiscreteActions(features, queries)
        self.fields = features.fields
        self.render_mode = render_mode
        self.observation_space: spaces.Space[Features] = features.observation_space
        self.action_space: spaces.Space[Any] = self._env.action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Features, dict[str, Any]]:
        """Starts a visit; see `RetailEnv` for the options."""
        super().reset(seed=seed)
        observation, info = self._env.reset(seed=seed, options=options)
        if self.retail.intention is None:
            # Only the goal reward draws one of itself; without one there is nothing to search for.
            goal = sample_goal(self.retail.shop.catalog, self.retail.np_random)
            observation, info = self._env.reset(options={**(options or {}), "intention": goal})
        return observation, info

    def step(self, action: int) -> tuple[Features, SupportsFloat, bool, bool, dict[str, Any]]:
        """One action by its number.

        Raises:
            ValueError: A number outside the action space.
        """
        return self._env.step(action)

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Which actions are possible now, shape (n,)."""
        return self._env.action_masks()

    def action_text(self, action: int) -> str:
        """What a number stands for on the page as it is now, such as ``view[B01]``."""
        return self._env.text(action)

    def snapshot(self) -> Any:
        """This moment of the episode, masks and features included; see `RetailEnv.snapshot`."""
        return self._env.snapshot()

    def restore(self, snapshot: Any) -> tuple[Features, dict[str, Any]]:
        """Returns to a moment that `snapshot` gave: features and info, with its mask."""
        return self._env.restore(snapshot)

    def render(self) -> str | npt.NDArray[np.uint8] | None:
        """The page; see `RetailEnv.render`."""
        return self.retail.render()
