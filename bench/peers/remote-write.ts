/** Prometheus' remote write of native histograms, version 1: protobuf by protobufjs, snappy by snappy, both from the
 *  cache of packages. */
import { npmPackage } from './package-cache.ts';
import { CannotError } from './peer.ts';

/** One histogram of one series, cumulative, of schema 5. */
export interface WrittenSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly timestampMs: number;
  /** The index of counts[0]. Buckets that were never hit are left out. */
  readonly bucketFirst: number;
  readonly counts: Float64Array;
  readonly count: number;
  readonly sum: number;
}

const SCHEMA = 5;

/** From prometheus/prompb: what of it a writer of native histograms needs. */
const PROTO = `syntax = "proto3";
message WriteRequest { repeated TimeSeries timeseries = 1; }
message TimeSeries { repeated Label labels = 1; repeated Histogram histograms = 4; }
message Label { string name = 1; string value = 2; }
message Histogram {
  uint64 count_int = 1;
  double sum = 3;
  sint32 schema = 4;
  double zero_threshold = 5;
  uint64 zero_count_int = 6;
  repeated BucketSpan positive_spans = 11;
  repeated sint64 positive_deltas = 12;
  int64 timestamp = 15;
}
message BucketSpan { sint32 offset = 1; uint32 length = 2; }`;

/** What we use of the packages. */
interface Protobuf {
  parse(text: string): { root: { lookupType(name: string): MessageType } };
}
interface MessageType {
  encode(message: unknown): { finish(): Uint8Array };
}
interface Snappy {
  compressSync(bytes: Uint8Array): Uint8Array;
}

export class RemoteWrite {
  readonly #request: MessageType;
  readonly #snappy: Snappy;

  /** Throws CannotError where the packages are not to be had. */
  constructor() {
    const protobuf = npmPackage('protobufjs');
    const snappy = npmPackage('snappy');
    if (!has<Protobuf>(protobuf, 'parse') || !has<Snappy>(snappy, 'compressSync'))
      throw new CannotError('not to be had: protobufjs or snappy has another form');
    this.#request = protobuf.parse(PROTO).root.lookupType('WriteRequest');
    this.#snappy = snappy;
  }

  encode(series: readonly WrittenSeries[]): Uint8Array<ArrayBuffer> {
    const timeseries = series.map(({ labels, ...histogram }) => ({
      labels: Object.entries(labels).map(([name, value]) => ({ name, value })),
      histograms: [messageOf(histogram)],
    }));
    return new Uint8Array(this.#snappy.compressSync(this.#request.encode({ timeseries }).finish()));
  }
}

function has<T>(found: unknown, name: keyof T): found is T {
  return typeof found === 'object' && found !== null && name in found;
}

function messageOf({ timestampMs, bucketFirst, counts, count, sum }: Omit<WrittenSeries, 'labels'>): unknown {
  const positiveSpans: { offset: number; length: number }[] = [];
  const positiveDeltas: number[] = [];
  let before = 0;
  /** After the last bucket of the last span; 0 is bucket 0. */
  let end = 0;
  for (let i = 0; i < counts.length; i++) {
    const here = counts[i]!;
    if (here === 0) continue;
    const bucket = bucketFirst + i;
    const span = positiveSpans.at(-1);
    if (span !== undefined && bucket === end) span.length++;
    else positiveSpans.push({ offset: bucket - end, length: 1 });
    positiveDeltas.push(here - before);
    before = here;
    end = bucket + 1;
  }
  return {
    countInt: count,
    sum,
    schema: SCHEMA,
    zeroThreshold: 1e-12,
    zeroCountInt: 0,
    positiveSpans,
    positiveDeltas,
    timestamp: timestampMs,
  };
}
