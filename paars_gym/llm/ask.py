"""Questions whose answer has to fit a pydantic model, with one chance to repair a malformed answer."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from paars_gym.llm.chat import ChatModel, Message, Reply, Request, Wrapper
from paars_gym.llm.errors import MalformedAnswerError, RefusedError
from paars_gym.llm.redacted import redacting
from paars_gym.prompts import REPAIR

T = TypeVar("T", bound=BaseModel)


def read_answer(reply: Reply, form: type[T]) -> T:
    """The answer as an object of the form.

    Text around the JSON object (a code fence, a sentence) is passed over.

    Raises:
        ValueError: The answer was cut off, is no JSON, or does not fit; the message says where.
    """
    if reply.finish == "length":
        raise ValueError("The answer was cut off before it was complete. Be shorter.")
    start = reply.text.find("{")
    if start < 0:
        raise ValueError("The answer holds no JSON object.")
    try:
        value, _ = json.JSONDecoder().raw_decode(reply.text, start)
        return form.model_validate(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"The answer is no valid JSON: {error}.") from None
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_input=False, include_context=False)
        wrong = [f"{'.'.join(str(part) for part in one['loc']) or 'answer'}: {one['msg']}" for one in mistakes[:12]]
        raise ValueError("The answer does not fit the form: " + "; ".join(wrong)) from None


@cache
def _schema(form: type[BaseModel]) -> dict[str, Any]:
    # Some milliseconds for a form like a persona's, and asked for with every question.
    return form.model_json_schema()


async def ask(model: ChatModel, request: Request, form: type[T]) -> tuple[T, list[Reply]]:
    """Asks for an answer of a form, and once more with the validator's message when it is malformed.

    Args:
        model: Whom to ask.
        request: What; its ``output_schema`` is set here.
        form: What the answer has to be.

    Returns:
        The answer, and all replies (one or two), for the account.

    Raises:
        MalformedAnswerError: The second answer was malformed too.
        RefusedError: The model refuses.
        ModelError: The call failed.
    """
    model = redacting(model)
    asked: list[Request] = []
    request = request.model_copy(update={"output_schema": _schema(form)})
    replies: list[Reply] = []
    reason = ""
    for _ in range(2):
        reply = await model.complete(request)
        replies.append(reply)
        asked.append(request)
        if reply.finish == "refusal":
            raise RefusedError(f"{model.spec} refuses: {reply.text[:200] or 'no reason given'}")
        try:
            return read_answer(reply, form), replies
        except ValueError as error:
            reason = str(error)
        repair = Message(role="user", text=REPAIR.format(reason=reason))
        request = request.model_copy(update={"messages": (*request.messages, reply.message(), repair)})
    if isinstance(model, Wrapper):
        # Another try would get the same answers out of the cache.
        for each in asked:
            model.unusable(each)
    raise MalformedAnswerError(f"{model.spec} gave no usable answer in two attempts. {reason}")
