"""An example of every type of result: made of its annotations, so that a new one is tested without being named."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from pkgutil import walk_packages
from types import NoneType, UnionType
from typing import Any, Literal

from pydantic import BaseModel

import paars_gym
from paars_gym.estimate import Estimate, Interval, Tabular

ESTIMATE = Estimate(
    0.25, Interval(0.125, 0.5), unit="share", sizes={"human": 40, "pairs": 20}, floor=0.1, verdict="differs"
)
ROOMS = ("abtest", "alignment", "probes", "shoppers", "tasks")


def results() -> dict[str, type[Tabular]]:
    """Every public table of the package but `Estimates`, by name."""
    for room in ROOMS:
        for module in walk_packages(import_module(f"paars_gym.{room}").__path__, f"paars_gym.{room}."):
            import_module(module.name)
    return {kind.__name__: kind for kind in _below(Tabular) if issubclass(kind, BaseModel) and _is_ours(kind)}


def _is_ours(kind: type) -> bool:
    return kind.__module__.startswith(f"{paars_gym.__name__}.")


def _below(kind: type) -> list[type]:
    return [one for child in kind.__subclasses__() for one in (child, *_below(child))]


def example(kind: Any) -> Any:
    """A value of a type; of a number, a text and so on always the same one."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Estimate:
        return ESTIMATE
    if isinstance(kind, type) and (issubclass(kind, BaseModel) or is_dataclass(kind) or hasattr(kind, "_fields")):
        told = typing.get_type_hints(kind, include_extras=True)
        names = getattr(kind, "model_fields", None) or getattr(kind, "_fields", None) or [f.name for f in fields(kind)]
        return kind(**{name: example(told[name]) for name in names})
    if origin is typing.Annotated:
        return example(inner[0])
    if origin is Literal:
        return inner[0]
    if origin in (typing.Union, UnionType):
        return example(next(one for one in inner if one is not NoneType))
    if origin is tuple:
        return (example(inner[0]),) * 2 if Ellipsis in inner else tuple(map(example, inner))
    if origin in (dict, Mapping):
        return {example(inner[0]): example(inner[1])}
    return {str: "a text", bool: True, int: 3, float: 0.5, Any: 1}[kind]
