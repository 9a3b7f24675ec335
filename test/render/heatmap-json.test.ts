/** A heatmap as JSON and CSV: nothing lost, the same colours as in the picture. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { hexOf, LEVELS } from '../../src/render/colour.ts';
import { heatmapCsv, heatmapJson } from '../../src/render/heatmap-json.ts';
import { heatmapPng } from '../../src/render/heatmap-png.ts';
import { DRAW_DEFAULTS } from '../../src/render/options.ts';
import { arbitraryRaster } from './arbitrary-raster.ts';
import { decodePng } from './decode-png.ts';

const raster = arbitraryRaster({ columnsMax: 12, rowsMax: 8, huesMax: 8 });

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

test('cells, under and over add up to the total', () => {
  fc.assert(
    fc.property(raster, (r) => {
      const json = heatmapJson(r, DRAW_DEFAULTS);
      expect(sum(json.cells!.map((c) => c[3])) + sum([...json.under]) + sum([...json.over])).toBe(json.total);
      expect(sum(json.hues.map((h) => h.count))).toBe(json.total);
      for (const [column, row, hue, count] of json.cells!) {
        expect(r.cells[(hue * r.columns + column) * r.rows + row]).toBe(count);
      }
      expect(JSON.parse(JSON.stringify(json))).toEqual(json);
    }),
  );
});

test('its colours are those of the picture', () => {
  fc.assert(
    fc.property(raster, fc.constantFrom('dark' as const, 'light' as const), (r, theme) => {
      const options = { ...DRAW_DEFAULTS, theme, plain: true, width: 30, height: 30 };
      const { palette } = decodePng(heatmapPng(r, options, referenceKernel));
      const json = heatmapJson(r, options, { cells: false });
      expect(json).not.toHaveProperty('cells');
      json.colors.ramps.forEach((ramp, i) => {
        expect(ramp).toEqual(palette.slice(1 + i * LEVELS, 1 + (i + 1) * LEVELS).map(hexOf));
      });
      for (const hue of json.hues) expect(hue.color).toBe(json.colors.ramps[hue.ramp]!.at(-1));
    }),
    { numRuns: 40 },
  );
});

test('CSV holds every cell: its counts are the total without what is beyond the axis', () => {
  fc.assert(
    fc.property(raster, (r) => {
      const [header, ...lines] = csvLines(heatmapCsv(r));
      expect(header).toEqual(['second', 'low', 'high', ...r.hueFields, 'count']);
      for (const line of lines) expect(line).toHaveLength(header!.length);
      const inside = r.total - sum([...r.under]) - sum([...r.over]);
      expect(sum(lines.map((line) => Number(line.at(-1))))).toBe(inside);
      const keys = new Set(lines.map((line) => JSON.stringify(line.slice(3, -1))));
      const known = new Set(r.hues.map((h) => JSON.stringify(h.key ?? r.hueFields.map(() => '(other)'))));
      for (const key of keys) expect(known).toContain(key);
    }),
  );
});

/** A reader of RFC 4180. */
function csvLines(text: string): string[][] {
  const lines: string[][] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r\n)/gy;
  let line: string[] = [];
  for (const [, quoted, bare, end] of text.matchAll(field)) {
    line.push(quoted?.replaceAll('""', '"') ?? bare!);
    if (end === ',') continue;
    lines.push(line);
    line = [];
  }
  return lines;
}
