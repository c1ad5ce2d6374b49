"""``paars score`` and ``paars reference``: agents against people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from paars_gym.cli.app import app, console, errors, print_facts, reference_app
from paars_gym.cli.inputs import reads_urls
from paars_gym.cli.machines import working_on
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.shared_options import BackendName, HumanOrReleased, HumanReference, RayAddress
from paars_gym.files import write_whole

if TYPE_CHECKING:
    from paars_gym.alignment.private import Unit


@app.command()
@reads_urls("human", "agents", "baseline")
@with_outputs(out="file")
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
    panel: Annotated[
        int,
        typer.Option(min=1, help="A segment's agents are near where so many of its own people would be no nearer."),
    ] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every draw.")] = 0,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also say in a sentence what the floor makes of each number.")
    ] = False,
    backend: BackendName = "local",
    address: RayAddress = None,
) -> None:
    """Compares agents' sessions with people's: every number with its interval and the floor it must be read against."""
    from paars_gym.alignment.comparison import ScoreOptions
    from paars_gym.alignment.scoring import open_human
    from paars_gym.alignment.scoring import score as compare
    from paars_gym.alignment.session_log import open_log
    from paars_gym.personas.store import read_attributes
    from paars_gym.remote import is_remote
    from paars_gym.report.alignment import render
    from paars_gym.report.progress import Progress
    from paars_gym.tasks.people import reference_people

    with Progress(errors, "comparing sessions"), working_on(backend, address) as spread:
        report = compare(
            open_human(human, spread=spread)
            if is_remote(human) or Path(human).exists()
            else reference_people(human).log(),
            open_log(agents, spread=spread),
            baseline=None if baseline is None else open_log(baseline, spread=spread),
            by=by,
            attributes=None if attributes is None else read_attributes(attributes),
            embedder=None if embedder == "none" else embedder,
            seed=seed,
            options=ScoreOptions(text_sessions=text_sessions, minimum=minimum, panel=panel),
        )
    if out is not None:
        write_whole(out, report.model_dump_json(indent=1) + "\n")
    console.print(render(report, explain=explain))


@reference_app.command("export")
@with_outputs(out="file")
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
    import numpy as np

    from paars_gym.alignment.private import export_reference
    from paars_gym.tasks.people import reference_people

    people = reference_people(human).log()
    reference = export_reference(
        people, epsilon=epsilon, rng=np.random.default_rng(), unit=cast("Unit", unit), force=force
    )
    write_whole(out, reference.model_dump_json(indent=1) + "\n")
    spent = {f"epsilon of {name}": f"{share:g}" for name, share in reference.spent.items()}
    print_facts(f"Reference in {out}", (spent | {"epsilon in total": f"{reference.epsilon:g}"}).items())
    for note in reference.notes():
        console.print(note)
