/** Histograms as text. */
import fc from 'fast-check';
import stringWidth from 'string-width';
import { expect, it } from 'vitest';
import { bucketEdge, LL5 } from '../../src/model/grid.ts';
import type { Histogram } from '../../src/model/histogram.ts';
import { formatValue } from '../../src/render/format.ts';
import { histogramText, type TextBucket } from '../../src/render/histogram-text.ts';
import { arbitraryHistogram } from '../arbitrary/histogram.ts';

const time = { unit: 's', base: 10, power: -9 } as const;
const format = (value: number): string => formatValue(value, time);

function bucketsOf({ buckets, counts }: Histogram): TextBucket[] {
  return buckets.map((b, i) => ({
    low: bucketEdge(LL5, b),
    high: bucketEdge(LL5, b + 1) - 1,
    count: counts[i]!,
  }));
}

it('keeps to its rows and columns, and shows what there is', () => {
  fc.assert(
    fc.property(
      arbitraryHistogram(LL5),
      fc.integer({ min: 1, max: 120 }),
      fc.integer({ min: 1, max: 20 }),
      (histogram, columns, rows) => {
        const buckets = bucketsOf(histogram);
        const lines = histogramText(buckets, { columns, rows, format }).split('\n');
        expect(lines.length).toBeLessThanOrEqual(rows);
        expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThanOrEqual(columns);
        if (columns > 60 && buckets.length > 0) expect(lines.join()).toMatch(/[▏▎▍▌▋▊▉█]/);
      },
    ),
  );
});

it('adds up to what was counted', () => {
  fc.assert(
    fc.property(
      arbitraryHistogram(LL5, { countMax: 1000 }),
      fc.integer({ min: 1, max: 20 }),
      (histogram, rows) => {
        const text = histogramText(bucketsOf(histogram), { columns: 120, rows, format: () => '-' });
        const shown = text
          .split('\n')
          .map((line) => Number(/([\d,]+)$/.exec(line)?.[1]?.replaceAll(',', '') ?? 0));
        expect(shown.reduce((a, b) => a + b, 0)).toBe(histogram.counts.reduce((a, b) => a + b, 0));
      },
    ),
  );
});

it('reads like this', () => {
  const counts = new Map<number, number>();
  for (let i = 0; i < 400; i++) {
    const ms = i % 40 === 0 ? 250 + i / 4 : 8 * 1.01 ** (i % 100);
    const bucket = Math.round(ms * 4);
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  }
  const buckets = [...counts]
    .toSorted(([a], [b]) => a - b)
    .map(([b, count]) => ({ low: b * 250_000, high: b * 250_000 + 249_999, count }));
  const marks = [
    { value: 300e6, text: 'p99' },
    { value: 250e6, text: 'limit' },
  ];
  expect(`\n${histogramText(buckets, { columns: 60, rows: 8, format, marks })}`).toMatchInlineSnapshot(`
    "
       8 ms  █████████████████████████████████████▉ 178
    12.8 ms  ████████████████████████████████████████ 188
    20.4 ms  █████▏ 24
    32.6 ms  0
    52.2 ms  0
    83.4 ms  0
     133 ms  0
     213 ms  ██▏ 10  ◄ limit  ◄ p99"
  `);
  expect(histogramText([], { columns: 60, rows: 8, format })).toBe('');
});
