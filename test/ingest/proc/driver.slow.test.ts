import { readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type DriverError } from '../../../src/ingest/driver.ts';
import { ProcDriver } from '../../../src/ingest/proc/driver.ts';
import { systemClock } from '../../../src/model/clock.ts';
import { bucketIndex } from '../../../src/model/grid.ts';
import { gridOf } from '../../../src/model/metric.ts';
import { decodeBatch, readBatch, type Report } from '../../../src/model/report.ts';
import { CellsBuffer } from '../../../src/model/series.ts';
import { withFixtureTree } from './fixture-tree.ts';
import { asked } from '../asked.ts';

async function inProc(
  use: (root: string, driver: ProcDriver, notes: readonly string[]) => Promise<void>,
): Promise<void> {
  await withFixtureTree(['linux-6.18', 'processes'], async ({ root }) => {
    const notes: string[] = [];
    let seed = 7;
    const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const driver = new ProcDriver({ host: 'web1', random, clock: systemClock, root });
    await driver.start({ late: () => {}, offline: () => {}, note: (text) => notes.push(text) });
    await use(root, driver, notes);
    await driver.close();
  });
}

async function collect(driver: ProcDriver, second: number): Promise<readonly Report[] | undefined> {
  const { batches, awaited } = await driver.collect(second);
  expect(awaited).toEqual([]);
  if (batches.length === 0) return undefined;
  expect(batches.length).toBe(1);
  const batch = readBatch(decodeBatch(batches[0]!.bytes), () => new CellsBuffer());
  expect(batch.second).toBe(second);
  expect([batch.source, batch.sequence]).toEqual([batches[0]!.source, batches[0]!.sequence]);
  return batch.reports;
}

const amounts = (report: Report | undefined): Record<string, number> =>
  Object.fromEntries((report?.rows ?? []).map((row) => [row.key.join(' '), row.histogram.counts[0]!]));

const statOf = (user: number, idle: number): string =>
  `cpu0 ${user} 0 0 ${idle} 0 0 0 0\nctxt 5\nprocesses 6\n`;

/** Descriptors of this process that lead into the directory. */
async function descriptorsInto(directory: string): Promise<number> {
  const names = await readdir('/proc/self/fd');
  const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(directory)).length;
}

describe.runIf(process.platform === 'linux')('the proc driver', () => {
  it('says what counters gained between seconds, and nothing of the first', async () => {
    await inProc(async (root, driver) => {
      await writeFile(join(root, 'proc/stat'), statOf(100, 1000));
      await driver.enable(asked('cpu.time', { by: ['mode', 'host'] }));
      expect(driver.states('cpu_time')).toEqual([{ source: 'web1/proc', state: { state: 'enabling' } }]);
      expect(await collect(driver, 10)).toBeUndefined();
      await writeFile(join(root, 'proc/stat'), statOf(103, 1097));
      const reports = await collect(driver, 11);
      expect(amounts(reports![0])).toEqual({ 'user web1': 30_000_000, 'idle web1': 970_000_000 });
      expect(driver.states('cpu_time')[0]!.state).toEqual({ state: 'enabled', sinceSecond: 11 });
      // Nothing happened: that is said, and is not silence.
      expect(await collect(driver, 12)).toMatchObject([
        { instrumentation: 'cpu_time', rows: [], dropped: 0 },
      ]);
    });
  });

  it('sums over any seconds to what the counters gained', async () => {
    await inProc(async (root, driver) => {
      await driver.enable(asked('disk.bytes', { by: ['op'] }));
      let second = 100;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.nat(5000), fc.nat(5000)), { minLength: 2, maxLength: 6 }),
          async (gains) => {
            let [read, written, sum] = [1000, 2000, 0];
            second += 10; // a gap: what came before is another beginning
            for (const [i, [r, w]] of gains.entries()) {
              read += r;
              written += w;
              await writeFile(
                join(root, 'proc/diskstats'),
                ` 8 0 sda 1 0 ${read} 0 1 0 ${written} 0 0 0 0\n`,
              );
              const reports = await collect(driver, second++);
              const { read: bytesRead = 0, write: bytesWritten = 0 } = amounts(reports?.[0]);
              if (i === 0) expect(reports).toBeUndefined();
              else expect([bytesRead, bytesWritten]).toEqual([r * 512, w * 512]);
              sum += bytesRead + bytesWritten;
            }
            const expected = gains.slice(1).reduce((all, [r, w]) => all + (r + w) * 512, 0);
            expect(sum).toBe(expected);
          },
        ),
        { numRuns: 20 },
      );
    });
  });

  it('says nothing of a second after one that was skipped', async () => {
    await inProc(async (root, driver) => {
      await driver.enable(asked('cpu.switches'));
      for (const [second, ctxt] of [
        [10, 100],
        [11, 150],
      ] as const) {
        await writeFile(join(root, 'proc/stat'), `ctxt ${ctxt}\n`);
        await collect(driver, second);
      }
      await writeFile(join(root, 'proc/stat'), 'ctxt 900\n');
      expect(await collect(driver, 14)).toBeUndefined();
      await writeFile(join(root, 'proc/stat'), 'ctxt 907\n');
      expect(amounts((await collect(driver, 15))![0])).toEqual({ '': 7 });
    });
  });

  it('gives levels as they are, each second', async () => {
    await inProc(async (root, driver) => {
      await driver.enable(asked('load.average', { by: ['window'], scope: 'point' }));
      await writeFile(join(root, 'proc/loadavg'), '0.50 1.25 0.00 1/1 1\n');
      expect(amounts((await collect(driver, 10))![0])).toEqual({ '1m': 50, '5m': 125 });
      expect(amounts((await collect(driver, 11))![0])).toEqual({ '1m': 50, '5m': 125 });
    });
  });

  it('filters and spreads CPUs over their utilization', async () => {
    await inProc(async (root, driver) => {
      const [metric] = driver.metrics.filter((m) => m.name === 'cpu.cpus');
      const numeric = { numeric: 'utilization', grid: gridOf(metric!, 'utilization') };
      await driver.enable(asked('cpu.cpus', numeric));
      await driver.enable({
        ...asked('cpu.cpus', numeric),
        id: 'busy',
        where: { op: 'ge', field: 'utilization', value: 50 },
      });
      const stat = (a: number, b: number): string =>
        `cpu0 ${a} 0 0 ${1000 - a} 0\ncpu1 ${b} 0 0 ${1000 - b} 0\n`;
      await writeFile(join(root, 'proc/stat'), stat(0, 0));
      await collect(driver, 10);
      await writeFile(join(root, 'proc/stat'), `cpu0 75 0 0 1025 0\ncpu1 10 0 0 1090 0\n`);
      const reports = await collect(driver, 11);
      expect(reports!.map((r) => [r.instrumentation, r.rows[0]?.histogram])).toEqual([
        ['cpu_cpus', { buckets: [10, 75], counts: [1, 1] }],
        ['busy', { buckets: [75], counts: [1] }],
      ]);
    });
  });

  it('reads nothing while nothing is enabled, and keeps one descriptor a file', async () => {
    await inProc(async (root, driver) => {
      expect(await descriptorsInto(root)).toBe(0);
      expect(await driver.collect(10)).toEqual({ batches: [], awaited: [] });
      for (const metric of ['cpu.time', 'cpu.cpus', 'cpu.switches', 'disk.ops'])
        await driver.enable(asked(metric));
      await collect(driver, 11);
      expect(await descriptorsInto(root)).toBe(2);
      expect(driver.sources().map(({ source }) => source.driver)).toEqual(['proc']);
      for (const id of ['cpu_time', 'cpu_cpus', 'cpu_switches']) await driver.disable(id);
      expect(await descriptorsInto(root)).toBe(1);
      await driver.disable('disk_ops');
      expect(await descriptorsInto(root)).toBe(0);
      expect(await driver.collect(12)).toEqual({ batches: [], awaited: [] });
    });
  });

  it('refuses with a reason what this kernel does not have', async () => {
    await inProc(async (root, driver) => {
      await rm(join(root, 'proc/pressure'), { recursive: true });
      await expect(driver.enable(asked('psi.stall'))).rejects.toSatisfy((error: DriverError) => {
        expect(error.code).toBe('UNAVAILABLE');
        expect(error.message).toContain('this kernel tells no pressure');
        expect(error.message).toContain('ENOENT');
        return true;
      });
      await expect(driver.enable(asked('http.requests'))).rejects.toMatchObject({
        code: 'METRIC_UNKNOWN',
      });
      expect(driver.states('psi_stall')).toEqual([]);
      expect(await descriptorsInto(root)).toBe(0);
    });
  });

  it('says what it cannot measure here, why, and what would make it so', async () => {
    await inProc(async (root, driver) => {
      const missing = (): (string | undefined)[][] =>
        driver
          .availability()
          .filter(({ available }) => !available)
          .map(({ metric, reason, remedy }) => [metric, reason, remedy]);
      const before = missing().map(([metric]) => metric);
      expect(before).not.toContain('psi.stall');
      expect(before).not.toContain('load.average');
      await rm(join(root, 'proc/pressure'), { recursive: true });
      await writeFile(join(root, 'proc/loadavg'), '');
      await vi.waitFor(() => expect(missing().length).toBe(before.length + 2));
      expect(missing()).toEqual(
        expect.arrayContaining([
          ['psi.stall', expect.stringContaining('tells no pressure'), expect.stringContaining('psi=1')],
          ['load.average', expect.stringContaining('no line of the form'), expect.stringContaining('mount')],
        ]),
      );
      await vi.waitFor(async () => expect(await descriptorsInto(root)).toBe(0));
    });
  });

  it('goes on with the files that are there', async () => {
    await inProc(async (root, driver) => {
      await rm(join(root, 'proc/pressure/io'));
      await driver.enable(asked('psi.stall', { by: ['resource'] }));
      for (const [second, total] of [
        [10, 5],
        [11, 9],
      ] as const) {
        for (const resource of ['cpu', 'memory']) {
          await writeFile(
            join(root, 'proc/pressure', resource),
            `some avg10=0.00 avg60=0.00 avg300=0.00 total=${total}\n`,
          );
        }
        const reports = await collect(driver, second);
        if (second === 11) expect(amounts(reports![0])).toEqual({ cpu: 4000, memory: 4000 });
      }
    });
  });

  it('says while it runs that a file is gone, lets no other metric suffer, and comes back', async () => {
    await inProc(async (root, driver) => {
      await driver.enable(asked('cpu.switches'));
      await driver.enable(asked('load.average', { scope: 'point' }));
      const emptied = async (text: string): Promise<void> => writeFile(join(root, 'proc/stat'), text);
      for (const second of [10, 11]) await collect(driver, second);
      await emptied('');
      expect((await collect(driver, 12))!.map((r) => r.instrumentation)).toEqual(['load_average']);
      expect(driver.states('cpu_switches')[0]!.state).toMatchObject({ state: 'failed' });
      await emptied('ctxt 100\n');
      await collect(driver, 13);
      await emptied('ctxt 104\n');
      expect(amounts((await collect(driver, 14))![0])).toEqual({ '': 4 });
      expect(driver.states('cpu_switches')[0]!.state).toEqual({ state: 'enabled', sinceSecond: 14 });
    });
  });

  it('never says a second twice, and begins anew where the clock fell back far', async () => {
    await inProc(async (_root, driver) => {
      await driver.enable(asked('load.average', { scope: 'point' }));
      const said: [string, number, number][] = [];
      for (const second of [1000, 1001, 1001, 999, 1002, 900, 901]) {
        for (const { source, sequence } of (await driver.collect(second)).batches) {
          said.push([source.incarnation, sequence, second]);
        }
      }
      const [first, , , second] = said.map(([incarnation]) => incarnation);
      expect(said).toEqual([
        [first, 0, 1000],
        [first, 1, 1001],
        [first, 2, 1002],
        [second, 0, 900],
        [second, 1, 901],
      ]);
      expect(second).not.toBe(first);
      expect(second).toMatch(/^[0-9a-f]{16}$/);
    });
  });

  it('says once that a file is missing beside others', async () => {
    await inProc(async (root, driver, notes) => {
      await rm(join(root, 'proc/net/netstat'));
      await driver.enable(asked('tcp.events', { by: ['event'] }));
      for (const second of [10, 11, 12]) await collect(driver, second);
      expect(notes).toHaveLength(1);
      expect(notes[0]).toContain(join(root, 'proc/net/netstat'));
    });
  });

  it('counts processes at their values, those that hold, and sums what they used', async () => {
    await inProc(async (root, driver) => {
      const [metric] = driver.metrics.filter((m) => m.name === 'process.processes');
      const rss = { numeric: 'rss', grid: gridOf(metric!, 'rss'), scope: 'point' as const };
      await driver.enable(asked('process.processes', { ...rss, by: ['execname', 'uid'] }));
      await driver.enable({
        ...asked('process.processes', { by: ['execname'], scope: 'point' }),
        id: 'busy',
        where: { op: 'ge', field: 'cputime', value: 100_000_000 },
      });
      await driver.enable(asked('process.cpu_time', { by: ['execname', 'mode'] }));
      expect((await collect(driver, 10))!.map((r) => r.instrumentation)).toEqual(['process_processes']);
      const path = join(root, 'proc/4242/stat');
      await writeFile(path, (await readFile(path, 'utf8')).replace(' 300 100 ', ' 325 101 '));
      const reports = await collect(driver, 11);
      const [sizes, busy, time] = reports!;
      const uid = String(process.getuid!());
      expect(sizes!.rows.map((r) => r.key)).toEqual(
        ['kthreadd', 'kworker/0:1-events (x)', 'postgres', 'systemd'].map((name) => [name, uid]),
      );
      expect(sizes!.rows[2]!.histogram.counts).toEqual([1, 1]);
      expect(amounts(busy)).toEqual({ postgres: 1 });
      expect(amounts(time)).toEqual({ 'postgres user': 250_000_000, 'postgres system': 10_000_000 });
    });
  });

  it('counts a disk at its mean latency only where it did something', async () => {
    await inProc(async (root, driver) => {
      const [metric] = driver.metrics.filter((m) => m.name === 'disk.disks');
      const latency = { numeric: 'latency', grid: gridOf(metric!, 'latency'), scope: 'point' as const };
      await driver.enable(asked('disk.disks', { ...latency, by: ['disk'] }));
      const line = (disk: string, reads: number, ms: number): string =>
        ` 8 0 ${disk} ${reads} 0 0 ${ms} 0 0 0 0 0 0 0 0 0 0 0 0 0\n`;
      await writeFile(join(root, 'proc/diskstats'), line('sda', 10, 100) + line('sdb', 5, 5));
      expect(await collect(driver, 10)).toBeUndefined();
      await writeFile(join(root, 'proc/diskstats'), line('sda', 14, 108) + line('sdb', 5, 5));
      const [report] = (await collect(driver, 11))!;
      expect(report!.rows.map(({ key }) => key)).toEqual([['sda']]);
      expect(report!.rows[0]!.histogram.buckets).toEqual([bucketIndex(report!.grid, 2_000_000)]);
      expect(report!.dropped).toBe(0);
    });
  });

  it('reads the kernel that it runs on', async () => {
    const driver = new ProcDriver({ host: 'here', random: Math.random, clock: systemClock });
    const enabled: string[] = [];
    for (const { name, scope } of driver.metrics) {
      const offered = await driver.enable(asked(name, { scope })).then(
        () => true,
        () => false,
      );
      if (offered) enabled.push(name.replace('.', '_'));
    }
    await collect(driver, 10);
    const reports = await collect(driver, 11);
    expect(reports!.map((r) => r.instrumentation)).toEqual(enabled);
    expect(enabled).toContain('memory_bytes');
    await driver.close();
  });
});
