"""The grammar of ranking expressions, such as ``sponsored:ID1(bm25+rating:0.3)``: what one names, before it is made."""

from __future__ import annotations

import re
from typing import NamedTuple

_BOOSTS = re.compile(r"(?P<base>.+?)(?P<boosts>(?:\+\s*\w+\s*:[^+():]*)+)", re.DOTALL)
_PARTS = re.compile(r"(?P<name>[\w-]+)\s*(?::(?P<argument>.*?))?\s*(?:\((?P<base>.*)\))?", re.DOTALL)
_DOTTED = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
REFERENCE = re.compile(f"{_DOTTED}:{_DOTTED}")
"""``module:Class``."""


class Expression(NamedTuple):
    """One level of an expression; at most one of ``boosts``, ``name`` and ``reference`` is there.

    Attributes:
        spec: As written, without space around it.
        base: What it works on: before the boosts, or in parentheses; empty if nothing is said.
        boosts: ``+rating:0.3+popularity:0.1``.
        name: Short name, in lower case.
        argument: What stands behind the name's colon.
        reference: ``module:Class``.
    """

    spec: str
    base: str = ""
    boosts: str = ""
    name: str = ""
    argument: str = ""
    reference: str = ""


def parse_expression(spec: str, names: frozenset[str]) -> Expression:
    """Reads one level of an expression; nothing is imported or opened.

    Args:
        spec: The expression.
        names: Short names that there are.

    Returns:
        An expression without boosts, name and reference if it is none.
    """
    spec = spec.strip()
    boosted = _BOOSTS.fullmatch(spec)
    if boosted:
        return Expression(spec, boosted["base"].strip(), boosts=boosted["boosts"])
    parts = _PARTS.fullmatch(spec)
    if parts and parts["name"].lower() in names:
        argument, base = ((parts[name] or "").strip() for name in ("argument", "base"))
        return Expression(spec, base, name=parts["name"].lower(), argument=argument)
    return Expression(spec, reference=spec) if REFERENCE.fullmatch(spec) else Expression(spec)
