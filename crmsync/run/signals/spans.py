"""How does a tracing system see a run? As spans of one trace, sent by OTLP once the run has ended."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from crmsync.run.signals.deadline import within
from crmsync.run.signals.meter import Fact, Span

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span as OtelSpan

NANO: Final = 1_000_000_000
SERVICE: Final = "crmsync"


@dataclass(frozen=True, slots=True)
class Trace:
    """A run as the root of its spans. `id`: 32 hex digits; `parent`: 16, of the span that started us, where one did;
    `began` in seconds since 1970."""

    id: str
    parent: str | None
    name: str
    began: float
    seconds: float
    failed: bool
    facts: Mapping[str, Fact]


def send_spans(exporter: SpanExporter, spans: Sequence[ReadableSpan], timeout: float) -> bool:
    """Did they arrive, in so many seconds? What the exporter would log of it is not said twice."""
    from opentelemetry.sdk.trace.export import SpanExportResult

    log, quiet = logging.getLogger("opentelemetry"), logging.NullHandler()
    log.addHandler(quiet)
    propagated, log.propagate = log.propagate, False
    try:
        return within(timeout, lambda: exporter.export(spans)) is SpanExportResult.SUCCESS
    except TimeoutError:
        return False
    finally:
        exporter.shutdown()
        log.propagate = propagated
        log.removeHandler(quiet)


def otlp(endpoint: str, timeout: float) -> SpanExporter:
    """Speaks OTLP over HTTP with a collector. Raises ImportError where the extra `otel` is not installed."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=endpoint, timeout=timeout)


def spans_of(trace: Trace, parts: Sequence[Span], project: str) -> Sequence[ReadableSpan]:
    """The run and its parts as spans that have ended. Raises ImportError as `otlp`."""
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.trace import set_span_in_context

    ended, provider = InMemorySpanExporter(), _provider(trace.id, project)
    provider.add_span_processor(SimpleSpanProcessor(ended))
    tracer = provider.get_tracer(SERVICE)
    root = tracer.start_span(trace.name, _caller(trace), attributes=trace.facts, start_time=_nano(trace.began))
    contexts = [set_span_in_context(root)]
    for part in parts:
        above = contexts[0 if part.parent is None else part.parent + 1]
        span = tracer.start_span(part.name, above, attributes=part.facts, start_time=_nano(part.began))
        contexts.append(set_span_in_context(span))
        _end(span, part.began + part.seconds, failed=part.failed)
    _end(root, trace.began + trace.seconds, failed=trace.failed)
    return ended.get_finished_spans()


def _end(span: OtelSpan, at: float, *, failed: bool) -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_status(Status(StatusCode.ERROR if failed else StatusCode.OK))
    span.end(_nano(at))


def _caller(trace: Trace) -> Context:
    """The span of whoever started us; where nobody did, nothing: not what happens to be current here."""
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    if trace.parent is None:
        return Context()
    caller = SpanContext(int(trace.id, 16), int(trace.parent, 16), True, TraceFlags(TraceFlags.SAMPLED))
    return set_span_in_context(NonRecordingSpan(caller), Context())


def _provider(trace: str, project: str) -> TracerProvider:
    """Makes spans of this one trace."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    class Ids(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            return int(trace, 16)

    about = Resource.create({"service.name": SERVICE, "crmsync.project": project})
    return TracerProvider(ALWAYS_ON, about, shutdown_on_exit=False, id_generator=Ids())


def _nano(seconds: float) -> int:
    return int(seconds * NANO)
