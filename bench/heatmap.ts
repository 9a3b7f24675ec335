/** Question: what does drawing a dense heatmap of ten keys cost, in time and bytes, beside the reference kernel
 *  and beside an RGBA encode by canvas?
 *  Command: npm run bench -- heatmap */
import { createCanvas } from '@napi-rs/canvas';
import type { Kernel } from '../src/kernel/kernel.ts';
import { loadKernel } from '../src/kernel/native.ts';
import { referenceKernel } from '../src/kernel/reference.ts';
import { assert } from '../src/model/assert.ts';
import { LL5 } from '../src/model/grid.ts';
import type { Raster } from '../src/model/raster.ts';
import { LEVELS } from '../src/render/colour.ts';
import { heatmapPng } from '../src/render/heatmap-png.ts';
import { DRAW_DEFAULTS, type DrawOptions } from '../src/render/options.ts';
import { type View, viewOf } from '../src/render/view.ts';
import type { BenchResult, BenchRow, BenchSize } from './bench.ts';
import { medianMs } from './measure.ts';
import { liveRows } from './store/live.ts';
import { about, seededRandom } from './workload.ts';

export const question = 'What does drawing a dense heatmap of ten keys cost, and how many bytes is it?';
export const smokeDigest = 'db6c9fb5';

const KEYS = 10;
const FROM_SECOND = 1_795_316_400;

export async function run(size: BenchSize): Promise<BenchResult> {
  const full = size === 'full';
  const [columns, rows] = full ? [900, 300] : [60, 40];
  const raster = denseRaster(columns, rows);
  const rounds = full ? 15 : 1;
  const once: DrawOptions = { ...DRAW_DEFAULTS, width: columns, height: rows };
  const native = loadKernel('native');
  const shaded = [native, referenceKernel].map((kernel) => shadedBy(kernel, raster, once));
  assert(Buffer.from(shaded[0]!).equals(shaded[1]!), 'the kernels differ');
  const rowsOfResult = [
    ...liveRows(native, size, full ? 41 : 1),
    ...shadeRows(raster, once, rounds, native),
    ...[1, 2].flatMap((scale) =>
      pictureRows(raster, { ...once, scale: scale === 1 ? 1 : 2 }, rounds, native),
    ),
  ];
  const digest = referenceKernel.crc32c(shaded[1]!).toString(16).padStart(8, '0');
  return { bench: 'heatmap', question, size, rows: rowsOfResult, digest };
}

/** Every key nearly everywhere: two ridges that move, over noise. The worst case for colour and for deflate. */
function denseRaster(columns: number, rows: number): Raster {
  const random = seededRandom(7);
  const cells = new Float64Array(KEYS * columns * rows);
  const counts = Array.from({ length: KEYS }, () => 0);
  for (let key = 0; key < KEYS; key++) {
    for (let column = 0; column < columns; column++) {
      const middle = rows * (0.25 + 0.02 * key + 0.1 * (column / columns));
      for (let row = 0; row < rows; row++) {
        const low = (row - middle) / (rows * 0.04);
        const high = (row - middle - rows * 0.35) / (rows * 0.08);
        const mean = 60 / (1 + low * low * low * low) + 15 / (1 + high * high * high * high);
        const count = about(mean, random);
        cells[(key * columns + column) * rows + row] = count;
        counts[key]! += count;
      }
    }
  }
  const edges = Array.from({ length: rows + 1 }, (_, r) => 1e5 * 1e5 ** (r / rows));
  const whole = Array.from({ length: columns }, () => 20);
  return {
    metric: 'http.requests',
    fromSecond: FROM_SECOND,
    untilSecond: FROM_SECOND + columns,
    columnSeconds: 1,
    columns,
    rows,
    y: { scale: 'log', unit: 's', base: 10, power: -9, edges },
    grid: LL5,
    hueFields: ['route'],
    hues: counts.map((count, key) => ({ key: [`/route/${key}`], count })),
    cells,
    under: new Float64Array(columns),
    over: new Float64Array(columns),
    total: counts.reduce((a, b) => a + b, 0),
    coverage: { expected: 20, reporting: whole, expecting: whole, missing: [], revised: [] },
    overlays: [],
  };
}

function viewFor(raster: Raster, options: DrawOptions, kernel: Kernel): View {
  return viewOf(raster, options, { columns: options.width, rows: options.height }, kernel);
}

function shadedBy(kernel: Kernel, raster: Raster, options: DrawOptions): Uint8Array {
  const view = viewFor(raster, options, kernel);
  const out = new Uint8Array(view.columns * view.rows);
  kernel.shade(view.mix, { cells: out.length, levels: LEVELS }, view.thresholds, out);
  return out;
}

function shadeRows(raster: Raster, options: DrawOptions, rounds: number, native: Kernel): BenchRow[] {
  const view = viewFor(raster, options, native);
  const out = new Uint8Array(view.columns * view.rows);
  const shape = { cells: out.length, levels: LEVELS };
  const [levels, slowLevels, fast, slow] = medianMs(
    [
      () => viewFor(raster, options, native),
      () => viewFor(raster, options, referenceKernel),
      () => native.shade(view.mix, shape, view.thresholds, out),
      () => referenceKernel.shade(view.mix, shape, view.thresholds, out),
    ],
    rounds,
  );
  return [
    {
      name: 'mix the hues and find the levels',
      value: levels!,
      unit: 'ms',
      versus: faster(slowLevels! / levels!, 'reference'),
    },
    { name: 'shade', value: fast!, unit: 'ms', versus: faster(slow! / fast!, 'reference') },
  ];
}

/** The body alone and the whole picture, against what canvas makes of the same pixels. */
function pictureRows(raster: Raster, options: DrawOptions, rounds: number, native: Kernel): BenchRow[] {
  const plain = { ...options, plain: true };
  const canvas = canvasOf(raster, plain);
  const [body, slow, whole, rival] = medianMs(
    [
      () => heatmapPng(raster, plain, native),
      () => heatmapPng(raster, plain, referenceKernel),
      () => heatmapPng(raster, options, native),
      () => canvas.encodeSync('png'),
    ],
    rounds,
  );
  const bytes = heatmapPng(raster, plain, native).length;
  const rgbaBytes = canvas.encodeSync('png').length;
  const name = `${options.width * options.scale}x${options.height * options.scale}`;
  return [
    { name: `${name} body`, value: body!, unit: 'ms', versus: faster(slow! / body!, 'reference') },
    {
      name: `${name} body, encoded`,
      value: body!,
      unit: 'ms',
      versus: faster(rival! / body!, 'canvas, RGBA, encoding alone'),
    },
    { name: `${name} with axes and legend`, value: whole!, unit: 'ms' },
    {
      name: `${name} body, size`,
      value: bytes / 1000,
      unit: 'KB',
      versus: { name: 'canvas, RGBA', ratio: bytes / rgbaBytes, what: 'x the size of' },
    },
  ];
}

function faster(ratio: number, name: string): NonNullable<BenchRow['versus']> {
  return { name, ratio, what: 'x the speed of' };
}

/** The same picture as RGBA on a canvas, ready to be encoded. */
function canvasOf(raster: Raster, options: DrawOptions) {
  const { width, height, scale } = options;
  const view = viewFor(raster, options, referenceKernel);
  const shaded = shadedBy(referenceKernel, raster, options);
  const canvas = createCanvas(width * scale, height * scale);
  const context = canvas.getContext('2d');
  const image = context.createImageData(canvas.width, canvas.height);
  for (let y = 0; y < canvas.height; y++) {
    const row = view.rows - 1 - Math.floor((y * view.rows) / canvas.height);
    for (let x = 0; x < canvas.width; x++) {
      const index = shaded[Math.floor((x * view.columns) / canvas.width) * view.rows + row]!;
      const ramp = index === 0 ? undefined : view.ramps[view.rampOf[Math.floor((index - 1) / LEVELS)]!];
      image.data.set([...(ramp?.[(index - 1) % LEVELS] ?? [0, 0, 0]), 255], (y * canvas.width + x) * 4);
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
