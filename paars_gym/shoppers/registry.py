"""Shoppers by name: short names of this package, or ``module:Class`` of one's own."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from paars_gym.config import Condition, ModelConfig
from paars_gym.files import load_named
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.conditions import check_condition
from paars_gym.shoppers.protocol import Answerer, Policy

if TYPE_CHECKING:
    from paars_gym.llm.stack import Stack

SHOPPERS: dict[str, str] = {
    "uniform": "paars_gym.shoppers.uniform:UniformShopper",
    "replay": "paars_gym.shoppers.replay:ReplayShopper",
    "embedding": "paars_gym.shoppers.embedding:EmbeddingShopper",
    "behavioural": "paars_gym.shoppers.behavioural:BehaviouralShopper",
    "llm": "paars_gym.shoppers.llm_shared:llm_shoppers",
}
"""Every short name, with the class it stands for, or a function that makes a factory whose shoppers share something."""


def make_policy(spec: str, *, shop: Shop, condition: Condition = "persona", **options: Any) -> Callable[[], Policy]:
    """A factory of policies by name: one call, one shopper.

    ================  ===========================================================================
    ``uniform``       possible actions at random
    ``replay``        a recorded session again (``sessions=``)
    ``embedding``     likeness of texts (``embedder=``, ``views=``)
    ``behavioural``   the choice model (``parameters=``)
    ``llm``           a language model (``model=``, ``budget=``; see `llm_shoppers`)
    ``module:Class``  a class of your own; it is given what its constructor takes of shop, condition and model
    ================  ===========================================================================

    Args:
        spec: The name.
        shop: Where they will shop.
        condition: What of the persona they may use.
        **options: For the shopper's constructor.

    Raises:
        ValueError: Unknown name, condition or option, or no policy; says what is possible.
    """
    return _factory(spec, Policy, ("act",), shop, condition, options)


def make_answerer(
    spec: str, *, shop: Shop | None = None, condition: Condition = "persona", **options: Any
) -> Callable[[], Answerer]:
    """A factory of answerers by name; the names are those of `make_policy`, and questions need no shop.

    Raises:
        ValueError: As `make_policy`.
    """
    return _factory(spec, Answerer, ("write_query", "choose_item", "choose_view"), shop, condition, options)


def _factory(
    spec: str, kind: Any, methods: tuple[str, ...], shop: Shop | None, condition: Condition, options: dict[str, Any]
) -> Callable[[], Any]:
    check_condition(condition)
    make = _resolve(spec.strip())
    parameters = inspect.signature(make).parameters.values()
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    names = [parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]
    stack = None
    if "model" in names and "budget" not in names:
        # One model for all that the factory makes, so that they share its limits, its budget and its cache.
        stack, options = _opened(spec, inspect.signature(make).parameters["model"].default, dict(options))
    if "budget" not in names and not takes_all:
        options = {name: value for name, value in options.items() if name != "budget"}
    for option in options:
        if option not in names and not takes_all:
            own = [name for name in names if name not in ("shop", "condition")]
            raise ValueError(f"{spec} has no option {option!r}. It has: {', '.join(own) or 'none'}.")
    common: dict[str, Any] = {"shop": shop, "condition": condition}
    given = options | {name: value for name, value in common.items() if name in names or takes_all}
    try:
        first = make(**given)
    except TypeError as error:
        raise ValueError(f"{spec} cannot be made: {error}.") from error
    factory = first if callable(first) and not isinstance(first, kind) else None
    if factory is not None:
        first = factory()
    if not isinstance(first, kind):
        lacking = [name for name in ("name", "reset", *methods) if not hasattr(first, name)]
        raise ValueError(f"{spec} is no {kind.__name__}: it lacks {', '.join(lacking)}.")
    if stack is not None:
        from paars_gym.shoppers.llm_shared import ModelShoppers

        shaping = {name: value for name, value in options.items() if name != "model"}
        return ModelShoppers(lambda: make(**given), stack, shaping, condition=condition, shop=shop)
    if factory is not None:
        return factory  # type: ignore[no-any-return]
    if "shelf" in names and hasattr(first, "shelf"):
        given["shelf"] = first.shelf
    return lambda: make(**given)


def _opened(spec: str, default: Any, options: dict[str, Any]) -> tuple[Stack, dict[str, Any]]:
    """The model of a class that takes one, opened, and the class's options with those of the model among them."""
    from paars_gym.llm.stack import open_model

    model = options.get("model")
    if model is None and not isinstance(default, str):
        raise ValueError(f"{spec} asks a language model and needs one: --model openai:gpt-4.1-mini, for example.")
    config = ModelConfig.of(default if model is None else model)
    stack = open_model(config, options.pop("budget", None))
    fields = {"temperature": config.temperature, "context_tokens": config.context_tokens}
    set_ones = {name: value for name, value in fields.items() if value is not None}
    return stack, options | dict(config.options) | set_ones | {"model": stack}


def _resolve(spec: str) -> Callable[..., Any]:
    reference = SHOPPERS.get(spec.lower(), spec)
    if not re.fullmatch(r"[\w.]+:[\w.]+", reference):
        close = difflib.get_close_matches(spec.lower(), SHOPPERS, n=1, cutoff=0.5)
        guess = f" Did you mean {close[0]}?" if close else ""
        names = ", ".join(sorted(SHOPPERS))
        raise ValueError(f"Unknown shopper {spec!r}.{guess} Available: {names}, or module:Class of your own.")
    try:
        return load_named(reference)
    except LookupError as missing:
        raise ValueError(f"Unknown shopper {spec!r}. {missing}") from None
