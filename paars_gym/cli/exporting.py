"""``paars sessions export``: a run for other people's log viewers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paars_gym.cli.app import console, errors, sessions_app
from paars_gym.cli.outputs import with_outputs

KINDS = ("inspect", "otel")


@sessions_app.command("export")
@with_outputs(out="file")
def sessions_export(
    run: Annotated[Path, typer.Argument(help="Folder of a run, finished or not; of an A/B test that of an arm.")],
    to: Annotated[
        str, typer.Option(help="inspect: a log of Inspect, JSON. otel: OpenTelemetry spans, lines of OTLP JSON.")
    ],
    out: Annotated[Path, typer.Option(help="File to write; for inspect it ends in .json.")],
) -> None:
    """Writes a run, session by session and step by step, as other tools' logs.

    Open a log of Inspect with "inspect view"; give spans to a collector (receiver otlpjsonfile).
    """
    from paars_gym.export.inspect_log import is_listed, write_inspect_log
    from paars_gym.export.otel_spans import write_otel_spans
    from paars_gym.report.progress import Progress

    if to not in KINDS:
        raise ValueError(f"--to {to!r}, must be {' or '.join(KINDS)}.")
    with Progress(errors, "writing the sessions"):
        number = (write_inspect_log if to == "inspect" else write_otel_spans)(run, out)
    console.print(f"{out}: {number:,} sessions, {out.stat().st_size / 1e6:.1f} MB.")
    if to == "inspect" and not is_listed(out):
        console.print(
            "Inspect's viewer lists logs whose names begin with date and time, such as 2026-01-31T09-30-00_run.json."
        )
