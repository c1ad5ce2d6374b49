"""``paars prompt``: what a language model is told."""

from __future__ import annotations

import json as jsons
from typing import Annotated, cast

import typer

from paars_gym.cli.app import console, prompt_app
from paars_gym.cli.shared_options import MODEL, SHOPPERS, AsJson, CatalogName, ConditionName


@prompt_app.command("show")
def prompt_show(
    task: Annotated[
        str,
        typer.Option(
            help="session (its first turn), item, query, view, mine (both steps) or survey.", rich_help_panel=MODEL
        ),
    ] = "session",
    persona: Annotated[
        str | None,
        typer.Option(
            help="FILE#ID, or FILE for its first; by default the first of the catalog's own generated people.",
            rich_help_panel=SHOPPERS,
        ),
    ] = None,
    condition: ConditionName = "persona",
    form: Annotated[
        str,
        typer.Option(
            help="How the model acts in a session: tools (its native calls), json or text.", rich_help_panel=MODEL
        ),
    ] = "tools",
    catalog: CatalogName = "mini",
    json: AsJson = False,
) -> None:
    """Prints a whole request as it would be sent: system turn, messages, tools and schema. Nothing is sent."""
    from paars_gym.catalog.load import load_catalog
    from paars_gym.config import Condition
    from paars_gym.llm.chat import expected_tokens
    from paars_gym.prompts import VERSION
    from paars_gym.serve.requests import PromptTask, read_persona, requests_of
    from paars_gym.shoppers.llm_prompts import Form
    from paars_gym.simulation.default_people import default_people

    shop = load_catalog(catalog)
    people, needs = default_people(shop)
    who = people[0] if persona is None else read_persona(persona)
    requests = requests_of(
        cast(PromptTask, task),
        who,
        next((need for need in needs if need.shopper == who.shopper), needs[0]).intention,
        shop,
        condition=cast(Condition, condition),
        form=cast(Form, form),
    )
    if json:
        shown = [
            {**one.model_dump(mode="json", exclude_defaults=True), "expected_tokens": expected_tokens(one)}
            for one in requests
        ]
        given = {"task": task, "persona": who.shopper, "condition": condition, "form": form, "prompts": VERSION}
        console.write_json(jsons.dumps({**given, "requests": shown}, indent=2))
        return
    for number, request in enumerate(requests, start=1):
        of = f" {number} of {len(requests)}" if len(requests) > 1 else ""
        console.write(f"# Request{of}: about {expected_tokens(request):,} tokens; version {VERSION} of the prompts")
        for turn in request.messages:
            console.write(f"\n# {turn.role}, {len(turn.text):,} characters\n{turn.text}")
        if request.tools:
            tools = [tool.model_dump() for tool in request.tools]
            console.write(f"\n# tools, {len(jsons.dumps(tools)):,} characters")
            console.write("\n".join(jsons.dumps(tool, ensure_ascii=False) for tool in tools))
        if request.output_schema is not None:
            console.write(f"\n# schema of the answer\n{jsons.dumps(request.output_schema, ensure_ascii=False)}")
        console.write()
