/** A question to the kernel asked of the real server: what it answers is what the program did; dropped, or killed with
 *  the server, nothing of it is left. */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAlive, whyNot } from './bpf-workload.ts';
import { eventually, MAIN, queryJson, type RunningServer, startServer } from './server.ts';

const run = promisify(execFile);
const reason = whyNot();
if (reason !== undefined) process.stderr.write(`The bpf driver is not tested in the server: ${reason}\n`);

const NAME = 'tg-served';
const STATEMENT = `syscall.ops where execname == "${NAME}" by syscall, latency`;

describe.skipIf(reason !== undefined)('the server with the bpf driver', () => {
  let directory: string;
  let server: RunningServer;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tg-bpf-'));
    copyFileSync('/usr/bin/dd', join(directory, NAME));
    server = await startServer(['--data', join(directory, 'data'), '--socket', join(directory, 'node.sock')]);
  });
  afterEach(async () => {
    await server.kill9();
    rmSync(directory, { recursive: true, force: true });
  });

  const cli = (...args: string[]): Promise<{ stdout: string }> =>
    run(process.execPath, [MAIN, args[0]!, '--url', server.url, ...args.slice(1)]);
  const stateOf = async (id: string): Promise<string> => {
    const response = await fetch(`${server.url}/api/v1/instrumentations/${id}`);
    return ((await response.json()) as { state: string }).state;
  };
  /** Processes of bpftrace below the server. */
  const probes = (): number[] =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        try {
          const [, comm, parent] =
            /^\d+ \((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
          return comm === 'bpftrace' && Number(parent) === server.child.pid;
        } catch {
          return false;
        }
      });
  const enabled = (id: string): Promise<true> =>
    eventually(30_000, async () => ((await stateOf(id)) === 'enabled' ? (true as const) : undefined));

  it('answers exactly what the program did, and leaves nothing behind', async () => {
    await cli('instrument', `${STATEMENT} as calls`);
    await enabled('calls');
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const took = /^tailglow_instrumentation_enabled_after_seconds\{instrumentation="calls"\} (\S+)$/m.exec(
      metrics,
    );
    expect(Number(took?.[1])).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 1100)); // the first whole second has begun
    const args = ['if=/dev/zero', 'of=/dev/null', 'bs=1', 'count=123456', 'status=none'];
    await run(join(directory, NAME), args);
    const writes = await eventually(20_000, async () => {
      const json = await queryJson(server.url, `${STATEMENT.replace(', latency', '')} last 1m | count`);
      const series = json['series'] as { key: string[]; values: (number | null)[] }[];
      const found = series.find(({ key }) => key.includes('write'));
      const sum = found?.values.reduce<number>((all, value) => all + (value ?? 0), 0);
      return sum === undefined || sum < 123_456 ? undefined : sum;
    });
    expect(writes).toBe(123_456);
    const pids = probes();
    expect(pids.length).toBe(1);
    await cli('drop', 'calls');
    await eventually(10_000, async () => (probes().length === 0 ? true : undefined));
  });

  it('takes its probes with it when it is killed', async () => {
    await cli('instrument', `${STATEMENT} as calls`);
    await cli('instrument', `process.execs where execname == "${NAME}" as execs`);
    await Promise.all(['calls', 'execs'].map(enabled));
    const pids = probes();
    expect(pids.length).toBe(2);
    await server.kill9();
    await eventually(5_000, async () => (pids.some(isAlive) ? undefined : true));
  });
});
