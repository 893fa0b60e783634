"""Spans: one trace id from the command to what it causes, exported or not."""

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bot.tracing import export_spans
from core.tracing import span, trace_id, traceparent


def test_a_trace_runs_through_nested_spans_without_an_exporter() -> None:
    assert trace_id() == ""
    with span("command") as outer:
        first = trace_id()
        with span("edit") as inner:
            assert trace_id() == first
            assert inner != outer
    assert trace_id() == ""
    with span("effect", parent=outer):
        assert trace_id() == first
        assert traceparent() != outer


def test_exported_spans_share_the_trace_and_know_their_parent() -> None:
    exporter = InMemorySpanExporter()
    stop = export_spans(exporter)
    try:
        with span("command", room="lobby") as outer:
            pass
        with span("effect", parent=outer):
            pass
    finally:
        stop()
    command, effect = exporter.get_finished_spans()
    assert command.attributes == {"room": "lobby"}
    assert effect.context is not None
    assert command.context is not None
    assert effect.parent is not None
    assert effect.context.trace_id == command.context.trace_id
    assert effect.parent.span_id == command.context.span_id
