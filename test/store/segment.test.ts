/** The segment format: what is written is read, every flipped byte is noticed, old files stay readable. */
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { crc32c } from '../../src/model/crc32c.ts';
import { LL5 } from '../../src/model/grid.ts';
import {
  decodeCoverage,
  decodeHeader,
  decodeSegment,
  encodeSegment,
  headerFault,
} from '../../src/store/segment.ts';
import { SegmentCorruptError } from '../../src/store/store-errors.ts';
import { arbitrarySegment } from './arbitrary-segment.ts';
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

/** Sets a byte and makes the checksum right again: the reader has to find it by the content. */
function forged(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Buffer.from(bytes);
  copy[at] = value;
  copy.writeUInt32LE(crc32c(copy.subarray(0, -4)), copy.length - 4);
  return copy;
}

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

  it('survives forged bytes: a typed error, or what a writer could have written', () => {
    fc.assert(
      fc.property(arbitrarySegment, fc.nat(), fc.nat(255), (spec, place, value) => {
        const bytes = encode(spec);
        const copy = forged(bytes, place % (bytes.length - 4), value);
        try {
          const found = decodeSegment(copy, referenceKernel, 'test');
          encodeSegment(found, referenceKernel);
        } catch (error) {
          expect(error).toBeInstanceOf(SegmentCorruptError);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is read from the kept file of version 1', () => {
    expect(decode(golden('segment-v1.bin'))).toEqual(GOLDEN);
    const { keys, coverage, cells } = decodeSegment(golden('segment-v1.bin'), referenceKernel, 'test');
    expect([keys.length, coverage.sources.length, cells.length]).toEqual([3, 3, 4]);
  });

  it.each([
    ['segment-v1-checksum.bin', 'checksum differs at byte'],
    ['segment-v1-version.bin', 'version is 9, expected 1 at byte 4'],
    ['segment-v1-short.bin', 'checksum differs'],
    ['segment-v1-cells.bin', 'expected 5 cells, found 4 at byte 0; the stream begins at byte 157'],
    ['segment-v1-magic.bin', 'expected the magic "TGSG" at byte 0'],
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
