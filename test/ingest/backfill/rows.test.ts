import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FileRow, fileRows, recognise, ROW_BYTES_MAX } from '../../../src/ingest/backfill/rows.ts';
import { rowReader } from '../../../src/ingest/backfill/row.ts';
import { sampleRows, surveyFile } from '../../../src/ingest/backfill/survey.ts';
import { LL5 } from '../../../src/model/grid.ts';
import { TYPES } from '../../../src/model/metric.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tailglow-rows-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, content: string | Buffer): { path: string; bytes: number } {
  const path = join(directory, name);
  writeFileSync(path, content);
  return { path, bytes: statSync(path).size };
}

async function rowsOf(of: { path: string; bytes: number }, asked?: 'jsonl' | 'csv'): Promise<FileRow[]> {
  const rows: FileRow[] = [];
  for await (const piece of fileRows(of, await recognise(of.path, asked), () => {})) rows.push(...piece);
  return rows;
}

describe('JSON lines', () => {
  it('are given with their numbers, whatever lies between', async () => {
    const rows = await rowsOf(file('a.jsonl', '\n{"a":1}\r\n\n{"b":"\u00e9"}\n[1]\n{oops\n{"c":3}'));
    expect(rows.map((r) => [r.line, r.record ?? r.why])).toEqual([
      [2, { a: 1 }],
      [4, { b: '\u00e9' }],
      [5, 'it is no JSON object: [1]'],
      [6, 'it is no JSON: {oops'],
      [7, { c: 3 }],
    ]);
  });

  it('longer than the bound are told and left out, wherever chunks end', async () => {
    const long = `{"x":"${'y'.repeat(ROW_BYTES_MAX)}"}`;
    const fits = `{"x":"${'y'.repeat(ROW_BYTES_MAX - 100)}"}`;
    const rows = await rowsOf(file('long.jsonl', `{"a":1}\n${long}\n${fits}\n{"b":2}\n${long}`));
    expect(rows.map((r) => [r.line, r.record === undefined ? r.why : Object.keys(r.record)])).toEqual([
      [1, ['a']],
      [2, `it is longer than ${ROW_BYTES_MAX} bytes`],
      [3, ['x']],
      [4, ['b']],
      [5, `it is longer than ${ROW_BYTES_MAX} bytes`],
    ]);
  });

  it('are the same when they are gzipped', async () => {
    const text = Array.from({ length: 20_000 }, (_, i) => JSON.stringify({ i })).join('\n');
    const rows = await rowsOf(file('z.jsonl.gz', gzipSync(text)));
    expect(rows.length).toBe(20_000);
    expect(rows.at(-1)).toEqual({ line: 20_000, record: { i: 19_999 } });
  });
});

describe('CSV', () => {
  it('is read as RFC 4180 has it, whatever the cells', async () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 8 });
    const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(cell, cell), { maxLength: 30 }), async (table) => {
        const text = ['a,b', ...table.map((row) => row.map(quoted).join(','))].join('\r\n');
        const rows = await rowsOf(file('p.csv', text), 'csv');
        expect(rows.map((r) => r.record)).toEqual(table.map(([a, b]) => ({ a, b })));
      }),
      { numRuns: 30 },
    );
  });

  it('tells its delimiter by its header, and rows of another width by their line', async () => {
    expect(await recognise(file('t.tsv', 'time\troute\tlatency, ms\n').path)).toEqual({
      kind: 'csv',
      delimiter: '\t',
    });
    expect(await recognise(file('s.csv', 'time;route;latency\n').path)).toEqual({
      kind: 'csv',
      delimiter: ';',
    });
    const rows = await rowsOf(file('w.csv', '\ufefftime,route\n1,/a\n\n2\n3,/c,x\n4,"/d\n"\n5,/e\n'));
    expect(rows.map((r) => [r.line, r.record ?? r.why])).toEqual([
      [2, { time: '1', route: '/a' }],
      [4, 'it has 1 cells, the header has 2'],
      [5, 'it has 3 cells, the header has 2'],
      [7, { time: '4', route: '/d\n' }],
      [8, { time: '5', route: '/e' }],
    ]);
    await expect(rowsOf(file('d.csv', 'a,a\n1,2\n'))).rejects.toThrow(/column "a" twice/);
  });

  it('takes a stray quote as it stands, and tells one that never ends', async () => {
    const rows = await rowsOf(file('bad.csv', 'a,b\n1,2\n3,"4"5\n6,7\n8,"9\n'), 'csv');
    expect(rows.flatMap((r) => r.record ?? [])).toEqual([
      { a: '1', b: '2' },
      { a: '3', b: '"4"5' },
      { a: '6', b: '7' },
    ]);
    expect(rows.find((r) => r.record === undefined)).toMatchObject({
      line: 5,
      why: expect.stringMatching(/Quote/),
    });
  });
});

describe('a survey', () => {
  const shape = {
    by: ['route'],
    numeric: { field: 'latency', type: TYPES.time },
    grid: LL5,
    everySeconds: 1,
    where: { op: 'ne', field: 'route', value: '/health' },
  } as const;
  const lines = [
    '{"time":1800000005,"route":"/a","latency":"1ms","count":3}',
    '{"time":1800000001,"route":"/health","latency":"1ms"}',
    '{"time":1800000002,"route":"/b","latency":"2ms"}',
    'oops',
    '{"time":1800000003,"route":"/b"}',
  ];

  it('tells span, sums, faults and identity, of the bytes that were there when it began', async () => {
    const whole = file('s.jsonl', lines.join('\n'));
    writeFileSync(whole.path, '\n{"time":9,"route":"/late","latency":"1ms"}', { flag: 'a' });
    const seen = new Set<string>();
    let bytes = 0;
    const survey = await surveyFile(whole, {
      format: { kind: 'jsonl' },
      read: rowReader(shape, { columns: {} }, seen),
      onBytes: (n) => (bytes += n),
      strict: false,
    });
    expect(survey).toEqual({
      sha256: createHash('sha256').update(lines.join('\n')).digest('hex'),
      rows: 3,
      leftOut: 1,
      counted: 4,
      oldestSecond: 1_800_000_002,
      newestSecond: 1_800_000_005,
      badLines: 2,
      faults: [
        { line: 4, why: 'it is no JSON: oops' },
        { line: 5, why: 'it has no latency' },
      ],
    });
    expect([bytes, [...seen].toSorted()]).toEqual([whole.bytes, ['latency', 'route']]);
    expect((await sampleRows(whole, { kind: 'jsonl' })).length).toBe(4);
  });

  it('of an empty file is empty', async () => {
    const options = { format: { kind: 'jsonl' }, onBytes: () => {}, strict: true } as const;
    const read = rowReader(shape, { columns: {} }, new Set());
    expect(await surveyFile(file('empty.jsonl', ''), { ...options, read })).toMatchObject({
      rows: 0,
      oldestSecond: undefined,
    });
  });
});
