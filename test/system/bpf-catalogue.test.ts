/** Every metric of the bpf driver that this machine has, by its real probe, on a workload of the test's own: what is
 *  counted is what was done. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bucketIndex, LL5 } from '../../src/model/grid.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import type { Predicate } from '../../src/model/predicate.ts';
import { BpfHouse, type Counted, whyNot } from './bpf-workload.ts';

const run = promisify(execFile);
const reason = whyNot();
if (reason !== undefined) process.stderr.write(`The bpf driver's metrics are not tested here: ${reason}\n`);

const tested = new Set<string>();

describe.skipIf(reason !== undefined)('a metric of the bpf driver', () => {
  let directory: string;
  let house: BpfHouse;
  let program: string;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tg-bpf-'));
    program = join(directory, 'tg-probed');
    copyFileSync('/usr/bin/dd', program);
    house = await BpfHouse.start();
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });
  afterAll(async () => {
    await house.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const eq = (field: string, value: string | number): Predicate => ({ op: 'eq', field, value });
  const all = (...terms: Predicate[]): Predicate => ({ op: 'and', terms });
  const mine = eq('execname', 'tg-probed');
  const here = eq('pid', process.pid);
  const dd = (...args: string[]): Promise<unknown> => run(program, [...args, 'status=none']);

  /** Enables, does `work`, and gives what was counted; nothing was dropped, and no second is in doubt. */
  async function measured(
    metric: string,
    question: Partial<Instrumentation>,
    work: () => Promise<unknown>,
  ): Promise<Counted> {
    tested.add(metric);
    const id = await house.enable(metric, question);
    try {
      await work();
      await house.settled(id);
      const counted = house.counted(id);
      expect(counted).toMatchObject({ dropped: 0 });
      return counted;
    } finally {
      await house.driver.disable(id);
    }
  }

  /** A program that blocks in read until it is fed. */
  function blocked(): ChildProcess & { pid: number } {
    const child = spawn(program, ['of=/dev/null', 'bs=1', 'status=none'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    children.push(child);
    return child as ChildProcess & { pid: number };
  }
  const switches = (pid: number): number => {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    return [...text.matchAll(/ctxt_switches:\s+(\d+)/g)].reduce((sum, m) => sum + Number(m[1]), 0);
  };
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  async function fed(child: ChildProcess, bytes: number): Promise<void> {
    for (let i = 0; i < bytes; i++) {
      child.stdin!.write('x');
      await pause(2);
    }
    await pause(300);
  }

  it('syscall.rw_bytes sums bytes', async () => {
    const question = { where: mine, by: ['operation', 'syscall'] };
    const counted = await measured('syscall.rw_bytes', question, () =>
      dd('if=/dev/zero', 'of=/dev/null', 'bs=3', 'count=1000'),
    );
    expect(counted.rows.get('write|write')).toBe(3000);
    expect(counted.rows.get('read|read')).toBeGreaterThanOrEqual(3000);
  });

  it('fs.ops counts what is done to files, and not to pipes or devices', async () => {
    const [from, to] = [join(directory, 'from'), join(directory, 'to')];
    writeFileSync(from, Buffer.alloc(512 * 40));
    const question = { where: mine, by: ['operation', 'file', 'fstype', 'errno'], numeric: 'size' };
    const counted = await measured('fs.ops', question, async () => {
      await dd(`if=${from}`, `of=${to}`, 'bs=512', 'count=20');
      await dd(`if=/dev/zero`, `of=/dev/null`, 'bs=512', 'count=20');
    });
    const rows = new Map(
      [...counted.rows].map(([key, n]) => [key.replace(/\|(ext4|xfs|btrfs|overlay|tmpfs)\|/, '|fs|'), n]),
    );
    expect(rows.get('read|from|fs|none')).toBe(20);
    expect(rows.get('write|to|fs|none')).toBe(20);
    expect([...rows.keys()].filter((key) => /zero|null/.test(key))).toEqual([]);
    expect(counted.buckets.get(bucketIndex(LL5, 512))).toBeGreaterThanOrEqual(40);
  });

  it('fs.fsync counts syncs', async () => {
    const question = { where: mine, by: ['operation', 'file'], numeric: 'latency' };
    const counted = await measured('fs.fsync', question, async () => {
      for (let i = 0; i < 5; i++)
        await dd('if=/dev/zero', `of=${join(directory, 'synced')}`, 'count=1', 'conv=fsync');
      await dd('if=/dev/zero', `of=${join(directory, 'synced')}`, 'count=1', 'conv=fdatasync');
    });
    expect(Object.fromEntries(counted.rows)).toEqual({ 'fsync|synced': 5, 'fdatasync|synced': 1 });
  });

  it('fs.opens counts by path and error', async () => {
    const where = all(mine, { op: 'contains', field: 'path', value: 'tg-' });
    const question = { where, by: ['errno', 'path'], numeric: 'latency' };
    const file = join(directory, 'opened, with a comma');
    writeFileSync(file, 'x');
    const counted = await measured('fs.opens', question, async () => {
      for (let i = 0; i < 4; i++) await dd(`if=${file}`, 'of=/dev/null');
      await dd(`if=${directory}/missing`, 'of=/dev/null').catch(() => {});
    });
    expect(Object.fromEntries(counted.rows)).toEqual({
      [`none|${file}`]: 4,
      [`ENOENT|${directory}/missing`]: 1,
    });
  });

  it('disk.io counts direct writes by size and operation', async () => {
    const file = join(directory, 'direct');
    await dd('if=/dev/zero', `of=${file}`, 'bs=4096', 'count=50', 'conv=fsync');
    const question = {
      where: all(mine, eq('operation', 'write'), eq('size', 4096)),
      by: ['operation', 'execname'],
      numeric: 'size',
    };
    const counted = await measured('disk.io', question, () =>
      dd('if=/dev/zero', `of=${file}`, 'bs=4096', 'count=50', 'oflag=direct', 'conv=notrunc'),
    );
    expect(Object.fromEntries(counted.rows)).toEqual({ 'write|tg-probed': 50 });
    expect(Object.fromEntries(counted.buckets)).toEqual({ [bucketIndex(LL5, 4096)]: 50 });
  });

  it.each([
    ['cpu.executions', 0],
    ['cpu.offcpu', 1],
    ['cpu.runqueue', 1],
  ])('%s counts each switch of a thread', async (metric, unseen) => {
    const child = blocked();
    await pause(300);
    let [before, after] = [0, 0];
    const question = { where: eq('pid', child.pid), by: ['pid', 'execname'], numeric: 'latency' };
    const counted = await measured(metric, question, async () => {
      before = switches(child.pid);
      await fed(child, 100);
      after = switches(child.pid);
    });
    // What began before it was enabled has no beginning that was seen.
    expect(after - before).toBeGreaterThan(20);
    expect(Object.fromEntries(counted.rows)).toEqual({ [`${child.pid}|tg-probed`]: after - before - unseen });
  });

  it('cpu.samples finds who is busy', async () => {
    const counted = await measured(
      'cpu.samples',
      { where: mine, by: ['execname'], numeric: 'subsecond' },
      () => dd('if=/dev/zero', 'of=/dev/null', 'bs=1', 'count=1500000'),
    );
    expect(counted.rows.get('tg-probed')).toBeGreaterThan(5);
  });

  it('memory.faults counts what the program itself is told', async () => {
    const script =
      'const faults=()=>process.resourceUsage().minorPageFault;const kept=[];process.on("message",()=>{const b=faults();' +
      'kept.push(Buffer.alloc(64<<20,1));process.send(faults()-b)})';
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    children.push(child);
    await pause(700);
    let told = 0;
    const question = { where: eq('pid', child.pid!), by: ['kind'] };
    const counted = await measured('memory.faults', question, async () => {
      child.send('go');
      [told] = (await once(child, 'message')) as [number];
    });
    expect(told).toBeGreaterThan(1000);
    expect(counted.rows.get('minor')).toBeGreaterThanOrEqual(told);
    expect(counted.rows.get('minor')! - told).toBeLessThan(500);
  });

  it('irq.soft counts by vector', async () => {
    const question = { where: eq('vector', 'net_rx'), by: ['vector'], numeric: 'latency' };
    const counted = await measured('irq.soft', question, () => connections(20));
    expect(counted.rows.get('net_rx')).toBeGreaterThan(20);
  });

  /** Connects so often to a server of this process, and closes. */
  async function connections(count: number, host = '127.0.0.1'): Promise<number> {
    const server = createServer((socket) => socket.on('error', () => {}).end());
    server.listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    for (let i = 0; i < count; i++) {
      const socket = connect(port, host).resume();
      await once(socket, 'close');
    }
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  async function closedPort(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  it('tcp.connects counts who connected, and who tried in vain', async () => {
    const closed = await closedPort();
    const question = { where: here, by: ['outcome', 'raddr', 'pid'], numeric: 'latency' };
    const counted = await measured('tcp.connects', question, async () => {
      await connections(20);
      for (let i = 0; i < 3; i++) await once(connect(closed, '127.0.0.1'), 'error');
    });
    expect(Object.fromEntries(counted.rows)).toEqual({
      [`connected|127.0.0.1|${process.pid}`]: 20,
      [`failed|127.0.0.1|${process.pid}`]: 3,
    });
  });

  it('tcp.accepts counts by address, of both families', async () => {
    const counted = await measured('tcp.accepts', { where: here, by: ['raddr', 'lport'] }, async () => {
      await connections(20);
      await connections(5, '::1');
    });
    const byAddress = [...counted.rows].map(([key, n]) => [key.split('|')[0], n]);
    expect(Object.fromEntries(byAddress)).toEqual({ '127.0.0.1': 20, '::1': 5 });
  });

  it('tcp.lifetimes counts ends of connections', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const counted = await measured(
      'tcp.lifetimes',
      { where: eq('rport', port), by: ['raddr'], numeric: 'latency' },
      async () => {
        for (let i = 0; i < 10; i++) await once(connect(port, '127.0.0.1').resume(), 'close');
        await pause(500);
      },
    );
    server.close();
    expect(Object.fromEntries(counted.rows)).toEqual({ '127.0.0.1': 10 });
  });

  it('tcp.retransmits counts what is sent again', async () => {
    const script =
      'const s=require("net").createServer().listen(0,"127.0.0.1",1,()=>process.send(s.address().port))';
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    children.push(child);
    const [port] = (await once(child, 'message')) as [number];
    child.kill('SIGSTOP'); // its queue fills, and the next are not answered
    const sockets: Socket[] = [];
    const counted = await measured(
      'tcp.retransmits',
      { where: eq('rport', port), by: ['state', 'raddr'] },
      async () => {
        for (let i = 0; i < 6; i++) sockets.push(connect(port, '127.0.0.1').on('error', () => {}));
        await pause(2500);
      },
    );
    for (const socket of sockets) socket.destroy();
    expect(counted.rows.get('SYN_SENT|127.0.0.1')).toBeGreaterThan(0);
  });

  it('process.execs and process.exits count the same programs', async () => {
    const work = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) await dd('if=/dev/zero', 'of=/dev/null', 'count=1');
      await dd('if=/missing').catch(() => {});
      const child = blocked();
      await pause(200);
      child.kill('SIGKILL');
      await once(child, 'exit');
    };
    const execs = await measured('process.execs', { where: mine, by: ['file'] }, work);
    expect(Object.fromEntries(execs.rows)).toEqual({ [program]: 22 });
    const exits = await measured(
      'process.exits',
      { where: mine, by: ['status', 'signal'], numeric: 'latency' },
      work,
    );
    expect(Object.fromEntries(exits.rows)).toEqual({ '0|none': 20, '1|none': 1, '0|SIGKILL': 1 });
  });

  it('signal.sent counts by signal and target', async () => {
    const child = blocked();
    const question = { where: all(here, eq('target_pid', child.pid)), by: ['signal', 'target'] };
    const counted = await measured('signal.sent', question, async () => {
      for (let i = 0; i < 30; i++) {
        process.kill(child.pid, 'SIGCONT');
        await pause(2);
      }
    });
    expect(Object.fromEntries(counted.rows)).toEqual({ 'SIGCONT|tg-probed': 30 });
  });

  it('dns.lookups counts names', async () => {
    const counted = await measured(
      'dns.lookups',
      { where: here, by: ['error', 'name'], numeric: 'latency' },
      async () => {
        for (let i = 0; i < 10; i++) await lookup('localhost');
      },
    );
    expect(Object.fromEntries(counted.rows)).toEqual({ 'none|localhost': 10 });
  });

  it('has the fields that all tasks have', async () => {
    const question = {
      where: all(mine, eq('syscall', 'write')),
      by: ['host', 'pid', 'psargs', 'uid', 'ppid', 'execname', 'cgroup'],
    };
    const counted = await measured('syscall.ops', question, async () => {
      const child = blocked();
      await pause(100);
      await fed(child, 50);
      await pause(1100); // it is there to be asked for its arguments
    });
    expect(counted.total).toBe(50);
    const [host, , psargs, uid, ppid, execname, cgroup] = [...counted.rows.keys()][0]!.split('|');
    expect([host, psargs, uid, ppid, execname]).toEqual([
      'web1',
      `${program} of=/dev/null bs=1 status=none`,
      String(process.getuid!()),
      String(process.pid),
      'tg-probed',
    ]);
    expect(cgroup).toMatch(/^\//);
  });

  it('has been looked at here, every one that this machine has', () => {
    const unseen = house.driver
      .availability()
      .filter(({ metric, available }) => available && !tested.has(metric) && metric !== 'postgres.queries');
    expect(unseen).toEqual([]);
  });
});
