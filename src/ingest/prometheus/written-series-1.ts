/** The series of a remote write 1.0 request (prometheus.WriteRequest), and what version 2 has of it unchanged: samples
 *  and native histograms. Throws WireError. */
import { FIXED64, LENGTH, ProtoReader, VARINT } from '../foreign/protobuf.ts';
import { type NativeFields, NativeReading, readLabel } from './families-protobuf.ts';
import type { WrittenSeries } from './remote-write.ts';

const NATIVE: NativeFields = {
  schema: 4,
  zeroThreshold: 5,
  zeroCount: 6,
  positiveSpan: 11,
  positiveDelta: 12,
  negativeDelta: 9,
};
const HISTOGRAM_TIMESTAMP = 15;

export function* seriesOfVersion1(bytes: Uint8Array): Generator<WrittenSeries> {
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (!reader.is(1, LENGTH)) {
      reader.skip();
      continue;
    }
    const outer = reader.enter();
    const series: WrittenSeries = { labels: new Map(), samples: [], natives: [] };
    while (reader.next()) {
      if (reader.is(1, LENGTH)) readLabel(reader, series.labels);
      else if (reader.is(2, LENGTH)) readSample(reader, series);
      else if (reader.is(4, LENGTH)) readNative(reader, series);
      else reader.skip();
    }
    reader.leave(outer);
    yield series;
  }
}

/** A Sample at hand. */
export function readSample(reader: ProtoReader, { samples }: WrittenSeries): void {
  const outer = reader.enter();
  let value = 0;
  let time = 0;
  while (reader.next()) {
    if (reader.is(1, FIXED64)) value = reader.double();
    else if (reader.is(2, VARINT)) time = reader.signed() / 1000;
    else reader.skip();
  }
  reader.leave(outer);
  samples.push({ value, time });
}

/** A Histogram at hand; one without native buckets is none. */
export function readNative(reader: ProtoReader, { natives }: WrittenSeries): void {
  const outer = reader.enter();
  const native = new NativeReading(NATIVE);
  let time = 0;
  while (reader.next()) {
    if (native.take(reader)) continue;
    if (reader.is(HISTOGRAM_TIMESTAMP, VARINT)) time = reader.signed() / 1000;
    else reader.skip();
  }
  reader.leave(outer);
  const bins = native.bins();
  if (bins !== undefined) natives.push({ bins, time });
}
