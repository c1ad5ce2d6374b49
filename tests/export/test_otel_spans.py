"""A run as OpenTelemetry spans: their tree, their times and names, and that the protocol's own messages take them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.export import write_otel_spans
from tests.export.runs import model_run, moody_run
from tests.report.hostile import hostile_run

Spans = list[dict[str, Any]]


def spans_of(run: Path, out: Path) -> list[Spans]:
    """Spans of each session."""
    write_otel_spans(run, out)
    requests = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    return [one["resourceSpans"][0]["scopeSpans"][0]["spans"] for one in requests]


def told(span: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


def test_a_session_is_a_tree_of_replies_and_actions(tmp_path: Path, catalog: Catalog) -> None:
    (spans,) = spans_of(model_run(tmp_path / "run", catalog), tmp_path / "spans.jsonl")
    root, *below = spans
    assert root["name"] == "invoke_agent llm"
    assert {span["parentSpanId"] for span in below} == {root["spanId"]}
    assert {span["traceId"] for span in spans} == {root["traceId"]}
    assert len({span["spanId"] for span in spans}) == len(spans)
    assert [span["name"].split()[0] for span in below] == ["chat", "execute_tool"] * 4
    times = [(int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])) for span in spans]
    assert all(times[0][0] <= begun <= ended for begun, ended in times)
    assert [begun for begun, _ in times[1:]] == sorted(begun for begun, _ in times[1:])
    first, second = told(below[0]), told(below[2])
    assert first["gen_ai.provider.name"] == "scripted"
    assert int(first["gen_ai.usage.input_tokens"]) > 0
    assert json.loads(first["gen_ai.system_instructions"])[0]["type"] == "text"
    (reply,) = json.loads(first["gen_ai.output.messages"])
    assert [part["type"] for part in reply["parts"]] == ["text", "tool_call"]
    answered = json.loads(second["gen_ai.input.messages"])[-1]
    assert (answered["role"], answered["parts"][0]["type"]) == ("tool", "tool_call_response")
    action = told(below[1])
    assert (action["gen_ai.tool.name"], action["gen_ai.tool.call.arguments"]) == ("search", "kettle \N{KEY}")
    assert [span["status"].get("code") for span in below[1::2]] == [None, 2, 2, None]


def test_failures_are_errors_and_a_second_export_is_the_same(tmp_path: Path, catalog: Catalog) -> None:
    run = moody_run(tmp_path / "run", catalog)
    sessions = spans_of(run, tmp_path / "spans.jsonl")
    failed = [told(spans[0]) for spans in sessions if spans[0]["status"]]
    assert {one["error.type"] for one in failed} == {"policy_error", "gave_up"}
    assert len(sessions) == 20 > len(failed) > 0
    assert spans_of(run, tmp_path / "again.jsonl") == sessions


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of protobuf
def test_the_protocol_reads_it_and_knows_the_names(tmp_path: Path, catalog: Catalog) -> None:
    pytest.importorskip("opentelemetry.proto")
    attributes = pytest.importorskip("opentelemetry.semconv._incubating.attributes.gen_ai_attributes")
    from google.protobuf import json_format
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    names = {value for value in vars(attributes).values() if isinstance(value, str)}
    runs = model_run(tmp_path / "m" / "run", catalog), moody_run(tmp_path / "p", catalog), hostile_run(tmp_path)
    for number, run in enumerate(runs):
        out = tmp_path / f"{number}.jsonl"
        write_otel_spans(run, out)
        for line in out.read_text(encoding="utf-8").splitlines():
            request = json_format.Parse(line, ExportTraceServiceRequest())
            spans = request.resource_spans[0].scope_spans[0].spans
            assert len(spans) == line.count('"traceId"')
            used = {one.key for span in spans for one in span.attributes if one.key.startswith("gen_ai.")}
            assert used <= names
            assert used
