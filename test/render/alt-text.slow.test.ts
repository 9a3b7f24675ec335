/** The picture in words. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { altText } from '../../src/render/alt-text.ts';
import { formatValue } from '../../src/render/format.ts';
import { latinText } from '../../src/render/png.ts';
import { arbitraryRaster } from './arbitrary-raster.ts';
import { sampleRaster } from './sample-raster.ts';

describe('the words', () => {
  const raster = sampleRaster({
    columns: 60,
    rows: 50,
    keys: [['/cart'], ['/pay']],
    fields: ['route'],
    perColumn: 100,
    seed: 3,
  });

  it('say what, when, by which keys, and where most of it lies', () => {
    const text = altText(raster);
    expect(text).toMatch(
      /^Heatmap of \S+ by route, 2026-11-22 .*, 1 s a column, .* on a log axis\. [\d.,kM]+ counted\./,
    );
    expect(text).toMatch(/\/cart \d+ %; \/pay \d+ %|\/pay \d+ %; \/cart \d+ %/);
    expect(text).toMatch(/50 % below \S+ \S+, 99 % below \S+ \S+\./);
  });

  it('confess what is missing, unknown and revised', () => {
    const reporting = raster.coverage.reporting.map((n, c) => (c < 2 ? -1 : n));
    const coverage = {
      ...raster.coverage,
      expected: 3,
      reporting,
      missing: [{ name: 'a/node', seconds: 4 }],
      revised: [7, 8],
    };
    const text = altText({ ...raster, coverage });
    expect(text).toContain('1 of 3 sources are incomplete.');
    expect(text).toContain('Nothing is known of 2 of 60 columns.');
    expect(text).toContain('2 columns were revised by late data.');
  });

  it('tell the row edges below which half and nearly all of it lies', () => {
    fc.assert(
      fc.property(arbitraryRaster({ columnsMax: 12, rowsMax: 20, huesMax: 4 }), (any) => {
        const sums = Array.from({ length: any.rows }, () => 0);
        any.cells.forEach((count, i) => (sums[i % any.rows]! += count));
        const all = sums.reduce((a, b) => a + b, 0);
        const below = (share: number): string => {
          const row = sums.findIndex(
            (_, r) => sums.slice(0, r + 1).reduce((a, b) => a + b, 0) >= share * all,
          );
          return formatValue(any.y.edges[row + 1]!, any.y);
        };
        const told = altText(any).match(/50 % below (.*?), 99 % below (.*?)\.(?: |$)/);
        expect(told?.slice(1)).toEqual(all === 0 ? undefined : [below(0.5), below(0.99)]);
      }),
    );
  });

  it('never hold a line end or what Latin-1 lacks, once they are a PNG chunk', () => {
    fc.assert(
      fc.property(
        arbitraryRaster({ columnsMax: 12, rowsMax: 20, huesMax: 4 }),
        fc.string({ unit: 'binary', maxLength: 40 }),
        (any, key) => {
          const hues = any.hues.map((hue) =>
            hue.key === undefined ? hue : { ...hue, key: hue.key.map(() => key) },
          );
          const text = latinText(altText({ ...any, hues }));
          expect(text).toMatch(/^[\u0020-\u007e\u00a0-\u00ff]+$/u);
        },
      ),
    );
  });
});
