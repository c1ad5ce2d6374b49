"""A run as a log of Inspect (the UK AI Security Institute's package), for its viewer and its data frames.

Written in the JSON form of its EvalLog, version 2, one sample a session; the package itself is not needed for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from paars_gym.export.traces import PAGES, RunTraces, Trace, text_of, tool_calls_of
from paars_gym.files import written_whole
from paars_gym.report.pages.session_rows import SessionRow
from paars_gym.sessions.step import StepRecord
from paars_gym.version import __version__

SUFFIX = ".json"
NO_MODEL = "none/none"
"""What Inspect calls no model."""
SCORES = ("bought", "units", "searches", "views", "refused")
"""Numbers of each session, and their means over all that did not fail."""
ROLES = ("system", "user", "assistant", "tool")


def write_inspect_log(run: str | Path, out: str | Path) -> int:
    """Writes a run as a log that Inspect reads: ``inspect_ai.log.read_eval_log(out)``.

    Messages are the conversation with the model; of shoppers that ask none, the pages and the actions. Step records
    that were not kept are rebuilt where they can be. The file holds personas and is readable by its owner only.

    Args:
        run: Folder of a run, finished or not.
        out: File, which has to end in ``.json``; it is replaced whole or not at all.

    Returns:
        How many sessions it holds.

    Raises:
        FileNotFoundError: There is no run.
        ValueError: The name of the file, or an A/B test in place of a run.
    """
    out = Path(out)
    if out.suffix.lower() != SUFFIX:
        raise ValueError(f"{str(out)!r} must end in {SUFFIX}, by which Inspect knows its logs of this form.")
    traces = RunTraces(run)
    with written_whole(out, binary=True, private=True) as file:
        for part in _parts(traces):
            file.write(part.encode("utf-8", "replace"))  # words of a model may hold halves of characters
    return len(traces)


def is_listed(path: Path) -> bool:
    """Whether Inspect's viewer lists a log by its name; `read_eval_log` reads any."""
    return re.match(r"\d{4}-\d\d-\d\dT\d\d[:-]\d\d[:-]\d\d", path.name) is not None


def _parts(traces: RunTraces) -> Iterator[str]:
    """The file, a session at a time."""
    head = json.dumps(_head(traces), ensure_ascii=False, allow_nan=False)
    yield head[:-1] + ', "samples": ['
    for place, trace in enumerate(traces):
        yield (", " if place else "") + json.dumps(_sample(trace, traces), ensure_ascii=False, allow_nan=False)
    yield "]}\n"


def _head(traces: RunTraces) -> dict[str, Any]:
    settings = traces.run.settings
    run = settings.run
    whole = len(traces) >= run.sessions
    usable = [row for row in traces.rows if not row.failed]
    return {
        "version": 2,
        "status": "success" if whole else "cancelled",
        "eval": {
            "eval_id": traces.identity,
            "run_id": traces.identity,
            "task_id": traces.identity,
            "created": traces.begun.isoformat(),
            "task": f"paars_gym: {run.policy}, {run.condition}",
            "task_args": settings.shop.model_dump(mode="json"),
            "solver": str(run.policy),
            "dataset": {
                "name": str(settings.shop.catalog),
                "samples": len(traces),
                "sample_ids": [row.key for row in traces.rows],
            },
            "model": traces.model or NO_MODEL,
            "config": {},
            "packages": {"paars_gym": __version__},
            "metadata": {"folder": traces.name, "settings": settings.model_dump(mode="json")},
        },
        "plan": {"name": "plan", "steps": [{"solver": str(run.policy), "params": {}}], "config": {}},
        "results": {
            "total_samples": len(traces),
            "completed_samples": len(usable),
            "scores": [_mean(name, usable) for name in SCORES] if usable else [],
            "metadata": {"note": "Means of sessions that did not fail; intervals: paars score, paars abtest."},
        },
        "stats": {
            "started_at": traces.begun.isoformat(),
            "completed_at": traces.ended.isoformat(),
            "model_usage": _usage([row.key for row in traces.rows], traces),
        },
    }


def _mean(name: str, rows: list[SessionRow]) -> dict[str, Any]:
    mean = sum(_score(row, name) for row in rows) / len(rows)
    metrics = {"mean": {"name": "mean", "value": mean}}
    return {"name": name, "scorer": name, "scored_samples": len(rows), "metrics": metrics}


def _score(row: SessionRow, name: str) -> float:
    return float(row.outcome == "bought" if name == "bought" else getattr(row, name))


def _sample(trace: Trace, traces: RunTraces) -> dict[str, Any]:
    row, session = trace.row, trace.played.session
    messages = list(_messages(trace, traces.model))
    sample: dict[str, Any] = {
        "id": row.key,
        "epoch": 1,
        "input": row.need or "(what for is unknown)",
        "target": "",
        "messages": messages,
        "output": _output(messages, traces.model),
        "scores": {name: {"value": _score(row, name), "explanation": row.outcome} for name in SCORES},
        "metadata": {
            "shopper": row.shopper,
            "goal": row.goal,
            "end": session.end,
            "cause": row.cause,
            "spent": row.spent,
            "pages": PAGES[trace.pages],
        },
        "events": [_event(step, trace) for step in trace.steps],
        "model_usage": _usage([row.key], traces),
        "started_at": trace.begun.isoformat(),
        "completed_at": trace.ended.isoformat(),
        "total_time": trace.seconds,
    }
    if session.end == "policy_error":
        failures = [step.failure for step in trace.steps if step.failure]
        text = row.cause or "the policy failed"
        sample["error"] = {"message": text, "traceback": (failures or [text])[-1], "traceback_ansi": ""}
    elif session.end == "max_steps":
        sample["limit"] = {"type": "custom", "limit": float(traces.run.settings.run.max_steps), "reason": "max_steps"}
    return sample


def _messages(trace: Trace, model: str) -> Iterator[dict[str, Any]]:
    conversation = trace.played.conversation() or tuple(_pages_and_actions(trace))
    functions: dict[str, str] = {}
    for place, message in enumerate(conversation):
        role = message.get("role")
        made: dict[str, Any] = {
            "id": f"{trace.row.key}-{place}",
            "role": role if role in ROLES else "user",
            "content": text_of(message),
        }
        if role == "assistant":
            made |= {"source": "generate", **({"model": model} if model else {})}
            calls = [_tool_call(*call) for call in tool_calls_of(message)]
            functions |= {call["id"]: call["function"] for call in calls}
            made |= {"tool_calls": calls} if calls else {}
        elif role == "tool":
            call_id = str(message.get("call_id") or message.get("tool_call_id") or "")
            made |= {"tool_call_id": call_id}
            made |= {"function": functions[call_id]} if call_id in functions else {}
        yield made


def _pages_and_actions(trace: Trace) -> Iterator[dict[str, Any]]:
    """What a shopper without a model saw and did, as a conversation; without steps its events alone."""
    for step in trace.steps:
        yield {"role": "user", "text": step.shown}
        if step.action is not None:
            yield {"role": "assistant", "text": step.action}
    for event in () if trace.steps else trace.played.session.events:
        yield {"role": "assistant", "text": f"{event.kind}[{event.query or event.product or ''}]"}


def _tool_call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    made: dict[str, Any] = {"id": call_id, "function": name, "arguments": {}, "type": "function"}
    try:
        read = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        read = None
    if isinstance(read, dict):
        return {**made, "arguments": read}
    return {**made, "parse_error": f"No JSON object: {arguments}"}


def _output(messages: list[dict[str, Any]], model: str) -> dict[str, Any]:
    said = [message for message in messages if message["role"] == "assistant"]
    choices = [{"message": message, "stop_reason": "unknown"} for message in said[-1:]]
    return {"model": model, "choices": choices, "completion": said[-1]["content"] if said else ""}


def _event(step: StepRecord, trace: Trace) -> dict[str, Any]:
    """A step as the shop kept it: what came of the action, without the page, which stands among the messages."""
    kept = step.model_dump(mode="json", exclude={"session", "shown", "model", "failure", "events", "lost"})
    time = step.time or trace.begun
    return {"event": "info", "source": "shop", "timestamp": time.isoformat(), "working_start": 0.0, "data": kept}


def _usage(keys: list[str], traces: RunTraces) -> dict[str, Mapping[str, Any]]:
    """Tokens and dollars of some sessions, by the only model."""
    if not traces.model:
        return {}
    tokens = [traces.tokens(key) for key in keys]
    total = {kind: sum(one.get(kind, 0) for one in tokens) for kind in ("input", "output", "cache_read", "cache_write")}
    usd = [cost for key in keys if (cost := traces.usd(key)) is not None]
    usage: dict[str, Any] = {
        "input_tokens": total["input"],
        "output_tokens": total["output"],
        "total_tokens": sum(total.values()),
        "input_tokens_cache_read": total["cache_read"],
        "input_tokens_cache_write": total["cache_write"],
    }
    return {traces.model: usage | ({"total_cost": sum(usd)} if usd else {})}
