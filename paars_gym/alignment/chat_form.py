"""Two turns as a model's own chat template writes them, and texts of others kept from being special tokens."""

from __future__ import annotations

import re
from typing import Any


class ChatForm:
    """The chat template and the special tokens of a tokenizer.

    Args:
        tokenizer: Of the transformers library, with or without a template.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        added = getattr(tokenizer, "added_tokens_decoder", {})
        special = {number: str(token) for number, token in added.items() if token.special}
        self._special_ids = frozenset(special)
        longest_first = sorted(filter(None, special.values()), key=lambda token: (-len(token), token))
        self._special = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def turns(self, told: str, asked: str) -> str | None:
        """A conversation up to where its answer begins; None where the model has no chat template.

        Args:
            told: The system turn; where a template has no such turn, it stands before the question.
            asked: The turn of the user.
        """
        if not getattr(self._tokenizer, "chat_template", None):
            return None
        from jinja2 import TemplateError

        turns = [{"role": "system", "content": told}, {"role": "user", "content": asked}]
        try:
            return self._written(turns)
        except TemplateError:
            return self._written([{"role": "user", "content": f"{told}\n\n{asked}"}])

    def plain(self, text: str) -> str:
        """The text with the letters of every special token set apart, so that none of them is one."""
        return text if self._special is None else self._special.sub(lambda found: " ".join(found[0]), text)

    def is_special(self, token: int) -> bool:
        """Whether a token can only be written by a template."""
        return token in self._special_ids

    def _written(self, turns: list[dict[str, str]]) -> str:
        return str(self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
