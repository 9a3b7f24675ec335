/** The bpf driver with the real bpftrace, on processes of the test's own: what it counts equals what they did. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BpfHouse, isAlive, whyNot } from './bpf-workload.ts';

const run = promisify(execFile);
const reason = whyNot();
if (reason !== undefined) process.stderr.write(`The bpf driver is not tested here: ${reason}\n`);

describe.skipIf(reason !== undefined)('the bpf driver', () => {
  let directory: string;
  let house: BpfHouse;
  let program: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tg-bpf-'));
    program = join(directory, 'tg-copier');
    copyFileSync('/usr/bin/dd', program);
    house = await BpfHouse.start();
  });
  afterAll(async () => {
    await house.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const where = { op: 'eq', field: 'execname', value: 'tg-copier' } as const;
  const copy = (count: number, ...rest: string[]): void =>
    void execFileSync(program, [
      'if=/dev/zero',
      'of=/dev/null',
      'bs=1',
      `count=${count}`,
      'status=none',
      ...rest,
    ]);

  it('counts system calls exactly, with and without a decomposition', async () => {
    const plain = await house.enable('syscall.ops', {
      where: { op: 'and', terms: [where, { op: 'eq', field: 'syscall', value: 'write' }] },
    });
    const broken = await house.enable('syscall.ops', {
      where,
      by: ['syscall', 'execname'],
      numeric: 'latency',
    });
    for (let i = 0; i < 3; i++) copy(100_000);
    await house.settled(plain);
    await house.settled(broken);
    const all = house.counted(broken);
    expect(house.counted(plain)).toMatchObject({ total: 300_000, dropped: 0, partial: 0 });
    expect(all.rows.get('write|tg-copier')).toBe(300_000);
    expect(all).toMatchObject({ dropped: 0, partial: 0 });
    const pids = house.driver.pids();
    expect(pids.length).toBe(2);
    await house.driver.disable(plain);
    await house.driver.disable(broken);
    expect(pids.filter(isAlive)).toEqual([]);
  });

  it('counts from the moment on that it is enabled, in a part of a second at first', async () => {
    const question = {
      where: { op: 'and', terms: [where, { op: 'eq', field: 'syscall', value: 'write' }] },
    } as const;
    for (const untilNextMs of [700, 350]) {
      await new Promise((resolve) => setTimeout(resolve, (2000 - untilNextMs - (Date.now() % 1000)) % 1000));
      const id = await house.enableNow('syscall.ops', question);
      const enabledSecond = Math.floor(Date.now() / 1000);
      copy(5000);
      await house.settled(id);
      const { total, dropped, partial, seconds } = house.counted(id);
      await house.driver.disable(id);
      expect([total, dropped]).toEqual([5000, 0]);
      if (seconds[0]! <= enabledSecond) expect(partial).toBe(1);
    }
  });

  /** A program that opens each of its files. */
  const opener = (): string => {
    const path = join(directory, 'tg-opener');
    copyFileSync('/usr/bin/cat', path);
    return path;
  };

  it('loses no event of one question while others come and go', async () => {
    const id = await house.enable('syscall.ops', {
      where: { op: 'and', terms: [where, { op: 'eq', field: 'syscall', value: 'write' }] },
    });
    const others = (async () => {
      for (let i = 0; i < 3; i++) {
        const other = await house.enable('process.execs', {
          where: { op: 'eq', field: 'pid', value: i + 1 },
        });
        await house.driver.disable(other);
      }
    })();
    let done = 0;
    const working = run(program, [
      'if=/dev/zero',
      'of=/dev/null',
      'bs=1',
      'count=2000000',
      'status=none',
    ]).then(() => (done = 2_000_000));
    await Promise.all([others, working]);
    await house.settled(id);
    const { total, dropped, seconds } = house.counted(id);
    await house.driver.disable(id);
    expect([total, dropped]).toEqual([done, 0]);
    expect(seconds).toEqual(seconds.map((_, i) => seconds[0]! + i));
  });

  it('counts what finds no room in the map as dropped', async () => {
    const small = await BpfHouse.start({ keysMax: 64 });
    const path = opener();
    const files = Array.from({ length: 500 }, (_, i) => join(directory, `file-${i}`));
    for (const file of files) writeFileSync(file, '');
    const id = await small.enable('fs.opens', {
      where: {
        op: 'and',
        terms: [
          { op: 'eq', field: 'execname', value: 'tg-opener' },
          { op: 'prefix', field: 'path', value: `${directory}/file-` },
        ],
      },
      by: ['path'],
    });
    await run(path, files);
    await small.settled(id);
    const { total, dropped, rows } = small.counted(id);
    await small.stop();
    expect(total + dropped).toBe(500);
    expect(rows.size).toBeLessThanOrEqual(128); // a map a second, of which it may have touched two
    expect(dropped).toBeGreaterThan(300);
  });

  it('marks the seconds in which bpftrace stood still, and says of every event of them what became of it', async () => {
    const id = await house.enable('syscall.ops', {
      where: { op: 'and', terms: [where, { op: 'eq', field: 'syscall', value: 'write' }] },
    });
    const [pid] = house.driver.pids() as [number];
    process.kill(pid, 'SIGSTOP');
    for (let i = 0; i < 7; i++) {
      await run(program, ['if=/dev/zero', 'of=/dev/null', 'bs=1', 'count=1000', 'status=none']);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    process.kill(pid, 'SIGCONT');
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await house.settled(id);
    const { total, dropped, partial } = house.counted(id);
    await house.driver.disable(id);
    // What came when its second had long been reported without it is said to be dropped.
    expect(total + dropped).toBe(7000);
    expect(partial).toBeGreaterThan(0);
  });

  it('measures nobody but those that its source is limited to', async () => {
    const mine = spawn(program, ['of=/dev/null', 'bs=1', 'status=none'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const limited = await BpfHouse.start({ only: { pids: [mine.pid!] } });
    const id = await limited.enable('syscall.ops', {
      where: { op: 'eq', field: 'syscall', value: 'write' },
      by: ['pid'],
    });
    copy(1000);
    mine.stdin.end('x'.repeat(500));
    await new Promise((resolve) => mine.once('exit', resolve));
    await limited.settled(id);
    const { rows } = limited.counted(id);
    await limited.stop();
    expect(Object.fromEntries(rows)).toEqual({ [String(mine.pid)]: 500 });
  });
});
