/** The live picture: ten minutes of ten keys, as a fold of a fleet leaves them in memory, from the plan to the PNG and
 *  part by part, beside the goals. The store stays open: its newest block is in memory, the others are decoded.
 *  Drawn whole it is a picture that nobody asked for before, of blocks that somebody did: what is remembered of the
 *  blocks is known, nothing of the picture is. What it takes without any memory stands beside it,
 *  and what it takes behind other work, which has driven it from the processor's caches. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { assert } from '../../src/model/assert.ts';
import { evaluate } from '../../src/query/evaluate.ts';
import { heatmapPng } from '../../src/render/heatmap-png.ts';
import type { Plan } from '../../src/query/plan.ts';
import { RasterMemory } from '../../src/query/raster-memory.ts';
import { newestPng } from '../../src/render/newest.ts';
import { DRAW_DEFAULTS, type DrawOptions } from '../../src/render/options.ts';
import type { BenchRow, BenchSize } from '../bench.ts';
import { medianMs, steadyMs } from '../measure.ts';
import { planned } from '../requests.ts';
import { fill, instrumentationOf, openAt } from './built.ts';
import type { TrafficShape } from './traffic.ts';

const SHAPES: { readonly [size in BenchSize]: TrafficShape } = {
  smoke: { sources: 2, keys: 3, eventsPerHistogram: 10, everySeconds: 1, seconds: 60 },
  full: { sources: 20, keys: 10, eventsPerHistogram: 65, everySeconds: 1, seconds: 600 },
};
const TEXT = 'http.requests by route, latency last 10m | heatmap size 900x300 hue route';
const PLAIN: DrawOptions = { ...DRAW_DEFAULTS, plain: true };

export function liveRows(kernel: Kernel, size: BenchSize, rounds: number): BenchRow[] {
  const directory = mkdtempSync(join(tmpdir(), 'tailglow-bench-'));
  const store = openAt(directory, kernel);
  try {
    const shape = SHAPES[size];
    fill(store, shape, kernel);
    const instrumentation = instrumentationOf(shape);
    const plan = (back: number): Plan =>
      planned(TEXT, instrumentation, instrumentation.createdSecond + shape.seconds - back);
    const plans = [plan(0), plan(1)] as const;
    const memory = new RasterMemory();
    const raster = (which: 0 | 1, remembered?: RasterMemory) => {
      const result = evaluate(plans[which], store.reader, kernel, remembered);
      assert(result.kind === 'heatmap', 'a heatmap was asked for');
      return result.raster;
    };
    let turn = 0;
    const next = () => raster((turn++ % 2) as 0 | 1, memory);
    // It keeps no picture, only what it knows of blocks.
    const blocksAlone = new RasterMemory(0);
    return rowsOf({ whole: () => raster(0, blocksAlone), bare: () => raster(0), next }, kernel, rounds);
  } finally {
    store.close();
    rmSync(directory, { recursive: true });
  }
}

type Drawn = Parameters<typeof heatmapPng>[0];

interface Ways {
  readonly whole: () => Drawn;
  /** With nothing remembered. */
  readonly bare: () => Drawn;
  /** The picture a second later (or earlier, in turn), with what is remembered of the one before. */
  readonly next: () => Drawn;
}

function rowsOf({ whole, bare, next }: Ways, kernel: Kernel, rounds: number): BenchRow[] {
  const drawn = whole();
  next();
  const twice: DrawOptions = { ...PLAIN, scale: 2 };
  const wholePng = () => heatmapPng(whole(), PLAIN, kernel);
  const nextPng = () => heatmapPng(next(), PLAIN, kernel);
  const newestAlone = () => newestPng(drawn, PLAIN, 1, kernel);
  const [evaluated, unremembered, anew, live, all, once, double, full, newest] = steadyMs(
    [
      whole,
      bare,
      next,
      nextPng,
      wholePng,
      () => heatmapPng(drawn, PLAIN, kernel),
      () => heatmapPng(drawn, twice, kernel),
      () => heatmapPng(drawn, DRAW_DEFAULTS, kernel),
      newestAlone,
    ],
    rounds,
  ) as [number, number, number, number, number, number, number, number, number];
  const [wholeBehind, , nextBehind, , newestBehind] = medianMs(
    [wholePng, bare, nextPng, bare, newestAlone],
    rounds,
  ) as [number, number, number, number, number];
  const row = (name: string, value: number, unit: string, goal: number): BenchRow => {
    const versus = { name: `the goal of ${goal} ${unit}`, ratio: value / goal, what: 'x' };
    return { name, value, unit, versus };
  };
  const kilobytes = (png: Uint8Array): number => png.length / 1000;
  return [
    row('live, 10 min by 10 keys, whole', all, 'ms', 5),
    row('a second later, one column new', live, 'ms', 2),
    row('evaluated whole, without its PNG', evaluated, 'ms', 5),
    { name: 'evaluated whole, with nothing remembered', value: unremembered, unit: 'ms' },
    row('a second later, without its PNG', anew, 'ms', 2),
    row('its PNG, 900x300', once, 'ms', 2),
    row('its PNG, 900x300, size', kilobytes(heatmapPng(drawn, PLAIN, kernel)), 'KB', 70),
    row('its PNG, 1800x600', double, 'ms', 5),
    row('its PNG, 1800x600, size', kilobytes(heatmapPng(drawn, twice, kernel)), 'KB', 180),
    // At the smallest size noise may be larger than what is measured.
    row('axes, title, legend, cached', Math.max(0.001, full - once), 'ms', 1),
    row('its newest column alone', newest, 'ms', 0.5),
    { name: 'whole, behind other work', value: wholeBehind, unit: 'ms' },
    { name: 'a second later, behind other work', value: nextBehind, unit: 'ms' },
    { name: 'its newest column, behind other work', value: newestBehind, unit: 'ms' },
    row('its newest column alone, size', kilobytes(newestPng(drawn, PLAIN, 1, kernel)), 'KB', 1.5),
  ];
}
