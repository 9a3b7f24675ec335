/** A recorded directory is asked again, while it is in use and after its log was trimmed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openFileLog } from '../../src/log/file-log.ts';
import { encodeBatch } from '../../src/model/batch.ts';
import { LL5 } from '../../src/model/grid.ts';
import { histogramOf } from '../../src/model/histogram.ts';
import type { Batch } from '../../src/model/report.ts';
import { encodeControlEntry, encodeReportEntry } from '../../src/model/report.ts';
import { openTailglow } from '../../src/service/library.ts';
import { openRecording } from '../../src/service/recording.ts';
import { openCatalogue } from '../../src/store/catalogue.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';
import '../arbitrary/vitest.ts';
import { FROM, METRIC } from './fault-world.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tailglow-recording-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const open = () => openRecording({ directory, kernel: 'reference' });

/** What lies in the directory, with its bytes, but for what SQLite keeps beside a file that is open. */
function filesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    names.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path, readFileSync(path).toString('base64')];
    }),
  );
}

it('answers as the program that writes it, which goes on', async () => {
  const clock = new ManualClock(FROM * 1000);
  await using tailglow = await openTailglow({ metrics: [METRIC], clock, directory, kernel: 'reference' });
  await tailglow.instrument('instrument job.runs by queue, latency as runs');
  for (let i = 0; i < 300; i++) {
    tailglow.record('job.runs', { queue: i % 2 === 0 ? 'mail' : 'print', latency: 1e6 * (i + 1) });
    await clock.advance(1000);
    // A disk takes real time: what was known at that second is what had arrived by then.
    if (i === 99) await tailglow.flush();
  }
  await tailglow.flush();
  const query = `job.runs by queue, latency from ${FROM} to ${FROM + 300} step 10s | percentiles 50, 99`;
  const expected = await tailglow.query(query);
  const before = filesOf(directory);
  await using recording = await open();
  expect(await recording.query(query)).toEqual(expected);
  expect(recording.nowSecond).toBe(FROM + 300);
  expect(recording.instrumentations()).toEqual(tailglow.instrumentations());
  expect(await recording.query('job.runs by queue last 10s | count')).toHaveCount(10);
  const known = await recording.query(`job.runs from ${FROM} to ${FROM + 300} as of ${FROM + 100} | count`);
  expect(known).toHaveCount(100);
  const batches: Batch[] = [];
  for await (const batch of recording.batches()) batches.push(batch);
  expect(batches.flatMap((b) => b.reports.flatMap((r) => r.rows))).toHaveLength(300);
  expect(filesOf(directory)).toEqual(before);
  await expect(recording.query('drop runs')).rejects.toMatchObject({ problem: { code: 'STATEMENT_KIND' } });
  tailglow.record('job.runs', { queue: 'mail', latency: 1 });
  await tailglow.flush();
  expect(await recording.query(query)).toEqual(expected);
});

it('ends with the newest second, also one that was not over', async () => {
  const clock = new ManualClock(FROM * 1000);
  const tailglow = await openTailglow({ metrics: [METRIC], clock, directory, kernel: 'reference' });
  await tailglow.instrument('instrument job.runs by queue, latency as runs');
  tailglow.record('job.runs', { queue: 'mail', latency: 1 });
  await tailglow.close();
  await using recording = await open();
  expect(await recording.query('job.runs last 5s step 1s | count')).toHaveCount(1);
  expect(await recording.query('job.runs last 5s step 1s | count')).toCoverEverySecond();
});

it('knows what a trimmed log no longer says, as far as the directory does', async () => {
  const clock = new ManualClock(FROM * 1000);
  const log = await openFileLog(join(directory, 'log'), { clock, fileBytes: 2000 });
  const created = {
    id: 'runs',
    metric: METRIC.name,
    by: ['queue'],
    numeric: 'latency',
    grid: LL5,
    scope: 'interval',
    everySeconds: 1,
    keepSeconds: 86_400,
    idleSeconds: 0,
    createdSecond: FROM,
  } as const;
  await log.append(encodeControlEntry({ kind: 'instrumenter-online', host: 'a', metrics: [METRIC] }));
  await log.append(encodeControlEntry({ kind: 'instrumentation-created', instrumentation: created }));
  for (let i = 0; i < 100; i++) {
    clock.set((FROM + i + 1) * 1000);
    const rows = [{ key: ['mail'], histogram: histogramOf(LL5, [i]) }];
    const report = { instrumentation: 'runs', grid: LL5, partial: false, dropped: 0, rows };
    const source = { host: 'a', driver: 'b', incarnation: '0123456789abcdef' };
    const batch = encodeBatch({ source, sequence: i, second: FROM + i, reports: [report] });
    await log.append(encodeReportEntry([batch]));
  }
  const catalogue = openCatalogue(join(directory, 'catalogue.db'), log.identity);
  const entries = [
    { kind: 'instrumenter-online', host: 'a', metrics: [METRIC] } as const,
    { kind: 'instrumentation-created', instrumentation: created } as const,
  ];
  catalogue.fold(
    entries.map((event, offset) => ({ offset, arrivedMs: FROM * 1000, payload: encodeControlEntry(event) })),
  );
  catalogue.close();
  await log.trim(60);
  await log.close();
  await using recording = await open();
  const answer = await recording.query(`job.runs by latency from ${FROM} to ${FROM + 100} | histograms`);
  const kept = answer.kind === 'table' ? answer.rows.length : 0;
  expect(kept).toBeGreaterThanOrEqual(40);
  expect(kept).toBeLessThan(80);
});

it('says that there is no recording', async () => {
  await expect(open()).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
});
