/** Heatmaps, lines and tables in a terminal. */
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { nearest256 } from '../../src/render/ansi.ts';
import { heatmapText, linesText, tableText } from '../../src/render/terminal.ts';
import { fitText, padText } from '../../src/render/text-width.ts';
import { arbitraryRaster } from './arbitrary-raster.ts';
import { sampleRaster, SAMPLE_SECOND } from './sample-raster.ts';

const options = fc.record({
  columns: fc.integer({ min: 1, max: 160 }),
  rows: fc.integer({ min: 1, max: 60 }),
  depth: fc.constantFrom('truecolor' as const, '256' as const, 'ascii' as const),
  theme: fc.constantFrom('dark' as const, 'light' as const),
});
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.constantFrom('日本語のホスト', 'e\u0301clair', '👩‍👩‍👧 family', '\u001b[31mred', 'two\nlines'),
);

function widest(text: string): number {
  return Math.max(...text.split('\n').map((line) => stringWidth(line)));
}

describe('a heatmap', () => {
  const raster = arbitraryRaster({ columnsMax: 20, rowsMax: 12, huesMax: 8 });

  test('is never wider than asked, and as high where there is room', () => {
    fc.assert(
      fc.property(raster, options, anyText, (r, o, title) => {
        const text = heatmapText(r, { ...o, title });
        expect(widest(text)).toBeLessThanOrEqual(o.columns);
        const lines = text.split('\n').length;
        if (o.rows >= 8) expect(lines).toBeLessThanOrEqual(o.rows);
        else expect(lines).toBeLessThanOrEqual(8);
      }),
      { numRuns: 100 },
    );
  });

  test('holds no escape without colours, and only colours with them', () => {
    fc.assert(
      fc.property(raster, options, anyText, (r, o, title) => {
        const text = heatmapText(r, { ...o, title });
        // eslint-disable-next-line no-control-regex
        const left = o.depth === 'ascii' ? text : text.replace(/\u001b\[(0|[34]8;[25];[\d;]+)m/g, '');
        // eslint-disable-next-line no-control-regex
        expect(left).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
      }),
      { numRuns: 50 },
    );
  });

  test('shows a count anywhere, however small it is drawn', () => {
    const base = sampleRaster({ columns: 300, rows: 200, keys: [], fields: [], perColumn: 0 });
    for (const column of [0, 1, 150, 298, 299]) {
      const cells = new Float64Array(300 * 200);
      cells[column * 200 + 77] = 1;
      const text = heatmapText(
        { ...base, cells, total: 1 },
        { columns: 40, rows: 12, depth: 'ascii', theme: 'dark' },
      );
      const plot = text.split('\n').slice(1, -2);
      expect(
        plot
          .map((line) => line.slice(7))
          .join('')
          .replaceAll(' ', ''),
      ).toHaveLength(1);
    }
  });

  test('reads like this', async () => {
    const keys = [['/checkout'], ['/cart'], ['/search'], ['(other)']];
    const hued = sampleRaster({ columns: 600, rows: 120, keys, fields: ['route'], perColumn: 60 });
    const plain = sampleRaster({
      columns: 600,
      rows: 120,
      keys: [],
      fields: [],
      perColumn: 60,
      scale: 'linear',
    });
    const reporting = plain.coverage.reporting.map((n, c) => (c >= 590 ? -1 : n));
    const partly = { ...plain, coverage: { ...plain.coverage, reporting } };
    const size = { columns: 80, rows: 20, theme: 'dark' } as const;
    const blocks = stripVTControlCharacters(heatmapText(hued, { ...size, depth: 'truecolor' }));
    const text = [
      heatmapText(hued, { ...size, depth: 'ascii' }),
      heatmapText(partly, { ...size, depth: 'ascii' }),
      blocks,
    ].map((t) => t.replace(/ +$/gm, ''));
    await expect(`${text.join('\n\n')}\n`).toMatchFileSnapshot('../golden/render-terminal.txt');
  });
});

describe('lines', () => {
  const value = fc.oneof(fc.constant(NaN), fc.double({ min: 0, max: 1e12, noNaN: true }));
  const chart = fc.record({
    title: anyText,
    fromSecond: fc.constant(SAMPLE_SECOND),
    untilSecond: fc.integer({ min: 1, max: 1e6 }).map((n) => SAMPLE_SECOND + n),
    series: fc.array(fc.record({ name: anyText, values: fc.array(value, { maxLength: 300 }) }), {
      maxLength: 12,
    }),
  });

  test('are never wider than asked, nor higher where there is room', () => {
    fc.assert(
      fc.property(chart, options, (c, o) => {
        const text = linesText(c, o);
        expect(widest(text)).toBeLessThanOrEqual(o.columns);
        if (o.rows >= 4) expect(text.split('\n').length).toBeLessThanOrEqual(o.rows);
      }),
      { numRuns: 100 },
    );
  });

  test('show the largest value of a place, gaps as gaps, and what does not fit as a number', () => {
    const values = Array.from({ length: 300 }, (_, i) => (i === 150 ? 8 : i >= 200 && i < 250 ? NaN : 1));
    const series = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, values }));
    const frame = { fromSecond: SAMPLE_SECOND, untilSecond: SAMPLE_SECOND + 300, series };
    const text = linesText(frame, { columns: 60, rows: 6, depth: 'truecolor', theme: 'dark' });
    const lines = text.split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[1]).toMatch(/^a ▁+█▁+ {5,}▁+ 1, max 8$/);
    expect(lines[4]).toBe('and 2 more');
  });
});

describe('a table', () => {
  const cell = fc.oneof(
    anyText,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
  );
  const table = fc
    .array(fc.record({ name: anyText, unit: fc.constantFrom('', 's', 'B') }), { minLength: 1, maxLength: 6 })
    .chain((columns) =>
      fc.record({
        columns: fc.constant(columns),
        rows: fc.array(fc.array(cell, { minLength: columns.length, maxLength: columns.length }), {
          maxLength: 8,
        }),
      }),
    );

  test('is never wider than asked, and has a line a row', () => {
    fc.assert(
      fc.property(table, fc.integer({ min: 1, max: 120 }), (t, columns) => {
        const text = tableText(t, { columns });
        expect(widest(text)).toBeLessThanOrEqual(columns);
        expect(text.split('\n')).toHaveLength(t.rows.length + 3);
      }),
      { numRuns: 100 },
    );
  });

  test('keeps its columns under wide and combining characters', () => {
    const text = tableText(
      {
        columns: [{ name: 'host' }, { name: 'p99', unit: 'ns' }, { name: 'note' }],
        rows: [
          ['日本語-web', 12_345, 'x'],
          ['e\u0301clair', 2, '한'],
          ['b', null, ''],
        ],
      },
      { columns: 60 },
    );
    expect(text.split('\n')).toEqual([
      'host        p99 (ns)  note',
      '----------  --------  ----',
      '日本語-web    12,345  x',
      'e\u0301clair             2  한',
      'b',
      '',
    ]);
  });
});

test('text is cut and padded to a width, never inside a character', () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 0, max: 30 }), (text, columns) => {
      expect(stringWidth(fitText(text, columns))).toBeLessThanOrEqual(columns);
      expect(stringWidth(padText(text, columns))).toBe(columns);
    }),
  );
  expect(fitText('日本語', 5)).toBe('日本…');
  expect(fitText('👩‍👩‍👧👩‍👩‍👧', 3)).toBe('👩‍👩‍👧…');
});

test('256 colours: the nearest', () => {
  expect(nearest256([255, 0, 0])).toBe(196);
  expect(nearest256([0, 0, 0])).toBe(16);
  expect(nearest256([118, 118, 118])).toBe(243);
});
