/** Every subject by its name, made when something is counted from it. */
import { join } from 'node:path';
import type { Clock } from '../../model/clock.ts';
import { Cgroups } from './cgroups.ts';
import { FileSystems } from './file-systems.ts';
import { MEMORY_FILES, VM_FILES } from './memory-files.ts';
import { PROTOCOL_FILES, SOCKET_FILES } from './network-files.ts';
import { Processes } from './processes.ts';
import type { Subject } from './sample.ts';
import {
  DISK_FILES,
  LOAD_FILES,
  NIC_FILES,
  PRESSURE_FILES,
  SOFTIRQ_FILES,
  STAT_FILES,
} from './text-files.ts';
import { type TextFiles, TextSubject } from './text-subject.ts';

export const TEXT_SUBJECTS = {
  stat: STAT_FILES,
  softirqs: SOFTIRQ_FILES,
  disks: DISK_FILES,
  nics: NIC_FILES,
  pressure: PRESSURE_FILES,
  load: LOAD_FILES,
  memory: MEMORY_FILES,
  vm: VM_FILES,
  protocols: PROTOCOL_FILES,
  sockets: SOCKET_FILES,
} as const satisfies Readonly<Record<string, TextFiles>>;

export type SubjectName = keyof typeof TEXT_SUBJECTS | 'processes' | 'cgroups' | 'fileSystems';

export interface SubjectOptions {
  /** What /proc and the mount points are below: '/', or where another root is mounted. */
  readonly root: string;
  readonly clock: Pick<Clock, 'sleep'>;
}

export function newSubject(name: SubjectName, { root, clock }: SubjectOptions): Subject {
  const proc = join(root, 'proc');
  if (name === 'processes') return new Processes({ proc });
  if (name === 'cgroups') return new Cgroups({ proc, root });
  if (name === 'fileSystems') {
    return new FileSystems({ proc, root, sleep: (ms, signal) => clock.sleep(ms, signal) });
  }
  return new TextSubject(TEXT_SUBJECTS[name], proc);
}
