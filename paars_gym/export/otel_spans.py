"""A run as OpenTelemetry spans, by the semantic conventions for generative AI: a trace a session, a span a step.

Written in OTLP's JSON form, one request a line: what a collector's ``otlpjsonfile`` receiver reads, and what may be
sent to ``/v1/traces`` of any OTLP/HTTP endpoint. No package is needed for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from paars_gym.export.traces import PAGES, RunTraces, Trace, digest, text_of, tool_calls_of
from paars_gym.files import written_whole
from paars_gym.sessions.step import ModelTurn, StepRecord
from paars_gym.version import __version__

INTERNAL, CLIENT = 1, 3
"""Kinds of spans."""
ERROR = 2
"""Status code of a span that failed."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Attributes = Mapping[str, str | bool | int | float | Sequence[str] | None]


def write_otel_spans(run: str | Path, out: str | Path) -> int:
    """Writes a run as spans: ``invoke_agent`` a session, and below it ``chat`` a reply and ``execute_tool`` an action.

    Replies last as long as was measured; what is left of a session's seconds is dealt evenly to its actions. Step
    records that were not kept are rebuilt where they can be. The file is readable by its owner only.

    Args:
        run: Folder of a run, finished or not.
        out: File of JSON lines; it is replaced whole or not at all.

    Returns:
        How many sessions it holds.

    Raises:
        FileNotFoundError: There is no run.
        ValueError: An A/B test in place of a run.
    """
    traces = RunTraces(run)
    with written_whole(Path(out), binary=True, private=True) as file:
        for trace in traces:
            line = json.dumps(_request(list(_spans(trace, traces)), traces), ensure_ascii=False, allow_nan=False)
            file.write(line.encode("utf-8", "replace") + b"\n")
    return len(traces)


def _request(spans: list[dict[str, Any]], traces: RunTraces) -> dict[str, Any]:
    shop, run = traces.run.settings.shop, traces.run.settings.run
    resource: Attributes = {
        "service.name": "paars_gym",
        "service.version": __version__,
        "paars.run": traces.name,
        "paars.catalog": str(shop.catalog),
        "paars.ranking": str(shop.ranking),
        "paars.condition": run.condition,
        "paars.seed": run.seed,
    }
    scope = {"name": "paars_gym", "version": __version__}
    return {
        "resourceSpans": [
            {"resource": {"attributes": _attributes(resource)}, "scopeSpans": [{"scope": scope, "spans": spans}]}
        ]
    }


def _spans(trace: Trace, traces: RunTraces) -> Iterator[dict[str, Any]]:
    """The session, then its steps in order."""
    row, run = trace.row, traces.run.settings.run
    trace_id = digest(traces.identity, row.key, size=16)
    tokens = traces.tokens(row.key)
    about: Attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": _provider(traces.model),
        "gen_ai.agent.name": f"{run.policy}, {run.condition}",
        "gen_ai.conversation.id": row.key,
        "gen_ai.request.model": traces.model or None,
        "gen_ai.usage.input_tokens": sum(tokens.get(kind, 0) for kind in _INPUT) if tokens else None,
        "gen_ai.usage.output_tokens": tokens.get("output"),
        "paars.shopper": row.shopper,
        "paars.need": row.need,
        "paars.outcome": row.outcome,
        "paars.end": trace.played.session.end,
        "paars.units": row.units,
        "paars.pages": PAGES[trace.pages],
        "error.type": trace.played.session.end if row.failed else None,
    }
    root = _Span(trace_id, digest(trace_id, "session", size=8), f"invoke_agent {run.policy}", INTERNAL)
    yield root.of(about, trace.begun, trace.ended, error=(row.cause or row.outcome) if row.failed else None)
    asked = sum(_seconds(step) for step in trace.steps)
    each = timedelta(seconds=max(trace.seconds - asked, 0.0) / max(len(trace.steps), 1))
    now = trace.begun
    for step, after in zip(trace.steps, [*trace.steps[1:], None], strict=True):
        if step.model is not None:
            ends = now + timedelta(seconds=_seconds(step))
            span = root.below(f"{step.step} chat", f"chat {traces.model}".rstrip(), CLIENT)
            yield span.of(_asked(step.model, traces.model, row.key), now, ends)
            now = ends
        if step.action is not None:
            name = step.action.partition("[")[0].strip()[:_LONGEST_NAME] or "nothing"
            span = root.below(f"{step.step} tool", f"execute_tool {name}", INTERNAL)
            done = _done(step, name, "" if after is None else after.shown)
            yield span.of(done, now, now + each, error=None if step.valid else step.error or "refused")
        now += each


_INPUT = ("input", "cache_read", "cache_write")
_LONGEST_NAME = 40


class _Span:
    """What a span is, before what is told of it."""

    def __init__(self, trace_id: str, span_id: str, name: str, kind: int, parent: str = "") -> None:
        self._trace_id, self._span_id, self._name, self._kind, self._parent = trace_id, span_id, name, kind, parent

    def below(self, place: str, name: str, kind: int) -> _Span:
        """A span under this one."""
        return _Span(self._trace_id, digest(self._trace_id, place, size=8), name, kind, self._span_id)

    def of(self, about: Attributes, begun: datetime, ended: datetime, error: str | None = None) -> dict[str, Any]:
        """The span itself."""
        parent = {"parentSpanId": self._parent} if self._parent else {}
        return {
            "traceId": self._trace_id,
            "spanId": self._span_id,
            **parent,
            "name": self._name,
            "kind": self._kind,
            "startTimeUnixNano": _nanoseconds(begun),
            "endTimeUnixNano": _nanoseconds(ended),
            "attributes": _attributes(about),
            "status": {} if error is None else {"code": ERROR, "message": error},
        }


def _asked(turn: ModelTurn, model: str, key: str) -> Attributes:
    """A request to the model, as it was sent, and its reply."""
    system = [{"type": "text", "content": text_of(one)} for one in turn.prompt if one.get("role") == "system"]
    prompt = [_message(one) for one in turn.prompt if one.get("role") != "system"]
    said = [{**_message(turn.said), "finish_reason": "stop"}] if turn.said else []
    temperature, seed = turn.parameters.get("temperature"), turn.parameters.get("seed")
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _provider(model),
        "gen_ai.conversation.id": key,
        "gen_ai.request.model": model or None,
        "gen_ai.request.temperature": float(temperature) if isinstance(temperature, int | float) else None,
        "gen_ai.request.seed": seed if isinstance(seed, int) else None,
        "gen_ai.usage.input_tokens": sum(turn.tokens.get(kind, 0) for kind in _INPUT) if turn.tokens else None,
        "gen_ai.usage.output_tokens": turn.tokens.get("output") if turn.tokens else None,
        "gen_ai.usage.cache_read.input_tokens": turn.tokens.get("cache_read"),
        "gen_ai.system_instructions": json.dumps(system, ensure_ascii=False) if system else None,
        "gen_ai.input.messages": json.dumps(prompt, ensure_ascii=False),
        "gen_ai.output.messages": json.dumps(said, ensure_ascii=False),
        "paars.from_cache": turn.from_cache,
    }


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    role, text = str(message.get("role") or "user"), text_of(message)
    call_id = str(message.get("call_id") or message.get("tool_call_id") or "")
    if role == "tool":
        return {"role": role, "parts": [{"type": "tool_call_response", "id": call_id, "response": text}]}
    parts: list[dict[str, Any]] = [{"type": "text", "content": text}] if text else []
    parts += [{"type": "tool_call", "id": one, "name": name, "arguments": arguments}
              for one, name, arguments in tool_calls_of(message)]  # fmt: skip
    return {"role": role, "parts": parts}


def _done(step: StepRecord, name: str, page: str) -> Attributes:
    """An action, and the page that came of it."""
    argument = (step.action or "").partition("[")[2].rstrip().removesuffix("]")
    return {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.arguments": argument,
        "gen_ai.tool.call.result": page or None,
        "paars.step": step.step,
        "paars.valid": step.valid,
        "paars.page": step.page,
        "paars.results": list(step.results) or None,
        "error.type": None if step.valid else "refused",
    }


def _seconds(step: StepRecord) -> float:
    return (step.model.latency_seconds or 0.0) if step.model is not None else 0.0


def _provider(model: str) -> str | None:
    return model.partition(":")[0] or None


def _nanoseconds(time: datetime) -> str:
    return str((time - _EPOCH) // timedelta(microseconds=1) * 1000)


def _attributes(about: Attributes) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in about.items() if value is not None]


def _value(value: str | bool | int | float | Sequence[str]) -> dict[str, Any]:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}  # 64 bits, which JSON's numbers do not hold
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"arrayValue": {"values": [{"stringValue": one} for one in value]}}
