/** The bpf driver over a bpftrace of the test's own: what is shared, bounded, late, dropped, refused. */
import { describe, expect, it, vi } from 'vitest';
import { BpfDriver, type BpfDriverOptions, PROGRAMS_MAX } from '../../../src/ingest/bpf/driver.ts';
import type { Machine } from '../../../src/ingest/bpf/machine.ts';
import type { EncodedBatch } from '../../../src/ingest/driver.ts';
import { COUNT, ll5Index, LL5 } from '../../../src/model/grid.ts';
import type { Instrumentation } from '../../../src/model/instrumentation.ts';
import { decodeBatch, readBatch } from '../../../src/model/report.ts';
import { CellsBuffer } from '../../../src/model/series.ts';
import { ManualClock } from '../../arbitrary/manual-clock.ts';
import { withDirectory } from '../temporary-directory.ts';
import { fakeBpftrace, READY, tick, WAIT } from './fake-bpftrace.ts';

const machine: Machine = {
  missing: undefined,
  btf: true,
  paths: { libc: undefined, postgres: undefined },
  hasTracepoint: () => true,
};

const one = (id: string, rest: Partial<Instrumentation> = {}): Instrumentation => ({
  id,
  metric: 'syscall.ops',
  by: [],
  grid: COUNT,
  scope: 'interval',
  everySeconds: 1,
  keepSeconds: 60,
  idleSeconds: 0,
  createdSecond: 0,
  ...rest,
});

const read = (batch: EncodedBatch) => readBatch(decodeBatch(batch.bytes), () => new CellsBuffer());

interface House {
  readonly driver: BpfDriver;
  readonly clock: ManualClock;
  readonly late: EncodedBatch[];
  readonly start: number;
}

async function withDriver(
  script: (start: number, directory: string) => string,
  use: (house: House & { readonly directory: string }) => Promise<void>,
  options: Partial<BpfDriverOptions> = {},
): Promise<void> {
  await withDirectory(async (directory) => {
    const clock = new ManualClock();
    const start = clock.second;
    const command = await fakeBpftrace(directory, script(start, directory));
    const late: EncodedBatch[] = [];
    const driver = new BpfDriver({
      host: 'web1',
      clock,
      random: () => 0.5,
      offsetNs: () => 7n,
      command,
      machine,
      ...options,
    });
    await driver.start({ late: (batches) => late.push(...batches), offline: () => {}, note: () => {} });
    try {
      await use({ driver, clock, late, start, directory });
    } finally {
      await driver.close();
    }
  });
}

describe.runIf(process.platform === 'linux')('the bpf driver', () => {
  it('lets equal questions share a program, and reports each', async () => {
    const script = (s: number): string =>
      READY + tick({ second: s + 1, rows: { '0': 3, '1': 5 }, total: 10 }) + WAIT;
    await withDriver(script, async ({ driver, start }) => {
      await Promise.all(['a', 'b'].map((id) => driver.enable(one(id, { by: ['syscall'] }))));
      expect(driver.pids().length).toBe(1);
      const { batches, awaited } = await driver.collect(start + 1);
      expect(awaited).toEqual([]);
      const { reports, second } = read(batches[0]!);
      expect(second).toBe(start + 1);
      expect(reports.map((report) => [report.instrumentation, report.dropped, report.partial])).toEqual([
        ['a', 2, false],
        ['b', 2, false],
      ]);
      expect(reports[0]!.rows.map((row) => [row.key, row.histogram.counts])).toEqual([
        [['read'], [3]],
        [['write'], [5]],
      ]);
      await driver.disable('a');
      expect(driver.pids().length).toBe(1);
      await driver.disable('b');
      expect([driver.pids(), driver.sources()]).toEqual([[], []]);
    });
  });

  it('puts counts into the buckets that the kernel chose, and decides there what the kernel could not', async () => {
    const rows = { '0,12,pg_one': 1, '1567,12,pg_two': 2, '40,12,other': 4 };
    const script = (s: number): string => READY + tick({ second: s + 1, rows, total: 7 }) + WAIT;
    await withDriver(script, async ({ driver, start }) => {
      const where = { op: 'match', field: 'execname', value: '^pg_' } as const;
      await driver.enable(one('a', { by: ['host', 'pid'], numeric: 'latency', grid: LL5, where }));
      const { batches } = await driver.collect(start + 1);
      expect(read(batches[0]!).reports[0]).toMatchObject({
        dropped: 0,
        rows: [
          {
            key: ['web1', '12'],
            histogram: { buckets: [0, ll5Index(Number.MAX_SAFE_INTEGER)], counts: [1, 2] },
          },
        ],
      });
    });
  });

  it('reports late what comes late, in order, and what stood still as not whole', async () => {
    const script = (s: number, directory: string): string =>
      `${READY}while [ ! -e ${directory}/go ]; do sleep 0.02; done\n` +
      `${tick({ second: s + 1, rows: 1, total: 1, readSecond: s + 3 })}${tick({ second: s + 2, rows: 2, total: 2 })}${WAIT}`;
    await withDriver(script, async ({ driver, clock, late, start, directory }) => {
      await driver.enable(one('a'));
      const collected = driver.collect(start + 1);
      await clock.advance(300);
      expect(await collected).toEqual({ batches: [], awaited: ['web1/bpf'] });
      const next = driver.collect(start + 2);
      await clock.advance(300);
      expect(await next).toEqual({ batches: [], awaited: ['web1/bpf'] });
      await fakeFile(`${directory}/go`);
      await vi.waitFor(() => expect(late.length).toBe(2), { timeout: 15_000 });
      expect(late.map((batch) => [batch.sequence, batch.second])).toEqual([
        [0, start + 1],
        [1, start + 2],
      ]);
      expect(late.map((batch) => read(batch).reports[0]!.partial)).toEqual([true, false]);
    });
  });

  it('catches up with the seconds in which nobody asked', async () => {
    const script = (s: number): string =>
      READY + [1, 2, 3, 4].map((i) => tick({ second: s + i, rows: i, total: i })).join('') + WAIT;
    await withDriver(script, async ({ driver, start }) => {
      await driver.enable(one('a'));
      expect((await driver.collect(start + 1)).batches.length).toBe(1);
      const { batches } = await driver.collect(start + 4);
      expect(batches.map((batch) => batch.second)).toEqual([start + 2, start + 3, start + 4]);
    });
  });

  it('says that events were dropped whose reading came when their second was long reported', async () => {
    const script = (s: number, directory: string): string =>
      `${READY}while [ ! -e ${directory}/go ]; do sleep 0.02; done\n` +
      `${[1, 2, 3, 4, 5].map((i) => tick({ second: s + i, rows: i, total: i, readSecond: s + 6 })).join('')}${WAIT}`;
    await withDriver(script, async ({ driver, clock, late, start, directory }) => {
      await driver.enable(one('a'));
      for (let i = 1; i <= 5; i++) {
        const collected = driver.collect(start + i);
        await clock.advance(300);
        expect((await collected).batches).toEqual([]);
      }
      await fakeFile(`${directory}/go`);
      await vi.waitFor(() => expect(late.length).toBe(3), { timeout: 15_000 });
      const reports = late.map((batch) => read(batch).reports[0]!);
      expect(reports.map((report) => [report.dropped, report.partial])).toEqual([
        [1 + 2, true],
        [0, true],
        [0, true],
      ]);
    });
  });

  it('has so many programs and no more, and room again when one goes', async () => {
    await withDriver(
      () => READY + WAIT,
      async ({ driver }) => {
        const asked = (i: number): Instrumentation =>
          one(`i${i}`, { where: { op: 'eq', field: 'pid', value: i } });
        await Promise.all(Array.from({ length: PROGRAMS_MAX }, (_, i) => driver.enable(asked(i))));
        await expect(driver.enable(asked(99))).rejects.toThrow('12 probe programs run on this host');
        await driver.disable('i3');
        await driver.enable(asked(99));
        expect(driver.pids().length).toBe(PROGRAMS_MAX);
      },
    );
  });

  it('says why a program could not be had, and forgets the instrumentation', async () => {
    const script = `echo 'ERROR: bpftrace currently only supports running as the root user.' >&2; exit 1\n`;
    await withDriver(
      () => script,
      async ({ driver }) => {
        await expect(driver.enable(one('a'))).rejects.toThrow('Cannot measure this: bpftrace needs root');
        expect([driver.states('a'), driver.pids(), driver.sources()]).toEqual([[], [], []]);
      },
    );
  });

  it('says of each metric why it cannot be had, and disturbs nobody', async () => {
    const bare: Machine = {
      ...machine,
      missing: { reason: 'bpftrace needs root', remedy: 'run the instrumenter as root' },
    };
    await withDriver(
      () => WAIT,
      async ({ driver, start }) => {
        expect(driver.availability().length).toBe(driver.metrics.length);
        expect(driver.availability().every((a) => !a.available && a.reason === 'bpftrace needs root')).toBe(
          true,
        );
        await expect(driver.enable(one('a'))).rejects.toThrow(
          'Cannot measure "syscall.ops": bpftrace needs root; what would help: run the instrumenter as root',
        );
        expect(await driver.collect(start + 1)).toEqual({ batches: [], awaited: [] });
      },
      { machine: bare },
    );
    const partly: Machine = { ...machine, btf: false, hasTracepoint: (name) => !name.startsWith('irq/') };
    await withDriver(
      () => READY + WAIT,
      async ({ driver }) => {
        const missing = driver.availability().filter((a) => !a.available);
        expect(missing.map((a) => a.metric).toSorted()).toEqual(
          [
            'dns.lookups',
            'fs.fsync',
            'fs.ops',
            'irq.soft',
            'postgres.queries',
            'process.exits',
            'tcp.accepts',
          ].toSorted(),
        );
        await expect(driver.enable(one('a', { by: ['ppid'] }))).rejects.toThrow('CONFIG_DEBUG_INFO_BTF');
        await driver.enable(one('a', { by: ['pid'] }));
      },
      { machine: partly },
    );
  });
});

async function fakeFile(path: string): Promise<void> {
  const { writeFile } = await import('node:fs/promises');
  await writeFile(path, '');
}
