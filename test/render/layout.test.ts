/** Where things stand in a picture, and what its words say. */
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { fullLayout, type Layout } from '../../src/render/layout.ts';
import { DRAW_DEFAULTS } from '../../src/render/options.ts';
import { CHARACTER_WIDTH, type Strip, type Text } from '../../src/render/strip.ts';
import { widthOf } from '../../src/render/text-width.ts';
import { viewOf } from '../../src/render/view.ts';
import { heatmapWords } from '../../src/render/words.ts';
import type { Raster } from '../../src/model/raster.ts';
import { arbitraryRaster } from './arbitrary-raster.ts';
import { columnQuantile, sampleRaster } from './sample-raster.ts';

function layoutOf(raster: Raster, width = 900, height = 300): Layout {
  const options = { ...DRAW_DEFAULTS, width, height };
  const view = viewOf(raster, options, { columns: width, rows: height });
  return fullLayout(raster, options, heatmapWords(raster, options, view));
}

function ends(text: Text): [number, number] {
  const width = widthOf(text.text) * CHARACTER_WIDTH * text.size;
  const left = text.align === 'left' ? text.x : text.align === 'right' ? text.x - width : text.x - width / 2;
  return [left, left + width];
}

function touching(strip: Strip): [Text, Text][] {
  return strip.texts.flatMap((a, i) =>
    strip.texts.slice(0, i).flatMap((b): [Text, Text][] => {
      const [aLeft, aRight] = ends(a);
      const [bLeft, bRight] = ends(b);
      const apart = aRight <= bLeft + 0.5 || bRight <= aLeft + 0.5 || Math.abs(a.y - b.y) >= a.size - 1;
      return apart ? [] : [[a, b]];
    }),
  );
}

describe('texts', () => {
  const raster = arbitraryRaster({ columnsMax: 12, rowsMax: 8, huesMax: 9 });
  const size = fc.integer({ min: 10, max: 1200 });

  test('stay in their strips, strips in the picture', () => {
    fc.assert(
      fc.property(raster, size, size, (r, width, height) => {
        const layout = layoutOf(r, width, height);
        for (const strip of layout.strips) {
          expect(strip.x).toBeGreaterThanOrEqual(0);
          expect(strip.x + strip.width).toBeLessThanOrEqual(layout.width);
          expect(strip.y + strip.height).toBeLessThanOrEqual(layout.height);
          for (const text of strip.texts) {
            const [left, right] = ends(text);
            expect(left).toBeGreaterThanOrEqual(-1);
            expect(right).toBeLessThanOrEqual(strip.width + 1);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('do not touch each other', () => {
    fc.assert(
      fc.property(raster, size, size, (r, width, height) => {
        for (const strip of layoutOf(r, width, height).strips) expect(touching(strip)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

test('the words of a picture', async () => {
  const base = sampleRaster({
    columns: 600,
    rows: 100,
    keys: [['/checkout'], ['/cart'], ['/search'], ['/login'], ['(other)']],
    fields: ['route'],
    perColumn: 40,
  });
  const raster: Raster = {
    ...base,
    overlays: [
      { name: 'p50', values: columnQuantile(base, 0.5) },
      { name: 'p99', values: columnQuantile(base, 0.99) },
    ],
    coverage: { ...base.coverage, missing: [{ name: 'web3/bpf', seconds: 7 }] },
  };
  const { width, height, body, strips } = layoutOf(raster);
  const lines = strips.map(({ texts }) => texts.map((t) => t.text).join(' | '));
  const text = [`${width} x ${height}, body at ${body.x}, ${body.y}`, ...lines].join('\n');
  await expect(`${text}\n`).toMatchFileSnapshot('../golden/render-words.txt');
});
