/** Reads Prometheus' protobuf exposition (io.prometheus.client.MetricFamily, each with its length before it): the one
 *  form that has native histograms. Throws WireError. */
import { BINS_MAX, type Bins } from '../foreign/bins.ts';
import { FIXED64, LENGTH, ProtoReader, VARINT } from '../foreign/protobuf.ts';
import type { Family, FamilyType, Series } from './exposition.ts';

const TYPES: readonly FamilyType[] = [
  'counter',
  'gauge',
  'summary',
  'untyped',
  'histogram',
  'gaugehistogram',
];

type Labels = Map<string, string>;
interface Reading {
  name: string;
  type: FamilyType;
  readonly series: Series[];
  readonly natives: { readonly labels: Labels; readonly bins: Bins }[];
}

export function* protobufFamilies(bytes: Uint8Array): Generator<Family> {
  const reader = new ProtoReader(bytes);
  while (reader.at < reader.end) {
    const outer = reader.enter();
    const family: Reading = { name: '', type: 'untyped', series: [], natives: [] };
    const start = reader.at;
    while (reader.next()) {
      if (reader.is(1, LENGTH)) family.name = reader.text();
      else if (reader.is(3, VARINT)) family.type = TYPES[reader.unsigned()] ?? 'untyped';
      else reader.skip();
    }
    reader.at = start;
    while (reader.next()) {
      if (reader.is(4, LENGTH)) readMetric(reader, family);
      else reader.skip();
    }
    reader.leave(outer);
    yield family;
  }
}

function readMetric(reader: ProtoReader, family: Reading): void {
  const outer = reader.enter();
  const labels: Labels = new Map();
  while (reader.next()) {
    if (reader.is(1, LENGTH)) readLabel(reader, labels);
    else if (reader.wire === LENGTH && [2, 3, 5].includes(reader.field))
      family.series.push({ name: family.name, labels, value: readValue(reader) });
    else if (reader.is(4, LENGTH)) {
      family.series.push({ name: `${family.name}_count`, labels, value: 0 });
      reader.skip();
    } else if (reader.is(7, LENGTH)) readHistogram(reader, family, labels);
    else reader.skip();
  }
  reader.leave(outer);
}

export function readLabel(reader: ProtoReader, labels: Labels): void {
  const outer = reader.enter();
  let name = '';
  let value = '';
  while (reader.next()) {
    if (reader.is(1, LENGTH)) name = reader.text();
    else if (reader.is(2, LENGTH)) value = reader.text();
    else reader.skip();
  }
  reader.leave(outer);
  labels.set(name, value);
}

function readValue(reader: ProtoReader): number {
  const outer = reader.enter();
  let value = 0;
  while (reader.next()) {
    if (reader.is(1, FIXED64)) value = reader.double();
    else reader.skip();
  }
  reader.leave(outer);
  return value;
}

/** Where the fields of a histogram are, which differ between exposition and remote write. */
export interface NativeFields {
  readonly schema: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly positiveSpan: number;
  readonly positiveDelta: number;
  readonly negativeDelta: number;
}
const FIELDS: NativeFields = {
  schema: 5,
  zeroThreshold: 6,
  zeroCount: 7,
  positiveSpan: 12,
  positiveDelta: 13,
  negativeDelta: 10,
};

/** A native histogram as its fields come. */
export class NativeReading {
  readonly #fields: NativeFields;
  #schema: number | undefined;
  #zeroThreshold = 0;
  #zeroCount = 0;
  readonly #spans: { readonly offset: number; readonly length: number }[] = [];
  readonly #positive: number[] = [];
  readonly #negative: number[] = [];

  constructor(fields: NativeFields = FIELDS) {
    this.#fields = fields;
  }

  /** False where the field at hand is none of these. */
  take(reader: ProtoReader): boolean {
    const { schema, zeroThreshold, zeroCount, positiveSpan, positiveDelta, negativeDelta } = this.#fields;
    const isDeltas = reader.wire === LENGTH || reader.wire === VARINT;
    if (reader.is(schema, VARINT)) this.#schema = reader.zigzag();
    else if (reader.is(zeroThreshold, FIXED64)) this.#zeroThreshold = reader.double();
    else if (reader.is(zeroCount, VARINT)) this.#zeroCount = reader.unsigned();
    else if (reader.is(positiveSpan, LENGTH)) this.#spans.push(readSpan(reader));
    else if (reader.field === positiveDelta && isDeltas)
      reader.repeated(this.#positive, () => reader.zigzag(), BINS_MAX);
    else if (reader.field === negativeDelta && isDeltas)
      reader.repeated(this.#negative, () => reader.zigzag(), BINS_MAX);
    else return false;
    return true;
  }

  /** Undefined where it has no native buckets. Prometheus' bucket i ends at base^i; ours begins there. */
  bins(): Bins | undefined {
    if (this.#schema === undefined || (this.#spans.length === 0 && this.#zeroThreshold === 0))
      return undefined;
    const counts: number[] = [];
    let offset = 0;
    let count = 0;
    let next = 0;
    for (const [i, span] of this.#spans.entries()) {
      if (i === 0) offset = span.offset;
      else for (let gap = 0; gap < span.offset && counts.length <= BINS_MAX; gap++) counts.push(0);
      for (let n = 0; n < span.length && counts.length <= BINS_MAX; n++)
        counts.push((count += this.#positive[next++] ?? 0));
    }
    return {
      kind: 'exponential',
      scale: this.#schema,
      zeroThreshold: this.#zeroThreshold,
      zeroCount: this.#zeroCount,
      offset: offset - 1,
      counts,
      negativeCount: summed(this.#negative),
    };
  }
}

/** The sum of what deltas lead to. */
function summed(deltas: readonly number[]): number {
  let count = 0;
  let sum = 0;
  for (const delta of deltas) sum += count += delta;
  return sum;
}

function readSpan(reader: ProtoReader): { readonly offset: number; readonly length: number } {
  const outer = reader.enter();
  let offset = 0;
  let length = 0;
  while (reader.next()) {
    if (reader.is(1, VARINT)) offset = reader.zigzag();
    else if (reader.is(2, VARINT)) length = reader.unsigned();
    else reader.skip();
  }
  reader.leave(outer);
  return { offset, length };
}

function readHistogram(reader: ProtoReader, family: Reading, labels: Labels): void {
  const outer = reader.enter();
  const native = new NativeReading();
  const buckets: [number, number][] = [];
  let total = 0;
  while (reader.next()) {
    if (native.take(reader)) continue;
    if (reader.is(1, VARINT)) total = reader.unsigned();
    else if (reader.is(3, LENGTH)) buckets.push(readBucket(reader));
    else reader.skip();
  }
  reader.leave(outer);
  const bins = native.bins();
  if (bins !== undefined) {
    family.natives.push({ labels, bins });
    return;
  }
  const series = (le: string, value: number): Series => ({
    name: `${family.name}_bucket`,
    labels: new Map([...labels, ['le', le]]),
    value,
  });
  for (const [bound, below] of buckets)
    if (bound !== Infinity) family.series.push(series(String(bound), below));
  family.series.push(series('+Inf', total));
}

function readBucket(reader: ProtoReader): [number, number] {
  const outer = reader.enter();
  let below = 0;
  let bound = Infinity;
  while (reader.next()) {
    if (reader.is(1, VARINT)) below = reader.unsigned();
    else if (reader.is(2, FIXED64)) bound = reader.double();
    else reader.skip();
  }
  reader.leave(outer);
  return [bound, below];
}
