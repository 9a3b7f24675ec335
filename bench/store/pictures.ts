/** Reading: stored blocks into a raster, and heatmaps from the text of the question to the PNG. Nothing of ours is
 *  cached: each time the store is opened anew. The files are in the operating system's cache. */
import type { Kernel } from '../../src/kernel/kernel.ts';
import { assert } from '../../src/model/assert.ts';
import { LL5_BUCKETS } from '../../src/model/grid.ts';
import { BLOCK_STEPS } from '../../src/model/limits.ts';
import { newBucketRaster } from '../../src/model/raster.ts';
import { evaluate } from '../../src/query/evaluate.ts';
import { heatmapPng } from '../../src/render/heatmap-png.ts';
import { DRAW_DEFAULTS, type DrawOptions } from '../../src/render/options.ts';
import type { BenchRow } from '../bench.ts';
import { median } from '../measure.ts';
import { planned } from '../requests.ts';
import { type Built, elapsedMs, openAt } from './built.ts';

/** Mcells/s of one core. */
const RASTER_GOAL = 75;
const SIZE: DrawOptions = { ...DRAW_DEFAULTS, width: 900, height: 300, plain: true };

export interface Question {
  readonly name: string;
  readonly built: Built;
  readonly last: string;
  readonly goalMs: number;
}

/** What the pictures show is told for the digest. */
export function pictureRows(
  questions: readonly Question[],
  kernel: Kernel,
  rounds: number,
): { readonly rows: BenchRow[]; readonly shown: string } {
  const shown: unknown[] = [];
  const rows = questions.map(({ name, built, last, goalMs }): BenchRow => {
    const text = `http.requests by route, latency last ${last} | heatmap size ${SIZE.width}x${SIZE.height} hue route`;
    const times = Array.from({ length: rounds }, (_, round) => {
      const store = openAt(built.directory, kernel);
      const ms = elapsedMs(() => {
        const plan = planned(text, built.instrumentation, built.endSecond);
        const result = evaluate(plan, store.reader, kernel);
        assert(result.kind === 'heatmap', 'a heatmap was asked for');
        heatmapPng(result.raster, SIZE, kernel);
        const { columns, columnSeconds, hues, total } = result.raster;
        if (round === 0) shown.push([columns, columnSeconds, hues, total]);
      });
      store.close();
      return ms;
    });
    const value = median(times);
    const versus = { name: `the goal of ${goalMs} ms`, ratio: value / goalMs, what: 'x' };
    return { name: `heatmap, hue by ${built.shape.keys} keys, ${name}`, value, unit: 'ms', versus };
  });
  return { rows, shown: JSON.stringify(shown) };
}

/** All stored blocks of a store, as a query of whole seconds reads them: file, segment, counts. */
export function rasterRow(
  { directory, instrumentation, shape }: Built,
  kernel: Kernel,
  rounds: number,
): BenchRow {
  const placement = {
    columnOfStep: Int32Array.from({ length: BLOCK_STEPS }, (_, step) => step),
    hueOfKey: Int32Array.from({ length: shape.keys }, (_, key) => key),
  };
  const raster = newBucketRaster({
    hues: shape.keys,
    columns: BLOCK_STEPS,
    bucketFirst: 400,
    buckets: LL5_BUCKETS - 400 - 800,
  });
  let cellCount = 0;
  const times = Array.from({ length: rounds }, () => {
    cellCount = 0;
    const store = openAt(directory, kernel);
    const { createdSecond } = instrumentation;
    const ms = elapsedMs(() => {
      for (const block of store.reader.blocks(
        instrumentation.id,
        createdSecond,
        createdSecond + shape.seconds,
        1,
      )) {
        if (block.open === true) break;
        raster.counts.fill(0);
        kernel.accumulate(block.cells, placement, raster);
        cellCount += block.cells.length;
      }
    });
    store.close();
    return ms;
  });
  const value = cellCount / 1000 / median(times);
  const versus = { name: `the goal of ${RASTER_GOAL}`, ratio: value / RASTER_GOAL, what: 'x' };
  return { name: 'stored blocks into a raster', value, unit: 'Mcells/s', versus };
}
