"""Exports the spans of `core.tracing` by OpenTelemetry when an endpoint is set; free when none is."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from core import tracing

_propagator = TraceContextTextMapPropagator()


def export_spans(exporter: SpanExporter) -> Callable[[], None]:
    """Record every span from now on; returns a function that flushes and stops."""
    provider = TracerProvider(resource=Resource.create({"service.name": "chorus"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("chorus")

    @contextmanager
    def record(name: str, parent: str, attributes: dict[str, str]) -> Generator[str]:
        context = _propagator.extract({"traceparent": parent}) if parent else None
        with tracer.start_as_current_span(name, context=context, attributes=attributes) as span:
            carrier: dict[str, str] = {}
            _propagator.inject(carrier, trace.set_span_in_context(span))
            yield carrier["traceparent"]

    tracing.install(record)

    def stop() -> None:
        tracing.install(None)
        provider.shutdown()

    return stop


def export_to(endpoint: str) -> Callable[[], None]:
    """Export to an OTLP collector over HTTP."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return export_spans(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces"))
