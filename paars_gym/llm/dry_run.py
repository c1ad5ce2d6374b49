"""A dry run: a model that asks nobody and counts what it is asked, and the forecast made from the count."""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import Any, NamedTuple

from paars_gym.llm.chat import Reply, Request, ToolCall, Usage, expected_tokens
from paars_gym.llm.families import Family, family_of
from paars_gym.llm.prompt_cache import with_prompt_cache
from paars_gym.llm.specs import parse_spec

EXPECTED_TURN, EXPECTED_ANSWER = 60, 15
"""Tokens of output, about: of a tool call with a word about it, and of each field of an answer, without reasoning."""
NEXT_ACTION: ContextVar[str] = ContextVar("NEXT_ACTION", default="stop[]")
"""What a `StandIn` does next in a session; each session sets its own."""
_BEFORE: ContextVar[Request | None] = ContextVar("_BEFORE", default=None)
"""The request before, in the same session."""


class StandIn:
    """Stands for the model of a spec in a dry run: it needs neither a key nor an SDK.

    To a question that is held to a schema it gives an answer that fits; in a session it takes `NEXT_ACTION`, in the
    form that the request wants: as a tool call, as a JSON object, or as text.

    Attributes:
        with_prompt_cache: Of each call, the input told apart by what the provider would have in its cache.
    """

    def __init__(self, spec: str) -> None:
        provider, model, base_url = parse_spec(spec)
        self.spec = spec
        self.family: Family = family_of(provider, model, base_url=base_url)
        self.with_prompt_cache: list[Usage] = []

    async def complete(self, request: Request) -> Reply:
        """An answer of the expected size."""
        reply = self._reply(request)
        usage = with_prompt_cache(_BEFORE.get(), request, self.spec)
        self.with_prompt_cache.append(usage.model_copy(update={"output": reply.usage.output}))
        _BEFORE.set(request)
        return reply

    def _reply(self, request: Request) -> Reply:
        tokens = expected_tokens(request)
        schema = request.output_schema
        fields = (schema or {}).get("properties", {})
        name, _, inside = NEXT_ACTION.get().partition("[")
        turn = Usage(input=tokens, output=EXPECTED_TURN)
        if schema is not None and set(fields) != {"name", "inside"}:
            answer = json.dumps(_fitting(schema, schema.get("$defs", {})))
            written = EXPECTED_ANSWER * _leaves(schema, schema.get("$defs", {}))
            return Reply(text=answer, usage=Usage(input=tokens, output=written), model=self.spec)
        if schema is not None:
            action = {"name": name, "inside": inside.removesuffix("]")[: fields["inside"].get("maxLength")]}
            return Reply(text=json.dumps(action), usage=turn, model=self.spec)
        if not request.tools:
            return Reply(text=NEXT_ACTION.get(), usage=turn, model=self.spec)
        call = ToolCall(id=f"call_{1 + len(self.with_prompt_cache)}", name=name, arguments=inside)
        return Reply(tool_calls=(call,), finish="tool_calls", usage=turn, model=self.spec)

    async def aclose(self) -> None:
        """Nothing to close."""


class Margins(NamedTuple):
    """Half of a 95% interval of each number of a forecast, as a share of the number."""

    calls: float
    input: float
    output: float
    usd: float


class Forecast(NamedTuple):
    """What asking a model would take, about.

    Attributes:
        calls: Without repairs of malformed answers.
        input: Tokens, those that the provider would find in its prompt cache included.
        output: Tokens, without reasoning.
        usd: Without any discount for cached prompts; None when no price is known.
        basis: What it was reckoned from.
        usd_cached: With that discount, where the price has one and requests are long enough; else None.
        margins: Of what was sampled; None where everything was counted, or too little.
    """

    calls: int
    input: int
    output: int
    usd: float | None
    basis: str
    usd_cached: float | None = None
    margins: Margins | None = None

    def repeated(self, times: int) -> Forecast:
        """What so many repeats would take."""
        if times == 1:
            return self
        usd, usd_cached = (None if each is None else times * each for each in (self.usd, self.usd_cached))
        return self._replace(
            calls=times * self.calls,
            input=times * self.input,
            output=times * self.output,
            usd=usd,
            usd_cached=usd_cached,
            basis=f"{self.basis}, {times} repeats",
        )

    def facts(self) -> list[tuple[str, str]]:
        """Name and text of each line to print."""
        margins = Margins(0, 0, 0, 0) if self.margins is None else self.margins
        calls, tokens_in, tokens_out, usd = (f" ± {share:.1%}" if self.margins else "" for share in margins)
        dollars = "no price is known: give one as --price IN,OUT"
        if self.usd is not None:
            dollars = f"{self.usd:,.2f}{usd} at most, without prompt caching"
        facts = [
            ("calls", f"{self.calls:,}{calls}"),
            ("input tokens", f"{self.input:,}{tokens_in}"),
            ("output tokens", f"{self.output:,}{tokens_out}, without reasoning"),
            ("US dollars", dollars),
        ]
        if self.usd_cached is not None:
            facts.append(("US dollars, cached", f"{self.usd_cached:,.2f}{usd} with the provider's prompt cache"))
        sampled = "" if self.margins is None else "; ± is a 95% interval of their mean"
        return [*facts, ("reckoned from", f"{self.basis}{sampled}; nothing was sent")]


def _fitting(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    """A small value that fits a JSON schema."""
    schema = _resolved(schema, definitions)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: _fitting(part, definitions) for name, part in schema.get("properties", {}).items()}
        case "array":
            items = schema.get("items", {})
            return [_fitting(items, definitions)] * schema.get("minItems", 0)
        case "string":
            return ("anything" + "." * schema.get("minLength", 0))[: schema.get("maxLength")]
        case "integer" | "number":
            return schema.get("minimum", schema.get("maximum", 0))
        case "boolean":
            return False
    return None


def _leaves(schema: dict[str, Any], definitions: dict[str, Any]) -> int:
    """How many fields an answer has, those of the objects in it included."""
    schema = _resolved(schema, definitions)
    if schema.get("type") == "array":
        return _leaves(schema.get("items", {}), definitions)
    parts = schema.get("properties", {}).values()
    return sum(_leaves(part, definitions) for part in parts) or 1


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    while True:
        if "$ref" in schema:
            schema = definitions[schema["$ref"].rpartition("/")[2]]
        elif choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
            schema = choices[0]
        else:
            return schema
