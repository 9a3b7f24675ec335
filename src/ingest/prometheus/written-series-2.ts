/** The series of a remote write 2.0 request (io.prometheus.write.v2.Request, prometheus.io/docs/specs/prw/remote_write_spec_2_0):
 *  texts stand once, in a table of symbols, and each series says its type, unit and since when it counts. Exemplars are
 *  not read. Throws WireError. */
import { LENGTH, ProtoReader, VARINT } from '../foreign/protobuf.ts';
import { type FamilyType, unitOfName } from './exposition.ts';
import type { WrittenSeries } from './remote-write.ts';
import { readNative, readSample } from './written-series-1.ts';

/** Texts of one request: Prometheus sends some thousand samples in one. */
const SYMBOLS_MAX = 200_000;
/** References of one series: a name and a value each. */
const LABEL_REFS_MAX = 1024;
/** As MetricType numbers them. */
const TYPES: readonly (FamilyType | undefined)[] = [
  undefined,
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'gauge', // of information
  'gauge', // of states
];

export function* seriesOfVersion2(bytes: Uint8Array): Generator<WrittenSeries> {
  const symbols = readSymbols(bytes);
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.is(5, LENGTH)) yield readSeries(reader, symbols);
    else reader.skip();
  }
}

/** A field may stand anywhere: the table is read first. */
function readSymbols(bytes: Uint8Array): string[] {
  const reader = new ProtoReader(bytes);
  const symbols: string[] = [];
  while (reader.next()) {
    if (!reader.is(4, LENGTH)) reader.skip();
    else if (symbols.length < SYMBOLS_MAX) symbols.push(reader.text());
    else throw reader.fault(`more than ${SYMBOLS_MAX} symbols`);
  }
  return symbols;
}

function readSeries(reader: ProtoReader, symbols: readonly string[]): WrittenSeries {
  const outer = reader.enter();
  const refs: number[] = [];
  const series: WrittenSeries = { labels: new Map(), samples: [], natives: [] };
  let more: Pick<WrittenSeries, 'type' | 'unit'> = {};
  let startMs = 0;
  while (reader.next()) {
    if (reader.field === 1 && (reader.wire === LENGTH || reader.wire === VARINT))
      reader.repeated(refs, () => reader.unsigned(), LABEL_REFS_MAX);
    else if (reader.is(2, LENGTH)) readSample(reader, series);
    else if (reader.is(3, LENGTH)) readNative(reader, series);
    else if (reader.is(5, LENGTH)) more = readMetadata(reader, symbols);
    else if (reader.is(6, VARINT)) startMs = reader.signed();
    else reader.skip();
  }
  if (refs.length % 2 === 1) throw reader.fault(`${refs.length} references of labels, expected pairs`);
  for (let i = 0; i < refs.length; i += 2)
    series.labels.set(symbolAt(reader, symbols, refs[i]!), symbolAt(reader, symbols, refs[i + 1]!));
  reader.leave(outer);
  return { ...series, ...more, ...(startMs > 0 ? { start: startMs / 1000 } : {}) };
}

function readMetadata(reader: ProtoReader, symbols: readonly string[]): Pick<WrittenSeries, 'type' | 'unit'> {
  const outer = reader.enter();
  let type: FamilyType | undefined;
  let unit = '';
  while (reader.next()) {
    if (reader.is(1, VARINT)) type = TYPES[reader.unsigned()];
    else if (reader.is(4, VARINT)) unit = symbolAt(reader, symbols, reader.unsigned());
    else reader.skip();
  }
  reader.leave(outer);
  return {
    ...(type === undefined ? {} : { type }),
    ...(unit === '' ? {} : { unit: unitOfName(`_${unit}`) }),
  };
}

function symbolAt(reader: ProtoReader, symbols: readonly string[], ref: number): string {
  const symbol = symbols[ref];
  if (symbol === undefined) throw reader.fault(`symbol ${ref}, and there are ${symbols.length}`);
  return symbol;
}
