/** The newest columns alone, set over the right end of the whole. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { heatmapJson } from '../../src/render/heatmap-json.ts';
import { heatmapPng } from '../../src/render/heatmap-png.ts';
import { newestJson, newestPng } from '../../src/render/newest.ts';
import { DRAW_DEFAULTS, type DrawOptions } from '../../src/render/options.ts';
import { arbitraryRaster } from './arbitrary-raster.ts';
import { decodePng } from './decode-png.ts';

const raster = arbitraryRaster({ columnsMax: 40, rowsMax: 16, huesMax: 9 });
const newest = fc.integer({ min: 1, max: 44 });
const look: fc.Arbitrary<DrawOptions> = fc
  .record({
    theme: fc.constantFrom('dark' as const, 'light' as const),
    color: fc.constantFrom('rank' as const, 'linear' as const, 'sqrt' as const, 'log' as const),
    scale: fc.constantFrom(1 as const, 2 as const),
    width: fc.integer({ min: 10, max: 60 }),
    height: fc.integer({ min: 10, max: 30 }),
  })
  .map((options) => ({ ...DRAW_DEFAULTS, ...options, plain: true }));

test('pixels: stitched = whole, with the palette of the whole', () => {
  fc.assert(
    fc.property(raster, look, newest, (drawn, options, count) => {
      const whole = decodePng(heatmapPng(drawn, options, referenceKernel));
      const end = decodePng(newestPng(drawn, { ...options, plain: false }, count, referenceKernel));
      const map = JSON.parse(end.texts.get('tailglow')!) as { left: number; width: number; from: number };
      expect([map.width, map.left + end.width, end.height]).toEqual([whole.width, whole.width, whole.height]);
      expect(end.palette).toEqual(whole.palette);
      // All pixels of these columns are there.
      const first = Math.max(0, drawn.columns - count);
      expect(map.left).toBeLessThanOrEqual(Math.ceil((first * whole.width) / drawn.columns));
      expect(map.from).toBeLessThanOrEqual(drawn.fromSecond + first * drawn.columnSeconds);
      if (drawn.columns <= options.width) {
        expect(map.left).toBe(Math.ceil((first * whole.width) / drawn.columns));
        expect(map.from).toBe(drawn.fromSecond + first * drawn.columnSeconds);
      }
      for (let y = 0; y < whole.height; y++) {
        const right = whole.pixels.subarray(y * whole.width + map.left, (y + 1) * whole.width);
        expect(end.pixels.subarray(y * end.width, (y + 1) * end.width)).toEqual(right);
      }
    }),
    { numRuns: 25 },
  );
});

test('JSON: stitched = whole, and what is of the whole is that of the whole', () => {
  fc.assert(
    fc.property(raster, newest, fc.boolean(), (drawn, count, cells) => {
      const whole = heatmapJson(drawn, DRAW_DEFAULTS, { cells });
      const end = newestJson(drawn, DRAW_DEFAULTS, { cells, newest: count });
      const first = whole.columns - end.columns;
      expect(end.columns).toBe(Math.min(count, whole.columns));
      expect(end.from).toBe(whole.from + first * whole.step);
      const { reporting, expecting, revised } = end.coverage;
      const before = {
        ...heatmapJson(drawn, DRAW_DEFAULTS, { cells }),
        coverage: {
          ...whole.coverage,
          reporting: [...whole.coverage.reporting.slice(0, first), ...reporting],
          expecting: [...whole.coverage.expecting.slice(0, first), ...expecting],
          revised: [
            ...whole.coverage.revised.filter((c) => c < first),
            ...revised.map((column) => column + first),
          ],
        },
        under: [...whole.under.slice(0, first), ...end.under],
        over: [...whole.over.slice(0, first), ...end.over],
        ...(cells
          ? {
              cells: [
                ...whole.cells!.filter(([column]) => column < first),
                ...end.cells!.map(([column, ...rest]) => [column + first, ...rest]),
              ],
            }
          : {}),
      };
      expect(before).toEqual(whole);
      const { hues, colors, total, y, rows, alt, to } = end;
      expect({ hues, colors, total, y, rows, alt, to }).toEqual({
        hues: whole.hues,
        colors: whole.colors,
        total: whole.total,
        y: whole.y,
        rows: whole.rows,
        alt: whole.alt,
        to: whole.to,
      });
      for (const [name, values] of Object.entries(whole.overlays)) {
        expect(end.overlays[name]).toEqual(values.slice(first));
      }
      for (const [name, bounds] of Object.entries(whole.overlayBounds)) {
        for (const [bound, values] of Object.entries(bounds)) {
          expect(end.overlayBounds[name]![bound]).toEqual(values.slice(first));
        }
      }
    }),
    { numRuns: 25 },
  );
});
