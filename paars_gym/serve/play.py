"""A visit of a person in the terminal: the pages and actions of agents, and a few shorter words for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium

SHORTCUTS = (
    "A number views that result; a (add), n (next page), b (back), p (purchase), q (leave) stand for the actions; "
    "other words are searched for; actions in full, such as view[id], work too."
)


def read_shortcut(typed: str, info: dict[str, Any]) -> str:
    """The action that a person means: a shortcut, a full action, or words to search for."""
    typed = typed.strip()
    shown: str | None = info["product"]
    single = {"n": "next_page[]", "b": "back[]", "p": "purchase[]", "q": "stop[]", "a": f"add_to_cart[{shown or ''}]"}
    if typed.lower() in single:
        return single[typed.lower()]
    if typed.isdigit():
        first = info["first_rank"] or 1
        position = int(typed) - first
        results = info["results"]
        return f"view[{results[position]}]" if 0 <= position < len(results) else f"view[result {typed}]"
    return typed if "[" in typed or typed.startswith("{") or not typed else f"search[{typed}]"


def play(
    env: gymnasium.Env[str, str],
    read: Callable[[], str],
    write: Callable[[str], None],
    *,
    seed: int | None = None,
    options: dict[str, Any] | None = None,
) -> int:
    """One visit: writes pages, reads what is typed, until ``stop[]``, the step limit or the end of input.

    Args:
        env: `PAARS-Retail-v0`, wrapped or not.
        read: Gives a line that was typed; raises EOFError at the end of input.
        write: Shows text.
        seed: For the environment's reset.
        options: For the environment's reset.

    Returns:
        How many product lines were bought.
    """
    page, info = env.reset(seed=seed, options=options)
    write(f"{page}\n\n{SHORTCUTS}")
    over = False
    while not over:
        try:
            typed = read()
        except EOFError:
            typed = "stop[]"
        if not typed.strip():
            continue
        page, _, terminated, truncated, info = env.step(read_shortcut(typed, info))
        over = terminated or truncated
        write("You left the shop." if terminated else page)
    return len(info["purchases"])
