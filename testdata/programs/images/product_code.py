"""A code location of Dagster: one job, which writes a table's worth of nothing and a trace of it."""

import dagster
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor


@dagster.op
def hello(context):
    # The address of the collector comes from the variables of the pod.
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    with provider.get_tracer(__name__).start_as_current_span("hello"):
        context.log.info("hello")
    provider.shutdown()
    return 42


@dagster.job
def greeting():
    hello()


@dagster.asset
def numbers():
    return [1, 2, 3]


definitions = dagster.Definitions(
    assets=[numbers],
    jobs=[greeting],
)
