"""What a shopper can do, and how it is written (PAARS section 4.3: the search, view and cart tools).

One set of models gives the text grammar and the JSON tool calls; `parse_action` is the only parser.

>>> action = parse_action('{"name": "search", "arguments": {"query": "red shoes", "max_price": 50}}')
>>> to_text(action)
'search[red shoes | max_price=50]'
>>> parse_action("buy[B01]").message[:22]
"Unknown action 'buy'. "
"""

from __future__ import annotations

import difflib
import json
import re
import reprlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from paars_gym.catalog.filters import SORTS, Filters, Sort

MAX_QUERY_CHARS = 1_000
MAX_ACTION_CHARS = 4_000
MAX_OPTIONS, MAX_OPTION_CHARS = 50, 1_000
MAX_ID_CHARS = 400
"""Of a product as it is written: models write its line of the page, not its id alone."""

_CALL = re.compile(r"\s*([A-Za-z_]+)\s*\[(.*)\]\s*", re.DOTALL)
_PAIR = re.compile(r"\s*([^\s=][^=]*?)\s*=\s*(.*?)\s*", re.DOTALL)
_BRIEFLY = reprlib.Repr()
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]+")


def clean_text(text: str) -> str:
    """Text on one line, without control characters and lone surrogates, single-spaced."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())


class Mistake(NamedTuple):
    """An action that the shop refuses; ``message`` says what was wrong and what is possible."""

    message: str


class _Action(BaseModel):
    """What all actions share: the name in the grammar, and how the text between the brackets is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    main: ClassVar[str | None] = None
    """The field that the text before the first ``|`` fills; None when the brackets stay empty."""


class Search(Filters, _Action):
    """Search the shop; the rest narrows or sorts the results."""

    name: ClassVar[str] = "search"
    main: ClassVar[str | None] = "query"

    query: str = Field(max_length=MAX_QUERY_CHARS)
    sort: Sort = "relevance"

    @field_validator("query", mode="before")
    @classmethod
    def _one_line(cls, query: object) -> object:
        return clean_text(query) if isinstance(query, str) else query

    @property
    def filters(self) -> Filters:
        """The filters alone."""
        return Filters.model_construct(**{name: getattr(self, name) for name in Filters.model_fields})


class View(_Action):
    """Open a product's page, with its options and reviews."""

    name: ClassVar[str] = "view"
    main: ClassVar[str | None] = "product_id"

    product_id: str = Field(min_length=1, max_length=MAX_ID_CHARS, description="In brackets on the page.")


class AddToCart(_Action):
    """Put a product into the cart."""

    name: ClassVar[str] = "add_to_cart"
    main: ClassVar[str | None] = "product_id"

    product_id: str = Field(min_length=1, max_length=MAX_ID_CHARS, description="In brackets on the page.")
    units: int = Field(default=1, ge=1, le=10, description="1 to 10.")
    options: dict[str, str] = Field(default_factory=dict, description='Such as {"size": "M"}.')

    @field_validator("options")
    @classmethod
    def _of_a_size(cls, options: dict[str, str]) -> dict[str, str]:
        longest = max((len(text) for option in options.items() for text in option), default=0)
        if longest > MAX_OPTION_CHARS or len(options) > MAX_OPTIONS:
            raise ValueError(f"at most {MAX_OPTIONS} options of {MAX_OPTION_CHARS:,} characters")
        return options


class RemoveFromCart(_Action):
    """Take a product out of the cart."""

    name: ClassVar[str] = "remove_from_cart"
    main: ClassVar[str | None] = "product_id"

    product_id: str = Field(min_length=1, max_length=MAX_ID_CHARS)


class NextPage(_Action):
    """Show more results, or more reviews of a product."""

    name: ClassVar[str] = "next_page"


class Back(_Action):
    """Go back to the page before."""

    name: ClassVar[str] = "back"


class Purchase(_Action):
    """Buy all that is in the cart; you may go on shopping."""

    name: ClassVar[str] = "purchase"


class Stop(_Action):
    """Leave the shop; what is in the cart is not bought."""

    name: ClassVar[str] = "stop"


Action = Search | View | AddToCart | RemoveFromCart | NextPage | Back | Purchase | Stop
ACTIONS: dict[str, type[Action]] = {
    model.name: model for model in (Search, View, AddToCart, RemoveFromCart, NextPage, Back, Purchase, Stop)
}
GRAMMAR = (
    "search[words], view[id], add_to_cart[id], remove_from_cart[id], next_page[], back[], purchase[], stop[]; "
    "search may filter and sort: search[words | max_price=50 | min_rating=4 | brand=Name | category=Name | "
    f"in_stock=true | sort={'/'.join(SORTS)}]; "
    "add_to_cart may say units and options: add_to_cart[id | units=2 | size=M]"
)


def parse_action(action: object) -> Action | Mistake:
    """Reads an action in any of its forms; never raises.

    Args:
        action: ``"view[B01]"``; a tool call as JSON text or mapping in OpenAI's form
            (``{"name", "arguments": object or string}``, also inside ``{"function": …}``) or Anthropic's
            (``{"name", "input"}``); or an action model, which is returned as it is.
    """
    if isinstance(action, str):
        return _parse_text(str.__str__(action))  # a subclass may hash and compare as it likes
    if isinstance(action, Mapping):
        try:
            return _parse_call(action)
        except Exception as error:  # whatever a mapping of somebody's own does
            return Mistake(f"The tool call cannot be read: {type(error).__name__}.")
    if isinstance(action, _Action):
        return action  # type: ignore[return-value]
    return Mistake(f"An action is text or a tool call, not {type(action).__name__}. Possible: {GRAMMAR}.")


def to_text(action: Action) -> str:
    """The action as text that `parse_action` reads back to an equal action."""
    given = action.model_dump(exclude_defaults=True)
    main = str(given.pop(action.main)) if action.main else ""
    pairs = {**{k: v for k, v in given.items() if k != "options"}, **given.get("options", {})}
    words = [main, *(f"{name}={_plain(value)}" for name, value in pairs.items())]
    text = f"{action.name}[{' | '.join(words)}]"
    if _parse_text(text) == action:
        return text
    # A query such as "a | max_price=5" reads as a filter in the grammar; JSON has no such doubt.
    return json.dumps({"name": action.name, "arguments": action.model_dump(exclude_defaults=True)})


@lru_cache(maxsize=65_536)
def _parse_text(text: str) -> Action | Mistake:
    if len(text) > MAX_ACTION_CHARS:
        return Mistake(f"The action has {len(text):,} characters; at most {MAX_ACTION_CHARS:,} are read.")
    if text.lstrip().startswith("{"):
        try:
            return _parse_call(json.loads(text))
        except (ValueError, RecursionError):
            return Mistake(f"{_shown(text)} is not valid JSON. Possible: {GRAMMAR}.")
    call = _CALL.fullmatch(text)
    if call is None:
        return Mistake(f"{_shown(text)} is not an action. Possible: {GRAMMAR}.")
    model = ACTIONS.get(call[1].lower())
    if model is None:
        return _unknown(call[1])
    if model.main is None:
        extra = call[2].strip()
        return (
            Mistake(f"{model.name}[] takes nothing between its brackets, got {_shown(extra)}.")
            if extra
            else model.model_validate({})
        )
    return _build(model, _read_brackets(model, call[2]))


def _read_brackets(model: type[Action], inside: str) -> dict[str, Any]:
    """Fields from ``main | name=value | …``; a search keeps a bar that no known name follows in its query."""
    parts = inside.split("|")
    fields: dict[str, Any] = {}
    options: dict[str, str] = {}
    while len(parts) > 1:
        pair = _PAIR.fullmatch(parts[-1])
        if pair is None:
            break
        name = pair[1].lower()
        if name in model.model_fields and name not in (model.main, "options"):
            fields[name] = pair[2]
        elif "options" in model.model_fields:
            options[pair[1]] = pair[2]
        else:
            break
        parts.pop()
    if options:
        fields["options"] = dict(reversed(options.items()))
    fields[str(model.main)] = "|".join(parts).strip()
    return fields


def _parse_call(call: Any) -> Action | Mistake:
    if isinstance(call, Mapping) and isinstance(call.get("function"), Mapping):
        call = call["function"]
    if not isinstance(call, Mapping) or not isinstance(call.get("name"), str):
        return Mistake('A tool call needs a "name" and "arguments" (or "input").')
    model = ACTIONS.get(call["name"].lower())
    if model is None:
        return _unknown(call["name"])
    arguments = call.get("arguments", call.get("input", {}))
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except (ValueError, RecursionError):
            return Mistake(f"The arguments of {model.name} are not valid JSON: {_shown(arguments)}.")
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, Mapping):
        return Mistake(f"The arguments of {model.name} must be a JSON object, got {type(arguments).__name__}.")
    # Language models write null or "" for what they do not want to say.
    said = {str(k): value for k, value in arguments.items() if value is not None and (value != "" or k == model.main)}
    return _build(model, said)


def _build(model: type[Action], fields: dict[str, Any]) -> Action | Mistake:
    try:
        return model.model_validate(fields)
    except ValidationError as invalid:
        problem = invalid.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        reason = problem["msg"].removeprefix("Value error, ").rstrip(".")
        if problem["type"] in ("extra_forbidden", "missing"):
            reason = f"{reason.lower()}; {model.name} takes {', '.join(model.model_fields) or 'nothing'}"
        seen = "" if problem["type"] == "missing" or not where else f", got {_shown(problem['input'])}"
        return Mistake(clean_text(f"{model.name}: {where + ': ' if where else ''}{reason}{seen}."))
    except RecursionError:
        return Mistake(f"{model.name}: the arguments are nested too deeply.")


def _unknown(name: str) -> Mistake:
    close = difflib.get_close_matches(name.lower(), ACTIONS, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return Mistake(f"Unknown action {_shown(name)}.{hint} Possible: {GRAMMAR}.")


def _shown(value: object) -> str:
    try:
        text = value if isinstance(value, str) else _BRIEFLY.repr(value)
    except ValueError:  # a number of more digits than Python writes
        text = "a value that is too long to show"
    text = clean_text(text[:200])
    return repr(text if len(text) <= 60 else text[:59] + "…")


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
