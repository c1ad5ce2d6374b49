"""Whole requests to a language model as they would be sent, for a persona and a task: to be read, not answered."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from pydantic import BaseModel

from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.config import Condition, ModelConfig
from paars_gym.llm.chat import Request
from paars_gym.llm.redacted import Redacted
from paars_gym.llm.scripted import Line, ScriptedChat
from paars_gym.llm.turns import for_any_server
from paars_gym.personas.mining import PreferencesAnswer, ProfileAnswer, mining_request
from paars_gym.personas.persona import Persona
from paars_gym.personas.prompts import preferences_messages, profile_messages
from paars_gym.personas.store import read_personas
from paars_gym.probes.survey import MAX_TOKENS, Question, answer_form, messages
from paars_gym.sessions.event import Intention
from paars_gym.shop.env import RetailEnv
from paars_gym.shoppers.llm import LLMShopper
from paars_gym.shoppers.llm_prompts import Form
from paars_gym.shoppers.protocol import check_condition

PromptTask = Literal["session", "item", "query", "view", "mine", "survey"]
PROMPT_TASKS: tuple[PromptTask, ...] = get_args(PromptTask)
OPTIONS = 4
"""Items to choose from, as in PAARS section 4.3."""
QUESTION = Question(id="example", text="What matters most to you when you shop?", choices=("price", "quality", "brand"))


def requests_of(
    task: PromptTask, persona: Persona, intention: Intention, catalog: Catalog, *, condition: Condition, form: Form
) -> list[Request]:
    """What a model would be sent, with one system turn as every server takes it; two requests for mining.

    Args:
        task: A session's first turn, a single question, either step of mining, or a question of a survey. The second
            step of mining holds the profile of the persona, in place of that which the first would give.
        persona: Who is played, asked, or mined.
        intention: What a session is for; its words are searched for to find the products of a question.
        catalog: Whose products these are.
        condition: What of the persona is told.
        form: How actions are asked for.

    Raises:
        ValueError: No such task, condition or form.
    """
    if task not in PROMPT_TASKS:
        raise ValueError(f"Unknown task {task!r}. Available: {', '.join(PROMPT_TASKS)}.")
    if form not in get_args(Form):
        raise ValueError(f"Unknown form {form!r}. Available: {', '.join(get_args(Form))}.")
    check_condition(condition)
    if task == "mine":
        told = (
            (profile_messages(persona.history), ProfileAnswer),
            (preferences_messages(persona.history, persona.profile, persona.reasoning.profile), PreferencesAnswer),
        )
        asked = [_with_form(mining_request(turns, temperature=0), answer) for turns, answer in told]
    elif task == "survey":
        question = Request(messages=messages(QUESTION, persona, condition, 0), max_tokens=MAX_TOKENS)
        asked = [_with_form(question, answer_form(QUESTION.choices))]
    else:
        asked = asyncio.run(_of_shopper(task, persona, intention, catalog, condition, form))
    redacting = Redacted(ScriptedChat([]))
    sent = [redacting.as_sent(request) for request in asked]
    return [request.model_copy(update={"messages": for_any_server(request.messages)}) for request in sent]


def read_persona(place: str) -> Persona:
    """The persona ``FILE#ID``, or the first of a ``FILE``.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Nobody of that name is in it.
    """
    file, _, name = place.partition("#")
    names = []
    for persona in read_personas(Path(file)):
        if name in ("", persona.shopper):
            return persona
        names.append(persona.shopper)
    some = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    raise ValueError(f"There is no persona {name!r} in {file}. There are {len(names)}: {some or 'none'}.")


def _with_form(request: Request, form: type[BaseModel]) -> Request:
    return request.model_copy(update={"output_schema": form.model_json_schema()})


async def _of_shopper(
    task: PromptTask, persona: Persona, intention: Intention, catalog: Catalog, condition: Condition, form: Form
) -> list[Request]:
    said = {"query": '{"query": "x"}', "session": "stop[]"}
    model = ScriptedChat([Line(text=said.get(task, '{"choice": 1}'))])
    shopper = LLMShopper(None, ModelConfig(spec=model, options={"form": form}), condition=condition)
    env = RetailEnv(catalog)
    observation, info = env.reset(seed=0, options={"intention": intention})
    await shopper.reset(persona, intention, np.random.default_rng(0))
    if task == "session":
        await shopper.act(observation, info)
        return model.requests
    *_, info = env.step({"name": "search", "arguments": {"query": intention.text}})  # type: ignore[arg-type]
    found: list[Product] = list(info["products"]) or [catalog[key] for key in catalog.frame("id")["id"][:OPTIONS]]
    if task == "query":
        await shopper.write_query(found[0])
    elif task == "item":
        await shopper.choose_item(found[:OPTIONS])
    else:
        await shopper.choose_view(intention.text, found)
    return model.requests
