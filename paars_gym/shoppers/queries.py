"""Queries made of the words of what the shopper came for, each with some probability."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from paars_gym.words import is_unspaced, split_words

MAX_WORDS = 12
BROWSE = "search[ | in_stock=true]"
"""What somebody who came for nothing in particular does first: it shows everything in stock, the most popular first."""
_STOP_TEXT = """
a about after all also an and any are as at be but buy by can compare could do for from get give good great has have
he her him his i if im in is it its just like look looking me more most my need needs nice no not of on one or our
please she should so some something that the their them then there these they this to under up us very want was we
what when which who will with without would you your
"""
_STOP = frozenset(_STOP_TEXT.split())


@lru_cache(maxsize=65_536)
def content_words(text: str) -> tuple[str, ...]:
    """The distinct words of a text that say something, in order, at most `MAX_WORDS`; all words if none does.

    Words that say nothing are known in English alone. How unspaced scripts are cut: `paars_gym.words.split_words`; a
    Thai title without spaces is one word.

    >>> content_words("A quiet fan for the bedroom")
    ('quiet', 'fan', 'bedroom')
    """
    words = list(dict.fromkeys(split_words(text.casefold())))
    telling = [word for word in words if word not in _STOP and (len(word) > 1 or word.isdigit() or is_unspaced(word))]
    return tuple((telling or words)[:MAX_WORDS])


def draw_query(words: tuple[str, ...], keep: float, draw: Callable[[], float], last: str | None = None) -> str:
    """Some of the words, at least one, in order; not the same as last time.

    Args:
        words: What to choose from.
        keep: Probability of each word.
        draw: Gives uniform numbers from [0, 1).
        last: The query before; there must be another.
    """
    while True:
        query = " ".join([word for word in words if draw() < keep])
        if query and query != last:
            return query


def kept_words(words: tuple[str, ...], query: str | None) -> int:
    """How many of the words a query keeps; 0 when it is no selection of them in their order."""
    asked = (split_words(query) if is_unspaced(query) else query.split()) if query else []
    remaining = iter(words)
    return len(asked) if all(word in remaining for word in asked) else 0
