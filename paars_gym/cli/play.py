"""``paars play``: a person shops in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paars_gym.cli.app import app, console
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.shared_options import CatalogName, RankingName


@app.command()
@with_outputs(log="file")
def play(
    catalog: CatalogName = "mini",
    ranking: RankingName = "bm25",
    intention: Annotated[str | None, typer.Option(help="What you come for, shown at the entrance.")] = None,
    max_steps: Annotated[int, typer.Option(min=1, help="The visit ends after this many actions.")] = 50,
    log: Annotated[Path | None, typer.Option(help="Append each step to this JSONL file.")] = None,
) -> None:
    """Plays one visit in the terminal: the pages and actions that agents get."""
    import gymnasium

    from paars_gym.serve.play import play as play_visit
    from paars_gym.shop.wrappers import RecordSteps

    env = gymnasium.make("PAARS-Retail-v0", catalog=catalog, ranking=ranking, max_steps=max_steps)
    if log is not None:
        env = RecordSteps(env, log)
    if env.unwrapped.shop.catalog.synthetic:  # type: ignore[attr-defined]
        console.write(f"The products of {catalog} are synthetic.\n")
    options = {"intention": {"text": intention}} if intention else None
    bought = play_visit(env, lambda: input("\n> "), console.write, options=options)
    env.close()
    console.write(f"Product lines bought: {bought}.")
