"""The conditions of Table 3: what of the persona a shopper may use."""

from __future__ import annotations

from paars_gym.config import CONDITIONS, Condition


def check_condition(condition: Condition) -> Condition:
    """The condition, if it is one.

    Raises:
        ValueError: It is none.
    """
    if condition not in CONDITIONS:
        raise ValueError(f"Unknown condition {condition!r}. Available: {', '.join(CONDITIONS)}.")
    return condition
