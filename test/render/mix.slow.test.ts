/** What is seen of the cells may be known already, or not: pictures, numbers and words are the same. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadKernel } from '../../src/kernel/native.ts';
import type { Raster } from '../../src/model/raster.ts';
import { heatmapJson } from '../../src/render/heatmap-json.ts';
import { heatmapPng } from '../../src/render/heatmap-png.ts';
import { mixOf } from '../../src/render/mix.ts';
import { newestJson, newestPng } from '../../src/render/newest.ts';
import { DRAW_DEFAULTS } from '../../src/render/options.ts';
import { heatmapText } from '../../src/render/terminal.ts';
import { arbitraryRaster } from './arbitrary-raster.ts';

const kernel = loadKernel('native');

function drawn(raster: Raster, size: number, newest: number): unknown[] {
  const options = { ...DRAW_DEFAULTS, width: size, height: size };
  const terminal = { columns: 40, rows: 12, depth: 'ascii', theme: 'dark', title: 'x' } as const;
  return [
    Buffer.from(heatmapPng(raster, { ...options, plain: true }, kernel)).toString('base64'),
    Buffer.from(newestPng(raster, options, newest, kernel)).toString('base64'),
    heatmapJson(raster, options),
    newestJson(raster, options, { newest }),
    heatmapText(raster, { ...DRAW_DEFAULTS, ...terminal }),
  ];
}

test('a raster of which it is known shows the same', () => {
  const raster = arbitraryRaster({ columnsMax: 24, rowsMax: 12, huesMax: 30 });
  fc.assert(
    // Also smaller than the raster: then cells share a pixel.
    fc.property(
      raster,
      fc.integer({ min: 10, max: 30 }),
      fc.integer({ min: 1, max: 5 }),
      (r, size, newest) => {
        const known = { ...r, mix: mixOf(r.cells, r.hues.length) };
        expect(drawn(known, size, newest)).toEqual(drawn(r, size, newest));
      },
    ),
  );
});

test('a raster of more hues than a byte tells apart is drawn, and loses nothing', () => {
  const [base] = fc.sample(arbitraryRaster({ columnsMax: 3, rowsMax: 3, huesMax: 1 }), {
    numRuns: 1,
    seed: 1,
  });
  const hues = Array.from({ length: 300 }, (_, h) => ({ key: [`k${h}`], count: base!.columns * base!.rows }));
  const cells = new Float64Array(hues.length * base!.columns * base!.rows).fill(1);
  const total = cells.length;
  const raster: Raster = { ...base!, hueFields: ['route'], hues, cells, total, overlays: [] };
  const [, , json] = drawn(raster, 30, 1) as [string, string, ReturnType<typeof heatmapJson>];
  expect(json.cells!.length).toBe(total);
});
