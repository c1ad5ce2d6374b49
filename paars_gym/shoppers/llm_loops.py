"""Actions that a language model repeats on the same page: it is told, and if it goes on, its session ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from paars_gym.llm.chat import untagged
from paars_gym.prompts import LOOP
from paars_gym.sessions.run_log import LOOP_CAUSE
from paars_gym.shop.observation import same_page
from paars_gym.shoppers.protocol import GaveUp

TOLD_AFTER = 3
"""Times that an action may be done on a page before the model is told."""


class Loops:
    """Counts the actions of one session by the page that they were done on, the cart aside.

    What the shop refuses does not count: of that a shopper has an error to read, and a patience of its own.
    """

    def __init__(self) -> None:
        self._times: Counter[tuple[object, ...]] = Counter()
        self._last: tuple[object, ...] = ()

    def about_to(self, action: str, observation: str, info: Mapping[str, Any]) -> None:
        """Takes in an action that is about to be done, and the page that it is done on.

        Raises:
            GaveUp: The model was told that this is a loop, and does it again.
        """
        # An environment of one's own may tell less.
        where = (info.get(name) for name in ("page", "query", "product", "first_rank"))
        self._last = (action, *where, same_page(observation))
        if self._times[self._last] >= TOLD_AFTER:
            raise GaveUp(f"{LOOP_CAUSE}{action[:200]} was done {TOLD_AFTER} times on the same page, and once more")

    def done(self, *, valid: bool) -> str:
        """Takes in whether the shop carried it out; gives what the model is told of it, if it is a loop, else ""."""
        if not self._last:  # nothing was done yet
            return ""
        self._times[self._last] += valid
        if not valid or self._times[self._last] != TOLD_AFTER:
            return ""
        action = untagged(str(self._last[0])[:200])
        return "\n" + LOOP.format(action=action, times=TOLD_AFTER)
