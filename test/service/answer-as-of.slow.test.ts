/** Reading a log for what was known: where it begins, where it ends, and what it says of a log that is trimmed. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { openFileLogReader } from '../../src/log/file-log-reader.ts';
import { openFileLog } from '../../src/log/file-log.ts';
import type { LogReader } from '../../src/model/log.ts';
import type { SecondRange } from '../../src/model/series.ts';
import type { Plan } from '../../src/query/plan.ts';
import { readAsOf } from '../../src/service/answer-as-of.ts';
import { HandLog, requests, START } from '../store/reports.ts';
import { MovableClock, openHouse, START_SECOND } from './house.ts';

function planOf(fromSecond: number, untilSecond: number, asOfSecond: number): Plan {
  return {
    metric: { name: 'http.requests', label: '', unit: 'requests', scope: 'interval', fields: [], cost: '' },
    instrumentation: requests(),
    fromSecond,
    untilSecond,
    asOfSecond,
    columnSeconds: 1,
    columns: untilSecond - fromSecond,
    live: false,
    fields: [],
    draw: { kind: 'count' },
    height: 300,
    notes: [],
  };
}

/** A log of a report a second over 4000 s, in files of 50 of them or so. */
async function withLog(
  use: (log: LogReader, trim: (offset: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'tailglow-as-of-'));
  const clock = new MovableClock(START * 1000);
  const log = await openFileLog(directory, { clock, fileBytes: 6000 });
  try {
    const hand = new HandLog();
    const appends: Promise<void>[] = [];
    for (let i = 0; i < 4000; i += 2) {
      clock.ms = (START + i + 1) * 1000;
      appends.push(log.append(hand.report(START + i, [[['/'], 1]]).payload));
      // So that commit groups stay small, and files do.
      if (i % 100 === 0) await Promise.all(appends);
    }
    await Promise.all(appends);
    const reader = openFileLogReader(directory, log.tail);
    await use(reader, (offset) => log.trim(offset));
    await reader.close();
  } finally {
    await log.close();
    await rm(directory, { recursive: true });
  }
}

/** What is counted in the range, of what was read for the plan. */
async function counted(log: LogReader, plan: Plan, range: SecondRange = plan): Promise<number> {
  const signal = new AbortController().signal;
  const series = await readAsOf(plan, { log, kernel: referenceKernel }, signal);
  let sum = 0;
  for (const { startSecond, cells } of series.blocks('requests', range.fromSecond, range.untilSecond, 1)) {
    for (let i = 0; i < cells.length; i++) {
      const second = startSecond + cells.step[i]!;
      if (second >= range.fromSecond && second < range.untilSecond) sum += cells.count[i]!;
    }
  }
  return sum;
}

it('reads a stretch of the log, not all of it', () =>
  withLog(async (log) => {
    let read = 0;
    const watched: LogReader = {
      ...log,
      end: () => log.end(),
      seek: (arrivedMs) => log.seek(arrivedMs),
      async *read(from, signal, untilOffset) {
        for await (const entries of log.read(from, signal, untilOffset)) {
          read += entries.length;
          yield entries;
        }
      },
    };
    expect(await counted(watched, planOf(START + 2000, START + 2100, START + 2100))).toBe(50);
    expect(read).toBeGreaterThan(300);
    expect(read).toBeLessThan(700);
    expect(await counted(watched, planOf(START + 2000, START + 2100, START + 2051))).toBe(26);
    expect(await counted(watched, planOf(START + 3900, START + 4100, START + 9000))).toBe(50);
    expect(await counted(watched, planOf(START + 50_000, START + 50_100, START + 50_200))).toBe(0);
  }));

it('reads two ranges in one go, and keeps nothing of what lies between', () =>
  withLog(async (log) => {
    const earlier = { fromSecond: START + 1000, untilSecond: START + 1100 };
    const plan = { ...planOf(START + 3000, START + 3100, START + 3051), earlier };
    expect(await counted(log, plan)).toBe(26);
    expect(await counted(log, plan, earlier)).toBe(50);
    expect(await counted(log, plan, { fromSecond: START + 1700, untilSecond: START + 2400 })).toBe(0);
    // Without a word on the earlier one there is nothing of it.
    expect(await counted(log, planOf(START + 3000, START + 3100, START + 3051), earlier)).toBe(0);
  }));

it('says since when there is a log where it is trimmed', () =>
  withLog(async (log, trim) => {
    await trim(1000);
    await expect(counted(log, planOf(START + 2000, START + 2100, START + 2100))).rejects.toMatchObject({
      problem: {
        status: 422,
        code: 'LOG_TRIMMED',
        detail: expect.stringMatching(
          /^Cannot read what was known of 20\S+Z from the log, .*: it is kept since 20\S+Z$/,
        ),
      },
    });
    expect(await counted(log, planOf(START + 3000, START + 3100, START + 3200))).toBe(50);
  }));

it('ends when nobody waits', () =>
  withLog(async (log) => {
    const context = { log, kernel: referenceKernel };
    const series = await readAsOf(planOf(START, START + 10, START + 20), context, AbortSignal.abort());
    expect([...series.blocks('requests', START, START + 10, 1)]).toEqual([]);
  }));

it('answers two times against each other as both were known', async () => {
  const house = await openHouse();
  try {
    const id = await house.instrument('instrument http.requests by latency');
    const at = (second: number): string => new Date((START_SECOND + second) * 1000).toISOString();
    await house.report(START_SECOND + 2, id, { '': [1e6] });
    await house.report(START_SECOND + 12, id, { '': [1e6, 2e6] });
    house.clock.ms = (START_SECOND + 20) * 1000;
    await house.report(START_SECOND + 2, id, { '': [3e6, 3e6, 3e6] });
    const totals = async (asOf: string): Promise<number[]> => {
      const q = `http.requests by latency from ${at(12)} to ${at(13)} step 1s ${asOf} | diff offset 10s`;
      const reply = await house.gateway.inject({ url: '/api/v1/query', query: { q } });
      const { a, b } = reply.json() as { a: { total: number }; b: { total: number } };
      return [a.total, b.total];
    };
    expect(await totals(`as of ${at(16)}`)).toEqual([2, 1]);
    expect(await totals('')).toEqual([2, 4]);
    expect(await totals(`as of ${at(5)}`)).toEqual([0, 1]);
  } finally {
    await house.close();
  }
});
