"""A page of the shop in a terminal: the words that agents see, with what matters set off."""

from __future__ import annotations

import re

from rich.text import Text

from paars_gym.printable import clean

_STARTS = (
    ("Not possible: ", "bold red"),
    ("Order placed: ", "bold green"),
    ("You can: ", "dim"),
    ("You can also: ", "dim"),
    ("Your cart:", "bold"),
    ("  Total: ", "bold"),
    ("A number views that result; ", "dim"),
)
"""How lines begin that are set off as a whole; see `paars_gym.shop.observation`."""
_RESULT = re.compile(r"^(?:\d+\.|  \d+ x) (\[[^\]]*\]) ")
_HEAD = re.compile(r"^[^\n]*: (?:results for \"|\[)")
_PRICE = re.compile(r"(?:^|\| )([^|\d\s]{0,3}\d[\d,]*\.\d\d)(?= \||$)")
_GONE = re.compile(r"\| (out of stock)\b")


def page_text(page: str) -> Text:
    """The page with styles; its words stay as they are.

    >>> page_text("Your cart:").plain
    'Your cart:'
    """
    return Text("\n").join(_line(line) for line in clean(page).split("\n"))


def _line(line: str) -> Text:
    text = Text(line)
    for start, style in _STARTS:
        if line.startswith(start):
            text.stylize(style)
            return text
    if _HEAD.match(line):
        text.stylize("bold cyan")
        return text
    if found := _RESULT.match(line):
        text.stylize("dim", *found.span(1))
    for pattern, style in ((_PRICE, "bold"), (_GONE, "red")):
        for found in pattern.finditer(line):
            text.stylize(style, *found.span(1))
    return text
