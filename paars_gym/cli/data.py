"""``paars data``: public data of people by name: what there is, getting it, where it lies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paars_gym.cli.app import app, console, errors, print_facts

if TYPE_CHECKING:
    from paars_gym.datasets.registry import Dataset

data_app = typer.Typer(
    help="Public data of people: what each set holds, under which licence, and how to have it.", no_args_is_help=True
)
app.add_typer(data_app, name="data")
SetName = Annotated[str, typer.Argument(help="Name of a set, as paars data list shows it.")]


@data_app.command("list")
def data_list(
    name: Annotated[str | None, typer.Argument(help="Of one set, to see all that is known of it.")] = None,
) -> None:
    """Lists the public data sets that are known by name, or everything about one."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from paars_gym.datasets.public import DATASETS, find_dataset

    if name is not None:
        _print_set(find_dataset(name))
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("name", "holds", "size", "licence", "here"):
        table.add_column(column, overflow="fold")
    for one in DATASETS.values():
        table.add_row(
            one.name,
            ", ".join(one.holds),
            *(text.partition(";")[0] for text in (one.size, one.licence)),
            _here(one),
        )
    console.print(table)
    console.print("More of each: paars data list NAME. Getting one: paars data get NAME.")


@data_app.command("get")
def data_get(
    name: SetName,
    copy: Annotated[
        Path | None, typer.Option("--from", help="Folder that has its files already; they stay there.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Accept the licence without being asked.")] = False,
) -> None:
    """Downloads a set into the cache, after its licence was shown and accepted; or takes a copy at hand."""
    from paars_gym.datasets.obtaining import find_data, how_to_get, obtain, take_copy
    from paars_gym.datasets.public import find_dataset
    from paars_gym.datasets.registry import InPackage
    from paars_gym.report.progress import Progress

    dataset = find_dataset(name)
    if copy is None and not dataset.downloadable:
        if isinstance(dataset.origin, InPackage):
            folder = find_data(dataset)
            _print_set(dataset)
            console.print(f"It is here, in a package: {folder}", soft_wrap=True)
            return
        raise ValueError(f"{dataset.name}: {how_to_get(dataset)}")
    _print_set(dataset)
    if not yes:
        if not sys.stdin.isatty():
            raise ValueError(f"Nobody can be asked here: read the licence above ({dataset.home}), and say --yes.")
        typer.confirm("Use it under this licence?", abort=True)
    if copy is not None:
        folder = take_copy(dataset, copy)
    else:
        with Progress(errors, "downloading") as status:
            folder = obtain(dataset, progress=lambda file, done, total: status.update(_progress(file, done, total)))
    console.print(f"{dataset.name} is in {folder}", soft_wrap=True)
    console.print(f"Read by: {dataset.used_by()}", soft_wrap=True)


@data_app.command("path")
def data_path(name: SetName) -> None:
    """Prints the folder of a set; exit code 2 and what to do where it is not on this machine."""
    from paars_gym.datasets.obtaining import find_data
    from paars_gym.datasets.public import find_dataset

    console.write(str(find_data(find_dataset(name))))


def _print_set(dataset: Dataset) -> None:
    from paars_gym.datasets.obtaining import how_to_get

    facts = {
        "about": dataset.about,
        "holds": ", ".join(dataset.holds),
        "size": dataset.size,
        "licence": dataset.licence,
        "cite": dataset.citation,
        "page": dataset.home,
        "getting it": how_to_get(dataset),
        "checksums": _checksums(dataset),
        "read by": dataset.used_by(),
    }
    print_facts(dataset.name, facts.items())
    for note in dataset.notes:
        console.print(note)


def _checksums(dataset: Dataset) -> str:
    from paars_gym.datasets.registry import InPackage, OnHub

    if isinstance(dataset.origin, InPackage):
        return "pip compares that of the package"
    if isinstance(dataset.origin, OnHub):
        return "of large files published by the hub; of others the one seen first is kept, and compared afterwards"
    known = sum(bool(file.sha256) for file in dataset.files)
    of = f"{known} of {len(dataset.files)} files"
    return f"{of} published" + "; of others the one seen first is kept, and compared afterwards" * (
        known < len(dataset.files)
    )


def _here(dataset: Dataset) -> str:
    from paars_gym.datasets.obtaining import DataNotHereError, find_data

    try:
        find_data(dataset)
    except DataNotHereError:
        return "no"
    return "yes"


def _progress(file: str, done: int, total: int | None) -> str:
    return f"{file}: {done / 1e6:,.1f} MB" + (f" of {total / 1e6:,.1f}" if total else "")
