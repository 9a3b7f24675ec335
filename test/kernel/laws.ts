/** What every kernel must satisfy, as named checks that throw: one suite over both kernels, and over canaries
 *  that must fail it. Each law states its expectation by itself, in the plainest way, without either kernel. */
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { expect } from 'vitest';
import { blockCells } from '../../bench/workload.ts';
import { deflateBound } from '../../src/kernel/deflate.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { crc32c } from '../../src/model/crc32c.ts';
import { bucketIndex, LL5, LL5_BUCKETS } from '../../src/model/grid.ts';
import { type BucketRaster, newBucketRaster } from '../../src/model/raster.ts';
import { CellsBuffer } from '../../src/model/series.ts';
import { BytesFault } from '../../src/model/varint.ts';
import { arbitraryValue } from '../arbitrary/grid.ts';
import {
  arbitraryCells,
  arbitraryPlacement,
  arbitraryRaster,
  arbitraryRows,
  cellList,
  copyCells,
  copyRaster,
} from '../arbitrary/series.ts';
import { deflateLaws } from './deflate-laws.ts';
import type { KernelLaw } from './law.ts';
import { pictureLaws } from './picture-laws.ts';

/** The example of docs/SEGMENT_FORMAT.md. */
function documentedCells(): CellsBuffer {
  const cells = new CellsBuffer();
  cells.push(7, 0, 40, 3);
  cells.push(8, 0, 40, 1);
  cells.push(7, 2, 300, 200);
  return cells;
}
const CLASSES_HEX =
  '030708c70d0d344f6f34008d505e6d1a2858062a68a19f529a9e3ca5010000140080b40e80e01e90a00e8008100100';

type Cell = [step: number, key: number, bucket: number, count: number];

const KEYS = 5;
const LIMITS = { keys: KEYS, buckets: LL5_BUCKETS };
const cellsOf = arbitraryCells({ keys: KEYS, buckets: LL5_BUCKETS });

function placeText(cells: CellsBuffer, i: number): string {
  return `${cells.key[i]}/${cells.bucket[i]}/${cells.step[i]}`;
}

function sums(cells: CellsBuffer): Map<string, number> {
  const map = new Map<string, number>();
  for (let i = 0; i < cells.length; i++) {
    const before = map.get(placeText(cells, i));
    const count = cells.count[i]!;
    map.set(placeText(cells, i), before === undefined ? count : Math.min(before + count, 2 ** 53 - 1));
  }
  return map;
}

/** The kernel's two ways to write cells as bytes: codec 1 and codec 2. */
export const CODECS = ['Columns', 'Classes'] as const;
export type Codec = (typeof CODECS)[number];

/** Sorted, merged cells and their bytes. */
function encoded(
  kernel: Kernel,
  codec: Codec,
  cells: CellsBuffer,
): { sorted: CellsBuffer; bytes: Uint8Array } {
  const sorted = copyCells(cells);
  kernel.sortMerge(sorted);
  return { sorted, bytes: kernel[`encode${codec}`](sorted) };
}

/** What decoding does: the cells, or the error, which must be a BytesFault and leave the target as it was. */
export function decoded(
  kernel: Kernel,
  codec: Codec,
  bytes: Uint8Array,
  limits = LIMITS,
): CellsBuffer | BytesFault {
  const into = new CellsBuffer(2);
  into.push(9, 9, 9, 9);
  try {
    kernel[`decode${codec}`](bytes, limits, into);
    return into;
  } catch (error) {
    expect(error).toBeInstanceOf(BytesFault);
    expect(cellList(into)).toEqual([[9, 9, 9, 9]]);
    return error as BytesFault;
  }
}

export const lawRows = arbitraryRows({ ...LIMITS, rowsMax: 40 });

const anyCells = fc.oneof(arbitraryCells({ ...LIMITS, countMax: 2 ** 45 }), lawRows);

/** Valid bytes with some changed, cut off, put in or repeated; and plain random bytes. */
export function hostileBytes(kernel: Kernel, codec: Codec): fc.Arbitrary<Uint8Array> {
  const edit = fc.record({
    at: fc.oneof(fc.nat(60), fc.nat(4000)),
    value: fc.nat(255),
    kind: fc.constantFrom('set', 'flip', 'cut', 'insert', 'remove'),
  });
  const mutated = fc.tuple(anyCells, fc.array(edit, { minLength: 1, maxLength: 3 })).map(([cells, edits]) => {
    const bytes = [...encoded(kernel, codec, cells).bytes];
    for (const { at, value, kind } of edits) {
      const place = at % bytes.length || 0;
      if (kind === 'set') bytes[place] = value;
      else if (kind === 'flip' && bytes.length > 0) bytes[place]! ^= 1 << (value & 7);
      else if (kind === 'insert') bytes.splice(place, 0, value);
      else if (kind === 'remove') bytes.splice(place, 1);
      else if (kind === 'cut') bytes.splice(place);
    }
    return Uint8Array.from(bytes);
  });
  const small = fc.array(fc.oneof(fc.nat(3), fc.nat(255)), { maxLength: 40 }).map((b) => Uint8Array.from(b));
  return fc.oneof(mutated, small, fc.uint8Array({ maxLength: 200 }));
}

function placementCase(): fc.Arbitrary<{
  cells: CellsBuffer;
  raster: BucketRaster;
  columnOfStep: Int32Array;
  hueOfKey: Int32Array;
}> {
  // Some cells at the ends of what the raster counts, and next to them.
  const ends = fc.array(fc.tuple(fc.nat(255), fc.nat(KEYS - 1), fc.nat(3)), { maxLength: 6 });
  return fc
    .tuple(arbitraryCells({ keys: KEYS, buckets: 120 }), arbitraryRaster, ends)
    .chain(([own, raster, places]) => {
      const cells = copyCells(own);
      const { bucketFirst: first, buckets } = raster;
      for (const [step, key, which] of places) {
        const bucket = [first - 1, first, first + buckets - 1, first + buckets][which]!;
        cells.push(step, key, Math.max(0, bucket), 1);
      }
      return arbitraryPlacement({ keys: KEYS, ...raster }).map((placement) => ({
        cells,
        raster,
        ...placement,
      }));
    });
}

/** Bytes are a BytesFault within them, or are what the cells read from them encode to. */
function refusedOrOwn(kernel: Kernel, codec: Codec, bytes: Uint8Array): void {
  const read = decoded(kernel, codec, bytes);
  if (read instanceof BytesFault) {
    expect(read.offsetBytes).toBeLessThanOrEqual(bytes.length);
    return;
  }
  const cells = new CellsBuffer();
  for (const [step, key, bucket, count] of cellList(read).slice(1)) {
    expect([key < LIMITS.keys, bucket < LIMITS.buckets, count > 0]).toEqual([true, true, true]);
    cells.push(step, key, bucket, count);
  }
  expect(Buffer.from(kernel[`encode${codec}`](cells)).equals(bytes)).toBe(true);
}

function codecLaws(codec: Codec): KernelLaw[] {
  const encode = (kernel: Kernel, cells: CellsBuffer): Uint8Array => kernel[`encode${codec}`](cells);
  return [
    {
      name: `${codec}: cells round trip, appended to what is there`,
      check(kernel) {
        fc.assert(
          fc.property(anyCells, (cells) => {
            const { sorted, bytes } = encoded(kernel, codec, cells);
            const read = decoded(kernel, codec, bytes);
            expect(read).toBeInstanceOf(CellsBuffer);
            if (read instanceof CellsBuffer) expect(cellList(read).slice(1)).toEqual(cellList(sorted));
          }),
          { numRuns: 300 },
        );
      },
    },
    {
      name: `${codec}: the largest place and count`,
      check(kernel) {
        const cells = new CellsBuffer();
        cells.push(255, KEYS - 1, LL5_BUCKETS - 1, Number.MAX_SAFE_INTEGER);
        const read = decoded(kernel, codec, encode(kernel, cells));
        expect(read instanceof CellsBuffer && cellList(read).slice(1)).toEqual(cellList(cells));
      },
    },
    {
      name: `${codec}: hostile bytes are a BytesFault, or are what the cells read from them encode to`,
      check(kernel) {
        fc.assert(
          fc.property(hostileBytes(kernel, codec), (bytes) => refusedOrOwn(kernel, codec, bytes)),
          { numRuns: 500 },
        );
      },
    },
    {
      name: `${codec}: so are bytes with any one bit changed`,
      check(kernel) {
        const bytes = encode(kernel, documentedCells());
        for (let bit = 0; bit < bytes.length * 8; bit++) {
          const changed = bytes.slice();
          changed[bit >> 3]! ^= 1 << (bit & 7);
          refusedOrOwn(kernel, codec, changed);
        }
      },
    },
    {
      name: `${codec}: a limit one below what the cells need is a BytesFault`,
      check(kernel) {
        const cells = new CellsBuffer();
        cells.push(0, 3, 70, 1);
        cells.push(0, 4, 60, 1);
        const bytes = encode(kernel, cells);
        const read = (keys: number, buckets: number): unknown =>
          decoded(kernel, codec, bytes, { keys, buckets });
        expect(read(5, 71)).toBeInstanceOf(CellsBuffer);
        expect(read(4, 71)).toBeInstanceOf(BytesFault);
        expect(read(5, 70)).toBeInstanceOf(BytesFault);
      },
    },
    {
      name: `${codec}: cells that are not sorted and merged, and counts that are none, are refused`,
      check(kernel) {
        const refused: [number, number, number, number][][] = [
          [[1, 0, 0, 1], [1, 0, 0, 1]],
          [[1, 0, 0, 1], [0, 0, 0, 1]],
          [[1, 0, 1, 1], [1, 0, 0, 1]],
          [[1, 1, 0, 1], [1, 0, 5, 1]],
          ...[0, -1, 0.5, NaN, Infinity, 2 ** 53].map((count) => [[0, 0, 0, count] as [number, number, number, number]]),
        ]; // prettier-ignore
        for (const list of refused) {
          const cells = new CellsBuffer();
          for (const cell of list) cells.push(...cell);
          expect(() => encode(kernel, cells)).toThrow(RangeError);
        }
      },
    },
  ];
}

/** Blocks that lie at the ends of what a codec must hold. */
function extremeBlocks(): { what: string; cells: CellsBuffer }[] {
  const block = (length: number, cell: (i: number) => [number, number, number, number]): CellsBuffer => {
    const cells = new CellsBuffer(length);
    for (let i = 0; i < length; i++) cells.push(...cell(i));
    return cells;
  };
  const scattered = (i: number): number => Math.imul(i + 1, 0x9e3779b1) >>> 0;
  return [
    { what: 'every place of 2 keys, all 1', cells: block(2 * 1568 * 256, (i) => [i % 256, i >= 1568 * 256 ? 1 : 0, (i >> 8) % 1568, 1]) },
    { what: '256 steps dense, counts up to the largest', cells: block(256 * 40, (i) => [i % 256, 0, i >> 8, (scattered(i) % 2 ** 31) * 2 ** 22 + 1]) },
    { what: '4096 keys of one cell', cells: block(4096, (i) => [scattered(i) >>> 24, i, scattered(i * 7) % 1568, 1 + (i % 3)]) },
    { what: 'the ends of every index', cells: block(4, (i) => [i % 2 === 0 ? 0 : 255, i < 2 ? 0 : 0xffff, i % 2 === 0 ? 0 : 0xffff, 1]) },
    { what: 'one outlier in each row', cells: block(256 * 20, (i) => [i % 256, 0, i >> 8, i % 256 === 9 ? 2 ** 52 : 1 + (scattered(i) % 4)]) },
  ]; // prettier-ignore
}

export const kernelLaws: readonly KernelLaw[] = [
  ...CODECS.flatMap((codec) => codecLaws(codec)),
  ...deflateLaws,
  ...pictureLaws,
  {
    name: 'Columns: the bytes that docs/SEGMENT_FORMAT.md shows',
    check(kernel) {
      const bytes = '03 020203020304 0001 0000 28ac02 0100 070007 0200c701'.replaceAll(' ', '');
      expect(Buffer.from(kernel.encodeColumns(documentedCells())).toString('hex')).toBe(bytes);
      expect(Buffer.from(kernel.encodeColumns(new CellsBuffer())).toString('hex')).toBe('00'.repeat(7));
    },
  },
  {
    name: 'Classes: the bytes that docs/SEGMENT_FORMAT.md shows',
    check(kernel) {
      expect(Buffer.from(kernel.encodeClasses(documentedCells())).toString('hex')).toBe(CLASSES_HEX);
      expect(Buffer.from(kernel.encodeClasses(new CellsBuffer())).toString('hex')).toBe('00');
    },
  },
  {
    name: 'Classes: blocks at the ends of what a codec must hold',
    check(kernel) {
      const limits = { keys: 0x10000, buckets: 0x10000 };
      for (const { what, cells } of extremeBlocks()) {
        const into = new CellsBuffer();
        kernel.decodeClasses(kernel.encodeClasses(cells), limits, into);
        const [found, expected] = [into, cells].map((c) =>
          [c.step, c.key, c.bucket, c.count].map((array) => Buffer.from(array.slice(0, c.length).buffer)),
        );
        expect(Buffer.concat(found!).equals(Buffer.concat(expected!)), what).toBe(true);
      }
    },
  },
  {
    name: 'Classes: random traffic takes fewer bytes than deflated columns',
    check(kernel) {
      const cells = blockCells({ seed: 5, keys: 3, steps: 64, eventsPerKeySecond: 60 });
      kernel.sortMerge(cells);
      const deflated = deflateRawSync(kernel.encodeColumns(cells), { level: 1 });
      expect(kernel.encodeClasses(cells).length).toBeLessThan(deflated.length * 0.75);
    },
  },
  {
    name: 'crc32c is the checksum of the model, in one piece or two',
    check(kernel) {
      expect(kernel.crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, cut) => {
          const whole = crc32c(bytes);
          expect(kernel.crc32c(bytes)).toBe(whole);
          expect(kernel.crc32c(bytes.subarray(cut), kernel.crc32c(bytes.subarray(0, cut)))).toBe(whole);
        }),
      );
    },
  },
  {
    name: 'bucketIndices is bucketIndex on LL5, whatever the value',
    check(kernel) {
      const value = fc.oneof(
        arbitraryValue,
        fc.double(),
        fc.constantFrom(NaN, -0, -1, Infinity, 2 ** 53, 31.9, 1e300),
      );
      fc.assert(
        fc.property(fc.array(value), (list) => {
          const out = new Uint16Array(list.length + 1).fill(7);
          kernel.bucketIndices(Float64Array.from(list), list.length, out);
          expect([...out]).toEqual([...list.map((v) => bucketIndex(LL5, v)), 7]);
        }),
      );
    },
  },
  {
    name: 'sortMerge orders by key, bucket, step and keeps every sum',
    check(kernel) {
      fc.assert(
        fc.property(cellsOf, (cells) => {
          const sorted = copyCells(cells);
          kernel.sortMerge(sorted);
          expect(sums(sorted)).toEqual(sums(cells));
          expect(sorted.length).toBe(sums(cells).size);
          for (let i = 1; i < sorted.length; i++) {
            const order =
              sorted.key[i]! - sorted.key[i - 1]! ||
              sorted.bucket[i]! - sorted.bucket[i - 1]! ||
              sorted.step[i]! - sorted.step[i - 1]!;
            expect(order).toBeGreaterThan(0);
          }
          const again = copyCells(sorted);
          kernel.sortMerge(again);
          expect(cellList(again)).toEqual(cellList(sorted));
        }),
      );
    },
  },
  {
    name: 'sortMerge of a block that grows is that of all its cells at once',
    check(kernel) {
      const parts = fc.array(fc.oneof(cellsOf, lawRows), { minLength: 2, maxLength: 4 });
      fc.assert(
        fc.property(parts, (list) => {
          const [grown, whole] = [new CellsBuffer(), new CellsBuffer()];
          for (const part of list) {
            for (const cell of cellList(part)) {
              grown.push(...cell);
              whole.push(...cell);
            }
            kernel.sortMerge(grown);
          }
          kernel.sortMerge(whole);
          expect(cellList(grown)).toEqual(cellList(whole));
          expect(sums(grown)).toEqual(sums(whole));
        }),
      );
    },
  },
  {
    name: 'sortMerge puts late steps, new rows and the ends of every index into a sorted head',
    check(kernel) {
      const cells = new CellsBuffer();
      const head: Cell[] = [[5, 3, 10, 0.1], [9, 3, 10, 1], [0, 3, 12, 1], [7, 0xffff, 0xffff, 2 ** 53 - 2]]; // prettier-ignore
      for (const cell of head) cells.push(...cell);
      const tail: Cell[] = [
        [9, 3, 10, 2], [255, 3, 10, 4], [6, 3, 10, 5], [5, 3, 10, 0.2], [5, 3, 10, 0.3],
        [1, 3, 11, 6], [3, 0, 0, 7], [3, 0, 0, 8], [7, 0xffff, 0xffff, 9], [0, 3, 13, 3],
      ]; // prettier-ignore
      for (const cell of tail) cells.push(...cell);
      kernel.sortMerge(cells);
      expect(cellList(cells)).toEqual([
        [3, 0, 0, 15],
        [5, 3, 10, 0.1 + 0.2 + 0.3],
        [6, 3, 10, 5],
        [9, 3, 10, 3],
        [255, 3, 10, 4],
        [1, 3, 11, 6],
        [0, 3, 12, 1],
        [0, 3, 13, 3],
        [7, 0xffff, 0xffff, 2 ** 53 - 1],
      ]);
    },
  },
  {
    name: 'sortMerge reaches the largest indices and adds in the order of the cells',
    check(kernel) {
      const cells = new CellsBuffer();
      cells.push(255, 0xffff, 0xffff, 1);
      cells.push(0, 0, 0, 0.1);
      cells.push(0, 0, 0, 0.2);
      cells.push(0, 0, 0, 0.3);
      cells.push(255, 0xffff, 0, 2);
      kernel.sortMerge(cells);
      expect(cellList(cells)).toEqual([
        [0, 0, 0, 0.1 + 0.2 + 0.3],
        [255, 0xffff, 0, 2],
        [255, 0xffff, 0xffff, 1],
      ]);
    },
  },
  {
    name: 'addUp gives what sortMerge makes of the placed cells, behind what is there',
    check(kernel) {
      fc.assert(
        fc.property(placementCase(), ({ cells, columnOfStep, hueOfKey }) => {
          const placed = new CellsBuffer();
          for (const [step, key, bucket, count] of cellList(cells)) {
            const [column, hue] = [columnOfStep[step]!, hueOfKey[key]!];
            if (column >= 0 && hue >= 0) placed.push(column, hue, bucket, count);
          }
          kernel.sortMerge(placed);
          const into = new CellsBuffer(1);
          into.push(9, 8, 7, 6);
          kernel.addUp(cells, { columnOfStep, hueOfKey }, into);
          expect(cellList(into)).toEqual([[9, 8, 7, 6], ...cellList(placed)]);
        }),
      );
    },
  },
  {
    name: 'addUp reaches the largest indices, and a sum above what a count may be stays there',
    check(kernel) {
      const cells = new CellsBuffer();
      cells.push(255, 1, 0xffff, 2 ** 53 - 2);
      cells.push(0, 1, 3, 1);
      cells.push(7, 0, 0xffff, 5);
      cells.push(8, 0, 3, 2);
      const columnOfStep = new Int32Array(256).fill(255);
      columnOfStep[0] = 0;
      const into = new CellsBuffer();
      kernel.addUp(cells, { columnOfStep, hueOfKey: Int32Array.of(0xffff, 0xffff) }, into);
      expect(cellList(into)).toEqual([
        [0, 0xffff, 3, 1],
        [255, 0xffff, 3, 2],
        [255, 0xffff, 0xffff, 2 ** 53 - 1],
      ]);
    },
  },
  {
    name: 'bucketRange spans exactly the placed cells',
    check(kernel) {
      fc.assert(
        fc.property(placementCase(), ({ cells, columnOfStep, hueOfKey }) => {
          const placed = cellList(cells).filter(
            ([step, key]) => columnOfStep[step]! >= 0 && hueOfKey[key]! >= 0,
          );
          const buckets = placed.map(([, , bucket]) => bucket);
          const expected = placed.length === 0 ? [0, -1] : [Math.min(...buckets), Math.max(...buckets)];
          expect(kernel.bucketRange(cells, { columnOfStep, hueOfKey })).toEqual(expected);
        }),
      );
    },
  },
  {
    name: 'accumulate adds each placed cell at one place and loses none',
    check(kernel) {
      fc.assert(
        fc.property(placementCase(), ({ cells, raster, columnOfStep, hueOfKey }) => {
          const expected = copyRaster(raster);
          for (const [step, key, bucket, count] of cellList(cells)) {
            const [column, hue] = [columnOfStep[step]!, hueOfKey[key]!];
            if (column < 0 || hue < 0) continue;
            const place = hue * raster.columns + column;
            const row = bucket - raster.bucketFirst;
            if (row < 0) expected.under[place]! += count;
            else if (row >= raster.buckets) expected.over[place]! += count;
            else expected.counts[place * raster.buckets + row]! += count;
          }
          const found = copyRaster(raster);
          kernel.accumulate(cells, { columnOfStep, hueOfKey }, found);
          expect(found).toEqual(expected);
        }),
      );
    },
  },
  {
    name: 'sizes and indices that do not fit are a RangeError before anything is written',
    check(kernel) {
      for (const { what, call } of misfits(kernel)) expect(call, what).toThrow(RangeError);
    },
  },
];

/** Calls with one thing wrong each. */
function misfits(kernel: Kernel): { what: string; call: () => unknown }[] {
  const cells = new CellsBuffer(2);
  cells.push(3, 1, 5, 1);
  const raster = newBucketRaster({ hues: 2, columns: 3, bucketFirst: 0, buckets: 10 });
  const placement = { columnOfStep: new Int32Array(256), hueOfKey: new Int32Array(2) };
  const short = Object.assign(new CellsBuffer(1), { length: 2 });
  const wrong = <T extends object>(base: T, change: Partial<T>): T => ({ ...base, ...change });
  return [
    { what: 'cells shorter than their length', call: () => kernel.sortMerge(short) },
    { what: 'cells to encode', call: () => kernel.encodeColumns(short) },
    { what: 'cells to encode by class', call: () => kernel.encodeClasses(short) },
    { what: 'a limit of classes', call: () => kernel.decodeClasses(new Uint8Array(1), { keys: 70_000, buckets: 1 }, cells) },
    { what: 'cells to place', call: () => kernel.accumulate(short, placement, raster) },
    { what: 'cells to add up', call: () => kernel.addUp(short, placement, new CellsBuffer()) },
    { what: 'a column to add up', call: () => kernel.addUp(cells, wrong(placement, { columnOfStep: new Int32Array(256).fill(256) }), new CellsBuffer()) },
    { what: 'a hue to add up', call: () => kernel.addUp(cells, wrong(placement, { hueOfKey: Int32Array.of(0, 0x10000) }), new CellsBuffer()) },
    { what: 'cells to range', call: () => kernel.bucketRange(short, placement) },
    { what: 'values', call: () => kernel.bucketIndices(new Float64Array(1), 2, new Uint16Array(2)) },
    { what: 'indices', call: () => kernel.bucketIndices(new Float64Array(2), 2, new Uint16Array(1)) },
    { what: 'a length', call: () => kernel.bucketIndices(new Float64Array(2), 0.5, new Uint16Array(2)) },
    { what: 'a limit', call: () => kernel.decodeColumns(new Uint8Array(7), { keys: 1, buckets: 70_000 }, cells) },
    { what: 'columnOfStep', call: () => kernel.accumulate(cells, wrong(placement, { columnOfStep: new Int32Array(255) }), raster) },
    { what: 'a column', call: () => kernel.accumulate(cells, wrong(placement, { columnOfStep: new Int32Array(256).fill(3) }), raster) },
    { what: 'a low column', call: () => kernel.accumulate(cells, wrong(placement, { columnOfStep: new Int32Array(256).fill(-2) }), raster) },
    { what: 'hueOfKey', call: () => kernel.accumulate(cells, wrong(placement, { hueOfKey: new Int32Array(1) }), raster) },
    { what: 'hueOfKey of a range', call: () => kernel.bucketRange(cells, wrong(placement, { hueOfKey: new Int32Array(1) })) },
    { what: 'a hue', call: () => kernel.accumulate(cells, wrong(placement, { hueOfKey: Int32Array.of(0, 2) }), raster) },
    { what: 'counts', call: () => kernel.accumulate(cells, placement, wrong(raster, { counts: new Float64Array(59) })) },
    { what: 'under', call: () => kernel.accumulate(cells, placement, wrong(raster, { under: new Float64Array(5) })) },
    { what: 'over', call: () => kernel.accumulate(cells, placement, wrong(raster, { over: new Float64Array(5) })) },
    { what: 'hues', call: () => kernel.accumulate(cells, placement, wrong(raster, { hues: -1 })) },
    { what: 'columns', call: () => kernel.accumulate(cells, placement, wrong(raster, { columns: 2 ** 40 })) },
    { what: 'bucketFirst', call: () => kernel.accumulate(cells, placement, wrong(raster, { bucketFirst: -1 })) },
    { what: 'room to deflate', call: () => kernel.deflate(new Uint8Array(9), 3, new Uint8Array(deflateBound(9) - 1)) },
    { what: 'a row to deflate', call: () => kernel.deflate(new Uint8Array(9), -1, new Uint8Array(99)) },
  ]; // prettier-ignore
}
