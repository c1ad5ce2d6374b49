"""Every option that names what is read takes a URL too: the verb gets a copy on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from paars_gym.remote import is_remote, local_copy, url_of
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress

BY_URL = ("catalog", "personas")
"""Settings keep these as they are given, and another machine may have to open them: their readers take URLs."""
NO_INPUTS = ("address",)
"""URLs of something else than files."""
HERE_ONLY = ("cache",)
"""Files that are read and written all the time."""
errors = Printer(stderr=True)


def reading_urls(command: Any) -> Any:
    """The command, or the group of commands, whose inputs may be URLs.

    Args:
        command: As typer makes it.
    """
    for inner in getattr(command, "commands", {}).values():
        reading_urls(inner)
    written = {*_outputs(command.callback), *BY_URL, *NO_INPUTS, *getattr(command.callback, "by_url", ())}
    for parameter in command.params:
        if parameter.name not in written and parameter.callback is None:
            parameter.callback = _copied
    return command


def reads_urls(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A verb that reads the URLs of these options itself, in parts, so that no copy of the whole is made here."""

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        verb.by_url = names  # type: ignore[attr-defined]
        return verb

    return decorate


def _outputs(callback: Any) -> Mapping[str, str]:
    """What `with_outputs` knows of a verb."""
    known: Mapping[str, str] = getattr(callback, "outputs", {})
    return known


def _copied(context: Any, parameter: Any, value: Any) -> Any:
    """The value of an option, with copies for URLs."""
    if isinstance(value, list | tuple):
        return type(value)(_copied(context, parameter, each) for each in value)
    if not isinstance(value, str | Path) or not is_remote(value):
        return value
    url = url_of(value)
    if parameter.name in HERE_ONLY:
        raise ValueError(f"--{parameter.name} {url!r} must be a file of this machine: it is written all the time.")
    if context.params.get("mend") or "--mend" in context.args:
        raise ValueError(f"--mend writes into what it mends, and {url!r} is not on this machine: copy it here first.")
    with Progress(errors, f"copying {url}"):
        return str(local_copy(url))
