"""One visit, step by step: the moves between the shop's places, and a count of steps.

Both environments are thin shells over this class.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from paars_gym.sessions.event import Intention
from paars_gym.shop.actions import Back, clean_text, parse_action
from paars_gym.shop.rewards import GoalReward, NoReward, Reward, sample_goal
from paars_gym.shop.shop import Move, Place, Scene, Shop
from paars_gym.shop.state import TRAIL_LENGTH, Bought, Home, Page, State, apply

MAX_ERROR_CHARS = 2_000
StepResult = tuple[str, float, bool, bool, dict[str, Any]]


class Snapshot(NamedTuple):
    """A moment of a visit.

    Attributes:
        state: Pages, cart, purchases.
        steps: Actions taken.
        intention: What the visitor came for.
    """

    state: State
    steps: int
    intention: Intention | None


class Visit:
    """One visitor in a shop.

    Attributes:
        shop: Where.
        max_steps: Actions until the visit is truncated.
        reward: Worth of a step; None when it is always 0.
        steps: Actions taken, valid or not.
        bought: Lines bought so far.
        intention: What the visitor came for.
    """

    __slots__ = (
        "_ended", "_entrance", "_place", "_trail", "bought", "intention", "max_steps", "reward", "shop", "steps",
    )  # fmt: skip

    steps: int
    bought: tuple[Bought, ...]
    intention: Intention | None
    _entrance: Scene
    _place: Place
    _trail: tuple[Scene, ...]
    _ended: bool

    def __init__(self, shop: Shop, *, max_steps: int, reward: Reward) -> None:
        if max_steps < 1:
            raise ValueError(f"max_steps == {max_steps}, must be >= 1.")
        self.shop = shop
        self.max_steps = max_steps
        self.reward = None if isinstance(reward, NoReward) else reward
        self.begin(None)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied and pickled as the moment it stands at: pages are the shop's."""
        return _visit_at, (self.shop, self.max_steps, self.reward, self.snapshot())

    def begin(self, intention: Intention | None) -> tuple[str, dict[str, Any]]:
        """Enters the shop: the first observation and info."""
        return self.restore(Snapshot(State(), 0, intention))

    @property
    def draws_intentions(self) -> bool:
        """Whether the reward asks for a goal where none is given."""
        return isinstance(self.reward, GoalReward)

    def draw_intention(self, rng: np.random.Generator) -> Intention | None:
        """What a visitor with no given intention came for: a random goal if the reward asks for one, else nothing."""
        return sample_goal(self.shop.catalog, rng) if self.draws_intentions else None

    def advance(self, action: object) -> StepResult:
        """One step: observation, reward, terminated, truncated, info. Never raises, whatever the action."""
        move, reward = self.make_move(action)
        info = move.info.copy()
        info["step"] = steps = self.steps
        info["purchases"] = self.bought
        info["can_back"] = bool(self._trail)
        return move.observation, reward, move.ends, steps >= self.max_steps, info

    def make_move(self, action: object) -> tuple[Move, float]:
        """One step as the move made, which others may share, and its reward."""
        before = None if self.reward is None else self.state
        place = self._place
        trail = self._trail
        # Going back depends on the place and on the page before; everything else on the place alone.
        is_text = type(action) is str  # an array is equal to nothing, and says so by raising
        key: Any = trail[-1] if is_text and action == "back[]" and trail else action
        move = place.moves.get(key) if is_text and not self._ended else None
        if move is None:
            move = self._work_out(action, key)
        if move.trail > 0:
            self._trail = (*trail, place.scene) if len(trail) < TRAIL_LENGTH else (*trail[1:], place.scene)
        elif move.trail < 0:
            self._trail = trail[:-1]
        if move.bought:
            self.bought += move.bought
        self._place = move.place
        self._ended = move.ends
        self.steps += 1
        if self.reward is None or before is None:
            return move, 0.0
        return move, float(self.reward(self.shop.catalog, self.intention, before, self.state))

    @property
    def state(self) -> State:
        """Where the visit stands, as the rules of `state` see it."""
        trail = tuple([scene.page for scene in self._trail])
        return State(self._place.scene.page, trail, self._place.cart, self.bought, self._ended)

    @property
    def can_back(self) -> bool:
        """Whether there is a page to go back to."""
        return bool(self._trail)

    @property
    def observation(self) -> str:
        """The page as it stands, without an error."""
        return self._place.observation

    def snapshot(self) -> Snapshot:
        """This moment, to be returned to by `restore`."""
        return Snapshot(self.state, self.steps, self.intention)

    def restore(self, snapshot: Snapshot) -> tuple[str, dict[str, Any]]:
        """Returns to a moment of this or another visit of the same shop: the page there, and its info."""
        state, self.steps, self.intention = snapshot
        self._entrance = self.shop.entrance(self.intention)
        self._trail = tuple(self._scene(page) for page in state.trail)
        self._place = self.shop.place(self._scene(state.page), state.cart)
        self.bought, self._ended = state.bought, state.ended
        info = _info(self._place, (), None)
        return self.observation, info | {
            "step": self.steps,
            "purchases": self.bought,
            "can_back": self.can_back,
        }

    def _work_out(self, text: object, key: Any) -> Move:
        """The move of an action by the rules, remembered under a key where the action is text."""
        action = parse_action(text)
        before = self.state
        state, events, error = apply(self.shop, before, action)
        if error is not None:
            # What was asked for stands in it, whatever that was.
            error = clean_text(error[:MAX_ERROR_CHARS])
        scene, trail = self._place.scene, 0
        if isinstance(action, Back) and error is None:
            scene, trail = self._trail[-1], -1
        elif state.page is not before.page:
            scene, trail = self._scene(state.page), 1
        place = self.shop.place(scene, state.cart)
        bought = state.bought[len(before.bought) :]
        observation = place.observation
        if error is not None or bought:
            notice = self.shop.renderer.order(bought) if bought else None
            observation = self.shop.renderer.assemble(scene.text, place.cart_text, error=error, notice=notice)
        move = Move(place, trail, bought, state.ended, observation, _info(place, events, error))
        if type(text) is str and not before.ended and (key is not text or not isinstance(action, Back)):
            self.shop.remember(self._place, key, move)
        return move

    def _scene(self, page: Page) -> Scene:
        return self._entrance if isinstance(page, Home) else self.shop.scene(page)


def _visit_at(shop: Shop, max_steps: int, reward: Reward | None, snapshot: Snapshot) -> Visit:
    visit = Visit(shop, max_steps=max_steps, reward=NoReward() if reward is None else reward)
    visit.restore(snapshot)
    return visit


def _info(place: Place, events: tuple[Any, ...], error: str | None) -> dict[str, Any]:
    """The structured side of an observation, flat, the same keys in the same order at every step."""
    return {
        "step": 0,
        **place.scene.info,
        "can_back": False,
        "cart": place.cart,
        "purchases": (),
        "action_valid": error is None,
        "error": error,
        "events": events,
    }
