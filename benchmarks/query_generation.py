"""``python -m benchmarks.query_generation``: query generation on real goals, by offline shoppers (PAARS section 5).

The people are real, if their data lies beside the checkout: 1,506 shopping goals of the WebShop demonstrations with the
queries that were typed for them. A goal stands for the title there, and nobody has a persona. Otherwise, and in the
main job, they are the synthetic people of `mini`. For other people, policies and models: ``paars tasks query``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.reference import fitted, judges
from benchmarks.settings import QUERY_RUN, QUERY_SHOPPERS
from paars_gym.alignment import similarity
from paars_gym.alignment.query_generation import QueryPair
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.embedding.load import load_embedder
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress
from paars_gym.report.tasks import query_examples, query_remarks, query_tables
from paars_gym.tasks.people import reference_people
from paars_gym.tasks.query_generation import QueryCases, generate_queries
from paars_gym.tasks.query_results import QueryResults
from paars_gym.tasks.reference_people import ReferencePeople

WEBSHOP = Path(__file__).resolve().parents[2] / "shared" / "data" / "webshop_human" / "goal_query_map.json"


class WebShopPeople(ReferencePeople):
    """The people of the WebShop demonstrations, of whom nothing is known."""

    name = "real people (WebShop demonstrations); goal text stands for the title"
    known, synthetic, personas, source = ("searches",), False, {}, ()  # type: ignore[assignment]


def webshop_queries(path: Path = WEBSHOP) -> tuple[QueryCases, list[tuple[str, str]]]:
    """Goals with their first query, and (first, second) query of goals that have two different ones.

    Raises:
        FileNotFoundError: The data is not there.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"No WebShop demonstrations in {str(path)!r}; for a log: paars tasks query --human STORE."
        )
    by_goal: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    asked = {goal: [query for query in queries if query.strip()] for goal, queries in by_goal.items() if goal.strip()}
    pairs = [
        QueryPair(str(i), str(i), queries[0], None, goal) for i, (goal, queries) in enumerate(asked.items()) if queries
    ]
    twice = [(queries[0], queries[1]) for queries in asked.values() if len(queries) > 1 and queries[0] != queries[1]]
    note = "Whoever searched had read the goal, and could repeat it: similarity is higher than from titles."
    return QueryCases(WebShopPeople.name, pairs, [note]), twice


def run(shoppers: tuple[Path, ...] = ()) -> QueryResults:
    """The part of the main job: the half of mini's people that judges, whatever lies beside the checkout."""
    return generate_queries(judges(), QUERY_RUN, policies=tuple(fitted(shoppers).values()))


@with_page
@with_outputs(out="file")
def main(
    language_model: Annotated[
        str, typer.Option(help="Of the perplexity: gpt2, smollm2, a name, none or auto.")
    ] = "auto",
    embedder: Annotated[str, typer.Option(help="minilm, minilm-int8, lexical, or a model's name.")] = "minilm-int8",
    out: Annotated[Path | None, typer.Option(help="Write everything here as JSON.")] = None,
) -> None:
    """Compares the queries that offline shoppers write for a goal with those that people typed."""
    console = Printer()
    vectors = load_embedder(embedder)  # first: without it the rest would be for nothing
    cases, twice = webshop_queries() if WEBSHOP.is_file() else (None, [])
    people = reference_people("mini") if cases is None else WebShopPeople()
    with Progress(Printer(stderr=True)) as status:
        results = generate_queries(
            people, QUERY_RUN, policies=QUERY_SHOPPERS, embedder=embedder, language_model=language_model, cases=cases,
            progress=status.update,
        )  # fmt: skip
    if out is not None:
        out.write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")
    console.print(results.headline, f"People: {results.people}.", sep="\n")
    console.print(*query_tables(results))
    remarks = query_remarks(results)
    if twice:
        again = similarity(*(vectors.embed([pair[side] for pair in twice]) for side in (0, 1))).mean.value
        remarks.append(f"People's own second query for the same goal has a cosine of {again:.2f} with the first.")
    for line in (*query_examples(results), *(f"- {remark}" for remark in remarks)):
        console.print(line)


if __name__ == "__main__":
    run_command(main)
