/** Whose a process is, as the kernel says: its user and its cgroups. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tenant } from '../../model/source-limits.ts';

/** What cannot be read of it is not known. */
export async function tenantOf(pid: number, proc = '/proc'): Promise<Tenant> {
  const read = (name: string): Promise<string> =>
    readFile(join(proc, String(pid), name), 'utf8').catch(() => '');
  const [status, cgroup] = await Promise.all([read('status'), read('cgroup')]);
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1];
  const cgroups = cgroup.split('\n').flatMap((line) => /^\d+:[^:]*:(\/.*)$/.exec(line)?.[1] ?? []);
  return { uid: uid === undefined ? undefined : Number(uid), cgroups };
}
