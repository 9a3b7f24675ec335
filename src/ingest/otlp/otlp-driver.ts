/** The otlp driver: spans and points that OpenTelemetry SDKs and collectors send, decoded and counted. Spans are the
 *  metric `trace.spans`; every metric of theirs is one of ours (docs/INGEST.md has the rules). Does not: listen; the
 *  gateway's routes hand over bodies. */
import { FUTURE_SECONDS_MAX } from '../../model/limits.ts';
import type { MetricDescription } from '../../model/metric.ts';
import { LATE_SECONDS_MAX } from '../foreign/intake.ts';
import type { OfferedMetric } from '../foreign/offer.ts';
import type { PointOrReason } from '../foreign/point.ts';
import { ReceivedDriver, type ReceivedOptions, type Taken } from '../foreign/received-driver.ts';
import { TextCache } from '../foreign/text-cache.ts';
import { jsonPoints } from './metrics-json.ts';
import { protobufPoints } from './metrics-protobuf.ts';
import { AttributeNames, type SpanRecord } from './span-record.ts';
import { JsonSpans } from './spans-json.ts';
import { ProtobufSpans } from './spans-protobuf.ts';

export type OtlpEncoding = 'protobuf' | 'json';

export const TRACE_SPANS: MetricDescription = {
  name: 'trace.spans',
  label: 'spans of traces',
  unit: 'spans',
  scope: 'interval',
  fields: [
    { name: 'host', label: 'host.name', type: 'string' },
    { name: 'service', label: 'service.name', type: 'string' },
    { name: 'span', label: 'span name', type: 'string' },
    { name: 'kind', label: 'span kind', type: 'string' },
    { name: 'status', label: 'span status', type: 'string' },
    { name: 'latency', label: 'duration', type: 'time' },
  ],
  cost: 'two microseconds of CPU a span here; a sender that samples undercounts',
};

export class OtlpDriver extends ReceivedDriver {
  readonly #names = new AttributeNames();
  readonly #texts = new TextCache();
  readonly #spans: OfferedMetric;

  constructor(options: Omit<ReceivedOptions, 'name' | 'own'>) {
    super({ ...options, name: 'otlp', own: [TRACE_SPANS] });
    this.#spans = this.offer.claim(TRACE_SPANS)!;
  }

  /** Counts an ExportTraceServiceRequest; of a repeat reads whether it is one. Throws WireError, OtlpJsonError. */
  takeSpans(body: Uint8Array, encoding: OtlpEncoding, isRepeat = false): Promise<Taken> {
    const spans =
      encoding === 'json'
        ? new JsonSpans(body, this.#names).read()
        : new ProtobufSpans(body, this.#names, this.#texts).read();
    return this.takeEach(spans, (span) => (isRepeat ? undefined : this.#takeSpan(span)));
  }

  /** Counts an ExportMetricsServiceRequest. Of a repeat totals and levels are noted all the same: a server that started
   *  anew since does not know them. Throws WireError, OtlpJsonError. */
  takeMetrics(body: Uint8Array, encoding: OtlpEncoding, isRepeat = false): Promise<Taken> {
    const points = encoding === 'json' ? jsonPoints(body) : protobufPoints(body, this.#texts);
    return this.takePoints(isRepeat ? withoutDeltas(points) : points);
  }

  #takeSpan(span: SpanRecord): string | undefined {
    const reason = this.#fault(span);
    if (reason !== undefined) {
      this.drops.add(`spans: ${reason}`);
      return reason;
    }
    for (let i = 0; i < span.count; i++) {
      if (span.names[i]!.isOffered === undefined) this.#offer(span, i);
    }
    for (const [name, value] of span.resource) {
      name.isOffered ??= this.#spans.take(
        name.field,
        name.key,
        typeof value === 'number' ? 'integer' : 'string',
      );
    }
    this.teller.count(TRACE_SPANS.name, span.endSecond, span.read);
    return undefined;
  }

  #offer(span: SpanRecord, index: number): void {
    const name = span.names[index]!;
    const value = span.valueOf(index);
    if (value === undefined) return;
    name.isOffered = this.#spans.take(name.field, name.key, typeof value === 'number' ? 'integer' : 'string');
    if (!name.isOffered) this.drops.add('attribute keys of spans past the bound of fields');
  }

  #fault({ durationNs, endSecond }: SpanRecord): string | undefined {
    if (!(durationNs >= 0) || endSecond === 0) return 'their end is missing or before their start';
    const nowSecond = this.nowSecond();
    if (endSecond > nowSecond + FUTURE_SECONDS_MAX) return 'their time is ahead of ours';
    return endSecond < nowSecond - LATE_SECONDS_MAX
      ? `they are more than ${LATE_SECONDS_MAX} s late`
      : undefined;
  }
}

function* withoutDeltas(points: Iterable<PointOrReason>): Generator<PointOrReason> {
  for (const point of points) if (typeof point === 'string' || point.temporality !== 'delta') yield point;
}
