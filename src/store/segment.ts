/** The segment: an immutable block of one instrumentation's series as bytes (docs/SEGMENT_FORMAT.md).
 *  Owns: the byte layout, its checks. Does not: know where the bytes lie, or which segments make a range.
 *
 *  | byte | length | field            |    | byte | length | field                                 |
 *  |------|--------|------------------|----|------|--------|---------------------------------------|
 *  | 0    | 4      | magic "TGSG"     |    | 32   | 4      | cells                                 |
 *  | 4    | 1      | version          |    | 36   | 4      | names: bytes before deflate           |
 *  | 5    | 1      | codec            |    | 40   | 4      | names: bytes stored                   |
 *  | 6    | 1      | grid kind        |    | 44   | 4      | columns: bytes before deflate         |
 *  | 7    | 1      | fields of a key  |    | 48   | 4      | columns: bytes stored                 |
 *  | 8    | 8      | grid parameter   |    | 52   | 32     | revised, one bit a step               |
 *  | 16   | 4      | start second     |    | 84   | ..     | names: keys, then sources' coverage   |
 *  | 20   | 4      | seconds a step   |    | ..   | ..     | columns of cells, none for no cells   |
 *  | 24   | 4      | keys             |    | end-4| 4      | CRC-32C of all before                 |
 *  | 28   | 4      | sources          |
 *
 *  Integers little-endian, unsigned. Equal content gives equal bytes. */
import { assert } from '../model/assert.ts';
import {
  type CoverageBlock,
  emptyBits,
  FULL_BITS,
  type SecondBits,
  type SourceCoverage,
} from '../model/coverage.ts';
import { bucketCount, COUNT, type Grid, LL5 } from '../model/grid.ts';
import { compareKeys, type Key } from '../model/key.ts';
import {
  BLOCK_KEYS_MAX,
  BLOCK_STEPS,
  DISCRETE_FIELDS_MAX,
  KEY_VALUE_BYTES_MAX,
  SOURCES_MAX,
} from '../model/limits.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Cells } from '../model/series.ts';
import { ByteReader, BytesFault, ByteWriter } from '../model/varint.ts';
import { deflated, inflated } from './deflate.ts';
import { type CellsHeader, cellsFault, decodeCells, encodeCells } from './segment-cells.ts';
import { SegmentCorruptError } from './store-errors.ts';

export const SEGMENT_VERSION = 1;
/** Cells of one segment: the head spills long before. */
export const SEGMENT_CELLS_MAX = 1 << 25;

const MAGIC = 0x47534754;
const GRID_KINDS = ['log-linear', 'linear', 'count'] as const;
const BITS_BYTES = BLOCK_STEPS / 8;
const CODEC_AT = 5;
const REVISED_AT = 52;
const HEADER_BYTES = REVISED_AT + BITS_BYTES;
const CRC_BYTES = 4;
/** host, slash and driver. */
const SOURCE_NAME_BYTES_MAX = 513;

/** Largest possible bytes: a varint of length before each text. */
const NAMES_BYTES_MAX =
  BLOCK_KEYS_MAX * DISCRETE_FIELDS_MAX * (KEY_VALUE_BYTES_MAX + 2) +
  SOURCES_MAX * (SOURCE_NAME_BYTES_MAX + 2 + 2 * (1 + BITS_BYTES));

assert(GRID_KINDS.length <= 0x100, 'a grid kind is stored in one byte');
assert(HEADER_BYTES === 84, 'the names follow the header');

export interface SegmentHeader extends CellsHeader {
  readonly version: number;
  readonly grid: Grid;
  readonly fieldCount: number;
  readonly startSecond: number;
  readonly stepSeconds: number;
  readonly keyCount: number;
  readonly sourceCount: number;
  readonly namesRawBytes: number;
  readonly namesBytes: number;
}

/** What a segment says. */
export interface SegmentContent {
  readonly grid: Grid;
  readonly fieldCount: number;
  readonly startSecond: number;
  readonly stepSeconds: number;
  /** Ascending, distinct. */
  readonly keys: readonly Key[];
  /** In (key, bucket, step) order, each place once. */
  readonly cells: Cells;
  readonly coverage: CoverageBlock;
}

/** What is wrong with a header; writer and reader both ask. */
export function headerFault(h: SegmentHeader): string | undefined {
  if (h.version !== SEGMENT_VERSION) return `version is ${h.version}, expected ${SEGMENT_VERSION}`;
  if (h.fieldCount > DISCRETE_FIELDS_MAX) {
    return `a key has ${h.fieldCount} fields, expected at most ${DISCRETE_FIELDS_MAX}`;
  }
  if (h.stepSeconds < 1) return `a step has ${h.stepSeconds} seconds, expected at least 1`;
  if (h.startSecond % (BLOCK_STEPS * h.stepSeconds) !== 0) {
    return `start second ${h.startSecond} is no multiple of ${BLOCK_STEPS} steps of ${h.stepSeconds} s`;
  }
  if (h.keyCount > BLOCK_KEYS_MAX) return `found ${h.keyCount} keys, expected at most ${BLOCK_KEYS_MAX}`;
  if (h.sourceCount > SOURCES_MAX) return `found ${h.sourceCount} sources, expected at most ${SOURCES_MAX}`;
  if (h.cellCount > SEGMENT_CELLS_MAX)
    return `found ${h.cellCount} cells, expected at most ${SEGMENT_CELLS_MAX}`;
  if (h.cellCount > 0 && h.keyCount === 0) return `found ${h.cellCount} cells and no key`;
  if (h.namesRawBytes > NAMES_BYTES_MAX) {
    return `the names have ${h.namesRawBytes} bytes, expected at most ${NAMES_BYTES_MAX}`;
  }
  return cellsFault(h);
}

export function encodeSegment(content: SegmentContent, kernel: Kernel): Uint8Array {
  const { keys, cells, coverage } = content;
  const namesRaw = encodeNames(content);
  const names = deflated(namesRaw);
  const { codec, rawBytes, bytes: columns } = encodeCells(cells, kernel);
  const header: SegmentHeader = {
    version: SEGMENT_VERSION,
    codec,
    grid: content.grid,
    fieldCount: content.fieldCount,
    startSecond: content.startSecond,
    stepSeconds: content.stepSeconds,
    keyCount: keys.length,
    sourceCount: coverage.sources.length,
    cellCount: cells.length,
    namesRawBytes: namesRaw.length,
    namesBytes: names.length,
    columnsRawBytes: rawBytes,
    columnsBytes: columns.length,
  };
  const fault = headerFault(header) ?? orderFault(keys, coverage.sources);
  assert(fault === undefined, () => `a segment is to be written: ${fault}`);
  const out = new ByteWriter(HEADER_BYTES + names.length + columns.length + CRC_BYTES);
  writeHeader(out, header);
  out.raw(coverage.revised);
  out.raw(names);
  out.raw(columns);
  out.u32(kernel.crc32c(out.view()));
  return out.view();
}

/** Reads and checks header, lengths and checksum; nothing is inflated. `name` is for errors.
 *  Throws SegmentCorruptError, as the others here. */
export function decodeHeader(bytes: Uint8Array, kernel: Kernel, name: string): SegmentHeader {
  return guarded(name, () => readHeader(bytes, kernel));
}

/** Which codec wrote the cells of a segment that encodeSegment made. */
export function segmentCodec(bytes: Uint8Array): number {
  return bytes[CODEC_AT]!;
}

/** Coverage alone: the columns stay as they are. */
export function decodeCoverage(bytes: Uint8Array, kernel: Kernel, name: string): CoverageBlock {
  return guarded(name, () => readNames(bytes, readHeader(bytes, kernel)).coverage);
}

export function decodeSegment(bytes: Uint8Array, kernel: Kernel, name: string): SegmentContent {
  return guarded(name, () => {
    const header = readHeader(bytes, kernel);
    const { keys, coverage } = readNames(bytes, header);
    const cells = readCells(bytes, header, kernel);
    const { grid, fieldCount, startSecond, stepSeconds } = header;
    return { grid, fieldCount, startSecond, stepSeconds, keys, cells, coverage };
  });
}

function writeHeader(out: ByteWriter, h: SegmentHeader): void {
  const parameter = h.grid.kind === 'log-linear' ? h.grid.bits : h.grid.kind === 'linear' ? h.grid.width : 0;
  out.u32(MAGIC);
  for (const byte of [h.version, h.codec, GRID_KINDS.indexOf(h.grid.kind), h.fieldCount]) out.u8(byte);
  out.u32(parameter % 2 ** 32);
  out.u32(Math.floor(parameter / 2 ** 32));
  for (const word of [h.startSecond, h.stepSeconds, h.keyCount, h.sourceCount, h.cellCount]) out.u32(word);
  for (const word of [h.namesRawBytes, h.namesBytes, h.columnsRawBytes, h.columnsBytes]) out.u32(word);
}

function readHeader(bytes: Uint8Array, kernel: Kernel): SegmentHeader {
  if (bytes.length < HEADER_BYTES + CRC_BYTES) {
    throw new BytesFault(bytes.length, `expected at least ${HEADER_BYTES + CRC_BYTES} bytes, found the end`);
  }
  const reader = new ByteReader(bytes);
  if (reader.u32() !== MAGIC) throw new BytesFault(0, 'expected the magic "TGSG"');
  const version = reader.u8();
  if (version !== SEGMENT_VERSION)
    throw new BytesFault(4, `version is ${version}, expected ${SEGMENT_VERSION}`);
  const end = bytes.length - CRC_BYTES;
  const stored = new ByteReader(bytes, end).u32();
  if (kernel.crc32c(bytes.subarray(0, end)) !== stored) throw new BytesFault(end, 'checksum differs');
  const codec = reader.u8();
  const gridKind = reader.u8();
  const fieldCount = reader.u8();
  const header: SegmentHeader = {
    version,
    codec,
    fieldCount,
    grid: gridOf(gridKind, reader.u32() + reader.u32() * 2 ** 32),
    startSecond: reader.u32(),
    stepSeconds: reader.u32(),
    keyCount: reader.u32(),
    sourceCount: reader.u32(),
    cellCount: reader.u32(),
    namesRawBytes: reader.u32(),
    namesBytes: reader.u32(),
    columnsRawBytes: reader.u32(),
    columnsBytes: reader.u32(),
  };
  const fault = headerFault(header);
  if (fault !== undefined) throw new BytesFault(CODEC_AT, fault);
  const length = HEADER_BYTES + header.namesBytes + header.columnsBytes + CRC_BYTES;
  if (length !== bytes.length) throw new BytesFault(40, `expected ${length} bytes, found ${bytes.length}`);
  return header;
}

function gridOf(kindIndex: number, parameter: number): Grid {
  const kind = GRID_KINDS[kindIndex];
  if (kind === 'log-linear' && parameter === LL5_BITS) return LL5;
  if (kind === 'linear' && parameter > 0 && Number.isSafeInteger(parameter))
    return { kind, width: parameter };
  if (kind === 'count' && parameter === 0) return COUNT;
  throw new BytesFault(6, `grid is ${kindIndex} ${parameter}, which this version does not know`);
}

const LL5_BITS = 5;

function encodeNames({ keys, coverage }: SegmentContent): Uint8Array {
  const out = new ByteWriter(1024);
  for (const key of keys) for (const value of key) out.text(value);
  for (const { name, expected, reported } of coverage.sources) {
    out.text(name);
    writeBits(out, expected, undefined);
    writeBits(out, reported, expected);
  }
  return out.view();
}

function readNames(
  bytes: Uint8Array,
  header: SegmentHeader,
): { readonly keys: readonly Key[]; readonly coverage: CoverageBlock } {
  const stored = bytes.subarray(HEADER_BYTES, HEADER_BYTES + header.namesBytes);
  try {
    const reader = new ByteReader(inflated(stored, header.namesRawBytes));
    const keys = Array.from({ length: header.keyCount }, () =>
      Array.from({ length: header.fieldCount }, () => reader.text(KEY_VALUE_BYTES_MAX)),
    );
    const sources = Array.from({ length: header.sourceCount }, (): SourceCoverage => {
      const name = reader.text(SOURCE_NAME_BYTES_MAX);
      const expected = readBits(reader, undefined);
      return { name, expected, reported: readBits(reader, expected) };
    });
    if (reader.at !== reader.end)
      throw new BytesFault(reader.at, 'expected the end of the names, found more bytes');
    const fault = orderFault(keys, sources);
    if (fault !== undefined) throw new BytesFault(reader.at, fault);
    const revised = copyOf(bytes.subarray(REVISED_AT, HEADER_BYTES));
    const { startSecond, stepSeconds } = header;
    return { keys, coverage: { startSecond, stepSeconds, sources, revised } };
  } catch (error) {
    if (!(error instanceof BytesFault)) throw error;
    throw new BytesFault(HEADER_BYTES, `in the names, inflated: ${error.message}; the stream begins`);
  }
}

function readCells(bytes: Uint8Array, header: SegmentHeader, kernel: Kernel): Cells {
  const at = HEADER_BYTES + header.namesBytes;
  const limits = { keys: header.keyCount, buckets: bucketCount(header.grid) };
  try {
    return decodeCells(bytes.subarray(at, at + header.columnsBytes), header, limits, kernel);
  } catch (error) {
    if (!(error instanceof BytesFault)) throw error;
    throw new BytesFault(at + error.offsetBytes, `in the columns, ${error.what}`);
  }
}

/** 0: no second, 1: all, 2: as `like`, 3: the 32 bytes follow. The first that fits is written. */
function writeBits(out: ByteWriter, bits: SecondBits, like: SecondBits | undefined): void {
  if (bits.every((byte) => byte === 0)) out.u8(0);
  else if (bits.every((byte) => byte === 0xff)) out.u8(1);
  else if (like !== undefined && bits.every((byte, i) => byte === like[i])) out.u8(2);
  else {
    out.u8(3);
    out.raw(bits);
  }
}

function readBits(reader: ByteReader, like: SecondBits | undefined): SecondBits {
  const how = reader.u8();
  if (how === 0) return emptyBits();
  if (how === 1) return FULL_BITS;
  if (how === 2 && like !== undefined) return copyOf(like);
  if (how === 3) return copyOf(reader.take(BITS_BYTES));
  throw new BytesFault(reader.at - 1, `seconds are written as ${how}, expected 0 to 3`);
}

/** `slice` of a Buffer would share its memory. */
function copyOf(bits: Uint8Array): SecondBits {
  return new Uint8Array(bits);
}

function orderFault(keys: readonly Key[], sources: readonly SourceCoverage[]): string | undefined {
  for (let i = 1; i < keys.length; i++) {
    if (compareKeys(keys[i - 1]!, keys[i]!) >= 0) return `key ${i} does not come after the one before`;
  }
  for (let i = 0; i < sources.length; i++) {
    const { name, expected, reported } = sources[i]!;
    if (i > 0 && sources[i - 1]!.name >= name) return `source "${name}" does not come after the one before`;
    if (reported.some((byte, b) => (byte & ~expected[b]!) !== 0))
      return `source "${name}" reported unexpectedly`;
  }
  return undefined;
}

function guarded<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BytesFault)) throw error;
    throw new SegmentCorruptError(name, error.offsetBytes, error.message, { cause: error });
  }
}
