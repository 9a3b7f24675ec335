import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CGROUP, CGROUP_COLUMNS } from '../../../src/ingest/proc/cgroup-files.ts';
import { Cgroups } from '../../../src/ingest/proc/cgroups.ts';
import type { Asked, Gains, Sample } from '../../../src/ingest/proc/sample.ts';
import { Sampler } from '../../../src/ingest/proc/sampler.ts';
import { withFixtureTree } from './fixture-tree.ts';

const asked = (...columns: number[]): Asked => ({ columns: new Set(columns), fields: new Set() });
const everything = asked(...Array.from({ length: CGROUP_COLUMNS }, (_, column) => column));

const column = ({ things }: Sample, of: number): Record<string, number> =>
  Object.fromEntries([...things].map(([key, { numbers }]) => [key, numbers[of]!]));
const gained = (gains: Gains | undefined, of: number): Record<string, number> =>
  Object.fromEntries([...gains!].map(([key, gain]) => [key, gain[of]!]));

const ID = '3f4e8a9c1b2d5566778899aabbccddeeff00112233445566778899aabbccddee';
const SCOPE = `/system.slice/docker-${ID}.scope`;
const V2 = 'sys/fs/cgroup';
const cpu = (user: number): string => `usage_usec ${user}\nuser_usec ${user}\nsystem_usec 0\n`;

describe('cgroups', () => {
  it('of version 2 have their own share of memory and tasks, and the container that they are', async () => {
    await withFixtureTree(['cgroup-v2'], async ({ root, proc }) => {
      const subject = new Cgroups({ root, proc });
      const sample = await subject.sample(everything);
      expect(sample.faults).toEqual([]);
      expect(column(sample, CGROUP.memory)).toEqual({
        '/': Number.NaN,
        '/system.slice': 100_000,
        '/user.slice': 300_000,
        '/system.slice/ssh.service': 200_000,
        [SCOPE]: 500_000,
      });
      expect(column(sample, CGROUP.tasks)['/system.slice']).toBe(1);
      expect(sample.things.get(SCOPE)!.fields).toEqual({ cgroup: SCOPE, container: ID.slice(0, 12) });
      expect(sample.things.get('/user.slice')!.fields['container']).toBe('');
      expect(column(sample, CGROUP.bytesRead)[SCOPE]).toBe(60_000);
      expect(column(sample, CGROUP.throttled)[SCOPE]).toBe(1500);
    });
  });

  it('of version 1 are the same things, put together from a hierarchy for each controller', async () => {
    await withFixtureTree(['cgroup-v1'], async ({ root, proc }) => {
      const subject = new Cgroups({ root, proc });
      const sample = await subject.sample(everything);
      const container = `/docker/${ID}`;
      expect([...sample.things.keys()]).toEqual(['/', '/docker', container]);
      expect(column(sample, CGROUP.memory)).toEqual({
        '/': 300_000,
        '/docker': 50_000,
        [container]: 550_000,
      });
      expect(column(sample, CGROUP.user)[container]).toBe(4_500_000);
      expect(column(sample, CGROUP.throttled)[container]).toBe(2000);
      expect(column(sample, CGROUP.bytesRead)[container]).toBe(20 * 512 + 512);
      expect(column(sample, CGROUP.reads)[container]).toBe(21);
      expect(sample.things.get(container)!.fields['container']).toBe(ID.slice(0, 12));
    });
  });

  it('share out what their parents gained, no more and no less', async () => {
    await withFixtureTree(['cgroup-v2'], async ({ root, proc, write }) => {
      const sampler = new Sampler(new Cgroups({ root, proc }));
      const own = { '': 0, 'system.slice': 0, 'system.slice/ssh.service': 0, 'user.slice': 0 };
      const paths = Object.keys(own) as (keyof typeof own)[];
      let second = 10;
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(1000), { minLength: 4, maxLength: 4 }), async (used) => {
          const tell = (): Promise<void> =>
            write(
              Object.fromEntries(
                paths.map((path) => {
                  const below = paths.filter((p) => p === path || path === '' || p.startsWith(`${path}/`));
                  return [join(V2, path, 'cpu.stat'), cpu(below.reduce((sum, p) => sum + own[p], 0))];
                }),
              ),
            );
          await tell();
          await sampler.at((second += 10), asked(CGROUP.user));
          paths.forEach((path, i) => (own[path] += used[i]!));
          await tell();
          const { gains } = await sampler.at(++second, asked(CGROUP.user));
          const shares = gained(gains, CGROUP.user);
          expect(paths.map((path) => shares[`/${path}`])).toEqual(used);
        }),
        { numRuns: 20 },
      );
    });
  });

  it("come and go: what a new one used is its parent's until it was read twice", async () => {
    await withFixtureTree(['cgroup-v2'], async ({ root, proc, write }) => {
      const sampler = new Sampler(new Cgroups({ root, proc }));
      const tell = (parent: number, child?: number): Promise<void> =>
        write({
          [`${V2}/user.slice/cpu.stat`]: cpu(parent),
          ...(child === undefined ? {} : { [`${V2}/user.slice/new/cpu.stat`]: cpu(child) }),
        });
      const shares = async (second: number): Promise<unknown[]> => {
        const { gains } = await sampler.at(second, asked(CGROUP.user));
        const of = gained(gains, CGROUP.user);
        return [of['/user.slice'], of['/user.slice/new']];
      };
      await tell(1000);
      await sampler.at(10, asked(CGROUP.user));
      await tell(1030, 20);
      expect(await shares(11)).toEqual([30, undefined]);
      await tell(1050, 35);
      expect(await shares(12)).toEqual([5, 15]);
      await rm(join(root, V2, 'user.slice/new'), { recursive: true });
      await tell(1060);
      expect(await shares(13)).toEqual([10, undefined]);
    });
  });

  it('past the bound count to their parents, and that is said', async () => {
    await withFixtureTree(['cgroup-v2'], async ({ root, proc }) => {
      const subject = new Cgroups({ root, proc, max: 3 });
      const sample = await subject.sample(asked(CGROUP.memory));
      expect(column(sample, CGROUP.memory)).toEqual({ '/system.slice': 800_000, '/user.slice': 300_000 });
      expect(sample.faults).toHaveLength(1);
      expect(sample.faults[0]).toContain('Read 3 cgroups');
    });
  });

  it('read only the files that are asked for, and say where none is', async () => {
    await withFixtureTree(['cgroup-v2'], async ({ root, proc, write }) => {
      await rm(join(root, V2, 'system.slice/memory.current'));
      const sample = await new Cgroups({ root, proc }).sample(asked(CGROUP.memory));
      expect(Object.keys(column(sample, CGROUP.memory))).not.toContain('/system.slice');
      expect([...sample.things.values()].every(({ numbers }) => Number.isNaN(numbers[CGROUP.user]!))).toBe(
        true,
      );
      await write({ 'proc/self/mounts': 'proc /proc proc rw 0 0\n' });
      const none = await new Cgroups({ root, proc }).sample(asked(CGROUP.memory));
      expect(none.faults).toEqual(['Cannot tell of cgroups: no hierarchy is mounted that counts this']);
    });
  });
});
