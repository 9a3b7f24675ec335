/** Question: what does the native kernel gain over the reference, function by function?
 *  Command: npm run bench -- kernel */
import type { Kernel, Placement, RowSpread } from '../src/kernel/kernel.ts';
import { loadKernel } from '../src/kernel/native.ts';
import { referenceKernel } from '../src/kernel/reference.ts';
import { assert } from '../src/model/assert.ts';
import { LL5_BUCKETS } from '../src/model/grid.ts';
import { BLOCK_STEPS } from '../src/model/limits.ts';
import { type BucketRaster, type DrawnRoom, newBucketRaster, newMix } from '../src/model/raster.ts';
import { type Cells, CellsBuffer } from '../src/model/series.ts';
import { spreadBuckets } from '../src/query/rows.ts';
import type { BenchResult, BenchRow, BenchSize } from './bench.ts';
import { medianMs } from './measure.ts';
import { blockCells, latencyNs, seededRandom } from './workload.ts';

export const question = 'What does the native kernel gain over the reference, function by function?';
export const smokeDigest = '53114a42';

const KEYS = 10;
const HUES = 10;
const LEVELS = 12;
const ROWS = 300;

interface Input {
  readonly arrived: CellsBuffer;
  readonly sorted: CellsBuffer;
  readonly columns: Uint8Array;
  readonly values: Float64Array;
  readonly placement: Placement;
  readonly raster: BucketRaster;
  readonly spread: RowSpread;
  readonly thresholds: Float64Array;
}

/** A task of one kernel over the same input: runs once, and leaves bytes that tell what it computed. */
interface Task {
  readonly name: string;
  readonly unit: string;
  /** Millions of the unit that one run handles. */
  readonly work: number;
  make(kernel: Kernel): { run(): void; result(): Uint8Array };
}

export async function run(size: BenchSize): Promise<BenchResult> {
  const kernels = [loadKernel('native'), referenceKernel];
  const input = makeInput(size);
  const rows: BenchRow[] = [];
  let digest = 0;
  for (const task of tasks(input)) {
    const made = kernels.map((kernel) => task.make(kernel));
    const [native, reference] = medianMs(
      made.map((m) => () => m.run()),
      size === 'full' ? 11 : 1,
    );
    const [found, expected] = made.map((m) => m.result());
    assert(Buffer.from(found!).equals(expected!), () => `${task.name}: the kernels differ`);
    digest = referenceKernel.crc32c(expected!, digest);
    const versus = { name: 'reference', ratio: reference! / native!, what: 'x the speed of' };
    rows.push({ name: task.name, value: task.work / (native! / 1000), unit: task.unit, versus });
  }
  return { bench: 'kernel', question, size, rows, digest: digest.toString(16).padStart(8, '0') };
}

function makeInput(size: BenchSize): Input {
  const full = size === 'full';
  const arrived = blockCells({
    seed: 1,
    keys: KEYS,
    steps: full ? BLOCK_STEPS : 8,
    eventsPerKeySecond: full ? 1840 : 40,
  });
  const sorted = copyOf(arrived);
  referenceKernel.sortMerge(sorted);
  const random = seededRandom(2);
  const values = Float64Array.from({ length: full ? 1_000_000 : 2000 }, (_, i) =>
    latencyNs(random, i % KEYS, i >> 10),
  );
  const placement = {
    columnOfStep: Int32Array.from({ length: BLOCK_STEPS }, (_, step) => step),
    hueOfKey: Int32Array.from({ length: KEYS }, (_, key) => key % HUES),
  };
  const [bucketFirst, last] = referenceKernel.bucketRange(sorted, placement);
  const buckets = last - bucketFirst + 1;
  const raster = newBucketRaster({ hues: HUES, columns: BLOCK_STEPS, bucketFirst, buckets });
  referenceKernel.accumulate(sorted, placement, raster);
  const thresholds = Float64Array.from({ length: LEVELS - 1 }, (_, t) => 2 ** t);
  const columns = referenceKernel.encodeColumns(sorted);
  return { arrived, sorted, columns, values, placement, raster, spread: evenSpread(buckets), thresholds };
}

function copyOf(cells: Cells): CellsBuffer {
  const copy = new CellsBuffer(cells.length);
  copy.length = cells.length;
  copy.step.set(cells.step.subarray(0, cells.length));
  copy.key.set(cells.key.subarray(0, cells.length));
  copy.bucket.set(cells.bucket.subarray(0, cells.length));
  copy.count.set(cells.count.subarray(0, cells.length));
  return copy;
}

/** All buckets over ROWS rows of one height each. */
function evenSpread(buckets: number): RowSpread {
  const edges = Array.from({ length: ROWS + 1 }, (_, row) => (row * buckets) / ROWS);
  return spreadBuckets({ kind: 'linear', width: 1 }, { first: 0, count: buckets }, edges);
}

function bytesOf(array: Uint8Array | Uint16Array | Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function cellBytes({ length, step, key, bucket, count }: Cells): Uint8Array {
  const arrays = [step, key, bucket, count].map((array) => bytesOf(array.subarray(0, length)));
  return Buffer.concat(arrays);
}

function tasks(input: Input): Task[] {
  const megacells = input.sorted.length / 1e6;
  return [...cellTasks(input, megacells), ...drawingTasks(input, megacells), ...flatTasks(input)];
}

function cellTasks({ arrived, sorted, columns }: Input, work: number): Task[] {
  const unit = 'Mcells/s';
  const limits = { keys: KEYS, buckets: LL5_BUCKETS };
  return [
    {
      name: 'sortMerge',
      unit,
      work,
      make(kernel) {
        let cells = arrived;
        const run = (): void => kernel.sortMerge((cells = copyOf(arrived)));
        return { run, result: () => cellBytes(cells) };
      },
    },
    {
      name: 'encodeColumns',
      unit,
      work,
      make(kernel) {
        let bytes = columns;
        return { run: () => void (bytes = kernel.encodeColumns(sorted)), result: () => bytes };
      },
    },
    {
      name: 'decodeColumns',
      unit,
      work,
      make(kernel) {
        const cells = new CellsBuffer(sorted.length);
        const run = (): void => {
          cells.length = 0;
          kernel.decodeColumns(columns, limits, cells);
        };
        return { run, result: () => cellBytes(cells) };
      },
    },
  ];
}

function drawingTasks(
  { sorted, columns, placement, raster, spread, thresholds }: Input,
  work: number,
): Task[] {
  const limits = { keys: KEYS, buckets: LL5_BUCKETS };
  const pixels = raster.columns * ROWS;
  return [
    {
      name: 'accumulate',
      unit: 'Mcells/s',
      work,
      make(kernel) {
        const own = newBucketRaster(raster);
        return { run: () => refill(kernel, sorted, placement, own), result: () => bytesOf(own.counts) };
      },
    },
    {
      name: 'decode into a raster',
      unit: 'Mcells/s',
      work,
      make(kernel) {
        const own = newBucketRaster(raster);
        const cells = new CellsBuffer(sorted.length);
        const run = (): void => {
          cells.length = 0;
          kernel.decodeColumns(columns, limits, cells);
          refill(kernel, cells, placement, own);
        };
        return { run, result: () => bytesOf(own.counts) };
      },
    },
    {
      name: `rasterize and mix, ${HUES} hues`,
      unit: 'Mcells/s',
      work,
      make(kernel) {
        const draw = (room: DrawnRoom): void =>
          kernel.rasterize([{ cells: sorted, placement }], raster, spread, room);
        const room = roomFor(raster.columns);
        const withCells = roomFor(raster.columns, new Float64Array(HUES * pixels));
        return { run: () => draw(room), result: () => (draw(withCells), bytesOf(withCells.cells!)) };
      },
    },
    {
      name: `mix and shade, ${HUES} hues`,
      unit: 'Mpixel/s',
      work: pixels / 1e6,
      make(kernel) {
        const room = roomFor(raster.columns, new Float64Array(HUES * pixels));
        kernel.rasterize([{ cells: sorted, placement }], raster, spread, room);
        const mix = newMix(pixels);
        const out = new Uint8Array(pixels);
        const run = (): void => {
          kernel.mix(room.cells!, { hues: HUES, cells: pixels }, mix);
          kernel.shade(mix, { cells: pixels, levels: LEVELS }, thresholds, out);
        };
        return { run, result: () => out };
      },
    },
  ];
}

function roomFor(columns: number, cells?: Float64Array): DrawnRoom {
  const [under, over] = [new Float64Array(columns), new Float64Array(columns)];
  return { mix: newMix(columns * ROWS), cells, under, over };
}

/** As a query does it: into a raster of zeros. */
function refill(kernel: Kernel, cells: Cells, placement: Placement, raster: BucketRaster): void {
  raster.counts.fill(0);
  kernel.accumulate(cells, placement, raster);
}

function flatTasks({ values, columns }: Input): Task[] {
  return [
    {
      name: 'bucketIndices',
      unit: 'Mvalues/s',
      work: values.length / 1e6,
      make(kernel) {
        const out = new Uint16Array(values.length);
        return { run: () => kernel.bucketIndices(values, values.length, out), result: () => bytesOf(out) };
      },
    },
    {
      name: 'crc32c',
      unit: 'MB/s',
      work: columns.length / 1e6,
      make(kernel) {
        let sum = 0;
        return {
          run: () => void (sum = kernel.crc32c(columns)),
          result: () => Buffer.from(sum.toString(16)),
        };
      },
    },
  ];
}
