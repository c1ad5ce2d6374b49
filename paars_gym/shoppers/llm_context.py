"""What a model is told of a long session: recent pages whole, older ones as the actions that led past them.

So that a session of any length fits into the context: PAARS does not say how; this is ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from paars_gym.llm.chat import Message, Request, estimate_tokens, expected_tokens, untagged
from paars_gym.prompts import DONE, LEFT_OUT_ACTIONS, LEFT_OUT_PAGE, NOT_DONE
from paars_gym.shoppers.llm_prompts import Form, page

ROOM = 1500
"""Tokens that the conversation needs at least."""
NOTE = 20
"""Tokens of the words about what was left out of a history."""
CONVERSATION = 0.4
"""Share of the context that is kept for pages: less, and they would be put into words at every step."""
MAX_OUTCOME_CHARS = 120


def fixed_budget(context_tokens: int) -> int:
    """Most tokens that instructions, tools and persona should take."""
    return context_tokens - max(ROOM, round(CONVERSATION * context_tokens))


class Turn(NamedTuple):
    """One action and what came of it.

    Attributes:
        action: As the shop got it.
        said: The model's turn, as it is sent back.
        observation: The shop's answer.
        error: Why the shop refused it; None when it did not.
        note: A word to the model below the page.
    """

    action: str
    said: Message
    observation: str
    error: str | None
    note: str = ""


class Context:
    """The conversation of one session, never longer than the budget.

    When it would be, old turns are put into words until half of what is left beside the system turns and tools is free:
    rarely, so that the provider's prompt cache keeps its use.

    Args:
        request: Everything but the conversation: system turns, tools, parameters.
        opening: What the session is for.
        observation: The first page.
        budget: Most tokens of a request, as :func:`paars_gym.llm.chat.expected_tokens` counts.
        form: How the model acts.

    Raises:
        ValueError: The budget leaves no room for a page.
    """

    def __init__(self, request: Request, opening: str, observation: str, *, budget: int, form: Form = "tools") -> None:
        self._form: Form = form
        self._request = request
        self._opening = opening
        self._first = observation
        self._fixed = expected_tokens(request)
        self._recent: list[Turn] = []
        self._summary: list[str] = []
        if budget < self._fixed + ROOM:
            raise ValueError(
                f"context_tokens == {budget}, but instructions and persona take {self._fixed} and pages need "
                f"{ROOM}; allow more, or mine personas with a smaller token budget."
            )
        self._budget = budget

    def shrink(self, refused: Request) -> bool:
        """Goes on with about half of what a model refused as too long; False when it cannot be shorter."""
        budget = max(expected_tokens(refused) // 2, self._fixed + ROOM)
        if budget >= min(self._budget, expected_tokens(refused)):
            return False
        self._budget = budget
        return True

    def add(self, turn: Turn) -> None:
        """Takes in what happened."""
        self._recent.append(turn)

    def request(self) -> Request:
        """The next request to the model."""
        request = self._build()
        if expected_tokens(request) > self._budget:
            request = self._shortened()
        return request

    def _shortened(self) -> Request:
        goal = self._fixed + (self._budget - self._fixed) // 2
        while len(self._recent) > 1:
            turn = self._recent.pop(0)
            outcome = "" if turn.error is None else f" (refused: {turn.error[:MAX_OUTCOME_CHARS]})"
            self._summary.append(f"{len(self._summary) + 1}. {untagged(turn.action[:200] + outcome)}")
            # Signed reasoning is bound to the turns before it, which are no longer what they were.
            self._recent = [kept._replace(said=kept.said.model_copy(update={"native": ()})) for kept in self._recent]
            request = self._build()
            if expected_tokens(request) <= goal:
                return request
        request = self._build()
        if (over := expected_tokens(request) - self._budget) > 0:
            request = self._build(cut=over)
        return request

    def _build(self, *, cut: int = 0) -> Request:
        """The request; ``cut`` tokens are taken out of the newest page."""
        newest = len(self._recent) - 1
        opening = [self._opening]
        if self._summary:
            # The very long list loses its beginning too: 40 actions take 800 tokens, 1,000 would not fit.
            opening.append("\n".join([DONE, *_last(self._summary, (self._budget - self._fixed) // 4)]))
        else:
            opening.append(self._page(self._first, cut if newest < 0 else 0))
        messages = [*self._request.messages, Message(role="user", text="\n\n".join(opening))]
        for index, turn in enumerate(self._recent):
            text = self._page(turn.observation, cut if index == newest else 0) + turn.note
            messages += [turn.said, *answers(turn.said, text)]
        number = len(self._summary) + len(self._recent)
        return self._request.model_copy(
            update={"messages": tuple(messages), "seed": turn_seed(self._request.seed, number)}
        )

    def _page(self, observation: str, cut: int) -> str:
        return page(_without(observation, cut), self._form)


def turn_seed(seed: int | None, turn: int) -> int | None:
    """The seed of one turn of a session: with one seed for all of them a small model repeats itself."""
    if seed is None:
        return None
    return int.from_bytes(hashlib.sha256(f"{seed}:{turn}".encode()).digest()[:4], "big") >> 1


def answers(said: Message, text: str) -> list[Message]:
    """The shop's answer to a turn: to its first tool call, and a word to every further one."""
    if not said.tool_calls:
        return [Message(role="user", text=text)]
    first, *others = said.tool_calls
    return [
        Message(role="tool", call_id=first.id, text=text),
        *(Message(role="tool", call_id=call.id, text=NOT_DONE) for call in others),
    ]


def _without(text: str, tokens: int) -> str:
    """The text without so many tokens of its middle: what can be done, and the cart, stand at its end."""
    if tokens <= 0:
        return text
    keep = max(200, len(text.encode()) - 4 * tokens - len(LEFT_OUT_PAGE.encode()))
    encoded = text.encode()
    if keep >= len(encoded):
        return text
    head = encoded[: keep * 2 // 3].decode(errors="ignore")
    return head + LEFT_OUT_PAGE + encoded[-(keep // 3) :].decode(errors="ignore")


def _last(lines: Sequence[str], tokens: int) -> list[str]:
    """The last lines that fit, with a word about what is missing."""
    size = 0
    for index in range(len(lines) - 1, -1, -1):
        size += estimate_tokens(lines[index]) + 1
        if size > tokens:
            return [LEFT_OUT_ACTIONS.format(count=index + 1), *lines[index + 1 :]]
    return list(lines)
