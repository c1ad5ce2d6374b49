"""The option ``--html`` of a command: what it prints, as one page that opens from the disk."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from paars_gym.cli.outputs import with_outputs

Html = Annotated[Path | None, typer.Option(help="Also write what is printed here, as one HTML file.")]


def with_page(command: Callable[..., None]) -> Callable[..., None]:
    """A command with ``--html FILE``; the page has its tables, its plots of intervals and its sentences.

    Args:
        command: The first line of its docstring becomes the title.
    """

    @wraps(command)
    def with_html(*, html: Path | None = None, **given: Any) -> None:
        if html is None:
            command(**given)
            return
        from paars_gym.report.pages.page import ReportPage
        from paars_gym.report.pages.printed_page import printed_sections
        from paars_gym.report.printing import keeping_pieces

        ended: typer.Exit | None = None
        with keeping_pieces() as pieces:
            try:
                command(**given)
            except typer.Exit as end:  # such as a bar that was missed: the page shows it
                ended = end
        told = " ".join((command.__doc__ or "").partition("\n\n")[0].split())
        under = f"python -m {inspect.unwrap(command).__globals__['__spec__'].name}"
        ReportPage(told.rstrip("."), under, (), sections=tuple(printed_sections(pieces))).write(html)
        if ended is not None:
            raise ended

    signature = inspect.signature(command, eval_str=True)
    html = inspect.Parameter("html", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Html)
    kept = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in signature.parameters.values()]
    with_html.__signature__ = signature.replace(parameters=[*kept, html])  # type: ignore[attr-defined]
    page = with_outputs(html="file")(with_html)
    page.outputs = {**getattr(command, "outputs", {}), "html": "file"}  # type: ignore[attr-defined]
    return page
