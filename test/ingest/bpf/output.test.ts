import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyParts } from '../../../src/ingest/bpf/key-parts.ts';
import { OutputReader, type Reading } from '../../../src/ingest/bpf/output.ts';
import { compileProgram } from '../../../src/ingest/bpf/compile.ts';
import { COUNT, LL5 } from '../../../src/model/grid.ts';
import { metricNamed } from './catalogue-for-test.ts';

interface Seen {
  readonly ready: number;
  readonly readings: readonly Reading[];
  readonly faults: readonly string[];
}

function seen(chunks: Iterable<Buffer | string>): Seen {
  const readings: Reading[] = [];
  const faults: string[] = [];
  let ready = 0;
  const reader = new OutputReader({
    ready: () => ready++,
    reading: (reading) => readings.push(reading),
    fault: (reason) => faults.push(reason),
  });
  for (const chunk of chunks) reader.push(Buffer.from(chunk));
  return { ready, readings, faults };
}

const recorded = readFileSync(join(import.meta.dirname, 'fixtures/bpftrace-0.17.jsonl'));
const program = compileProgram(
  metricNamed('fs.opens'),
  { by: ['errno', 'path'], numeric: 'latency', grid: LL5 },
  { host: 'web1' },
);

describe('what bpftrace 0.17 printed', () => {
  it('is read whole: commas, quotes, backslashes, bytes above 127, empty seconds', () => {
    const { ready, readings, faults } = seen([recorded]);
    expect([ready, faults]).toEqual([1, []]);
    const paths = new Map<string, number>();
    for (const { entries, total, second, saidSecond, readSecond } of readings) {
      expect(entries.reduce((sum, [, count]) => sum + count, 0)).toBe(total);
      expect([saidSecond, readSecond]).toEqual([second + 1, second + 1]);
      for (const [key, count] of entries) {
        const { values } = keyParts(key, program)!;
        const name = `${values.get('errno')} ${String(values.get('path')).replace(/.*\//, '')}`;
        paths.set(name, (paths.get(name) ?? 0) + count);
      }
    }
    expect(readings.length).toBeGreaterThan(2);
    expect(Object.fromEntries([...paths].filter(([name]) => name.includes('odd')))).toEqual({
      'none odd, é"\\ü\n.txt': 3,
      'ENOENT odd, missing': 2,
    });
  });

  it('is the same however it is cut into pieces', () => {
    const whole = seen([recorded]);
    fc.assert(
      fc.property(fc.array(fc.nat(recorded.length), { maxLength: 20 }), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), recorded.length];
        expect(seen(at.slice(1).map((end, i) => recorded.subarray(at[i], end)))).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });

  it('may end anywhere: what is whole is read', () => {
    const whole = seen([recorded]).readings;
    fc.assert(
      fc.property(fc.nat(recorded.length), (end) => {
        const { readings, faults } = seen([recorded.subarray(0, end)]);
        expect(faults).toEqual([]);
        expect(readings).toEqual(whole.slice(0, readings.length));
      }),
      { numRuns: 50 },
    );
  });
});

describe('the reader of what bpftrace prints', () => {
  const line = (type: string, data: unknown): string => `${JSON.stringify({ type, data })}\n`;
  const tick = (second: number, maps: Record<string, unknown>, readSecond = second + 1): string =>
    [
      line('printf', `tick ${second} ${second + 1}`),
      ...Object.entries(maps).map(([name, value]) => line('map', { [name]: value })),
      '\n',
      line('time', String(readSecond)),
    ].join('');

  it('takes no notice of what it does not know', () => {
    const garbage = [
      '\n',
      '{',
      'null\n',
      '[]\n',
      '{"type":"map"}\n',
      '{"type":"map","data":{"@a":{"1":"x"}}}\n',
      '\xff\xfe\n',
    ];
    const text =
      garbage.join('') +
      line('printf', 'tock') +
      line('printf', 'tick x y') +
      tick(10, { '@a': 3, '@ta': 3 });
    expect(seen([text]).readings).toEqual([
      { second: 10, saidSecond: 11, readSecond: 11, entries: [['', 3]], total: 3 },
    ]);
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (chunks) => {
        const { readings } = seen([
          ...chunks.map((chunk) => Buffer.from(chunk)),
          `\n${tick(10, { '@a': {}, '@ta': 0 })}`,
        ]);
        expect(readings.at(-1)).toMatchObject({ second: 10, total: 0 });
      }),
      { numRuns: 200 },
    );
  });

  it('keeps a text that looks like the odd bytes', () => {
    const text = tick(10, { '@a': { 'C:\\uffffffc3,é': 1 }, '@ta': 1 }).replace(
      'é',
      '\\uffffffc3\\uffffffa9',
    );
    expect(seen([text]).readings[0]!.entries).toEqual([['C:\\uffffffc3,é', 1]]);
  });

  it('gives up on a line without an end, and on a map without room', () => {
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    expect(seen(Array.from({ length: 20 }, () => chunk)).faults).toEqual([
      'a line has more than 16777216 bytes',
    ]);
    expect(seen([line('helper_error', { msg: 'Argument list too long' })]).faults.length).toBe(1);
  });
});

describe('a key', () => {
  const peers = compileProgram(
    metricNamed('tcp.connects'),
    { by: ['execname', 'raddr', 'pid'], numeric: 'latency', grid: LL5 },
    { host: 'h' },
  );

  it('is taken apart: bucket, numbers, addresses, and the text with all its commas', () => {
    expect(keyParts('451,7,::ffff:10.0.0.1,a,b,', peers)).toEqual({
      bucket: 451,
      values: new Map<string, string | number>([
        ['pid', 7],
        ['raddr', '10.0.0.1'],
        ['execname', 'a,b,'],
      ]),
    });
    expect(keyParts('451,7,fe80::1,', peers)!.values.get('execname')).toBe('');
  });

  it('is refused where it is none', () => {
    for (const text of ['', '1', '1,2', 'x,7,::1,a', '1,x,::1,a', '1,7', '999999,7,::1,a']) {
      expect(keyParts(text, peers)).toBeUndefined();
    }
    const plain = compileProgram(metricNamed('tcp.connects'), { by: [], grid: COUNT }, { host: 'h' });
    expect(keyParts('', plain)).toEqual({ bucket: 0, values: new Map() });
  });

  it('of numbers and a text is what it was made of', () => {
    const by = compileProgram(
      metricNamed('syscall.ops'),
      { by: ['pid', 'uid', 'execname'], grid: COUNT },
      { host: 'h' },
    );
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.string(), (pid, uid, execname) => {
        expect(Object.fromEntries(keyParts(`${pid},${uid},${execname}`, by)!.values)).toEqual({
          pid,
          uid,
          execname,
        });
      }),
    );
  });
});
