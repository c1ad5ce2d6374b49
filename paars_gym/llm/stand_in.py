"""What would a run ask of a model? A model that asks nobody, counts what it is asked, and says what it was told to."""

from __future__ import annotations

import json

from paars_gym.llm.chat import Reply, Request, ToolCall, Usage, expected_tokens
from paars_gym.llm.families import Family, family_of
from paars_gym.llm.spec import parse_spec

EXPECTED_TURN, EXPECTED_ANSWER = 60, 15
"""Tokens of output, about: of a tool call with a word about it, and of a single answer. Reasoning comes on top."""


class StandIn:
    """Stands for the model of a spec in a dry run: it needs neither a key nor an SDK.

    To a question that is held to a schema it gives an answer that fits; elsewhere it takes the action in ``say``.
    """

    def __init__(self, spec: str) -> None:
        provider, model, base_url = parse_spec(spec)
        self.spec = spec
        self.family: Family = family_of(provider, model, base_url=base_url)
        self.say = "stop[]"
        self._calls = 0

    async def complete(self, request: Request) -> Reply:
        """An answer of the expected size."""
        self._calls += 1
        tokens = expected_tokens(request)
        answer = None if request.output_schema is None else _fitting(request.output_schema)
        if answer is not None:
            return Reply(text=json.dumps(answer), usage=Usage(input=tokens, output=EXPECTED_ANSWER), model=self.spec)
        name, _, inside = self.say.partition("[")
        call = ToolCall(id=f"call_{self._calls}", name=name, arguments=inside)
        return Reply(tool_calls=(call,), usage=Usage(input=tokens, output=EXPECTED_TURN), model=self.spec)

    async def aclose(self) -> None:
        """Nothing to close."""


def _fitting(schema: dict[str, object]) -> dict[str, object] | None:
    """An answer to a single question: a choice or a query; None for another form."""
    properties = schema.get("properties")
    match properties:
        case {"choice": {"enum": [first, *_]}} | {"choice": {"const": first}}:
            return {"choice": first}
        case {"query": _}:
            return {"query": "anything"}
    return None
