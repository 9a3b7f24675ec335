/** What the real OpenTelemetry SDK sends, as bytes: spans and metrics made with its API, written by its serializers. */
import { type Attributes, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import {
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  AggregationType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { type ReadableSpan, TracerProvider } from '@opentelemetry/sdk-trace';

export interface Wire {
  readonly protobuf: Uint8Array;
  readonly json: Uint8Array;
}

export interface SdkSpan {
  readonly name: string;
  /** Unix seconds and the nanoseconds in it. */
  readonly start: readonly [number, number];
  readonly end: readonly [number, number];
  readonly attributes?: Attributes;
  readonly kind?: SpanKind;
  readonly isError?: boolean;
}

const resource = resourceFromAttributes({
  'service.name': 'shop',
  'host.name': 'web7',
  'k8s.pod.name': 'shop-1',
});

export function spansOnWire(spans: readonly SdkSpan[]): Wire {
  const finished: ReadableSpan[] = [];
  const keep = {
    onStart: () => {},
    onEnd: (span: ReadableSpan) => void finished.push(span),
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const provider = new TracerProvider({ resource, spanProcessors: [keep] });
  const tracer = provider.getTracer('test');
  for (const { name, start, end, attributes = {}, kind = SpanKind.SERVER, isError } of spans) {
    const span = tracer.startSpan(name, { startTime: [...start], kind, attributes });
    if (isError === true) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end([...end]);
  }
  return {
    protobuf: ProtobufTraceSerializer.serializeRequest(finished)!,
    json: JsonTraceSerializer.serializeRequest(finished)!,
  };
}

export type HistogramKind = 'explicit' | 'exponential';

export interface SdkMeter {
  readonly meter: ReturnType<MeterProvider['getMeter']>;
  /** What an exporter would send now. */
  collect(): Promise<Wire>;
  close(): Promise<void>;
}

export function sdkMeter(temporality: 'delta' | 'cumulative', histograms: HistogramKind): SdkMeter {
  const exporter = new InMemoryMetricExporter(
    temporality === 'delta' ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE,
  );
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const exponential = { type: AggregationType.EXPONENTIAL_HISTOGRAM } as const;
  const views =
    histograms === 'exponential' ? [{ instrumentName: '*.duration', aggregation: exponential }] : [];
  const provider = new MeterProvider({ resource, readers: [reader], views });
  return {
    meter: provider.getMeter('test'),
    collect: async () => {
      exporter.reset();
      await reader.forceFlush();
      return metricsOnWire(exporter.getMetrics()[0]!);
    },
    close: () => provider.shutdown(),
  };
}

function metricsOnWire(metrics: ResourceMetrics): Wire {
  return {
    protobuf: ProtobufMetricsSerializer.serializeRequest(metrics)!,
    json: JsonMetricsSerializer.serializeRequest(metrics)!,
  };
}
