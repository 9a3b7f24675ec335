/** Question: how near do the two codecs come to the fewest bytes possible, and how fast are they?
 *  Command: npm run bench -- codec
 *  The fewest possible is the entropy of the generator (bench/poisson.ts), whose means no codec is told. Codec 1
 *  is columns and raw deflate of level 1, codec 2 class-rANS. A histogram-second (hs) is one key's histogram of
 *  one second; per source each of 20 sources has keys of its own, merged they share them. "Into a raster" is what a
 *  query does with a stored block: decode into fresh arrays, find the buckets, add all cells to counts. Blocks of
 *  few cells show from where on codec 2 is worth its tables (src/store/segment-cells.ts). */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Kernel } from '../src/kernel/kernel.ts';
import { loadKernel } from '../src/kernel/native.ts';
import { referenceKernel } from '../src/kernel/reference.ts';
import { assert } from '../src/model/assert.ts';
import { LL5_BUCKETS } from '../src/model/grid.ts';
import { BLOCK_STEPS } from '../src/model/limits.ts';
import { newBucketRaster } from '../src/model/raster.ts';
import { type Cells, CellsBuffer } from '../src/model/series.ts';
import type { BenchResult, BenchRow, BenchSize } from './bench.ts';
import { medianMs } from './measure.ts';
import { type PoissonBlock, poissonBlock } from './poisson.ts';

export const question =
  'How near do the two codecs come to the entropy of what they store, and how fast are they?';
export const smokeDigest = '052dfdef';

const HUES = 10;
/** Mcells/s of one core, decoded and added into a raster. */
const RASTER_GOAL = 75;

interface Set {
  readonly name: string;
  readonly block: PoissonBlock;
  readonly merged: boolean;
  readonly histograms: number;
}

/** One way to make bytes of cells and back. */
interface Way {
  readonly name: string;
  encode(cells: Cells): Uint8Array;
  decode(bytes: Uint8Array, into: CellsBuffer): void;
}

export async function run(size: BenchSize): Promise<BenchResult> {
  const native = loadKernel('native');
  const rows: BenchRow[] = [];
  let digest = 0;
  for (const set of sets(size)) {
    native.sortMerge(set.block.cells);
    rows.push(...sizes(set, native));
    rows.push(...speeds(set, native, size === 'full' ? 11 : 1));
    if (set.merged) rows.push(...drawing(set, native, size === 'full' ? 11 : 1));
    for (const bytes of [native.encodeColumns(set.block.cells), native.encodeClasses(set.block.cells)]) {
      digest = native.crc32c(bytes, digest);
    }
  }
  rows.push(...smallBlocks(native, size));
  return { bench: 'codec', question, size, rows, digest: digest.toString(16).padStart(8, '0') };
}

function sets(size: BenchSize): Set[] {
  const full = size === 'full';
  const keys = full ? 10 : 2;
  const steps = full ? BLOCK_STEPS : 16;
  const eventsPerKeySecond = full ? 65 : 30;
  const set = (name: string, sources: number, merged: boolean, events = eventsPerKeySecond): Set => ({
    name,
    merged,
    block: poissonBlock(1, { sources, keys, steps, eventsPerKeySecond: events }, merged),
    histograms: steps * keys * (merged ? 1 : sources),
  });
  const sources = full ? 20 : 2;
  return [
    set('per source', sources, false),
    set('one source', 1, false),
    set(`merged over ${sources}`, sources, true),
    set('busy source', 1, false, 10 * eventsPerKeySecond),
  ];
}

function ways(kernel: Kernel): Way[] {
  const limits = { keys: 0x10000, buckets: LL5_BUCKETS };
  return [
    {
      name: 'codec 1',
      encode: (cells) => deflateRawSync(kernel.encodeColumns(cells), { level: 1 }),
      decode: (bytes, into) => kernel.decodeColumns(inflateRawSync(bytes), limits, into),
    },
    {
      name: 'codec 2',
      encode: (cells) => kernel.encodeClasses(cells),
      decode: (bytes, into) => kernel.decodeClasses(bytes, limits, into),
    },
  ];
}

function sizes({ name, block, histograms }: Set, kernel: Kernel): BenchRow[] {
  const entropyBytes = block.entropyBits / 8;
  const unit = 'B/hs';
  return [
    { name: `${name}: cells`, value: block.cells.length / histograms, unit: 'cells/hs' },
    { name: `${name}: entropy`, value: entropyBytes / histograms, unit },
    ...ways(kernel).map((way): BenchRow => {
      const bytes = way.encode(block.cells).length;
      const versus = { name: 'the entropy', ratio: bytes / entropyBytes, what: 'x' };
      return { name: `${name}: ${way.name}`, value: bytes / histograms, unit, versus };
    }),
  ];
}

/** Both codecs of both kernels in turn; codec 2 beside codec 1 of the same kernel. */
function speeds({ name, block: { cells } }: Set, native: Kernel, rounds: number): BenchRow[] {
  const all = [native, referenceKernel].flatMap((kernel) => ways(kernel).map((way) => ({ kernel, way })));
  const stored = all.map(({ way }) => way.encode(cells));
  const into = new CellsBuffer(cells.length);
  const encodeMs = medianMs(
    all.map(
      ({ way }) =>
        () =>
          void way.encode(cells),
    ),
    rounds,
  );
  const decodeMs = medianMs(
    all.map(({ way }, i) => () => {
      into.length = 0;
      way.decode(stored[i]!, into);
      assert(into.length === cells.length, () => `${way.name} lost cells`);
    }),
    rounds,
  );
  const row = (action: string, ms: readonly number[], i: number): BenchRow => {
    const value = cells.length / 1000 / ms[i]!;
    const what = `${name}: ${action}, ${all[i]!.kernel.name}, ${all[i]!.way.name}`;
    if (i % 2 === 0) return { name: what, value, unit: 'Mcells/s' };
    const versus = { name: 'codec 1', ratio: ms[i - 1]! / ms[i]!, what: 'x the speed of' };
    return { name: what, value, unit: 'Mcells/s', versus };
  };
  return [encodeMs, decodeMs].flatMap((ms, d) =>
    all.map((_, i) => row(d === 0 ? 'encode' : 'decode', ms, i)),
  );
}

/** Stored bytes to the counts that a picture is made of, a column a step and a hue a key. */
function drawing({ name, block: { cells } }: Set, kernel: Kernel, rounds: number): BenchRow[] {
  const keys = 1 + cells.key[cells.length - 1]!;
  const placement = {
    columnOfStep: Int32Array.from({ length: BLOCK_STEPS }, (_, step) => step),
    hueOfKey: Int32Array.from({ length: keys }, (_, key) => key % HUES),
  };
  const [bucketFirst, last] = kernel.bucketRange(cells, placement);
  const raster = newBucketRaster({
    hues: HUES,
    columns: BLOCK_STEPS,
    bucketFirst,
    buckets: last - bucketFirst + 1,
  });
  const stored = ways(kernel).map((way) => way.encode(cells));
  const ms = medianMs(
    ways(kernel).map((way, i) => () => {
      const read = new CellsBuffer(0);
      way.decode(stored[i]!, read);
      assert(kernel.bucketRange(read, placement)[0] === bucketFirst, 'the cells are as they were');
      raster.counts.fill(0);
      kernel.accumulate(read, placement, raster);
    }),
    rounds,
  );
  return ms.map((time, i): BenchRow => {
    const row = { name: `${name}: into a raster, codec ${i + 1}`, value: cells.length / 1000 / time };
    const limit = { name: `the goal of ${RASTER_GOAL}`, ratio: row.value / RASTER_GOAL, what: 'x' };
    return { ...row, unit: 'Mcells/s', versus: limit };
  });
}

/** Bytes and reading time of codec 2 beside codec 1, for blocks about so large. */
function smallBlocks(native: Kernel, size: BenchSize): BenchRow[] {
  const shapes = size === 'full' ? [0.1, 0.3, 1, 2, 4, 8, 16] : [1];
  return shapes.flatMap((eventsPerKeySecond): BenchRow[] => {
    const shape = { sources: 1, keys: 1, steps: BLOCK_STEPS, eventsPerKeySecond };
    const { cells } = poissonBlock(3, shape, false);
    native.sortMerge(cells);
    const [columns, classes] = ways(native).map((way) => way.encode(cells).length);
    const name = `a block of ${cells.length} cells`;
    const versus = (ratio: number, what: string) => ({ name: 'codec 1', ratio, what });
    return [
      { name, value: classes!, unit: 'B', versus: versus(classes! / columns!, 'x the bytes of') },
      ...[native, referenceKernel].map((kernel): BenchRow => {
        const into = new CellsBuffer(cells.length);
        const ms = medianMs(
          ways(kernel).map((way) => {
            const stored = way.encode(cells);
            return () => {
              into.length = 0;
              way.decode(stored, into);
            };
          }),
          size === 'full' ? 101 : 1,
        );
        const [before, now] = ms;
        return {
          name: `${name}: decode, ${kernel.name}`,
          value: now! * 1000,
          unit: 'us',
          versus: versus(now! / before!, 'x the time of'),
        };
      }),
    ];
  });
}
