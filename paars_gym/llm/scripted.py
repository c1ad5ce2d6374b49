"""A model that reads its replies from a file, for tests and examples.

A script begins with its first line in every process: nothing keeps how far another one came. A run that is to be
resumed needs lines that do not depend on that: with `Line.when`, and for ever (`Line.times` null).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from paars_gym.files import read_text
from paars_gym.llm.chat import Finish, Reply, Request, ToolCall, Usage, expected_tokens
from paars_gym.llm.errors import OutOfRepliesError
from paars_gym.llm.families import SCRIPTED


class _Call(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    arguments: dict[str, Any] | str = {}


class Line(BaseModel):
    """One reply of a script.

    Attributes:
        text: What the model says.
        tool_calls: Each with a name, and arguments as an object or as raw JSON text.
        finish: By default what follows from the rest.
        when: Only for requests that have this text somewhere in their messages.
        times: How often it serves; None for ever.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = ""
    tool_calls: tuple[_Call, ...] = ()
    finish: Finish | None = None
    when: str = ""
    times: int | None = Field(default=1, ge=1)


class ScriptedChat:
    """Replies in the order of the script: the first line that fits the request and is not used up.

    Args:
        lines: The script.
        name: For the spec and for messages.
    """

    family = SCRIPTED

    def __init__(self, lines: list[Line], *, name: str = "lines") -> None:
        self.spec = f"scripted:{name}"
        self.requests: list[Request] = []
        self._lines = lines
        self._left = [line.times for line in lines]

    @classmethod
    def from_file(cls, path: Path) -> ScriptedChat:
        """Reads JSON lines: each a string (the text of a reply) or an object with the fields of :class:`Line`.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: A line is neither.
        """
        lines = []
        for number, row in enumerate(read_text(path, "scripted:").splitlines(), start=1):
            if not row.strip():
                continue
            try:
                value = json.loads(row)
                lines.append(Line(text=value) if isinstance(value, str) else Line.model_validate(value))
            except ValidationError as error:
                fault = f"{error.error_count()} fields: {error.errors()[0]['msg']}"
                raise ValueError(f"{path}, line {number} is no reply: {fault}; write a text, or an object.") from None
            except (json.JSONDecodeError, RecursionError) as error:
                raise ValueError(f"{path}, line {number} is no reply: {error}.") from None
        if not lines:
            raise ValueError(f"{path} holds no reply; write a text or an object a line.")
        return cls(lines, name=str(path))

    async def complete(self, request: Request) -> Reply:
        """The next reply that fits.

        Raises:
            OutOfRepliesError: None is left.
        """
        self.requests.append(request)
        said = "\n".join(message.text for message in request.messages)
        for index, line in enumerate(self._lines):
            left = self._left[index]
            if left == 0 or line.when not in said:
                continue
            if left is not None:
                self._left[index] = left - 1
            return self._reply(line, request)
        raise OutOfRepliesError(
            f"{self.spec} has no reply left for request {len(self.requests)}, which ends {said[-80:]!r}. Add "
            'lines; one with "times": null serves for ever. A resumed run begins the script again.'
        )

    async def aclose(self) -> None:
        """Nothing to close."""

    def _reply(self, line: Line, request: Request) -> Reply:
        calls = tuple(
            ToolCall(
                id=f"call_{len(self.requests)}_{number}",
                name=call.name,
                arguments=call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments),
            )
            for number, call in enumerate(line.tool_calls)
        )
        usage = Usage(input=expected_tokens(request), output=max(1, len(line.text) // 4))
        finish: Finish = line.finish or ("tool_calls" if calls else "stop")
        return Reply(text=line.text, tool_calls=calls, finish=finish, usage=usage, model=self.spec)
