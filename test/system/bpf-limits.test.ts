/** What a source is held to by its own settings, with the real server and the real kernel probe: tenants that it may not
 *  speak of, whatever is asked, and a budget above which it refuses or stops. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { whyNot } from './bpf-workload.ts';
import { eventually, MAIN, queryJson, type RunningServer, startServer } from './server.ts';

const run = promisify(execFile);
const reason = whyNot();
if (reason !== undefined) process.stderr.write(`The limits of sources are not tested with bpf: ${reason}\n`);
/** Where groups of version 2 are made, beside version 1 or without it. */
const GROUPS = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) =>
  existsSync(join(path, 'cgroup.procs')),
);
const TENANT = 61_234;
const INSIDE = 1234;
const OUTSIDE = 2345;

describe.skipIf(reason !== undefined)('a source with limits of its own', () => {
  let directory: string;
  let program: string;
  let server: RunningServer;
  const children: ChildProcess[] = [];

  beforeEach(() => {
    directory = mkdtempSync('/var/tmp/tg-limits-');
    chmodSync(directory, 0o755);
    program = join(directory, `tg${basename(directory).slice(-6)}`);
    copyFileSync('/usr/bin/dd', program);
    chmodSync(program, 0o755);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await server.kill9();
    rmSync(directory, { recursive: true, force: true });
  });

  const serve = async (...args: string[]): Promise<void> => {
    server = await startServer([
      '--data',
      join(directory, 'data'),
      '--socket',
      join(directory, 'node.sock'),
      ...args,
    ]);
  };
  const instrument = (statement: string): Promise<{ stdout: string }> =>
    run(process.execPath, [MAIN, 'instrument', '--url', server.url, statement]);
  const stateOf = async (id: string): Promise<{ state: string; text: string }> => {
    const text = await (await fetch(`${server.url}/api/v1/instrumentations/${id}`)).text();
    return { state: (JSON.parse(text) as { state: string }).state, text };
  };
  const becomes = (id: string, state: string): Promise<string> =>
    eventually(30_000, async () => {
      const now = await stateOf(id);
      return now.state === state ? now.text : undefined;
    });
  const writes = (count: number): string[] => [
    'if=/dev/zero',
    'of=/dev/null',
    'bs=1',
    `count=${count}`,
    'status=none',
  ];
  const asked = (): string => `syscall.ops where execname == "${basename(program)}" by syscall`;
  /** Calls of `write` by the test's program, once as many are counted as are to be. */
  const counted = (): Promise<number> =>
    eventually(20_000, async () => {
      const json = await queryJson(server.url, `${asked()} last 1m | count`);
      const series = json['series'] as { key: string[]; values: (number | null)[] }[];
      const values = series.find(({ key }) => key.includes('write'))?.values ?? [];
      const sum = values.reduce<number>((all, value) => all + (value ?? 0), 0);
      return sum >= INSIDE ? sum : undefined;
    });
  const begin = async (): Promise<void> => {
    await instrument(`${asked()} as calls`);
    await becomes('calls', 'enabled');
    await new Promise((resolve) => setTimeout(resolve, 1100)); // the first whole second has begun
  };

  it('speaks of no other user, whoever asks', async () => {
    await serve('--only', `uid=${TENANT}`);
    await begin();
    await run(program, writes(OUTSIDE));
    await run(program, writes(INSIDE), { uid: TENANT, gid: TENANT });
    expect(await counted()).toBe(INSIDE);
    await expect(instrument('irq.soft by vector')).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringContaining('limited by uid'),
    });
  });

  it.skipIf(GROUPS === undefined)('speaks of no other cgroup', async () => {
    const group = join(GROUPS!, basename(directory));
    mkdirSync(group);
    try {
      await serve('--only', `cgroup=/${basename(group)}`);
      await begin();
      await run(program, writes(OUTSIDE));
      const script = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
      await run('/bin/sh', ['-c', script, group, program, ...writes(INSIDE)]);
      expect(await counted()).toBe(INSIDE);
    } finally {
      await eventually(5000, async () => {
        rmdirSync(group);
        return true;
      });
    }
  });

  it('stops what exceeds its budget, and says what it cost', async () => {
    await serve('--budget', '1%');
    await begin();
    children.push(spawn(program, ['if=/dev/zero', 'of=/dev/null', 'bs=1', 'status=none']));
    const stopped = await becomes('calls', 'failed');
    expect(stopped).toMatch(/over its budget of 1 % of a core for 5 s/);
  });
});
