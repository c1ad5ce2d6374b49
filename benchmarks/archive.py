"""``python -m benchmarks.archive``: real A/B tests of headlines, and who can tell which one people opened.

The Upworthy Research Archive (Matias et al. 2021) has the headlines, how often each was shown at random, and how often
it was opened. Headlines are not a shop: this says what a choice between two texts is worth as a prediction of people's
clicks. Without options: a coin, length, and a ridge on embeddings fitted to the other half of the tests.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from paars_gym.cli.model_options import NOTHING_ASKED, CallsAtOnce, ModelOptions, with_model_options
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.cli.task_options import print_forecasts, task_run
from paars_gym.embedding import load_embedder
from paars_gym.files import write_whole
from paars_gym.personas.persona import TRAITS, ConsumerProfile, Persona, ShoppingPreferences, Trait
from paars_gym.personas.store import read_personas
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress
from paars_gym.report.text_tests import text_remarks, text_table
from paars_gym.tasks.shoppers import forecast
from paars_gym.tasks.text_results import score_texts
from paars_gym.tasks.text_tests import (
    TextQuestions,
    ask_texts,
    asked_readers,
    by_embedding,
    by_length,
    one_pair_each,
    read_text_tests,
)

HEADLINES = "headlines.parquet"
EMBEDDER, SEED = "minilm-int8", 0
NOT_A_SHOP = "Headlines of a news site, 2013 to 2015: nothing here was for sale."


def visitors() -> list[Persona]:
    """Every age range with every gender, once each: who visited is not known."""
    ages, genders = (TRAITS[name].values for name in ("age_range", "gender"))
    return [
        Persona(
            shopper=f"{age} {gender}",
            profile=ConsumerProfile(age_range=Trait(value=age), gender=Trait(value=gender)),
            preferences=ShoppingPreferences(),
            source="synthetic",
        )
        for age in ages
        for gender in genders
    ]


@with_page
@with_model_options
@with_outputs(json="file")
def main(
    data: Annotated[Path, typer.Option(help=f"Folder with {HEADLINES}: test, image, headline, impressions, clicks.")],
    policy: Annotated[
        str | None,
        typer.Option(help="Whom to ask as well: llm, likelihood:MODEL, embedding or module:Class. With --model: llm."),
    ] = None,
    personas: Annotated[
        str | None, typer.Option(help='Whom it plays beside nobody in particular: a file of personas, or "ages".')
    ] = None,
    cases: Annotated[int | None, typer.Option(min=40, help="Pairs at most, one a test; all by default.")] = None,
    draws: Annotated[int, typer.Option(min=2, help="Answers a pair, an even number: half of them turned round.")] = 2,
    asking: ModelOptions = NOTHING_ASKED,
    concurrency: CallsAtOnce = 16,
    json: Annotated[Path | None, typer.Option(help="Also write everything here.")] = None,
) -> None:
    """Predicts real A/B tests of headlines, and says how well."""
    file = data / HEADLINES
    if not file.is_file():
        raise FileNotFoundError(f"{data} has no {HEADLINES}: --data names the folder of the archive's tests.")
    tests = read_text_tests(file)
    pairs = one_pair_each(tests, seed=SEED)[:cases]
    console = Printer()
    predicted, notes, paid = {}, [NOT_A_SHOP], ()
    with Progress(Printer(stderr=True), "embedding") as status:
        predicted["coin"] = np.zeros(len(pairs))
        predicted["length"] = by_length(pairs)
        predicted["ridge on embeddings"] = by_embedding(pairs, tests, load_embedder(EMBEDDER))
        if policy or asking.model:
            run = task_run(len(pairs), SEED, [policy] if policy else None, json, asking=asking, concurrency=concurrency)
            people = [] if personas is None else visitors() if personas == "ages" else list(read_personas(personas))
            if asking.dry_run:
                print_forecasts(forecast([TextQuestions(pairs, draws, SEED)], asked_readers(run, people)))
                return
            said, paid, stopped = ask_texts(pairs, run, draws=draws, personas=people, progress=status.update)
            predicted |= said
            notes += [stopped] if stopped else []
    results = score_texts(pairs, predicted, seed=SEED, notes=notes, paid=paid)
    if json is not None:
        write_whole(json, results.model_dump_json(indent=2) + "\n")
    console.print(text_table(results), *text_remarks(results), sep="\n")


if __name__ == "__main__":
    run_command(main)
