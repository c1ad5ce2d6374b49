"""`PAARS-Retail-v0`: the text shop as a Gymnasium environment (PAARS section 4.3, "Session generation")."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, SupportsFloat

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.utils import seeding

from paars_gym.catalog.store import Catalog
from paars_gym.printable import clean
from paars_gym.ranking.protocol import RankingPolicy
from paars_gym.sessions.event import Intention, session_rng
from paars_gym.shop.observation import ObservationKind
from paars_gym.shop.open import open_shop
from paars_gym.shop.rewards import Reward, make_reward
from paars_gym.shop.shop import Shop
from paars_gym.shop.spaces import ActionText, ObservationText
from paars_gym.shop.tools import ToolStyle, tool_schemas
from paars_gym.shop.visit import Snapshot, Visit

RESET_OPTIONS = ("persona", "intention", "session_key")
INFO_KEYS = (
    "step", "page", "query", "results", "first_rank", "product", "products", "more", "page_size", "reviews_per_page",
    "can_back", "cart", "purchases", "action_valid", "error", "events",
)  # fmt: skip
"""Of `RetailEnv`, in order; an environment of one's own that policies shop in has them too."""


class EnvSnapshot(NamedTuple):
    """A moment of an episode.

    Attributes:
        visit: Of the shop.
        persona: Who visits.
        session_key: Of the visit.
    """

    visit: Snapshot
    persona: Any
    session_key: str | None


class RetailEnv(gymnasium.Env[str, str]):
    """## Description
    A retail site in text: search, view, cart, purchase, over any catalog under any ranking policy. One episode is one
    visit. The shop is deterministic: the same catalog, ranking and actions give the same pages, in any process.

    ## Action space
    `ActionText`: any text; well-formed actions are

    | action | what it does |
    |---|---|
    | `search[words]` | shows results; filters and order after bars: `search[tea | max_price=9 | sort=price_low]` |
    | `view[id]` | opens a product's page |
    | `add_to_cart[id]` | one unit into the cart; `add_to_cart[id | units=2 | size=M]` |
    | `remove_from_cart[id]` | all units out of it |
    | `next_page[]` | the next page of results, or of reviews |
    | `back[]` | the page before |
    | `purchase[]` | buys the cart; the visit may go on |
    | `stop[]` | ends the visit |

    The same as JSON tool calls, `{"name": …, "arguments": …}` or `{"name": …, "input": …}`, as text or mapping;
    `tools()` gives their schemas. An action that cannot be read or is not possible leaves the state as it was: the
    observation and `info["error"]` say why, `info["action_valid"]` is False, and the step counts.

    ## Observation space
    `ObservationText`: the page as text, or as a JSON object with `observation="json"`.

    ## Rewards
    `none` (default): 0. `units`, `revenue`: bought in this step. `goal`: the change of the visit's score, which is the
    fit of the best line bought, ``type · (attributes + options matched + [all lines within budget]) / (asked + 1)``,
    over the number of lines bought. Its sum is in [0, 1], a step's in [-1, 1]: lines that were not wanted cost.
    Formulas in `paars_gym.shop.rewards`. Any callable of the `Reward` protocol.

    ## Starting state
    The entrance, with an empty cart. `reset(options={"persona": …, "intention": …, "session_key": …})`: the intention
    (an `Intention` or a mapping of its fields) is shown at the entrance and measured by the goal reward; with that
    reward and none given, one is drawn from the catalog. Persona and session key are kept as attributes for whoever
    records the visit; with a key, draws depend on seed and key alone.

    ## Episode end
    Terminated by `stop[]`, truncated after `max_steps` actions.

    ## Info
    Flat, the same keys at reset and at every step (`INFO_KEYS`):

    | key | what it holds |
    |---|---|
    | `step` | actions so far |
    | `page` | "home", "results" or "product" |
    | `query` | of the results shown, else None |
    | `results` | ids of the results shown, a tuple |
    | `first_rank` | rank of the first of them in the whole list, 0 on other pages |
    | `product` | id of the product whose page is shown, else None |
    | `products` | what the page shows as a tuple of `Product`: the results, or the one whose page it is |
    | `more` | whether `next_page[]` is possible |
    | `page_size` | results of a full page |
    | `reviews_per_page` | reviews that a product's page shows at most |
    | `can_back` | whether `back[]` is possible |
    | `cart` | tuple of `CartLine` |
    | `purchases` | tuple of `Bought`, those of the whole visit |
    | `action_valid` | whether the last action was carried out; True at reset |
    | `error` | why it was not, else None |
    | `events` | tuple of `Event`: what the last action did |

    All values are immutable, and visits of one shop share them: the same page gives the same tuple `products`. A
    wrapper that shows something else puts new values into the `info` that it passes on.

    ## Arguments
    ```
    gymnasium.make("PAARS-Retail-v0", catalog="mini", ranking="bm25", page_size=10, max_steps=50, reward="none",
                   observation="page", render_mode=None)
    ```
    `catalog` and `ranking` take names, paths (catalog) and objects.

    ## Version history
    v0: first.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi", "human", "rgb_array"], "render_fps": 1}  # noqa: RUF012
    _np_random: np.random.Generator | None

    def __init__(
        self,
        catalog: str | Path | Catalog = "mini",
        ranking: str | RankingPolicy = "bm25",
        *,
        page_size: int = 10,
        max_steps: int = 50,
        reward: str | Reward = "none",
        observation: ObservationKind = "page",
        render_mode: str | None = None,
        shop: Shop | None = None,
    ) -> None:
        """Args:
            catalog: "mini", "journey", a catalog folder, or a `Catalog`.
            ranking: A ranking expression such as "bm25+rating:0.3", or a `RankingPolicy`.
            page_size: Results a page.
            max_steps: Actions until the visit is truncated.
            reward: "none", "units", "revenue", "goal", or a `Reward`.
            observation: "page" or "json".
            render_mode: "ansi" (text returned), "human" (printed at every step) or "rgb_array" (a picture of the page;
                takes Pillow, extra `render`).
            shop: An open shop to visit instead of opening one; it brings catalog, ranking, page size and observation.

        Raises:
            ValueError: An argument out of its range; the message names it and what is allowed.
        """
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(f"render_mode == {render_mode!r}, must be None, 'ansi', 'human' or 'rgb_array'.")
        self.shop = shop or open_shop(catalog, ranking, page_size=page_size, observation=observation)
        self.render_mode = render_mode
        self.observation_space = ObservationText()
        self.action_space = action_space(self.shop)
        self.persona: Any = None
        self.session_key: str | None = None
        self._seed: int | None = None
        self._visit = Visit(self.shop, max_steps=max_steps, reward=make_reward(reward))

    @property
    def intention(self) -> Intention | None:
        """What this visit is for."""
        return self._visit.intention

    @property
    def max_steps(self) -> int:
        """Actions until the visit is truncated."""
        return self._visit.max_steps

    @property
    def np_random(self) -> np.random.Generator:
        """The visit's generator. That of a session with a key is made when it is asked for: few are."""
        if self._np_random is None and self._seed is not None:
            if self.session_key is not None:
                self._np_random = session_rng(self._seed, self.session_key)
            else:
                self._np_random, self._np_random_seed = seeding.np_random(self._seed)
        return super().np_random

    @np_random.setter
    def np_random(self, value: np.random.Generator) -> None:
        self._np_random, self._np_random_seed = value, -1

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Starts a visit; see the class for the options.

        Raises:
            ValueError: An unknown option, or an intention that is none.
        """
        chosen = read_reset_options(options)
        self.persona, self.session_key = chosen["persona"], chosen["session_key"]
        if seed is None or self.session_key is None:
            super().reset(seed=seed)
            if seed is not None or self._seed is None:
                self._seed = self.np_random_seed
        else:
            self._seed = seed
        if self.session_key is not None:
            self._np_random = None
        intention = chosen["intention"]
        if intention is None and self._visit.draws_intentions:
            intention = self._visit.draw_intention(self.np_random)
        observation, info = self._visit.begin(intention)
        if self.render_mode == "human":
            self.render()
        return observation, info

    def step(self, action: str) -> tuple[str, SupportsFloat, bool, bool, dict[str, Any]]:
        """One action; see the class. Never raises on an action, whatever it is."""
        result = self._visit.advance(action)
        if self.render_mode == "human":
            self.render()
        return result

    def render(self) -> str | npt.NDArray[np.uint8] | None:
        """The page: text in "ansi" mode, printed in "human" mode, a picture in "rgb_array" mode.

        Raises:
            ImportError: A picture, without Pillow.
        """
        page = self._visit.observation
        if self.render_mode == "human":
            sys.stdout.write(clean(page) + "\n\n")
            return None
        if self.render_mode == "rgb_array":
            from paars_gym.shop.picture import page_picture

            return page_picture(page)
        return page if self.render_mode == "ansi" else None

    def tools(self, style: ToolStyle = "openai") -> list[dict[str, Any]]:
        """The actions as tool definitions for a language model's API, in "openai" or "anthropic" style."""
        return tool_schemas(style)

    def snapshot(self) -> EnvSnapshot:
        """This moment of the visit: small, immutable, picklable. Wrappers of ours add what they remember."""
        return EnvSnapshot(self._visit.snapshot(), self.persona, self.session_key)

    def restore(self, snapshot: EnvSnapshot) -> tuple[str, dict[str, Any]]:
        """Returns to a snapshot: the page there, and its info, as after a reset to that moment."""
        visit, self.persona, self.session_key = snapshot
        return self._visit.restore(visit)


def action_space(shop: Shop) -> ActionText:
    """The action space of a shop; samples search for words of its titles and name its products."""
    count = len(shop.catalog)
    listed = [shop.catalog.listing(row) for row in range(0, count, max(1, count // 100))]
    words = sorted({word.casefold() for _, title, *_ in listed for word in title.split() if word.isalpha()})
    return ActionText(words, [product_id for product_id, *_ in listed])


def read_reset_options(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Checks ``reset``'s options and fills in those not given.

    Raises:
        ValueError: An unknown option or a value that cannot be used.
    """
    given = dict(options or {})
    unknown = sorted(set(given) - set(RESET_OPTIONS))
    if unknown:
        raise ValueError(f"Unknown reset option {unknown[0]!r}. Available: {', '.join(RESET_OPTIONS)}.")
    intention, key = given.get("intention"), given.get("session_key")
    if isinstance(intention, Mapping):
        intention = Intention.model_validate(intention)
    if intention is not None and not isinstance(intention, Intention):
        raise ValueError(f"intention == {intention!r}, must be an Intention or a mapping of its fields.")
    if key is not None and not isinstance(key, str):
        raise ValueError(f"session_key == {key!r}, must be text.")
    return {"persona": given.get("persona"), "intention": intention, "session_key": key}
