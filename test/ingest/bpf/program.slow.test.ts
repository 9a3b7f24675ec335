/** A program's life over executables that misbehave, each in its way. */
import { existsSync, readFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { compileProgram, LEASE_SECONDS } from '../../../src/ingest/bpf/compile.ts';
import { Program } from '../../../src/ingest/bpf/program.ts';
import { COUNT } from '../../../src/model/grid.ts';
import { ManualClock } from '../../arbitrary/manual-clock.ts';
import { withDirectory } from '../temporary-directory.ts';
import { metricNamed } from './catalogue-for-test.ts';
import { fakeBpftrace, READY, tick, WAIT } from './fake-bpftrace.ts';

const until = (holds: () => void): Promise<void> => vi.waitFor(holds, { timeout: 15_000, interval: 10 });
const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}/exe`);

interface House {
  readonly clock: ManualClock;
  readonly program: Program;
  readonly notes: string[];
  readonly directory: string;
  readonly start: number;
}

async function withProgram(
  script: (start: number, directory: string) => string,
  use: (house: House) => Promise<void>,
): Promise<void> {
  await withDirectory(async (directory) => {
    const clock = new ManualClock();
    const notes: string[] = [];
    const start = clock.second;
    const command = await fakeBpftrace(directory, script(start, directory));
    const compiled = compileProgram(metricNamed('syscall.ops'), { by: [], grid: COUNT }, { host: 'h' });
    const program = new Program({
      compiled,
      command,
      keysMax: 64,
      clock,
      offsetNs: () => 7n,
      onChange: () => {},
      onNote: (text) => notes.push(text),
    });
    try {
      await use({ clock, program, notes, directory, start });
    } finally {
      const stopped = program.stop();
      await clock.advance(2_000);
      await stopped;
      expect(program.pids.filter(isAlive)).toEqual([]);
    }
  });
}

describe.runIf(process.platform === 'linux')('a program', () => {
  it('measures whole seconds from the one after it is ready, however long that takes, and a part of that before', async () => {
    const script = (s: number): string =>
      `sleep 0.2\n${READY}${tick({ second: s, rows: 9, total: 9 })}${tick({ second: s + 1, rows: 4, total: 5 })}${WAIT}`;
    await withProgram(script, async ({ program, start }) => {
      expect(program.state).toEqual({ state: 'enabling' });
      await until(() =>
        expect(program.state).toEqual({ state: 'enabled', sinceSecond: start + 1, enabledAfterMs: 0 }),
      );
      await until(() => expect(program.owes(start + 1)).toBe(false));
      expect(program.owes(start + 2)).toBe(true);
      expect(program.take(start)).toMatchObject({ entries: [['', 9]], total: 9, whole: false });
      expect(program.take(start + 1)).toMatchObject({ entries: [['', 4]], total: 5, whole: true });
      expect(program.take(start + 1)).toBeUndefined();
    });
  });

  it('fails where it is never ready', async () => {
    await withProgram(
      () => WAIT,
      async ({ program, clock }) => {
        await clock.advance(19_000);
        expect(program.state.state).toBe('enabling');
        await clock.advance(1_000);
        await until(() =>
          expect(program.state).toEqual({
            state: 'failed',
            reason: 'it did not begin to measure within 20 s',
          }),
        );
      },
    );
  });

  it.each([
    ['ERROR: bpftrace currently only supports running as the root user.', 'bpftrace needs root'],
    [
      "Error creating map: failed to create map: '@a': Operation not permitted",
      'no permission to load BPF programs: root needs CAP_BPF and CAP_PERFMON, outside of a user namespace',
    ],
    ['stdin:1:1-2: ERROR: tracepoint not found: a:b', 'this kernel has no such tracepoint'],
    ['ERROR: something new', 'bpftrace ended (exit code 1): ERROR: something new'],
    ['', 'bpftrace ended (exit code 1)'],
  ])('says what it means that it ended with "%s"', async (stderr, reason) => {
    const script = `cat <<'END'\n{"type": "attached_probes", "data": {"probes": 3}}\nEND\necho ${JSON.stringify(stderr)} >&2\nexit 1\n`;
    await withProgram(
      () => script,
      async ({ program }) => {
        await until(() => expect(program.state).toEqual({ state: 'failed', reason }));
      },
    );
  });

  it('is started again three times, later each time, and then left', async () => {
    const script = (_: number, directory: string): string =>
      `echo run >> ${directory}/runs\n${READY}exit 3\n`;
    await withProgram(script, async ({ program, clock, notes, directory }) => {
      for (const delayMs of [1_000, 2_000, 4_000]) {
        await until(() => expect(notes.at(-1)).toContain(`in ${delayMs} ms`));
        expect(program.state.state).toBe('enabling');
        await clock.advance(delayMs);
      }
      await until(() =>
        expect(program.state).toEqual({ state: 'failed', reason: 'bpftrace ended (exit code 3)' }),
      );
      expect(await readFile(join(directory, 'runs'), 'utf8')).toBe('run\n'.repeat(4));
    });
  });

  it('is killed where it does not stop', async () => {
    const script = `trap '' INT\n${READY}while :; do sleep 0.05; done\n`;
    await withProgram(
      () => script,
      async ({ program, clock }) => {
        await until(() => expect(program.state.state).toBe('enabled'));
        const [pid] = program.pids as [number];
        let gone = false;
        const stopped = program.stop().then(() => (gone = true));
        await clock.advance(1_900);
        expect([gone, isAlive(pid)]).toEqual([false, true]);
        await clock.advance(100);
        await stopped;
        expect(isAlive(pid)).toBe(false);
      },
    );
  });

  it('says of seconds that stood still that they are not whole, and of no others', async () => {
    const script = (s: number): string =>
      READY +
      [
        { second: s + 1 },
        { second: s + 2, readSecond: s + 5 }, // read while s+4 was written, and emptied then
        { second: s + 3, readSecond: s + 5 },
        { second: s + 4, readSecond: s + 5 },
        { second: s + 5 },
        { second: s + 6 },
        { second: s + 7 },
        { second: s + 9 }, // of the one before, nothing was said
        { second: s + 10 },
        { second: s + 11 },
        { second: s + 12, saidSecond: s + 15 },
      ]
        .map((one) => tick(one))
        .join('') +
      WAIT;
    await withProgram(script, async ({ program, start }) => {
      await until(() => expect(program.state.state).toBe('enabled'));
      await until(() => expect(program.owes(start + 12)).toBe(false));
      const whole = Array.from({ length: 12 }, (_, i) => program.take(start + 1 + i)?.whole);
      expect(whole).toEqual([
        true,
        false,
        false,
        false,
        false,
        true,
        true,
        undefined,
        true,
        false,
        true,
        false,
      ]);
    });
  });

  it('takes no notice of garbage', async () => {
    const script = (s: number): string =>
      `head -c 20000 /dev/urandom\necho\necho '{"type":'\n${READY}echo nonsense\n${tick({ second: s + 1, rows: 3, total: 3 })}printf '{"type":"map","da'\n${WAIT}`;
    await withProgram(script, async ({ program, start }) => {
      await until(() => expect(program.take(start + 1)).toMatchObject({ total: 3, whole: true }));
    });
  });

  it('fails where a map has no room and every event says so', async () => {
    const flood = `cat <<'END'\n{"type": "helper_error", "data": {"msg": "Argument list too long"}}\nEND\n`;
    await withProgram(
      () => READY + flood + WAIT,
      async ({ program, notes }) => {
        await until(() => expect(notes.join()).toContain('too many values'));
        expect(program.state.state).toBe('enabling');
      },
    );
  });

  it('is taken over by a fresh one before its lease ends: no second is missing, none is said twice', async () => {
    const script = (_: number, directory: string): string =>
      `${READY}echo run >> ${directory}/runs\nwhile [ ! -e ${directory}/go ]; do sleep 0.02; done\n. ${directory}/go\n${WAIT}`;
    await withProgram(script, async ({ program, clock, directory, start }) => {
      await until(() => expect(program.state.state).toBe('enabled'));
      program.renewWhereDue(start + 100, () => false);
      expect(program.pids.length).toBe(1);
      await clock.jump((LEASE_SECONDS - 60) * 1000);
      const now = clock.second + 1;
      program.renewWhereDue(now, () => false);
      expect(program.pids.length).toBe(2);
      const [first] = program.pids as [number, number];
      await until(() => expect(readFileSync(join(directory, 'runs'), 'utf8')).toBe('run\nrun\n'));
      const ticks = [now - 1, now, now + 1]
        .map((second) => `sleep 0.2\n${tick({ second, rows: 1, total: 1 })}`)
        .join('');
      await writeFile(join(directory, 'prepared'), ticks);
      await rename(join(directory, 'prepared'), join(directory, 'go')); // whole, when it is there
      await until(() => expect(program.pids.length).toBe(1));
      expect(program.pids).not.toContain(first);
      await until(() => expect(program.owes(now + 1)).toBe(false));
      expect([now - 1, now, now + 1].map((second) => program.take(second)?.total)).toEqual([1, 1, 1]);
      await until(() => expect(isAlive(first)).toBe(false));
    });
  });
});
