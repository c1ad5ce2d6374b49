"""Many visits at once in one process: the vector form of `PAARS-Retail-v0`, as fast per step as the single one."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from paars_gym.catalog.store import Catalog
from paars_gym.ranking.protocol import RankingPolicy
from paars_gym.sessions.event import session_rng
from paars_gym.shop.env import action_space, read_reset_options
from paars_gym.shop.observation import ObservationKind
from paars_gym.shop.open import open_shop
from paars_gym.shop.rewards import Reward, make_reward
from paars_gym.shop.shop import Shop
from paars_gym.shop.spaces import ObservationText
from paars_gym.shop.visit import Visit

Bools = npt.NDArray[np.bool_]
_DTYPES: dict[str, type] = {
    "step": np.int64,
    "first_rank": np.int64,
    "page_size": np.int64,
    "reviews_per_page": np.int64,
    "more": np.bool_,
    "can_back": np.bool_,
    "action_valid": np.bool_,
}


class RetailVectorEnv(VectorEnv[tuple[str, ...], Sequence[str], npt.NDArray[Any]]):
    """``num_envs`` visits of one shop, stepped together.

    Observations are tuples of text; ``infos`` holds an array a key (object arrays but for numbers and
    truth values) and its mask ``_key``, as Gymnasium's own vector environments do.

    ``reset(options=…)`` takes the single environment's options for all visits, or ``each``, a sequence of them; and
    ``reset_mask`` to reset some visits only.
    """

    def __init__(
        self,
        num_envs: int = 1,
        catalog: str | Path | Catalog = "mini",
        ranking: str | RankingPolicy = "bm25",
        *,
        page_size: int = 10,
        max_steps: int = 50,
        reward: str | Reward = "none",
        observation: ObservationKind = "page",
        render_mode: str | None = None,
        shop: Shop | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        max_episode_steps: int | None = None,
    ) -> None:
        """Args:
            num_envs: Visits at once.
            catalog: As for `RetailEnv`, and so all that follow.
            ranking: Ranking policy.
            page_size: Results a page.
            max_steps: Actions until a visit is truncated.
            reward: Reward of a step.
            observation: "page" or "json".
            render_mode: "ansi" or None.
            shop: An open shop to visit instead of opening one.
            autoreset_mode: What follows an episode's end, as in Gymnasium: a reset at the next step, in the same step,
                or none ("Disabled").
            max_episode_steps: Actions until a visit is truncated, as `gymnasium.make_vec` says it; the smaller of the
                two counts.

        Raises:
            ValueError: An argument out of its range.
        """
        if num_envs < 1:
            raise ValueError(f"num_envs == {num_envs}, must be >= 1.")
        if max_episode_steps is not None:
            max_steps = min(max_steps, max_episode_steps)
        if render_mode not in (None, "ansi"):
            raise ValueError(f"render_mode == {render_mode!r}, must be None or 'ansi'.")
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.shop = shop or open_shop(catalog, ranking, page_size=page_size, observation=observation)
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {"render_modes": ["ansi"], "autoreset_mode": self.autoreset_mode}
        self.single_observation_space = ObservationText()
        self.single_action_space = action_space(self.shop)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.visits = [Visit(self.shop, max_steps=max_steps, reward=make_reward(reward)) for _ in range(num_envs)]
        self._seeds = [0] * num_envs
        self._rngs: list[np.random.Generator] = []
        self._ended = np.zeros(num_envs, dtype=np.bool_)
        self._observations = [""] * num_envs
        self._all = np.ones(num_envs, dtype=np.bool_)
        self._all.setflags(write=False)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Starts visits; see the class for the options.

        Args:
            seed: One for each, or a first one: visit i takes ``seed + i``.
            options: See the class.

        Raises:
            ValueError: A wrong number of seeds, options or mask entries.
        """
        chosen = dict(options or {})
        mask = self._mask(chosen.pop("reset_mask", None))
        each = chosen.pop("each", None)
        if each is not None and len(each) != self.num_envs:
            raise ValueError(f"options['each'] has {len(each)} entries, must have {self.num_envs}.")
        if seed is None or isinstance(seed, Sequence | np.ndarray):
            seeds = seed
        else:
            seeds = [operator.index(seed) + i for i in range(self.num_envs)]
        self._reseed(seeds, mask)
        infos: list[dict[str, Any]] = []
        for i in np.flatnonzero(mask).tolist():
            self._observations[i], info = self._begin(i, chosen if each is None else {**chosen, **each[i]})
            infos.append(info)
        self._ended[mask] = False
        return tuple(self._observations), self._batched(infos, mask)

    def step(
        self, actions: Sequence[str]
    ) -> tuple[tuple[str, ...], npt.NDArray[np.float64], Bools, Bools, dict[str, Any]]:
        """One action for each visit.

        Raises:
            ValueError: A wrong number of actions, or a step of an ended visit in "Disabled" mode.
        """
        if len(actions) != self.num_envs:
            raise ValueError(f"Got {len(actions)} actions, must be {self.num_envs}.")
        ended = self._ended.tolist()
        some_ended = True in ended
        if some_ended and self.autoreset_mode is AutoresetMode.DISABLED:
            raise ValueError(f"Visits {np.flatnonzero(self._ended).tolist()} have ended; reset them by reset_mask.")
        observations, infos, rewards, terminated = [], [], [], []
        for i, visit in enumerate(self.visits):
            if some_ended and ended[i]:
                observation, info = self._begin(i, {})
                reward, ends = 0.0, False
            else:
                move, reward = visit.make_move(actions[i])
                observation, info, ends = move.observation, move.info, move.ends
            observations.append(observation)
            infos.append(info)
            rewards.append(reward)
            terminated.append(ends)
        terminations = np.array(terminated, dtype=np.bool_)
        truncations = np.array([visit.steps >= visit.max_steps for visit in self.visits], dtype=np.bool_)
        self._ended = terminations | truncations
        batch = self._batched(infos, self._all)
        if self.autoreset_mode is AutoresetMode.SAME_STEP and self._ended.any():
            batch = self._reset_ended(observations, infos, batch)
        self._observations = observations
        return tuple(observations), np.array(rewards, dtype=np.float64), terminations, truncations, batch

    def render(self) -> tuple[str, ...] | None:
        """Every visit's page as text, in "ansi" mode."""
        return tuple(visit.observation for visit in self.visits) if self.render_mode == "ansi" else None

    def _begin(self, i: int, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        chosen = read_reset_options(options)
        if chosen["session_key"] is not None:
            self._rngs[i] = session_rng(self._seeds[i], chosen["session_key"])
        visit = self.visits[i]
        return visit.begin(chosen["intention"] or visit.draw_intention(self._rngs[i]))

    def _reseed(self, seeds: Sequence[int | None] | None, mask: Bools) -> None:
        if seeds is not None and len(seeds) != self.num_envs:
            raise ValueError(f"Got {len(seeds)} seeds, must be {self.num_envs}.")
        if not self._rngs:
            entropy = np.random.SeedSequence().generate_state(self.num_envs).tolist()
            self._seeds = entropy
            self._rngs = [np.random.Generator(np.random.PCG64(word)) for word in entropy]
        for i, seed in enumerate(seeds or ()):
            if seed is not None and mask[i]:
                self._seeds[i] = operator.index(seed)
                self._rngs[i] = np.random.Generator(np.random.PCG64(self._seeds[i]))

    def _reset_ended(
        self, observations: list[str], infos: list[dict[str, Any]], batch: dict[str, Any]
    ) -> dict[str, Any]:
        """Same-step autoreset, in place; the last pages and infos go to ``final_obs`` and ``final_info``."""
        ended = self._ended
        last = np.full(self.num_envs, None, dtype=object)
        final = {key: _only(values, ended) for key, values in batch.items()}
        for i in np.flatnonzero(ended).tolist():
            last[i] = observations[i]
            observations[i], infos[i] = self._begin(i, {})
        self._ended = np.zeros(self.num_envs, dtype=np.bool_)
        final_parts = {"final_obs": last, "_final_obs": ended, "final_info": final, "_final_info": ended.copy()}
        return self._batched(infos, self._all) | final_parts

    def _batched(self, infos: Sequence[dict[str, Any]], mask: Bools) -> dict[str, Any]:
        """Infos of the visits in a mask as one array a key; a move's info is shared, so its own visit completes it."""
        batch: dict[str, Any] = {}
        visits = self.visits if mask is self._all else [self.visits[i] for i in np.flatnonzero(mask)]
        mask = mask if mask is self._all else mask.copy()
        # All infos have the same keys in the same order.
        columns = dict(zip(infos[0], zip(*map(dict.values, infos), strict=True), strict=True))
        columns["step"] = tuple([visit.steps for visit in visits])
        columns["purchases"] = tuple([visit.bought for visit in visits])
        columns["can_back"] = tuple([visit.can_back for visit in visits])
        for key, column in columns.items():
            dtype = _DTYPES.get(key, object)
            values: npt.NDArray[Any] = np.fromiter(column, dtype=dtype, count=len(column))
            if len(column) < self.num_envs:
                some, values = values, np.full(self.num_envs, None if dtype is object else 0, dtype=dtype)
                values[mask] = some
            batch[key], batch[f"_{key}"] = values, mask
        return batch

    def _mask(self, given: Any) -> Bools:
        if given is None:
            return self._all
        mask: Bools = np.asarray(given)
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise ValueError(
                f"reset_mask must be {self.num_envs} booleans with at least one True, got {mask.tolist()!r}."
            )
        return mask


def _only(values: npt.NDArray[Any], mask: Bools) -> npt.NDArray[Any]:
    """Values in a mask; elsewhere None, 0 or False."""
    kept = np.full(len(values), None if values.dtype == object else 0, dtype=values.dtype)
    kept[mask] = values[mask]
    return kept
