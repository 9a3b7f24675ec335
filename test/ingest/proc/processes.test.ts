import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROCESS, Processes } from '../../../src/ingest/proc/processes.ts';
import type { Asked, Sample, Thing } from '../../../src/ingest/proc/sample.ts';
import { Sampler } from '../../../src/ingest/proc/sampler.ts';
import { withFixtureTree } from './fixture-tree.ts';

const all: Asked = { columns: new Set(), fields: new Set(['pid', 'uid']) };

const names = ({ things }: Sample): unknown[] => [...things.values()].map(({ fields }) => fields['execname']);
const stat = (pid: number, start: number, user: number): string =>
  `${pid} (worker) S 1 1 1 0 -1 0 0 0 0 0 ${user} 0 0 0 20 0 1 0 ${start} 0 10 0\n`;

describe('processes', () => {
  it('are read with their fields, whoever owns them', async () => {
    await withFixtureTree(['processes'], async ({ proc }) => {
      const subject = new Processes({ proc });
      const { things, leftOut, faults } = await subject.sample(all);
      expect([leftOut, faults]).toEqual([0, []]);
      expect([...things.keys()]).toEqual(['1 5', '2 5', '17 7', '4242 777', '4243 778']);
      const postgres = things.get('4242 777')!;
      const uid = process.getuid!();
      expect(postgres.fields).toEqual({ pid: 4242, execname: 'postgres', state: 'R', ppid: 1, uid });
      expect(postgres.numbers[PROCESS.resident]).toBe(25_000 * 4096);
      expect(things.get('17 7')!.fields['execname']).toBe('kworker/0:1-events (x)');
      subject.close();
    });
  });

  it('say what they used between seconds; a new one all that it has, and a later one of the same id no less', async () => {
    await withFixtureTree(['processes'], async ({ proc, write }) => {
      const sampler = new Sampler(new Processes({ proc }));
      await write({ 'proc/50/stat': stat(50, 100, 40) });
      await sampler.at(10, all);
      await rm(join(proc, '4242'), { recursive: true });
      await write({ 'proc/50/stat': stat(50, 999, 7), 'proc/60/stat': stat(60, 1000, 3) });
      const { gains } = await sampler.at(11, all);
      const user = [...gains!].map(([key, gain]) => [key, gain[PROCESS.user]]);
      expect(user).toEqual([
        ['1 5', 0],
        ['2 5', 0],
        ['17 7', 0],
        ['50 999', 7],
        ['60 1000', 3],
        ['4243 778', 0],
      ]);
      sampler.close();
    });
  });

  it('are bounded: the oldest ids are read, and how many others there are is told', async () => {
    await withFixtureTree(['processes'], async ({ proc, write }) => {
      const sampler = new Sampler(new Processes({ proc, max: 3 }));
      const first = await sampler.at(10, all);
      expect(names(first.sample)).toEqual(['systemd', 'kthreadd', 'kworker/0:1-events (x)']);
      expect(first.sample.leftOut).toBe(2);
      // One that comes into the bound may be old: nothing is known of what it gained.
      await rm(join(proc, '17'), { recursive: true });
      await write({ 'proc/2/stat': stat(2, 5, 11) });
      const { gains } = await sampler.at(11, all);
      expect([...gains!.keys()]).toEqual(['1 5', '2 5']);
      sampler.close();
    });
  });

  it('come and go while they are read', async () => {
    await withFixtureTree(['processes'], async ({ proc, write }) => {
      const subject = new Processes({ proc });
      await rm(join(proc, '4242/stat'));
      await write({ 'proc/4243/stat': '', 'proc/70/stat': 'no process' });
      expect(names(await subject.sample(all))).toEqual(['systemd', 'kthreadd', 'kworker/0:1-events (x)']);
      subject.close();
    });
  });

  it('are here too, this one among them; one that ended is gone', async () => {
    const subject = new Processes({ proc: '/proc' });
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const pids = async (): Promise<Map<unknown, Thing>> =>
      new Map([...(await subject.sample(all)).things.values()].map((thing) => [thing.fields['pid'], thing]));
    const before = await pids();
    const own = before.get(process.pid)!;
    expect(own.fields['uid']).toBe(process.getuid!());
    expect(own.fields['ppid']).toBe(process.ppid);
    expect(own.numbers[PROCESS.resident]).toBeGreaterThan(1e6);
    expect(before.get(child.pid)!.fields['ppid']).toBe(process.pid);
    child.kill();
    await once(child, 'exit');
    expect((await pids()).has(child.pid)).toBe(false);
    subject.close();
  });
});
