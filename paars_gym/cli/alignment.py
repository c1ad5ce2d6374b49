"""``paars score`` and ``paars reference``: agents against people."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from paars_gym.cli.app import app, console, print_facts, reference_app
from paars_gym.cli.shared_options import HumanOrReleased, HumanReference

if TYPE_CHECKING:
    from paars_gym.alignment.private import Unit


def check_writable(out: Path | None, option: str = "--out") -> None:
    """Raises ValueError before minutes of work when there is no place to put their result."""
    if out is None:
        return
    if out.is_dir():
        raise ValueError(f"{option} {str(out)!r} is a folder, must be a file.")
    if not out.parent.is_dir():
        raise ValueError(f"{option} {str(out)!r}: there is no folder {str(out.parent)!r}; make it first.")
    if not os.access(out if out.exists() else out.parent, os.W_OK):
        raise ValueError(f"{option} {str(out)!r} cannot be written to; choose another file.")


@app.command()
def score(
    human: HumanOrReleased,
    agents: Annotated[Path, typer.Option(help="Folder of a run, or a store.")],
    baseline: Annotated[
        Path | None,
        typer.Option(help="Another run in the same catalog: are the agents closer?"),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Also by segment: goal, category, or a name in --attributes.")] = None,
    attributes: Annotated[
        Path | None,
        typer.Option(help="CSV, JSONL or Parquet with a column shopper and others, or personas.jsonl."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the whole report here as JSON.")] = None,
    embedder: Annotated[
        str,
        typer.Option(help="Text vectors: auto, minilm, minilm-int8, lexical, a model's name; none compares no words."),
    ] = "auto",
    text_sessions: Annotated[int, typer.Option(min=2, help="Sessions whose words are compared, at most.")] = 2400,
    minimum: Annotated[int, typer.Option(min=1, help="Sessions that a segment needs on each side.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every draw.")] = 0,
) -> None:
    """Compares agents' sessions with people's: every number with its interval and the floor it must be read against."""
    check_writable(out)
    from paars_gym.alignment.comparison import ScoreOptions
    from paars_gym.alignment.scoring import score as compare
    from paars_gym.personas.store import read_attributes
    from paars_gym.report.alignment import render
    from paars_gym.tasks.people import reference_people

    report = compare(
        Path(human) if Path(human).exists() else reference_people(human).log(),
        agents,
        baseline=baseline,
        by=by,
        attributes=None if attributes is None else read_attributes(attributes),
        embedder=None if embedder == "none" else embedder,
        seed=seed,
        options=ScoreOptions(text_sessions=text_sessions, minimum=minimum),
    )
    console.print(render(report), highlight=False)
    if out is not None:
        out.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")


@reference_app.command("export")
def reference_export(
    human: HumanReference,
    out: Annotated[Path, typer.Option(help="File to write, which anyone may see.")] = Path("reference.json"),
    epsilon: Annotated[float, typer.Option(help="Total privacy loss, at most 20; less is more private.")] = 1.0,
    unit: Annotated[
        str,
        typer.Option(help="Whom the noise hides: shopper, or session where the log has no shopper ids."),
    ] = "shopper",
    force: Annotated[bool, typer.Option("--force", help="Take an epsilon above 20, which hides nobody.")] = False,
) -> None:
    """Releases the histograms of a log with differential privacy, to score against in place of the log."""
    check_writable(out)
    import numpy as np

    from paars_gym.alignment.private import export_reference
    from paars_gym.tasks.people import reference_people

    people = reference_people(human).log()
    reference = export_reference(
        people, epsilon=epsilon, rng=np.random.default_rng(), unit=cast("Unit", unit), force=force
    )
    out.write_text(reference.model_dump_json(indent=1) + "\n", encoding="utf-8")
    spent = {f"epsilon of {name}": f"{share:g}" for name, share in reference.spent.items()}
    print_facts(f"Reference in {out}", (spent | {"epsilon in total": f"{reference.epsilon:g}"}).items())
    for note in reference.notes():
        console.print(note, highlight=False, markup=False)
