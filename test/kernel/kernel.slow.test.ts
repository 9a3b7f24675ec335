/** Both kernels keep the same laws, agree bit for bit, and a kernel with a fault is noticed. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classesCellCount } from '../../src/kernel/classes.ts';
import { deflateBound } from '../../src/kernel/deflate.ts';
import type { Kernel, Placed } from '../../src/kernel/kernel.ts';
import { loadKernel } from '../../src/kernel/native.ts';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { LL5_BUCKETS } from '../../src/model/grid.ts';
import { HALF_OCTAVES } from '../../src/model/half-octave.ts';
import { newBucketRaster, newMix } from '../../src/model/raster.ts';
import { CellsBuffer } from '../../src/model/series.ts';
import { BytesFault } from '../../src/model/varint.ts';
import { arbitraryBytes } from '../arbitrary/bytes.ts';
import {
  arbitraryCells,
  arbitraryPlacement,
  arbitraryRaster,
  cellList,
  copyCells,
} from '../arbitrary/series.ts';
import { CODECS, decoded, hostileBytes, kernelLaws, lawRows } from './laws.ts';
import { mixCase, paletteOf, rasterCase, stretchCase, usedRoom } from './picture-laws.ts';

const native = loadKernel('native');

describe.each([referenceKernel, native])('$name', (kernel) => {
  it.each(kernelLaws)('$name', (law) => law.check(kernel));
});

function cellsOf(list: readonly [number, number, number, number][]): CellsBuffer {
  const cells = new CellsBuffer();
  for (const cell of list) cells.push(...cell);
  return cells;
}

describe('a canary fails the laws', () => {
  const withoutLastBucket: Kernel['accumulate'] = (cells, placement, raster) => {
    const { hues, columns, bucketFirst, buckets } = raster;
    const narrow = newBucketRaster({ hues, columns, bucketFirst, buckets: buckets - 1 });
    referenceKernel.accumulate(cells, placement, narrow);
    narrow.counts.forEach((count, i) => {
      raster.counts[Math.floor(i / (buckets - 1)) * buckets + (i % (buckets - 1))]! += count;
    });
    narrow.under.forEach((count, i) => (raster.under[i]! += count));
    narrow.over.forEach((count, i) => (raster.over[i]! += count));
  };
  /** `law`: what those are about that it must fail. */
  const canaries: { what: string; law: string; kernel: Kernel }[] = [
    {
      what: 'drops the last bucket',
      law: 'accumulate',
      kernel: { ...referenceKernel, accumulate: withoutLastBucket },
    },
    {
      what: 'forgets the last cell of columns',
      law: 'Columns',
      kernel: {
        ...referenceKernel,
        decodeColumns(bytes, limits, into) {
          referenceKernel.decodeColumns(bytes, limits, into);
          if (into.length > 1) into.length--;
        },
      },
    },
    {
      what: 'takes any tables of classes',
      law: 'Classes',
      kernel: {
        ...referenceKernel,
        decodeClasses(bytes, limits, into) {
          try {
            referenceKernel.decodeClasses(bytes, limits, into);
          } catch (error) {
            // The cells are there; only the check of the tables is left out.
            if (!(error instanceof BytesFault) || !error.message.includes('tables are not those'))
              throw error;
            into.length += classesCellCount(bytes);
          }
        },
      },
    },
    {
      what: 'forgets the last cell of classes',
      law: 'Classes',
      kernel: {
        ...referenceKernel,
        encodeClasses: (cells) =>
          referenceKernel.encodeClasses({ ...cells, length: Math.max(cells.length - 1, 0) }),
      },
    },
    {
      what: 'draws over what was there',
      law: 'rasterize',
      kernel: {
        ...referenceKernel,
        rasterize(blocks, window, spread, out) {
          const fresh = { ...out, cells: out.cells?.slice() };
          referenceKernel.rasterize(blocks, window, spread, fresh);
          fresh.cells?.forEach((count, i) => (out.cells![i]! += count));
        },
      },
    },
    {
      what: 'sees nothing in the last row of a picture',
      law: 'rasterize',
      kernel: {
        ...referenceKernel,
        rasterize(blocks, window, spread, out) {
          referenceKernel.rasterize(blocks, window, spread, out);
          out.mix.strongest[spread.rows - 1] = 0;
        },
      },
    },
    {
      what: 'forgets the factors',
      law: 'rasterize',
      kernel: {
        ...referenceKernel,
        rasterize: (blocks, window, ...rest) =>
          referenceKernel.rasterize(blocks, { ...window, factors: undefined }, ...rest),
      },
    },
    {
      what: 'forgets all blocks but the first',
      law: 'rasterize',
      kernel: {
        ...referenceKernel,
        rasterize: (blocks, ...rest) => referenceKernel.rasterize(blocks.slice(0, 1), ...rest),
      },
    },
    {
      what: 'forgets the last of the lines',
      law: 'rasterize',
      kernel: {
        ...referenceKernel,
        rasterize(blocks, ...rest) {
          const fewer = blocks.map((block): Placed => {
            if ('cells' in block) return block;
            const { length, key, bucket, count } = block.lines;
            return { ...block, lines: { length: Math.max(0, length - 1), key, bucket, count } };
          });
          referenceKernel.rasterize(fewer, ...rest);
        },
      },
    },
    {
      what: 'adds all of a line up in its first step',
      law: 'addLines has',
      kernel: {
        ...referenceKernel,
        addLines: (cells, into) =>
          referenceKernel.addLines({ ...cells, step: new Uint8Array(cells.length) }, into),
      },
    },
    {
      what: 'gives a tie to the last hue',
      law: 'mix',
      kernel: {
        ...referenceKernel,
        mix(values, shape, into) {
          referenceKernel.mix(values, shape, into);
          const { hues, cells } = shape;
          for (let cell = 0; cell < cells; cell++) {
            const of = (hue: number) => values[hue * cells + cell]!;
            const largest = Math.max(...Array.from({ length: hues }, (_, h) => of(h)));
            for (let h = 0; h < hues; h++) if (largest > 0 && of(h) === largest) into.strongest[cell] = h + 1;
          }
        },
      },
    },
    {
      what: 'says of a row that repeats that it does not',
      law: 'filterRows',
      kernel: {
        ...referenceKernel,
        filterRows(pixels, width, out) {
          referenceKernel.filterRows(pixels, width, out);
          for (let at = 0; at + width < out.length; at += width + 1) out[at] = 0;
        },
      },
    },
    {
      what: 'ignores the seed',
      law: 'crc32c',
      kernel: { ...referenceKernel, crc32c: (bytes) => referenceKernel.crc32c(bytes) },
    },
    {
      what: 'leaves the sorted head before the tail',
      law: 'sortMerge',
      kernel: {
        ...referenceKernel,
        sortMerge(cells) {
          const list = cellList(cells);
          const head = list.findIndex((cell, i) => i > 0 && cell[2] < list[i - 1]![2]);
          if (head < 0) return referenceKernel.sortMerge(cells);
          const tail = cellsOf(list.slice(head));
          referenceKernel.sortMerge(tail);
          cells.length = 0;
          for (const cell of [...list.slice(0, head), ...cellList(tail)]) cells.push(...cell);
        },
      },
    },
    {
      what: 'adds the tail before the head',
      law: 'sortMerge',
      kernel: {
        ...referenceKernel,
        sortMerge(cells) {
          const reversed = cellsOf(cellList(cells).toReversed());
          referenceKernel.sortMerge(reversed);
          cells.length = 0;
          for (const cell of cellList(reversed)) cells.push(...cell);
        },
      },
    },
    {
      what: 'looks at no row above',
      law: 'deflate',
      kernel: {
        ...referenceKernel,
        deflate: (bytes, _rowBytes, out) => referenceKernel.deflate(bytes, 0, out),
      },
    },
    {
      what: 'does not merge',
      law: 'sortMerge',
      kernel: {
        ...referenceKernel,
        sortMerge(cells) {
          const length = cells.length;
          referenceKernel.sortMerge(cells);
          cells.length = length;
        },
      },
    },
  ];
  // That it fails is all that is asked: no smaller case is looked for.
  const before = fc.readConfigureGlobal();
  beforeAll(() => fc.configureGlobal({ ...before, endOnFailure: true }));
  afterAll(() => fc.configureGlobal(before ?? {}));

  it.each(canaries)('$what', ({ law: about, kernel }) => {
    const laws = kernelLaws.filter(({ name }) => name.includes(about));
    const noticed = laws.some((law) => {
      try {
        law.check(kernel);
        return false;
      } catch {
        return true;
      }
    });
    expect(noticed).toBe(true);
  });
});

describe('the kernels agree bit for bit', () => {
  const keys = 300;
  const anyCells = arbitraryCells({ keys, buckets: LL5_BUCKETS, maxLength: 500 });
  /** A sorted head, and a tail behind it. */
  const grownCells = fc.tuple(lawRows, anyCells).map(([head, tail]) => {
    referenceKernel.sortMerge(head);
    for (const cell of cellList(tail)) head.push(...cell);
    return head;
  });
  const bits = (array: Float64Array): Buffer => Buffer.from(array.buffer);

  it('sortMerge, encodeColumns and encodeClasses', () => {
    fc.assert(
      fc.property(fc.oneof(anyCells, grownCells), (cells) => {
        const [a, b] = [copyCells(cells), copyCells(cells)];
        referenceKernel.sortMerge(a);
        native.sortMerge(b);
        expect(cellList(b)).toEqual(cellList(a));
        expect(native.encodeColumns(b)).toEqual(referenceKernel.encodeColumns(a));
        expect(native.encodeClasses(b)).toEqual(referenceKernel.encodeClasses(a));
      }),
    );
  });

  it('encodeClasses of rows of every kind', () => {
    fc.assert(
      fc.property(lawRows, (cells) => {
        referenceKernel.sortMerge(cells);
        cells.count.forEach((n, i) => (cells.count[i] = Math.min(n, Number.MAX_SAFE_INTEGER)));
        const bytes = referenceKernel.encodeClasses(cells);
        expect(Buffer.from(native.encodeClasses(cells)).equals(bytes)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('deflate', () => {
    fc.assert(
      fc.property(arbitraryBytes(100_000), ({ bytes, rowBytes }) => {
        const [a, b] = [referenceKernel, native].map((kernel) => {
          const out = new Uint8Array(deflateBound(bytes.length));
          return Buffer.from(out.subarray(0, kernel.deflate(bytes, rowBytes, out)));
        });
        expect(b!.equals(a!)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it.each(CODECS)('decode%s of hostile bytes: the same cells or the same error', (codec) => {
    let refused = 0;
    fc.assert(
      fc.property(hostileBytes(referenceKernel, codec), (bytes) => {
        const a = decoded(referenceKernel, codec, bytes);
        const b = decoded(native, codec, bytes);
        if (a instanceof BytesFault) {
          refused++;
          expect(b).toBeInstanceOf(BytesFault);
          expect([(b as BytesFault).message, (b as BytesFault).offsetBytes]).toEqual([
            a.message,
            a.offsetBytes,
          ]);
        } else {
          expect(b instanceof BytesFault ? b.message : cellList(b)).toEqual(cellList(a));
        }
      }),
      { numRuns: 1500 },
    );
    expect(refused).toBeGreaterThan(300);
  });

  it('accumulate', () => {
    const placed = fc
      .tuple(anyCells, arbitraryRaster)
      .chain(([cells, raster]) =>
        arbitraryPlacement({ keys, ...raster }).map((placement) => ({ cells, raster, placement })),
      );
    fc.assert(
      fc.property(placed, ({ cells, raster, placement }) => {
        const [a, b] = [referenceKernel, native].map((kernel) => {
          const own = newBucketRaster(raster);
          kernel.accumulate(cells, placement, own);
          return [bits(own.counts), bits(own.under), bits(own.over)];
        });
        expect(b).toEqual(a);
      }),
    );
  });

  it('rasterize, shade and filterRows, one after the other', () => {
    fc.assert(
      fc.property(rasterCase, fc.boolean(), ({ placed, window, spread }, withCells) => {
        const [a, b] = [referenceKernel, native].map((kernel) => {
          const { mix, cells: ofHues, under, over } = usedRoom(window, spread.rows, withCells);
          kernel.rasterize(placed, window, spread, { mix, cells: ofHues, under, over });
          const cells = window.columns * spread.rows;
          const pixels = new Uint8Array(cells);
          kernel.shade(mix, { cells, levels: 4 }, Float64Array.of(1, 2.5, 100), pixels);
          const filtered = new Uint8Array(window.columns * (spread.rows + 1));
          kernel.filterRows(pixels, spread.rows, filtered);
          const drawn = [mix.sums, ofHues ?? new Float64Array(0), under, over].map(bits);
          return [...drawn, mix.strongest, pixels, filtered];
        });
        expect(b).toEqual(a);
      }),
      { numRuns: 300 },
    );
  });

  it('mix, halfOctaves and shade of many cells', () => {
    fc.assert(
      fc.property(mixCase, ({ values, hues, cells, thresholds }) => {
        const [a, b] = [referenceKernel, native].map((kernel) => {
          const mix = newMix(cells);
          kernel.mix(values, { hues, cells }, mix);
          const occupied = new Uint8Array(HALF_OCTAVES);
          kernel.halfOctaves(mix.sums, cells, occupied);
          const out = new Uint8Array(cells);
          const shape = { cells, levels: thresholds.length + 1 };
          kernel.shade(mix, shape, Float64Array.from(thresholds), out);
          return [bits(mix.sums), mix.strongest, occupied, out];
        });
        expect(b).toEqual(a);
      }),
    );
  });

  it('paint', () => {
    fc.assert(
      fc.property(stretchCase, ({ cells, stretch, from, more, shift }) => {
        const stride = stretch.columnOfX.length + more;
        const [a, b] = [referenceKernel, native].map((kernel) => {
          const pixels = new Uint8Array(from + stretch.rowOfY.length * stride);
          kernel.paint(cells, stretch, paletteOf(shift), { pixels, from, stride });
          return pixels;
        });
        expect(b).toEqual(a);
      }),
    );
  });
});
