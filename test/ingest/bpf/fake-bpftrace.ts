/** Executables that stand in for bpftrace: what a shell script prints, and how it ends, is the test's choice. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const line = (type: string, data: unknown): string => `cat <<'END'\n${JSON.stringify({ type, data })}\nEND\n`;

export const READY = line('attached_probes', { probes: 3 }) + line('printf', 'ready');
/** Until a signal. */
export const WAIT = 'exec sleep 60\n';

export interface FakeTick {
  readonly second: number;
  readonly rows?: unknown;
  readonly total?: number;
  readonly saidSecond?: number;
  readonly readSecond?: number;
}

export function tick({ second, rows = {}, total = 0, saidSecond, readSecond }: FakeTick): string {
  const map = second & 1 ? 'b' : 'a';
  return [
    line('printf', `tick ${second} ${saidSecond ?? second + 1}`),
    line('map', { [`@${map}`]: rows }),
    line('map', { [`@t${map}`]: total }),
    line('time', String(readSecond ?? second + 1)),
  ].join('');
}

export async function fakeBpftrace(directory: string, script: string): Promise<string> {
  const path = join(directory, 'bpftrace');
  await writeFile(path, `#!/bin/sh\n${script}`);
  await chmod(path, 0o755);
  return path;
}
