"""What a language model is told when it shops or answers a question, and which action its reply is (PAARS 4.3, 5).

The words are those of `paars_gym.prompts`. Texts of others stand between tags that nothing in them can close.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from paars_gym import prompts
from paars_gym.catalog.filters import SORTS
from paars_gym.catalog.product import Product
from paars_gym.config import Condition
from paars_gym.llm.chat import Message, Reply, Tool, sound, untagged
from paars_gym.llm.replies import arguments_text
from paars_gym.llm.written import tool_name, unfenced, without_thoughts, written_calls
from paars_gym.personas.persona import Persona, render
from paars_gym.sessions.event import Intention
from paars_gym.shop.actions import ACTIONS, GRAMMAR, Mistake, clean_text, parse_action, to_text
from paars_gym.shop.observation import without_hints, without_need
from paars_gym.shop.tools import tool_schemas

Form = Literal["tools", "json", "text"]
"""How actions are asked for: tool calls, a JSON object held to a schema, or text of the grammar."""

_MORE = prompts.MORE.format(sorts="/".join(SORTS))
_HOW: dict[Form, str] = {
    "tools": prompts.HOW_TOOLS,
    "json": prompts.HOW_JSON.format(more=_MORE),
    "text": prompts.HOW_TEXT.format(more=_MORE),
}

TOOLS = tuple(
    Tool(name=tool["name"], description=tool["description"], parameters=tool["input_schema"])
    for tool in tool_schemas("anthropic")
)
"""The shop's actions, always these and in this order: the stable prefix that providers cache begins with them."""

ACTION_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "enum": list(ACTIONS)},
        "inside": {"type": "string", "maxLength": 80},
    },
    "required": ["name", "inside"],
    "additionalProperties": False,
}
"""The form ``json``: small enough for a model of 135 million parameters under a grammar."""


class QueryAnswer(BaseModel):
    """The answer to the query question."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    query: str = Field(min_length=1, max_length=200)


@lru_cache
def choice_form(count: int) -> type[BaseModel]:
    """The answer to a choice among so many: its number, from 1."""
    numbers: Any = Literal[tuple(range(1, count + 1))]
    return create_model("ChoiceAnswer", __config__=ConfigDict(frozen=True, extra="forbid"), choice=(numbers, ...))


def shopper_messages(persona: Persona | None, condition: Condition, form: Form) -> tuple[Message, ...]:
    """The system turns of a session; they are the same for all of a persona's sessions."""
    return _system(prompts.SHOPPER.format(how=_HOW[form]), persona, condition)


def answerer_messages(persona: Persona | None, condition: Condition) -> tuple[Message, ...]:
    """The system turns of all single questions to a persona."""
    return _system(prompts.ANSWERER, persona, condition)


def _system(task: str, persona: Persona | None, condition: Condition) -> tuple[Message, ...]:
    known = render(persona, condition)
    who = prompts.PERSON.format(persona=known) if known else prompts.NOBODY
    return Message(role="system", text=task), Message(role="system", text=who)


def opening(intention: Intention | None) -> str:
    """What opens a session: the need, the goal and the budget."""
    if intention is None:
        return prompts.NO_NEED
    lines = [intention.text, *(f"{name}: {value}" for name, value in intention.options.items())]
    if intention.budget is not None:
        lines.append(prompts.BUDGET.format(budget=f"{intention.budget:g}"))
    need = "\n".join(untagged(clean_text(line)) for line in lines)
    return prompts.NEED.format(goal=prompts.GOALS[intention.goal], need=need)


def page(observation: str, form: Form = "tools") -> str:
    """A page of the shop as the model sees it.

    What it came for is told apart from the page, and which actions there are by the page alone, or by tools.
    """
    shown = without_need(observation)
    if form == "tools":
        shown = without_hints(shown).replace(
            f"Possible: {GRAMMAR}.", prompts.CALL_A_TOOL.format(names=", ".join(ACTIONS))
        )
    return f"<page>\n{untagged(shown)}\n</page>"


def query_question(product: Product) -> str:
    """Which search led to this product?"""
    return prompts.QUERY_QUESTION.format(products=_products([product], numbered=False))


def item_question(products: Sequence[Product]) -> str:
    """Which of these did you buy?"""
    return prompts.ITEM_QUESTION.format(products=_products(products))


def view_question(query: str, results: Sequence[Product]) -> str:
    """Which result did you open?"""
    return prompts.VIEW_QUESTION.format(query=untagged(clean_text(query)), products=_products(results))


def _products(products: Sequence[Product], *, numbered: bool = True) -> str:
    rows = [f"{number}. {_line(product)}" if numbered else _line(product) for number, product in enumerate(products, 1)]
    return "\n".join(["<products>", *rows, "</products>"])


def _line(product: Product) -> str:
    parts = [product.title[:200]]
    parts += [product.brand[:80]] if product.brand else []
    parts += [" > ".join(product.category)[:120]] if product.category else []
    parts += [f"{product.price:.2f}"] if product.price is not None else []
    parts += [f"{product.rating:.1f} stars ({product.rating_count:,})"] if product.rating is not None else []
    return untagged(clean_text(" | ".join(parts)))


def read_action(reply: Reply) -> tuple[str, Message]:
    """The action for the shop, and the model's turn as it is sent back.

    Only a reply that is an action as a whole is one: a model that quotes "purchase[]" from a review buys nothing. What
    parses as none goes to the shop as it is, whose error tells the model what is possible.
    """
    if not reply.tool_calls:
        text = sound(without_thoughts(reply.text, cut=reply.finish == "length"))
        said = reply.message().model_copy(update={"text": text})
        _, written = written_calls(text, ACTIONS)
        if not written:
            return _from_text(text), said
        # No tools were on offer, so that the call goes back as the words that it came in.
        first = written[0]
        return _action(tool_name(first.name, ACTIONS) or first.name, arguments_text(first.arguments)), said
    call = reply.tool_calls[0]
    action = _action(call.name, call.arguments)
    if all(call.name in ACTIONS for call in reply.tool_calls):
        calls = tuple(call.model_copy(update={"arguments": sound(call.arguments)}) for call in reply.tool_calls)
        return action, reply.message().model_copy(update={"text": sound(reply.text), "tool_calls": calls})
    # Providers refuse a conversation with a call of a tool that they do not know: it goes back in words.
    words = [reply.text, *(f"{call.name}({call.arguments})" for call in reply.tool_calls)]
    return action, Message(role="assistant", text=sound("\n".join(words).strip()))


def _action(name: str, arguments: str) -> str:
    parsed = parse_action({"name": name, "arguments": arguments})
    return json.dumps({"name": name, "arguments": arguments}) if isinstance(parsed, Mistake) else to_text(parsed)


def _from_text(text: str) -> str:
    text = unfenced(text).strip("`").strip()
    if not text.startswith("{"):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not (isinstance(value, dict) and isinstance(value.get("inside"), str) and isinstance(value.get("name"), str)):
        return text
    model = ACTIONS.get(value["name"])
    # The schema wants the field always; for an action that takes nothing it says nothing.
    return f"{value['name']}[{'' if model is not None and model.main is None else value['inside']}]"
