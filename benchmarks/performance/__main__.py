"""``python -m benchmarks.performance``: every benchmark of speed and memory, in one table, each beside its peer.

To refresh the table of ``benchmarks/README.md``, on a machine that does nothing else, in some twenty minutes::

    python -m benchmarks.performance --json runs/performance.json --write

Interrupted, the same command goes on: what stands in the file is kept, and what failed is tried again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from benchmarks.performance.growth import MEASURES, REDUCED, SIZES, Curve, curves
from benchmarks.performance.listed import BENCHMARKS, measured
from benchmarks.performance.record import Measurement, SpeedRecord, read_record
from benchmarks.performance.rows import SpeedRow
from benchmarks.performance.table import HEADINGS, cells, growth_table, speed_table, with_speed
from benchmarks.processes import workers
from benchmarks.readme import README
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.running import run_command
from paars_gym.exit_codes import ExitCode
from paars_gym.files import write_whole
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress

PARTS = ("table", "growth")


@with_outputs(json_file="file")
def main(
    part: Annotated[
        list[str] | None, typer.Option(help=f"{' or '.join(PARTS)}; repeat for several. Both by default.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="A benchmark to run, or what grows; repeat for several. All by default: "
            f"{', '.join([*BENCHMARKS, *SIZES])}."
        ),
    ] = None,
    reduced: Annotated[bool, typer.Option("--reduced", help="Small sizes and wide bars: three minutes.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit code 1 where a bar is missed or a row failed.")] = False,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Keep the figures here, after each benchmark; those that it holds are kept."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Measure again what the file of --json holds.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Put the tables into benchmarks/README.md, where all was measured.")
    ] = False,
) -> None:
    """Runs every benchmark of speed and memory, one after the other, and prints what each measures beside its peer."""
    parts = _chosen("--part", part, PARTS)
    known = [*(BENCHMARKS if "table" in parts else ()), *(SIZES if "growth" in parts else ())]
    names = _chosen("--only", only, known)
    if write and (reduced or part or only):
        raise ValueError("--write puts whole tables into the page; leave out --reduced, --part and --only.")
    record = read_record(json_file, reduced=reduced)
    jobs = [*_table_jobs(names, record, again=again), *_growth_jobs(names, record, again=again)]
    console, errors = Printer(), Printer(stderr=True)
    with Progress(errors, "starting") as progress:
        for done, (name, job) in enumerate(jobs):
            progress.update(name, done, len(jobs))
            for piece in job():
                console.print(piece)
            if json_file is not None:
                record.write(json_file)
    grown = curves({grows: record.growth[grows] for grows in SIZES if grows in names and grows in record.growth})
    if grown:
        console.print(growth_table(grown))
    outcomes = [record.benchmarks[name] for name in BENCHMARKS if name in names]
    if write:
        text = f"{_preface(record)}\n\n{speed_table(outcomes)}\n\n{growth_table(grown)}"
        write_whole(README, with_speed(README.read_text(encoding="utf-8"), text))
    if missed := _missed(outcomes, grown, record, names):
        console.notice("Missed:", "; ".join(missed) + ".", style="red")
        if check:
            raise typer.Exit(ExitCode.CHECK_FAILED)


Job = tuple[str, Callable[[], Iterator[Any]]]


def _chosen(option: str, given: list[str] | None, known: Sequence[str]) -> list[str]:
    for name in given or ():
        if name not in known:
            raise ValueError(f"{option} {name}: choose from {', '.join(known)}.")
    return [name for name in known if name in (given or known)]


def _table_jobs(names: list[str], record: SpeedRecord, *, again: bool) -> Iterator[Job]:
    for name in names:
        if name not in BENCHMARKS or (name in record.benchmarks and not record.benchmarks[name].failed and not again):
            continue

        def job(name: str = name) -> Iterator[Any]:
            began = time.monotonic()
            rows, failed = _apart(measured, BENCHMARKS[name], record.reduced)
            record.benchmarks[name] = Measurement(
                name=name, rows=rows or (), failed=failed, seconds=round(time.monotonic() - began, 1)
            )
            yield _shown(record.benchmarks[name])

        yield name, job


def _growth_jobs(names: list[str], record: SpeedRecord, *, again: bool) -> Iterator[Job]:
    for grows, sizes in (REDUCED if record.reduced else SIZES).items():
        if grows not in names:
            continue
        points = record.growth.setdefault(grows, {})
        for size in sizes:
            if size in points and not again:
                continue
            name = f"{size:,} {grows}"

            def job(
                name: str = name, size: int = size, grows: str = grows, points: dict[int, dict[str, float]] = points
            ) -> Iterator[Any]:
                figures, failed = _apart(measured, MEASURES[grows], size)
                record.growth_failed.pop(name, None)
                if failed:
                    points.pop(size, None)
                    record.growth_failed[name] = failed
                    yield f"{name}: failed: {failed}"
                    return
                points[size] = figures
                yield f"{name}: " + "; ".join(f"{what} {value:.4g}" for what, value in figures.items())

            yield name, job


def _apart(work: Callable[..., Any], *given: Any) -> tuple[Any, str]:
    """What a work gives in a process of its own, or what ended it: the others go on."""
    try:
        with workers(1) as pool:
            return pool.submit(work, *given).result(), ""
    except BrokenProcessPool:
        return None, "its process was killed, or ran out of memory"
    except Exception as error:
        return None, " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _shown(outcome: Measurement) -> Table:
    table = Table(*HEADINGS, title=f"{outcome.name}, {outcome.seconds:.0f} s", title_justify="left")
    for row in outcome.rows:
        table.add_row(*(cell.replace("**", "") for cell in cells(row)))
    if outcome.failed:
        table.add_row(f"failed: {outcome.failed}")
    return table


def _missed(outcomes: list[Measurement], grown: list[Curve], record: SpeedRecord, names: list[str]) -> list[str]:
    said = [f"{each.name} failed: {each.failed}" for each in outcomes if each.failed]
    rows: list[SpeedRow] = [row for each in outcomes for row in each.rows]
    said += [text for row in rows for text in row.missed()]
    said += [text for curve in grown for text in curve.missed()]
    failed = (f"{name} failed: {why}" for name, why in record.growth_failed.items() if name.split()[1] in names)
    return [*said, *failed]


def _preface(record: SpeedRecord) -> str:
    minutes = sum(outcome.seconds for outcome in record.benchmarks.values()) / 60
    return (
        f"Measured by paars_gym {record.paars_gym} on {record.machine}; without growth it took {minutes:.0f} minutes."
    )


if __name__ == "__main__":
    run_command(main)
