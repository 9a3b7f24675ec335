/** What every kernel must satisfy of pictures (laws.ts): from cells to rows, from rows to pixels. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { CountLinesBuffer } from '../../src/model/count-lines.ts';
import type { Kernel, Placed, PlacedCells, RasterWindow, RowSpread } from '../../src/kernel/kernel.ts';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { binEdge, HALF_OCTAVES } from '../../src/model/half-octave.ts';
import { type DrawnRoom, newMix } from '../../src/model/raster.ts';
import { CellsBuffer } from '../../src/model/series.ts';
import {
  arbitraryCells,
  arbitraryPlacement,
  arbitraryRows,
  arbitrarySpread,
  cellList,
} from '../arbitrary/series.ts';
import type { KernelLaw } from './law.ts';

const KEYS = 5;
const BUCKETS = 120;
const SHARED = { keys: KEYS, buckets: BUCKETS };

export interface RasterCase {
  readonly blocks: readonly PlacedCells[];
  /** The same, some of them in lines. */
  readonly placed: readonly Placed[];
  readonly window: RasterWindow;
  readonly spread: RowSpread;
}

/** Cells as they come: report behind report, each in order and of one step. */
const reports: fc.Arbitrary<CellsBuffer> = fc
  .array(
    fc.record({ step: fc.nat(255), from: fc.nat(20), by: fc.integer({ min: 1, max: 3 }), seed: fc.nat(99) }),
    {
      maxLength: 4,
    },
  )
  .map((list) => {
    const cells = new CellsBuffer();
    for (const { step, from, by, seed } of list) {
      for (let key = 0; key < KEYS; key++) {
        for (let bucket = from; bucket < BUCKETS; bucket += by) {
          cells.push(step, key, bucket, 1 + ((seed * bucket) % 7));
        }
      }
    }
    return cells;
  });

/** Counts that add up to less than 2^53. */
function small(cells: CellsBuffer, below: number): CellsBuffer {
  for (let i = 0; i < cells.length; i++) cells.count[i] = 1 + (cells.count[i]! % below);
  return cells;
}

/** The block's lines; its cells where counts are too large. */
function inLines({ cells, placement }: PlacedCells): Placed {
  const lines = new CountLinesBuffer();
  return referenceKernel.addLines(cells, lines) ? { lines, placement } : { cells, placement };
}

/** Blocks of runs, of single cells, and of both; each with a placement of its own, so that they share columns. */
export const rasterCase: fc.Arbitrary<RasterCase> = fc
  .record({
    hues: fc.integer({ min: 1, max: 3 }),
    columns: fc.integer({ min: 1, max: 9 }),
    bucketFirst: fc.nat(60),
    buckets: fc.integer({ min: 1, max: 80 }),
    rows: fc.integer({ min: 1, max: 30 }),
    factors: fc.option(
      fc
        .array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 9, maxLength: 9 })
        .map((list) => Float64Array.from(list)),
      { nil: undefined },
    ),
  })
  .chain(({ rows, ...window }) => {
    const cells = fc
      .tuple(arbitraryRows({ ...SHARED, rowsMax: 20 }), arbitraryCells({ ...SHARED, countMax: 2 ** 45 }))
      .map(([head, tail]) => {
        for (const cell of cellList(tail)) head.push(...cell);
        return head;
      });
    const placement = arbitraryPlacement({ keys: KEYS, ...window });
    const nowhere = placement.map((one) => ({ ...one, columnOfStep: new Int32Array(256).fill(-1) }));
    const block = fc.record({
      cells: fc
        .tuple(fc.oneof(cells, reports), fc.constantFrom(100, 2 ** 41))
        .map(([own, below]) => small(own, below)),
      placement: fc.oneof({ weight: 6, arbitrary: placement }, nowhere),
    });
    return fc
      .record({
        forms: fc.array(fc.record({ block, isInLines: fc.boolean() }), { maxLength: 3 }),
        window: fc.constant(window),
        spread: arbitrarySpread(window.buckets, rows),
      })
      .map(({ forms, ...rest }) => ({
        ...rest,
        blocks: forms.map((form) => form.block),
        placed: forms.map((form) => (form.isInLines ? inLines(form.block) : form.block)),
      }));
  });

/** What is drawn into, full of what was there before; a member longer than needed. */
export function usedRoom({ hues, columns }: RasterWindow, rows: number, withCells = true): DrawnRoom {
  const mix = newMix(columns * rows + 1);
  mix.sums.fill(0.5);
  mix.strongest.fill(77);
  return {
    mix,
    cells: withCells ? new Float64Array(hues * columns * rows + 1).fill(0.5) : undefined,
    under: new Float64Array(columns + 1).fill(0.5),
    over: new Float64Array(columns + 1).fill(0.5),
  };
}

/** All that is in it. */
export function listed({ mix, cells, under, over }: DrawnRoom): number[][] {
  return [mix.sums, mix.strongest, cells ?? [], under, over].map((members) => [...members]);
}

function expectedRoom({ blocks, window, spread }: RasterCase, withCells: boolean): DrawnRoom {
  const { hues, columns, bucketFirst, buckets, factors } = window;
  const { rows, start, row, weight } = spread;
  const drawn = usedRoom(window, rows, withCells);
  const cells = new Float64Array(hues * columns * rows);
  for (const members of [drawn.under, drawn.over]) members.fill(0, 0, -1);
  for (let hue = 0; hue < hues; hue++) {
    const under = new Float64Array(columns);
    const over = new Float64Array(columns);
    for (let b = 0; b < buckets; b++) {
      const counts = new Float64Array(columns);
      for (const { cells: stored, placement } of blocks) {
        for (let i = 0; i < stored.length; i++) {
          const column = placement.columnOfStep[stored.step[i]!]!;
          const isHere = placement.hueOfKey[stored.key[i]!] === hue && stored.bucket[i] === bucketFirst + b;
          if (isHere && column >= 0) counts[column]! += stored.count[i]!;
        }
      }
      counts.forEach((count, column) => {
        for (let j = start[b]!; j < start[b + 1]!; j++) {
          cells[(hue * columns + column) * rows + row[j]!]! += count * weight[j]!;
        }
        under[column]! += count * spread.under[b]!;
        over[column]! += count * spread.over[b]!;
      });
    }
    under.forEach((count, column) => (drawn.under[column]! += count));
    over.forEach((count, column) => (drawn.over[column]! += count));
  }
  const factorOf = (column: number): number => factors?.[column] ?? 1;
  for (const members of [drawn.under, drawn.over]) {
    for (let column = 0; column < columns; column++) members[column]! *= factorOf(column);
  }
  cells.forEach((count, i) => (cells[i] = count * factorOf(Math.floor(i / rows) % columns)));
  drawn.cells?.set(cells);
  cellCounts({ values: cells, hues, cells: columns * rows }).forEach((counts, cell) => {
    drawn.mix.sums[cell] = counts.reduce((sum, count) => sum + count, 0);
    drawn.mix.strongest[cell] = strongestOf(counts);
  });
  return drawn;
}

export const mixCase = fc
  .record({
    hues: fc.integer({ min: 1, max: 12 }),
    cells: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 1, max: 60 }) },
      { weight: 1, arbitrary: fc.integer({ min: 250, max: 600 }) },
    ),
  })
  .chain(({ hues, cells }) =>
    fc.record({
      hues: fc.constant(hues),
      cells: fc.constant(cells),
      values: fc
        .infiniteStream(fc.oneof(fc.constant(0), fc.nat(9), fc.double({ min: 0, max: 40, noNaN: true })))
        .map((stream) => {
          const values = new Float64Array(hues * cells);
          // A short random pattern, so that a case is quick to make and ties occur.
          const pattern = Array.from({ length: 37 }, () => stream.next().value ?? 0);
          for (let i = 0; i < values.length; i++) values[i] = pattern[(i * 7 + (i >> 5)) % pattern.length]!;
          return values;
        }),
      // Half-octaves, as pictures have them, go another way than any others.
      thresholds: fc
        .oneof(
          fc.array(fc.double({ min: 0.1, max: 90, noNaN: true }), { maxLength: 12 }),
          fc.array(fc.nat(20).map(binEdge), { maxLength: 12 }),
          fc.array(fc.nat(40), { maxLength: 12 }),
        )
        .map((list) => list.toSorted((a, b) => a - b)),
    }),
  );

interface MixValues {
  readonly hues: number;
  readonly cells: number;
  readonly values: Float64Array;
}

/** The counts of each cell, hue by hue. */
function cellCounts({ values, hues, cells }: MixValues): number[][] {
  return Array.from({ length: cells }, (_, cell) =>
    Array.from({ length: hues }, (_h, hue) => values[hue * cells + cell]!),
  );
}

function strongestOf(counts: readonly number[]): number {
  const largest = Math.max(...counts);
  return largest > 0 ? 1 + counts.indexOf(largest) : 0;
}

export const stretchCase = fc
  .record({ columns: fc.integer({ min: 1, max: 9 }), rows: fc.integer({ min: 1, max: 9 }) })
  .chain(({ columns, rows }) =>
    fc.record({
      cells: fc.uint8Array({ minLength: columns * rows, maxLength: columns * rows }),
      stretch: fc.record({
        columns: fc.constant(columns),
        rows: fc.constant(rows),
        columnOfX: fc.array(fc.nat(columns - 1), { maxLength: 20 }).map((list) => Int32Array.from(list)),
        // Rows that repeat, as in enlarged pictures.
        rowOfY: fc
          .array(fc.tuple(fc.nat(rows - 1), fc.integer({ min: 1, max: 3 })), { maxLength: 8 })
          .map((list) =>
            Int32Array.from(list.flatMap(([row, times]) => Array.from({ length: times }, () => row))),
          ),
      }),
      from: fc.nat(20),
      more: fc.nat(5),
      shift: fc.nat(255),
    }),
  );

export function paletteOf(shift: number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, i) => i ^ shift);
}

export const pictureLaws: readonly KernelLaw[] = [
  {
    name: 'rasterize adds up what is placed and gives it to its rows by weight, whatever was there',
    check(kernel) {
      fc.assert(
        fc.property(rasterCase, fc.boolean(), (one, withCells) => {
          const found = usedRoom(one.window, one.spread.rows, withCells);
          kernel.rasterize(one.placed, one.window, one.spread, found);
          expect(listed(found)).toEqual(listed(expectedRoom(one, withCells)));
        }),
        { numRuns: 200 },
      );
    },
  },
  {
    name: 'addLines has a line for each key and bucket, in the order of the cells, in whatever pieces they come',
    check(kernel) {
      const cells = fc.oneof(arbitraryCells({ ...SHARED, countMax: 900 }), reports);
      fc.assert(
        fc.property(fc.array(cells, { maxLength: 3 }), (pieces) => {
          const lines = new CountLinesBuffer();
          for (const piece of pieces) expect(kernel.addLines(piece, lines)).toBe(true);
          const expected = new Map<string, number[]>();
          for (const [step, key, bucket, count] of pieces.flatMap(cellList)) {
            const name = `${key} ${bucket}`;
            if (!expected.has(name))
              expected.set(
                name,
                Array.from({ length: 256 }, () => 0),
              );
            expected.get(name)![step]! += count;
          }
          const found = Array.from({ length: lines.length }, (_, line) => [
            `${lines.key[line]} ${lines.bucket[line]}`,
            [...lines.count.subarray(line * 256, (line + 1) * 256)],
          ]);
          expect(found).toEqual([...expected]);
        }),
        { numRuns: 40 },
      );
    },
  },
  {
    name: 'addLines says that a count is too large, and takes the largest that is not',
    check(kernel) {
      const add = (...counts: number[]): boolean[] => {
        const lines = new CountLinesBuffer();
        return counts.map((count) => {
          const cells = new CellsBuffer(1);
          cells.push(7, 1, 2, count);
          return kernel.addLines(cells, lines);
        });
      };
      expect(add(65_535)).toEqual([true]);
      expect(add(65_536)).toEqual([false]);
      expect(add(65_000, 535)).toEqual([true, true]);
      expect(add(65_000, 536)).toEqual([true, false]);
    },
  },
  {
    name: 'addLines makes as many lines as it may, and says where it needs more',
    check(kernel) {
      for (const linesMax of [0, 1, 2, 3]) {
        const lines = Object.assign(new CountLinesBuffer(), { linesMax });
        const cells = new CellsBuffer(2);
        cells.push(1, 1, 1, 1);
        cells.push(1, 1, 2, 1);
        expect(kernel.addLines(cells, lines)).toBe(linesMax >= 2);
        expect(lines.capacity).toBeLessThanOrEqual(linesMax);
      }
    },
  },
  {
    name: 'mix is the sum over hues and the strongest of them',
    check(kernel) {
      fc.assert(
        fc.property(mixCase, (one) => {
          const mix = newMix(one.cells + 1);
          mix.sums.fill(7);
          mix.strongest.fill(77);
          kernel.mix(one.values, one, mix);
          const counts = cellCounts(one);
          expect([...mix.sums]).toEqual([...counts.map((own) => own.reduce((a, b) => a + b, 0)), 7]);
          expect([...mix.strongest]).toEqual([...counts.map(strongestOf), 77]);
        }),
      );
    },
  },
  {
    name: 'mix tells 255 hues apart',
    check(kernel) {
      const values = Float64Array.from({ length: 255 }, (_, hue) => (hue === 254 ? 2 : 1));
      const mix = newMix(1);
      kernel.mix(values, { hues: 255, cells: 1 }, mix);
      expect([mix.sums[0], mix.strongest[0]]).toEqual([256, 255]);
    },
  },
  {
    name: 'shade names the strongest hue and the level of the sum',
    check(kernel) {
      fc.assert(
        fc.property(mixCase, (one) => {
          const { cells, thresholds } = one;
          const levels = thresholds.length + 1;
          const expected = cellCounts(one).map((own) => {
            const sum = own.reduce((a, b) => a + b, 0);
            if (sum === 0) return 0;
            return 1 + own.indexOf(Math.max(...own)) * levels + thresholds.filter((t) => t <= sum).length;
          });
          const mix = newMix(cells);
          kernel.mix(one.values, one, mix);
          const out = new Uint8Array(cells + 1).fill(77);
          kernel.shade(mix, { cells, levels }, Float64Array.from(thresholds), out);
          expect([...out]).toEqual([...expected, 77]);
        }),
      );
    },
  },
  {
    name: 'shade leaves out what has no hue, however many levels there are',
    check(kernel) {
      const mix = { sums: new Float64Array(20).fill(3), strongest: new Uint8Array(20) };
      const out = new Uint8Array(21).fill(77);
      kernel.shade(mix, { cells: 20, levels: 1000 }, new Float64Array(999).fill(1), out);
      expect([...out]).toEqual([...new Uint8Array(20), 77]);
    },
  },
  {
    name: 'halfOctaves marks where the sums lie, and nothing else',
    check(kernel) {
      fc.assert(
        fc.property(mixCase, ({ values: sums, cells }) => {
          const holds = (bin: number, sum: number): boolean =>
            sum > 0 && Math.max(0.5, sum) >= binEdge(bin) && Math.max(0.5, sum) < binEdge(bin + 1);
          const expected = Array.from({ length: HALF_OCTAVES }, (_, bin) =>
            sums.subarray(0, cells).some((sum) => holds(bin, sum)) ? 1 : 0,
          );
          const occupied = new Uint8Array(HALF_OCTAVES + 1).fill(77, HALF_OCTAVES);
          kernel.halfOctaves(sums, cells, occupied);
          expect([...occupied]).toEqual([...expected, 77]);
        }),
      );
    },
  },
  {
    name: 'rowSums adds up each row, columns ascending',
    check(kernel) {
      fc.assert(
        fc.property(mixCase, ({ values: sums, hues: rows, cells: columns }) => {
          const expected = Array.from({ length: rows }, (_, row) => {
            let sum = 0;
            for (let column = 0; column < columns; column++) sum += sums[column * rows + row]!;
            return sum;
          });
          const out = new Float64Array(rows + 1).fill(77);
          kernel.rowSums(sums, { columns, rows }, out);
          expect([...out]).toEqual([...expected, 77]);
        }),
      );
    },
  },
  {
    name: 'paint shows at each pixel the cell that it stands for, and touches no other',
    check(kernel) {
      fc.assert(
        fc.property(stretchCase, ({ cells, stretch, from, more, shift }) => {
          const { rows, columnOfX, rowOfY } = stretch;
          const stride = columnOfX.length + more;
          const expected = new Uint8Array(from + rowOfY.length * stride + 3).fill(99);
          rowOfY.forEach((row, y) =>
            columnOfX.forEach((column, x) => {
              expected[from + y * stride + x] = cells[column * rows + row]! ^ shift;
            }),
          );
          const pixels = new Uint8Array(expected.length).fill(99);
          kernel.paint(cells, stretch, paletteOf(shift), { pixels, from, stride });
          expect(pixels).toEqual(expected);
        }),
        { numRuns: 200 },
      );
    },
  },
  {
    name: 'filterRows gives each row behind its filter, from which it is read back',
    check(kernel) {
      const rows = fc
        .integer({ min: 1, max: 20 })
        .chain((width) =>
          fc.array(
            fc.tuple(fc.uint8Array({ minLength: width, maxLength: width }), fc.integer({ min: 1, max: 3 })),
            {
              minLength: 1,
              maxLength: 6,
            },
          ),
        )
        .map((list) => list.flatMap(([row, times]) => Array.from({ length: times }, () => [...row])));
      fc.assert(
        fc.property(rows, (list) => {
          const width = list[0]!.length;
          const out = new Uint8Array(list.length * (width + 1) + 1).fill(77);
          kernel.filterRows(Uint8Array.from(list.flat()), width, out);
          const expected = list.flatMap((row, y) =>
            y > 0 && row.every((pixel, x) => pixel === list[y - 1]![x])
              ? [2, ...row.map(() => 0)]
              : [0, ...row],
          );
          expect([...out]).toEqual([...expected, 77]);
        }),
      );
    },
  },
  {
    name: 'sizes and indices of pictures that do not fit are a RangeError before anything is written',
    check(kernel) {
      for (const { what, call } of misfits(kernel)) expect(call, what).toThrow(RangeError);
    },
  },
];

/** Calls with one thing wrong each. */
function misfits(kernel: Kernel): { what: string; call: () => unknown }[] {
  const cells = new CellsBuffer(2);
  cells.push(3, 1, 5, 1);
  const short = Object.assign(new CellsBuffer(1), { length: 2 });
  const placement = { columnOfStep: new Int32Array(256), hueOfKey: new Int32Array(2) };
  const window = { hues: 2, columns: 3, bucketFirst: 0, buckets: 10 };
  const spread: RowSpread = {
    rows: 4,
    start: Int32Array.from({ length: 11 }, (_, i) => i),
    row: new Int32Array(10),
    weight: new Float64Array(10),
    under: new Float64Array(10),
    over: new Float64Array(10),
  };
  const lines = new CountLinesBuffer();
  referenceKernel.addLines(cells, lines);
  const misfitLines = (change: object, hueOfKey = placement.hueOfKey): unknown => {
    const out = drawn();
    const block = {
      lines: Object.assign(new CountLinesBuffer(), lines, change),
      placement: { ...placement, hueOfKey },
    };
    return kernel.rasterize([block], window, spread, out);
  };
  const drawn = (change: Partial<DrawnRoom> = {}): DrawnRoom => {
    const empty = { under: new Float64Array(3), over: new Float64Array(3) };
    return { mix: newMix(12), cells: new Float64Array(24), ...empty, ...change };
  };
  /** The output must be as it was, too. */
  const rasterize = (
    block: Partial<PlacedCells['placement']> & { cells?: CellsBuffer } = {},
    others: { window?: object; spread?: Partial<RowSpread>; out?: DrawnRoom } = {},
  ): unknown => {
    const out = others.out ?? drawn();
    const members: (Float64Array | Uint8Array)[] = [out.mix.sums, out.mix.strongest, out.under, out.over];
    if (out.cells !== undefined) members.push(out.cells);
    for (const array of members) array.fill(77);
    try {
      kernel.rasterize(
        [{ cells: block.cells ?? cells, placement: { ...placement, ...block } }],
        { ...window, ...others.window },
        { ...spread, ...others.spread },
        out,
      );
    } finally {
      expect(new Set(members.flatMap((array) => [...array]))).toEqual(new Set([77]));
    }
    return undefined;
  };
  const rows = new Float64Array(24);
  const mixed = { hues: 2, cells: 12 };
  const mix = newMix(12);
  mix.strongest.fill(2);
  const shape = { cells: 12, levels: 3 };
  const thresholds = Float64Array.of(1, 2);
  const out = new Uint8Array(12);
  const stretch = { columns: 3, rows: 4, columnOfX: Int32Array.of(0, 2), rowOfY: Int32Array.of(3, 0) };
  const palette = new Uint8Array(256);
  const to = { pixels: new Uint8Array(9), from: 0, stride: 5 };
  const paint = (change: Partial<typeof stretch>, others: Partial<typeof to> = {}): unknown =>
    kernel.paint(out, { ...stretch, ...change }, palette, { ...to, ...others });
  return [
    { what: 'cells to draw', call: () => rasterize({ cells: short }) },
    { what: 'columnOfStep to draw', call: () => rasterize({ columnOfStep: new Int32Array(255) }) },
    { what: 'a column to draw', call: () => rasterize({ columnOfStep: new Int32Array(256).fill(3) }) },
    { what: 'a low column to draw', call: () => rasterize({ columnOfStep: new Int32Array(256).fill(-2) }) },
    { what: 'hueOfKey to draw', call: () => rasterize({ hueOfKey: new Int32Array(1) }) },
    { what: 'a hue to draw', call: () => rasterize({ hueOfKey: Int32Array.of(0, 2) }) },
    { what: 'lines to draw', call: () => misfitLines({ length: 2 }) },
    { what: 'keys of lines', call: () => misfitLines({ key: new Uint16Array(0) }) },
    { what: 'buckets of lines', call: () => misfitLines({ bucket: new Uint16Array(0) }) },
    { what: 'counts of lines', call: () => misfitLines({ count: new Uint16Array(255) }) },
    { what: 'hueOfKey of lines', call: () => misfitLines({}, new Int32Array(1)) },
    { what: 'cells to add to lines', call: () => kernel.addLines(short, new CountLinesBuffer()) },
    { what: 'lines to add to', call: () => kernel.addLines(cells, Object.assign(new CountLinesBuffer(), { length: 2 })) },
    { what: 'hues to draw', call: () => rasterize({}, { window: { hues: -1 } }) },
    { what: 'columns to draw', call: () => rasterize({}, { window: { columns: 2 ** 40 } }) },
    { what: 'bucketFirst to draw', call: () => rasterize({}, { window: { bucketFirst: -1 } }) },
    { what: 'buckets to draw', call: () => rasterize({}, { window: { buckets: 11 } }) },
    { what: 'start', call: () => rasterize({}, { spread: { start: new Int32Array(10) } }) },
    { what: 'start below 0', call: () => rasterize({}, { spread: { start: new Int32Array(11).fill(-1) } }) },
    { what: 'start that falls', call: () => rasterize({}, { spread: { start: Int32Array.of(0, 5, 4, 5, 5, 5, 5, 5, 5, 5, 5) } }) },
    { what: 'row list', call: () => rasterize({}, { spread: { row: new Int32Array(9) } }) },
    { what: 'weight list', call: () => rasterize({}, { spread: { weight: new Float64Array(9) } }) },
    { what: 'part under', call: () => rasterize({}, { spread: { under: new Float64Array(9) } }) },
    { what: 'part over', call: () => rasterize({}, { spread: { over: new Float64Array(9) } }) },
    { what: 'a row', call: () => rasterize({}, { spread: { row: new Int32Array(10).fill(4) } }) },
    { what: 'factors', call: () => rasterize({}, { window: { factors: new Float64Array(2) } }) },
    { what: 'cells to fill', call: () => rasterize({}, { out: drawn({ cells: new Float64Array(23) }) }) },
    { what: 'sums to fill', call: () => rasterize({}, { out: drawn({ mix: { ...newMix(12), sums: new Float64Array(11) } }) }) },
    { what: 'strongest to fill', call: () => rasterize({}, { out: drawn({ mix: { ...newMix(12), strongest: new Uint8Array(11) } }) }) },
    { what: 'hues to draw above a byte', call: () => rasterize({}, { window: { hues: 256 }, out: drawn({ cells: undefined }) }) },
    { what: 'under to fill', call: () => rasterize({}, { out: drawn({ under: new Float64Array(2) }) }) },
    { what: 'over to fill', call: () => rasterize({}, { out: drawn({ over: new Float64Array(2) }) }) },
    { what: 'cells to mix', call: () => kernel.mix(new Float64Array(23), mixed, mix) },
    { what: 'sums', call: () => kernel.mix(rows, mixed, { ...mix, sums: new Float64Array(11) }) },
    { what: 'strongest', call: () => kernel.mix(rows, mixed, { ...mix, strongest: new Uint8Array(11) }) },
    { what: 'hues above a byte', call: () => kernel.mix(new Float64Array(256), { hues: 256, cells: 1 }, mix) },
    { what: 'sums to mark', call: () => kernel.halfOctaves(new Float64Array(11), 12, new Uint8Array(HALF_OCTAVES)) },
    { what: 'half-octaves', call: () => kernel.halfOctaves(rows, 12, new Uint8Array(HALF_OCTAVES - 1)) },
    { what: 'sums of rows', call: () => kernel.rowSums(rows, { columns: 5, rows: 5 }, new Float64Array(5)) },
    { what: 'rows to add up', call: () => kernel.rowSums(rows, { columns: 4, rows: 6 }, new Float64Array(5)) },
    { what: 'sums to shade', call: () => kernel.shade({ ...mix, sums: new Float64Array(11) }, shape, thresholds, out) },
    { what: 'hues to shade', call: () => kernel.shade({ ...mix, strongest: new Uint8Array(11) }, shape, thresholds, out) },
    { what: 'pixels', call: () => kernel.shade(mix, shape, thresholds, new Uint8Array(11)) },
    { what: 'thresholds', call: () => kernel.shade(mix, shape, Float64Array.of(1), out) },
    { what: 'thresholds that fall', call: () => kernel.shade(mix, shape, Float64Array.of(2, 1), out) },
    { what: 'no levels', call: () => kernel.shade(mix, { ...shape, levels: 0 }, thresholds, out) },
    { what: 'a palette above a byte', call: () => kernel.shade(mix, { ...shape, levels: 128 }, new Float64Array(127), out) },
    { what: 'rows to filter', call: () => kernel.filterRows(out, 4, new Uint8Array(14)) },
    { what: 'no width', call: () => kernel.filterRows(out, 0, new Uint8Array(14)) },
    { what: 'cells to paint', call: () => paint({ columns: 4 }) },
    { what: 'a column to paint', call: () => paint({ columnOfX: Int32Array.of(0, 3) }) },
    { what: 'a low column to paint', call: () => paint({ columnOfX: Int32Array.of(0, -1) }) },
    { what: 'a row to paint', call: () => paint({ rowOfY: Int32Array.of(4) }) },
    { what: 'a stride', call: () => paint({}, { stride: 1 }) },
    { what: 'pixels to paint', call: () => paint({}, { from: 3 }) },
    { what: 'a palette to paint', call: () => kernel.paint(out, stretch, new Uint8Array(255), to) },
  ]; // prettier-ignore
}
