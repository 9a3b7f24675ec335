/** The segment format: what is written is read, every flipped byte is noticed, old files stay readable. */
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadKernel } from '../../src/kernel/native.ts';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { LL5 } from '../../src/model/grid.ts';
import {
  decodeCoverage,
  decodeHeader,
  decodeSegment,
  encodeSegment,
  headerFault,
  segmentCodec,
} from '../../src/store/segment.ts';
import { CLASSES_CELLS_MIN, CODEC_CLASSES, CODEC_COLUMNS } from '../../src/store/segment-cells.ts';
import { SegmentCorruptError } from '../../src/store/store-errors.ts';
import { arbitrarySegment } from './arbitrary-segment.ts';
import { arbitraryEdits, forged, refusedOrWhole } from './forged-segment.ts';
import { readSpec, type SegmentSpec, writeSpec } from './segment-spec.ts';

const golden = (name: string): Uint8Array => readFileSync(new URL(`../golden/${name}`, import.meta.url));
const encode = (spec: SegmentSpec): Uint8Array => encodeSegment(writeSpec(spec), referenceKernel);
const decode = (bytes: Uint8Array): SegmentSpec => readSpec(decodeSegment(bytes, referenceKernel, 'test'));

/** What test/golden/segment-v1.bin says. Kept for ever. */
const GOLDEN: SegmentSpec = {
  grid: LL5,
  fieldCount: 2,
  startSecond: 1_795_316_480,
  stepSeconds: 1,
  keys: [
    ['/checkout', '200'],
    ['/checkout', '503'],
    ['/é', '(other)'],
  ],
  cells: [
    [7, 0, 40, 3],
    [8, 0, 40, 1],
    [255, 0, 900, 2 ** 53 - 1],
    [7, 2, 300, 200],
  ],
  sources: [
    { name: 'db1/bpf', expected: [0, 1, 2], reported: [0, 2] },
    { name: 'web1/proc', expected: Array.from({ length: 256 }, (_, i) => i), reported: [] },
    { name: 'web2/proc', expected: [7, 8, 9], reported: [7, 8, 9] },
  ],
  revised: [8],
};

/** What segment-v1-columns.bin and segment-v1-classes.bin say, by codec 1 and 2: rows dense and sparse, of small
 *  counts and large. */
const GOLDEN_ROWS: SegmentSpec = {
  ...GOLDEN,
  cells: [0, 2].flatMap((key) =>
    Array.from({ length: 10 * 256 }, (_, i): SegmentSpec['cells'][number] => {
      const [row, step] = [i >> 8, i & 0xff];
      const wave = (3 * step * step + step * (row + 10) + 5 * key) % 17;
      const counts = [
        ...Array.from({ length: 3 }, () => Number(step % 40 === row)),
        ...Array.from({ length: 4 }, () => Math.max(0, wave - 4 * (6 - row))),
        wave + 30,
        40 * wave,
        wave * 2 ** 30 + step,
      ];
      return [step, key, 300 + row, counts[row]!];
    }).filter(([, , , count]) => count > 0),
  ),
};

describe('a segment', () => {
  it('reads as it was written', () => {
    fc.assert(
      fc.property(arbitrarySegment, (spec) => {
        const bytes = encode(spec);
        expect(decode(bytes)).toEqual(spec);
        expect(Buffer.from(encode(decode(bytes))).equals(bytes)).toBe(true);
        const { coverage } = decodeSegment(bytes, referenceKernel, 'test');
        expect(decodeCoverage(bytes, referenceKernel, 'test')).toEqual(coverage);
        expect(decodeHeader(bytes, referenceKernel, 'test').cellCount).toBe(spec.cells.length);
      }),
    );
  });

  it('shares no memory between the seconds that it read', () => {
    const bytes = Buffer.from(encode(GOLDEN));
    const { coverage } = decodeSegment(bytes, referenceKernel, 'test');
    const before = readSpec(decodeSegment(bytes, referenceKernel, 'test'));
    for (const { reported } of coverage.sources) reported.fill(0xff);
    coverage.revised.fill(0xff);
    expect(decode(bytes)).toEqual(before);
    expect(coverage.sources[2]!.expected).toEqual(writeSpec(GOLDEN).coverage.sources[2]!.expected);
  });

  it('notices any byte that differs, and names its place', () => {
    fc.assert(
      fc.property(arbitrarySegment, fc.nat(), fc.integer({ min: 1, max: 255 }), (spec, place, flip) => {
        const bytes = Buffer.from(encode(spec));
        const at = place % bytes.length;
        bytes[at]! ^= flip;
        expect(() => decode(bytes)).toThrow(SegmentCorruptError);
      }),
    );
  });

  it('notices any end that is missing', () => {
    const bytes = encode(GOLDEN);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decode(bytes.subarray(0, length))).toThrow(SegmentCorruptError);
    }
  });

  it('is forged in vain: a typed error that names the byte, or what a writer could have written', () => {
    fc.assert(
      fc.property(arbitrarySegment, arbitraryEdits, (spec, edits) => {
        refusedOrWhole(forged(encode(spec), edits), referenceKernel);
      }),
      { numRuns: 150 },
    );
  });

  it('has room made for no more cells than its bytes can hold', () => {
    const before = process.memoryUsage().arrayBuffers;
    const claims: [SegmentSpec, number[]][] = [
      [GOLDEN, [0x80, 0x80, 0x80, 0x10]],
      [GOLDEN_ROWS, [0x80, 0x80, 0x80, 0x10]],
    ];
    for (const [spec, varint] of claims) {
      const cells = { part: 'header', kind: 'word', at: 32, value: 2 ** 25 } as const;
      const claim = varint.map((value, at) => ({ part: 'columns', kind: 'insert', at, value }) as const);
      expect(() => decode(forged(encode(spec), [cells, ...claim]))).toThrow(
        /found 33554432 cells, expected at most \d+/,
      );
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 25);
  });

  it('is written by class from so many cells on, and by column below', () => {
    const cells = GOLDEN_ROWS.cells.slice(0, CLASSES_CELLS_MIN);
    const codecOf = (count: number): number =>
      segmentCodec(encode({ ...GOLDEN_ROWS, cells: cells.slice(0, count) }));
    expect(codecOf(CLASSES_CELLS_MIN)).toBe(CODEC_CLASSES);
    expect([0, 1, CLASSES_CELLS_MIN - 1].map(codecOf)).toEqual([1, 1, 1].map(() => CODEC_COLUMNS));
  });

  it.each([
    ['segment-v1.bin', CODEC_COLUMNS, GOLDEN],
    ['segment-v1-columns.bin', CODEC_COLUMNS, GOLDEN_ROWS],
    ['segment-v1-classes.bin', CODEC_CLASSES, GOLDEN_ROWS],
  ])('is read from the kept file %s', (name, codec, spec) => {
    expect(segmentCodec(golden(name))).toBe(codec);
    for (const kernel of [referenceKernel, loadKernel('native')]) {
      expect(readSpec(decodeSegment(golden(name), kernel, name))).toEqual(spec);
    }
  });

  it.each([
    ['segment-v1-checksum.bin', 'checksum differs at byte'],
    ['segment-v1-version.bin', 'version is 9, expected 1 at byte 4'],
    ['segment-v1-short.bin', 'checksum differs'],
    ['segment-v1-cells.bin', 'expected 5 cells, found 4 at byte 0; the stream begins at byte 157'],
    ['segment-v1-magic.bin', 'expected the magic "TGSG" at byte 0'],
    ['segment-v1-codec.bin', 'codec is 3, expected 1 or 2 at byte 5'],
    ['segment-v1-classes-cells.bin', 'expected 2780 cells, found 2779'],
    [
      'segment-v1-classes-length.bin',
      'the columns have 1 bytes, expected the 3763 that are stored at byte 5',
    ],
    ['segment-v1-classes-table.bin', 'a count has -1 bits, expected at most 32 at byte 167'],
    ['segment-v1-classes-word.bin', 'a dense row has 256 cells of 256 over a base of 0 at byte 1001'],
    ['segment-v1-classes-bits.bin', 'expected zero bits, found others at byte 3919'],
  ])('refuses the kept broken file %s', (name, what) => {
    expect(() => decodeSegment(golden(name), referenceKernel, name)).toThrow(what);
    expect(() => decodeSegment(golden(name), referenceKernel, name)).toThrow(`Cannot read segment "${name}"`);
  });

  it.each([
    ['a start within a block', { startSecond: 257 }, 'start second 257 is no multiple of 256'],
    ['no seconds a step', { stepSeconds: 0 }, 'a step has 0 seconds'],
    ['too many fields', { fieldCount: 9 }, 'a key has 9 fields'],
    ['too many keys', { keyCount: 4097 }, 'found 4097 keys'],
    ['cells of no key', { keyCount: 0 }, 'found 4 cells and no key'],
    ['too many cells', { cellCount: 2 ** 25 + 1 }, 'found 33554433 cells'],
    [
      'columns too long',
      { columnsRawBytes: 4 * 19 + 57 },
      'the columns have 133 bytes, expected at most 132',
    ],
    ['an unknown codec', { codec: 3 }, 'codec is 3, expected 1 or 2'],
    ['classes of other lengths', { codec: 2 }, 'that are stored'],
    ['classes of no cells', { codec: 2, cellCount: 0 }, 'found codec 2 and no cells'],
  ])('has a header without %s', (_what, change, fault) => {
    const header = decodeHeader(encode(GOLDEN), referenceKernel, 'test');
    expect(headerFault(header)).toBeUndefined();
    expect(headerFault({ ...header, ...change })).toContain(fault);
  });

  it('is not written with keys or sources out of order', () => {
    const swapped = { ...GOLDEN, keys: [GOLDEN.keys[1]!, GOLDEN.keys[0]!, GOLDEN.keys[2]!] };
    expect(() => encode(swapped)).toThrow('key 1 does not come after');
    expect(() => encode({ ...GOLDEN, sources: GOLDEN.sources.toReversed() })).toThrow('does not come after');
    const unexpected = { name: 'a/b', expected: [], reported: [4] };
    expect(() => encode({ ...GOLDEN, sources: [unexpected] })).toThrow('reported unexpectedly');
  });
});
