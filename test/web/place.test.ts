/** Pointing at the picture: a pixel is the cell that is drawn there, and the statement says exactly that cell. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { checkStatement } from '../../src/query/check.ts';
import type { CheckedRead } from '../../src/query/checked.ts';
import { parseStatement } from '../../src/query/parse.ts';
import { heatmapPng } from '../../src/render/heatmap-png.ts';
import { DRAW_DEFAULTS } from '../../src/render/options.ts';
import { readAnswer } from '../../web/answer.ts';
import { boxStatement, cellStatement, type Spot, spotAt } from '../../web/place.ts';
import { type PictureMap, pictureMap } from '../../web/png-map.ts';
import { readPart } from '../../web/query-text.ts';
import { shop } from '../arbitrary/query.ts';
import { sampleRaster } from '../render/sample-raster.ts';

const raster = sampleRaster({
  columns: 40,
  rows: 24,
  keys: [['/a'], ['/b']],
  fields: ['route'],
  perColumn: 30,
});
const map = pictureMap(heatmapPng(raster, DRAW_DEFAULTS, referenceKernel)) as PictureMap;

function spot(column: number, row: number): Spot {
  const { plot } = map;
  const x = plot.x + ((column + 0.5) / raster.columns) * plot.width;
  const y = plot.y + (1 - (row + 0.5) / raster.rows) * plot.height;
  const found = spotAt(map, x, y);
  if (found === undefined) throw new Error('nothing is there');
  return found;
}

function checked(text: string | undefined): CheckedRead {
  const parsed = parseStatement(text ?? '');
  if (!('statement' in parsed)) throw new Error(`${text}: ${JSON.stringify(parsed.diagnostics)}`);
  const outcome = checkStatement(parsed.statement, shop, text);
  if (!('checked' in outcome) || outcome.checked.kind !== 'read') throw new Error(JSON.stringify(outcome));
  return outcome.checked;
}

const READ = 'http.requests by route, latency last 3m';
const column = fc.nat(raster.columns - 1);
const row = fc.nat(raster.rows - 1);

describe('pointing', () => {
  test('at a cell asks for its column and its edges, to the bit', () => {
    fc.assert(
      fc.property(column, row, (c, r) => {
        const { draw, stepSeconds } = checked(cellStatement(`${READ} | heatmap overlay p99`, spot(c, r)));
        expect(stepSeconds).toBe(raster.columnSeconds);
        expect(draw).toMatchObject({
          kind: 'cell',
          place: {
            from: { kind: 'instant', second: raster.fromSecond + c * raster.columnSeconds },
            values: { low: raster.y.edges[r], high: raster.y.edges[r + 1] },
          },
        });
      }),
    );
  });

  test('from one corner to any other asks for all between, both included', () => {
    fc.assert(
      fc.property(column, row, column, row, (c1, r1, c2, r2) => {
        const { draw } = checked(boxStatement(READ, spot(c1, r1), spot(c2, r2)));
        const { fromSecond, untilSecond, columnSeconds, y } = raster;
        expect(draw).toMatchObject({
          kind: 'compare',
          place: {
            from: { second: fromSecond + Math.min(c1, c2) * columnSeconds },
            to: { second: Math.min(untilSecond, fromSecond + (Math.max(c1, c2) + 1) * columnSeconds) },
            values: { low: y.edges[Math.min(r1, r2)], high: y.edges[Math.max(r1, r2) + 1] },
          },
        });
      }),
    );
  });

  test('off the plot asks for nothing, a little beside it for its edge', () => {
    const { plot } = map;
    expect(spotAt(map, plot.x - plot.width / 10, plot.y)).toBeUndefined();
    expect(spotAt(map, plot.x - 1, plot.y + plot.height)).toMatchObject({
      fromSecond: raster.fromSecond,
      low: raster.y.edges[0],
    });
    expect(spotAt({ scale: 1, plot }, plot.x, plot.y)).toBeUndefined();
  });
});

test('the read of a statement is what stands before its stages, without a comment behind it', () => {
  expect(readPart(`${READ} | heatmap`)).toEqual({ text: READ, hasStep: false });
  expect(readPart(`${READ} step 5s # why | not\n| heatmap`)).toEqual({
    text: `${READ} step 5s`,
    hasStep: true,
  });
  expect(readPart('http.requests where route == "a|b" by step, latency')).toEqual({
    text: 'http.requests where route == "a|b" by step, latency',
    hasStep: false,
  });
  expect(readPart('')).toBeUndefined();
});

describe('answers', () => {
  test('a cell is a table of its keys, with a line on the place', () => {
    const answer = readAnswer({
      kind: 'cell',
      from: 1_800_000_000,
      to: 1_800_000_001,
      unit: 's',
      base: 10,
      power: -9,
      values: { low: 1e6, high: 2e6, row: 3 },
      total: 6,
      column: { total: 10, p50: { value: 1.5e6 }, coverage: { missing: [{ name: 'web3', seconds: 1 }] } },
      rankings: [
        {
          fields: ['route'],
          keys: 1,
          rows: [
            { key: ['/cart'], count: 6, share: 1, outside: 4, outsideShare: 0.25, lift: 4 },
            { key: null, count: 0, share: 0, outside: 12, outsideShare: 0.75, lift: 0 },
          ],
        },
      ],
      unstored: { fields: ['host'], offer: 'instrument x.y by host' },
    });
    expect(answer).toMatchObject({
      kind: 'table',
      caption:
        '08:00:00 to 08:00:01, 1 ms to 2 ms: 6 counted, 60 % of the column. Column: p50 1.5 ms; missing web3',
      rows: [['route', '/cart', '6', '100 %', '25 %', '4×']],
      notes: ['not stored: host; to store: instrument x.y by host'],
    });
  });

  test('a comparison is a table of what differs', () => {
    const row = {
      field: 'host',
      value: 'web2',
      count: 48,
      share: 0.96,
      outside: 150,
      outsideShare: 0.5,
      lift: 1.92,
    };
    const answer = readAnswer({
      kind: 'compare',
      from: 1_800_000_000,
      to: 1_800_000_060,
      values: null,
      total: 50,
      outside: 300,
      tests: 1,
      rows: [{ ...row, score: 0.22, p: 1e-12, q: 1e-12, significant: true }],
    });
    expect(answer).toMatchObject({
      caption: '08:00:00 to 08:01:00, all values: 50 inside, 300 outside; 1 values tested',
      rows: [['host', 'web2', '48', '96 %', '50 %', '1.92×', '0.220', '<0.001', 'differs']],
      rowsLeft: 0,
    });
  });
});
