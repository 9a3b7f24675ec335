/** Question: how near do the two codecs come to the fewest bytes possible, and how fast are they?
 *  Command: npm run bench -- codec
 *  The fewest possible is the entropy of the generator (bench/poisson.ts), whose means no codec is told. Codec 1
 *  is columns and raw deflate of level 1, codec 2 class-rANS. A histogram-second (hs) is one key's histogram of
 *  one second; per source each of 20 sources has keys of its own, merged they share them. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Kernel } from '../src/kernel/kernel.ts';
import { loadKernel } from '../src/kernel/native.ts';
import { referenceKernel } from '../src/kernel/reference.ts';
import { assert } from '../src/model/assert.ts';
import { LL5_BUCKETS } from '../src/model/grid.ts';
import { BLOCK_STEPS } from '../src/model/limits.ts';
import { type Cells, CellsBuffer } from '../src/model/series.ts';
import type { BenchResult, BenchRow, BenchSize } from './bench.ts';
import { medianMs } from './measure.ts';
import { type PoissonBlock, poissonBlock } from './poisson.ts';

export const question =
  'How near do the two codecs come to the entropy of what they store, and how fast are they?';
export const smokeDigest = '052dfdef';

interface Set {
  readonly name: string;
  readonly block: PoissonBlock;
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
    for (const bytes of [native.encodeColumns(set.block.cells), native.encodeClasses(set.block.cells)]) {
      digest = native.crc32c(bytes, digest);
    }
  }
  return { bench: 'codec', question, size, rows, digest: digest.toString(16).padStart(8, '0') };
}

function sets(size: BenchSize): Set[] {
  const full = size === 'full';
  const keys = full ? 10 : 2;
  const steps = full ? BLOCK_STEPS : 16;
  const eventsPerKeySecond = full ? 65 : 30;
  const set = (name: string, sources: number, merged: boolean, events = eventsPerKeySecond): Set => ({
    name,
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
