"""Every option that names what is read takes a URL too: the verb gets a copy on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from paars_gym.remote import is_remote, local_copy, url_of
from paars_gym.remote.place import refuse_keys
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress

BY_URL = ("catalog", "personas")
"""Options that settings keep as they are given, for other machines to open too: their readers take URLs."""
NO_INPUTS = ("address", "control", "intentions", "model", "policy", "ranking", "treatment")
"""No files, though some look like URLs: ``scripted:/dir/FILE``, ``likelihood:/dir/FILE``, ``logged:/dir/FILE``."""
HERE_ONLY = ("cache",)
"""Files that are read and written all the time."""
COPIED = "paars_gym.copied"
MEND = "--mend writes into what it mends, and {url!r} is not on this machine: copy it here first."
errors = Printer(stderr=True)


def reading_urls(command: Any) -> Any:
    """The command, or the group of commands, whose inputs may be URLs.

    Args:
        command: As typer makes it.
    """
    for inner in getattr(command, "commands", {}).values():
        reading_urls(inner)
    outputs = getattr(command.callback, "outputs", ())
    kept = (*BY_URL, *NO_INPUTS, *getattr(command.callback, "by_url", ()))
    for parameter in command.params:
        is_kept = parameter.param_type_name == "option" and parameter.name in kept
        if parameter.callback is None:
            parameter.callback = _checked if is_kept or parameter.name in outputs else _copied
    return command


def reads_urls(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A verb that reads the URLs of these options itself, in parts, so that no copy of the whole is made here."""

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        verb.by_url = names  # type: ignore[attr-defined]
        return verb

    return decorate


def _checked(_: Any, parameter: Any, value: Any) -> Any:
    """The value as it is, without keys in it."""
    for each in value if isinstance(value, list | tuple) else (value,):
        if isinstance(each, str | Path) and parameter.name != "model":
            refuse_keys(str(each))
    return value


def _copied(context: Any, parameter: Any, value: Any) -> Any:
    """The value of an option, with copies for URLs."""
    if isinstance(value, list | tuple):
        return type(value)(_copied(context, parameter, each) for each in value)
    if parameter.name == "mend" and value and (copied := context.meta.get(COPIED)):
        raise ValueError(MEND.format(url=copied))
    _checked(None, parameter, value)
    if not isinstance(value, str | Path) or not is_remote(value):
        return value
    url = url_of(value)
    if parameter.name in HERE_ONLY:
        raise ValueError(f"--{parameter.name} {url!r} must be a file of this machine: it is written all the time.")
    if context.params.get("mend"):
        raise ValueError(MEND.format(url=url))
    context.meta[COPIED] = url
    with Progress(errors, f"copying {url}"):
        copy = local_copy(url)
    return copy if isinstance(value, Path) else str(copy)
