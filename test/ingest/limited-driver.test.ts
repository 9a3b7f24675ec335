import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LimitedDriver } from '../../src/ingest/limited-driver.ts';
import { tenantOf } from '../../src/ingest/node/tenant.ts';
import { COUNT } from '../../src/model/grid.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import type { Field, MetricDescription } from '../../src/model/metric.ts';
import { compilePredicate } from '../../src/model/predicate.ts';
import { admits, limitsText, readSourceLimits, type SourceLimits } from '../../src/model/source-limits.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';
import { arbitraryPredicate } from '../arbitrary/predicate.ts';
import { ScriptedDriver } from './scripted-driver.ts';

const field = (name: string, type: Field['type'] = 'string'): Field => ({ name, label: name, type });
const metric: MetricDescription = {
  name: 'a.b',
  label: '',
  unit: '',
  scope: 'interval',
  fields: [field('uid', 'integer'), field('cgroup'), field('container')],
  cost: '',
};
const IDS = ['a'.repeat(64), 'ab'.repeat(32)];
const PATHS = ['/', '/shop', '/shop/web', '/shopping', `/docker/${IDS[0]}`, `/x/docker-${IDS[1]}.scope`];
const event = fc.record({ uid: fc.constantFrom(0, 1000, 1001), cgroup: fc.constantFrom(...PATHS) });
const limits: fc.Arbitrary<SourceLimits> = fc.record({
  cgroups: fc.subarray(['/', '/shop', '/shop/web', '/x']),
  uids: fc.subarray([0, 1000]),
  containers: fc.subarray(['aaaaaa', IDS[1]!]),
});
const containerIn = (path: string): string => (/[0-9a-f]{64}/.exec(path)?.[0] ?? '').slice(0, 12);

function driverWith(tenancy: 'fields' | 'programs' | undefined) {
  const scripted = new ScriptedDriver('scripted', new ManualClock(0), () => 0.5);
  const asked: Instrumentation[] = [];
  Object.assign(scripted, {
    metrics: [metric, { ...metric, name: 'whole.host', fields: [] }],
    ...(tenancy === undefined ? {} : { tenancy }),
    enable: async (instrumentation: Instrumentation) => void asked.push(instrumentation),
  });
  return { scripted, asked };
}
const asking = (more: Partial<Instrumentation> = {}): Instrumentation => ({
  id: 'i',
  metric: 'a.b',
  by: [],
  grid: COUNT,
  scope: 'interval',
  everySeconds: 1,
  keepSeconds: 1,
  idleSeconds: 0,
  createdSecond: 0,
  ...more,
});

describe('a limited source', () => {
  it('counts nothing that lies outside its limits, whatever is asked, and all inside that is asked for', async () => {
    const where = fc.option(arbitraryPredicate(['uid', 'cgroup', 'container']), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(limits, where, fc.array(event, { minLength: 1 }), async (of, asked, events) => {
        const { scripted, asked: told } = driverWith('fields');
        const wanted = asked === undefined ? {} : { where: asked };
        await new LimitedDriver(scripted, of).enable(asking(wanted));
        const counts = compilePredicate(told[0]!.where);
        const wants = compilePredicate(asked);
        for (const { uid, cgroup } of events) {
          const read = (name: string) => ({ uid, cgroup, container: containerIn(cgroup) })[name];
          const within = admits(of, { uid, cgroups: [cgroup] });
          expect(counts(read)).toBe(within && wants(read));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('refuses what has no field to hold it to, and a driver that cannot tell whose events it counts', async () => {
    const of: SourceLimits = { cgroups: ['/shop'], uids: [], containers: [] };
    const limited = new LimitedDriver(driverWith('fields').scripted, of);
    await expect(limited.enable(asking({ metric: 'whole.host' }))).rejects.toMatchObject({
      code: 'LIMITED',
      message:
        'Cannot measure "whole.host": this instrumenter is limited to cgroup=/shop, and this metric has no field "cgroup" to hold it to',
    });
    expect(limited.availability().map(({ available }) => available)).toEqual([true, false]);
    const { scripted } = driverWith(undefined);
    const untold = new LimitedDriver(scripted, of);
    await untold.start({ late: () => {}, offline: () => {}, note: () => {} });
    expect(scripted.sink).toBeUndefined();
    await expect(untold.enable(asking())).rejects.toMatchObject({ code: 'LIMITED' });
    // Nor what it would only come to know.
    await expect(untold.enable(asking({ metric: 'sent.later' }))).rejects.toMatchObject({ code: 'LIMITED' });
    expect(await untold.collect(1)).toEqual({ batches: [], awaited: [] });
    const { scripted: programs, asked } = driverWith('programs');
    await new LimitedDriver(programs, of).enable(asking());
    expect(asked).toEqual([asking()]);
  });
});

describe('limits', () => {
  it('are read as they print, and what is odd is told', () => {
    const text = 'cgroup=/shop,cgroup=/,uid=0,container=abcdef012345';
    expect(limitsText(readSourceLimits(text) as SourceLimits)).toBe(text);
    expect(readSourceLimits(' ')).toBeUndefined();
    expect(readSourceLimits('cgroup=/shop/')).toMatchObject({ cgroups: ['/shop'] });
    for (const odd of [
      'cgroup=shop',
      'uid=-1',
      'uid=4294967295',
      'container=xyz',
      'user=root',
      'uid=1,,uid=2',
    ]) {
      expect(readSourceLimits(odd)).toMatch(/^found .*, expected cgroup=/);
    }
  });

  it('take the kernel for who a process is, and one that is gone for nobody', async () => {
    const own = await tenantOf(process.pid);
    expect(own.uid).toBe(process.geteuid!());
    expect(own.cgroups.length).toBeGreaterThan(0);
    const gone = await tenantOf(2 ** 22 + 1);
    expect(gone).toEqual({ uid: undefined, cgroups: [] });
    expect(admits({ cgroups: ['/'], uids: [], containers: [] }, gone)).toBe(false);
  });
});
