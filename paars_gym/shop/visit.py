"""How does one visit unfold, step by step? The rules of `state`, the pages of `shop`, and a count of steps.

Both environments are thin shells over this class.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from paars_gym.sessions.event import Event, Intention
from paars_gym.shop.actions import NextPage, Search, View, parse_action
from paars_gym.shop.goal import sample_goal
from paars_gym.shop.rewards import GoalReward, NoReward, Reward
from paars_gym.shop.shop import Place, Shop
from paars_gym.shop.state import Home, State, apply, moved

StepResult = tuple[str, float, bool, bool, dict[str, Any]]
_NOTHING: tuple[Event, ...] = ()


class Snapshot(tuple[State, int, Intention | None]):
    """A moment of a visit: its state, the steps taken, and the intention."""

    __slots__ = ()


class Visit:
    """One visitor in a shop.

    Attributes:
        shop: Where.
        state: The visit's `State` now.
        steps: Actions taken, valid or not.
        intention: What the visitor came for.
    """

    __slots__ = ("_cart", "_entrance", "_place", "intention", "max_steps", "reward", "shop", "state", "steps")

    state: State
    steps: int
    intention: Intention | None
    _place: Place
    _cart: str

    def __init__(self, shop: Shop, *, max_steps: int, reward: Reward) -> None:
        if max_steps < 1:
            raise ValueError(f"max_steps == {max_steps}, must be >= 1.")
        self.shop = shop
        self.max_steps = max_steps
        self.reward = None if isinstance(reward, NoReward) else reward
        self.begin(None)

    def begin(self, intention: Intention | None) -> tuple[str, dict[str, Any]]:
        """Enters the shop: the first observation and info."""
        self.intention = intention
        self._entrance = self.shop.entrance(intention)
        self._go_to(State(), 0)
        return self._entrance.observation, self.info(_NOTHING, None)

    def draw_intention(self, rng: np.random.Generator) -> Intention | None:
        """What a visitor with no given intention came for: a random goal if the reward asks for one, else nothing."""
        return sample_goal(self.shop.catalog, rng) if isinstance(self.reward, GoalReward) else None

    def advance(self, action: object) -> StepResult:
        """One step: observation, reward, terminated, truncated, info. Never raises, whatever the action."""
        before = self.state
        self.steps += 1
        move = self._place.moves.get(action) if type(action) is str else None
        if move is not None and not before.ended:
            self._place, events = move
            self.state = moved(before, self._place.page)
            error = None
        else:
            events, error = self._apply(action)
        place, cart = self._place, self._cart
        if not cart and error is None:
            observation = place.observation
        else:
            observation = self.shop.renderer.assemble(place.text, cart, error)
        state = self.state
        reward = 0.0 if self.reward is None else self.reward(self.shop.catalog, self.intention, before, state)
        return observation, reward, state.ended, self.steps >= self.max_steps, self.info(events, error)

    def info(self, events: tuple[Event, ...], error: str | None) -> dict[str, Any]:
        """The structured side of an observation, flat, the same keys at every step."""
        state = self.state
        return {
            "step": self.steps,
            **self._place.info,
            "cart": state.cart,
            "purchases": state.bought,
            "action_valid": error is None,
            "error": error,
            "events": events,
        }

    @property
    def observation(self) -> str:
        """The page as it stands, without an error."""
        return self.shop.renderer.assemble(self._place.text, self._cart, None)

    def snapshot(self) -> Snapshot:
        """This moment, to be returned to by `restore`."""
        return Snapshot((self.state, self.steps, self.intention))

    def restore(self, snapshot: Snapshot) -> None:
        """Returns to a moment of this or another visit of the same shop."""
        state, steps, self.intention = snapshot
        self._entrance = self.shop.entrance(self.intention)
        self._go_to(state, steps)

    def _apply(self, text: object) -> tuple[tuple[Event, ...], str | None]:
        action = parse_action(text)
        place = self._place
        state, events, error = apply(self.shop, self.state, action)
        if state is not self.state:
            if state.cart is not self.state.cart:
                self._cart = self.shop.cart_text(state.cart) if state.cart else ""
            if state.page is not place.page:
                self._place = self._at(state)
            self.state = state
            if isinstance(action, (Search, View, NextPage)) and isinstance(text, str):
                place.moves[text] = self._place, events
        return events, error

    def _go_to(self, state: State, steps: int) -> None:
        self.state = state
        self.steps = steps
        self._place = self._at(state)
        self._cart = self.shop.cart_text(state.cart) if state.cart else ""

    def _at(self, state: State) -> Place:
        return self._entrance if isinstance(state.page, Home) else self.shop.place(state.page)
