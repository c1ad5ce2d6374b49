"""Validity of simulated A/B tests, on worlds whose true effect is known and on real clicks.

``python -m benchmarks.abtest_validity`` is the size of the claims: 2,000 tests of each kind, true effects of 29
treatments on three kinds of people, a verdict on each bar. What people and shoppers did is kept in the cache folder, by
everything that it depends on: an interrupted run goes on, and a second one takes minutes. ``--reduced`` takes some
minutes. Either ends with exit code 1 if a bar is broken by more than Monte Carlo error. No language model, no network.
"People" here are invented: what is measured is the machinery, not how well any shopper stands for people.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.validity.bars import Verdict, verdict_table
from benchmarks.validity.parts import PARTS, outputs
from benchmarks.validity.pools import FULL, REDUCED
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.exit_codes import ExitCode
from paars_gym.files import write_whole
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress

console, errors = Printer(), Printer(stderr=True)


@with_page
@with_outputs(json_file="file")
def main(
    reduced: Annotated[bool, typer.Option("--reduced", help="Some minutes instead of hours.")] = False,
    part: Annotated[list[str] | None, typer.Option(help=f"Only this; repeatable: {', '.join(PARTS)}.")] = None,
    tests: Annotated[int | None, typer.Option(min=10, help="Simulated tests of each kind.")] = None,
    processes: Annotated[int, typer.Option(min=1, help="That play people and shoppers, of the part direction.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write verdicts and scores here.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
) -> None:
    """False positives, coverage, power, savings and direction of simulated A/B tests, where the truth is known."""
    for name in part or ():
        if name not in PARTS:
            raise typer.BadParameter(f"Unknown part {name!r}. Available: {', '.join(PARTS)}.")
    size = REDUCED if reduced else FULL
    size = size._replace(tests=tests or size.tests)
    verdicts: list[Verdict] = []
    scored: dict[str, Any] = {}
    started = time.perf_counter()
    with Progress(errors, "the world") as status:
        for output in outputs(part or PARTS, size, scored, seed=seed, processes=processes, progress=status.update):
            if isinstance(output, Verdict):
                verdicts.append(output)
            else:
                console.print(output)
    if json_file is not None:
        whole = {"size": size._asdict(), "verdicts": [one._asdict() for one in verdicts], **scored}
        write_whole(json_file, json.dumps(whole, indent=2, default=str) + "\n")
    if verdicts:
        console.print(verdict_table(verdicts))
    console.print(f"{time.perf_counter() - started:.0f} s")
    if any(verdict.broken for verdict in verdicts):
        raise typer.Exit(ExitCode.CHECK_FAILED)


if __name__ == "__main__":
    run_command(main)
