import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exportQuery } from '../../src/cli/export-query.ts';
import { instantText, readInstant } from '../../src/query/moment.ts';
import { stubServer } from './stub-server.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tailglow-export-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const START = 1_800_000_000;
const RANGE = / from (\S+) to (\S+) step (\d+)s \| histograms$/;
const columns = [
  { name: 'time', holds: 'second' },
  { name: 'count', holds: 'count' },
];

function second(text: string): number {
  const read = readInstant(text);
  return 'value' in read ? read.value : Number.NaN;
}

/** A series with `dense` rows a second, of a server that answers no more than `rowsMax` at a time. */
async function exported(
  seconds: number,
  dense: number,
  rowsMax: number,
): Promise<{ lines: string[]; asked: string[] }> {
  const asked: string[] = [];
  const server = await stubServer(({ body }) => {
    const text = body.toString();
    if (text.startsWith('explain ')) {
      const plan = { from: instantText(START), to: instantText(START + seconds), step: '10s' };
      return { json: { rows: Object.entries(plan) } };
    }
    asked.push(text);
    const [, from, to, step] = RANGE.exec(text)!;
    const rows: number[][] = [];
    for (let at = second(from!); at < second(to!); at += Number(step))
      for (let i = 0; i < dense; i++) rows.push([at, i + 1]);
    if (rows.length > rowsMax) return { status: 422, json: { code: 'TOO_LARGE', detail: 'too many rows' } };
    return { json: { kind: 'table', columns, rows } };
  });
  const path = join(directory, 'out.jsonl');
  const span = `from ${instantText(START)} to ${instantText(START + seconds)}`;
  try {
    const statement = `http.requests by latency ${span} step 1s | histograms`;
    await exportQuery(
      { url: server.url, token: '', command: 'tailglow' },
      { statement, encoding: 'jsonl', path },
    );
  } finally {
    await server.close();
  }
  return { lines: readFileSync(path, 'utf8').split('\n').slice(0, -1), asked };
}

it('asks in slices that meet, shorter ones where there are too many rows, and has each row once', async () => {
  const shape = fc.record({
    seconds: fc.integer({ min: 1, max: 1500 }),
    dense: fc.integer({ min: 0, max: 5 }),
    rowsMax: fc.integer({ min: 300, max: 3000 }),
  });
  await fc.assert(
    fc.asyncProperty(shape, async ({ seconds, dense, rowsMax }) => {
      const { lines, asked } = await exported(seconds, dense, rowsMax);
      const expected = Array.from({ length: seconds * dense }, (_, i) =>
        JSON.stringify({ time: START + Math.floor(i / dense), count: (i % dense) + 1 }),
      );
      expect(lines).toEqual(expected);
      const starts = asked.map((text) => second(RANGE.exec(text)![1]!));
      expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    }),
    { numRuns: 10 },
  );
});

it('leaves no file behind where it fails', async () => {
  await expect(exported(10, 6, 5)).rejects.toMatchObject({ exitCode: 1 });
  expect(readdirSync(directory)).toEqual(['out.jsonl']); // of the exports before
});
