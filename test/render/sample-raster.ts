/** Rasters that look like real latencies, from a seed: two modes with a slow drift, a tail, spikes. For tests,
 *  benches and looking at pictures. Every count is an integer, placed in one row. */
import type { Key } from '../../src/model/key.ts';
import { LL5 } from '../../src/model/grid.ts';
import type { Raster, YAxis } from '../../src/model/raster.ts';

export interface SampleShape {
  readonly columns: number;
  readonly rows: number;
  readonly keys: readonly Key[];
  readonly fields: readonly string[];
  /** Mean events of a column, over all keys. */
  readonly perColumn: number;
  readonly scale?: 'log' | 'linear';
  readonly lowNs?: number;
  readonly highNs?: number;
  readonly columnSeconds?: number;
  readonly fromSecond?: number;
  readonly seed?: number;
}

/** 03:00 UTC on 22 November 2026. */
export const SAMPLE_SECOND = 1_795_316_400;

function prng(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function axisOf(shape: Pick<SampleShape, 'rows' | 'scale' | 'lowNs' | 'highNs'>): YAxis {
  const {
    rows,
    scale = 'log',
    lowNs = scale === 'log' ? 1e5 : 0,
    highNs = scale === 'log' ? 1e10 : 5e8,
  } = shape;
  const edges = Array.from({ length: rows + 1 }, (_, r) =>
    scale === 'log' ? lowNs * (highNs / lowNs) ** (r / rows) : lowNs + ((highNs - lowNs) * r) / rows,
  );
  return { scale, unit: 's', base: 10, power: -9, edges };
}

export function sampleRaster(shape: SampleShape): Raster {
  const { columns, rows, keys, fields, perColumn, columnSeconds = 1, fromSecond = SAMPLE_SECOND } = shape;
  const random = prng(shape.seed ?? 1);
  const y = axisOf(shape);
  const hues = Math.max(1, keys.length);
  const cells = new Float64Array(hues * columns * rows);
  const under = new Float64Array(columns);
  const over = new Float64Array(columns);
  const counts = Array.from({ length: hues }, () => 0);
  const [low, high] = [y.edges[0]!, y.edges.at(-1)!];
  const rowOf = (ns: number): number =>
    Math.floor(
      (y.scale === 'log' ? Math.log(ns / low) / Math.log(high / low) : (ns - low) / (high - low)) * rows,
    );
  for (let c = 0; c < columns; c++) {
    const events = Math.round(perColumn * (0.8 + 0.4 * random()));
    for (let e = 0; e < events; e++) {
      const hue = Math.min(hues - 1, Math.floor(hues * random() ** 1.7));
      const row = rowOf(latencyNs(random, c / columns, hue));
      counts[hue]!++;
      if (row < 0) under[c]!++;
      else if (row >= rows) over[c]!++;
      else cells[(hue * columns + c) * rows + row]!++;
    }
  }
  return {
    metric: 'http.requests',
    fromSecond,
    untilSecond: fromSecond + columns * columnSeconds,
    columnSeconds,
    columns,
    rows,
    y,
    grid: LL5,
    hueFields: fields,
    hues: counts.map((count, h) => ({ key: keys[h], count })),
    cells,
    under,
    over,
    total: counts.reduce((a, b) => a + b, 0),
    coverage: {
      expected: 20,
      reporting: Array.from({ length: columns }, () => 20),
      expecting: Array.from({ length: columns }, () => 20),
      missing: [],
      revised: [],
    },
    overlays: [],
  };
}

/** `at` is the place in the range, 0..1. */
function latencyNs(random: () => number, at: number, hue: number): number {
  const normal = Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random());
  const drift = 1 + 0.5 * Math.sin(at * 5 + hue);
  const spike = Math.abs(at - 0.62) < 0.012 || Math.abs(at - 0.3) < 0.006 ? 12 : 1;
  const tail = random() < 0.004 ? 40 : 1;
  const slow = random() < 0.25 + 0.05 * hue;
  return (
    (slow ? 6e7 : 2.2e6) * (1 + 0.7 * hue) * drift * spike * tail * Math.exp(normal * (slow ? 0.35 : 0.28))
  );
}

/** The quantile of each column, NaN where it has no count. */
export function columnQuantile(raster: Raster, rank: number): Float64Array {
  const { columns, rows, cells } = raster;
  return Float64Array.from({ length: columns }, (_, c) => {
    const sums = Array.from({ length: rows }, (_row, r) =>
      raster.hues.reduce((n, _h, h) => n + cells[(h * columns + c) * rows + r]!, 0),
    );
    let left = sums.reduce((a, b) => a + b, 0) * rank;
    if (left === 0) return NaN;
    const row = sums.findIndex((n) => (left -= n) <= 0);
    return raster.y.edges[Math.max(0, row)]!;
  });
}
