"""Groups of options that several verbs have: a dataclass, whose fields become options of the verb."""

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any, get_type_hints

import typer

from paars_gym.cli.shared_options import MODEL


def in_group(flag: str, help: str, *, min: float | None = None) -> Any:  # noqa: A002 (typer's names)
    """An option of the group "Language model"."""
    return typer.Option(flag, help=help, min=min, rich_help_panel=MODEL)


def with_options(parameter: str, group: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a verb the options of a group, a dataclass, where that parameter stands; it gets them together."""

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(verb, eval_str=True)
        types, names = get_type_hints(group, include_extras=True), [field.name for field in fields(group)]
        options = [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=types[field.name]
            )
            for field in fields(group)
        ]
        parameters: list[inspect.Parameter] = []
        for each in signature.parameters.values():
            parameters += options if each.name == parameter else [each.replace(kind=inspect.Parameter.KEYWORD_ONLY)]

        @wraps(verb)
        def with_group(**given: Any) -> None:
            verb(**{parameter: group(**{name: given.pop(name) for name in names})}, **given)

        with_group.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return with_group

    return decorate
