/** What Linux says of processes: CPU time, peak memory; and of disks: bytes that files occupy. */
import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CannotError } from './peer.ts';

/** USER_HZ, which is the same on all of Linux's usual machines. */
const TICKS_PER_SECOND = 100;
const KIB = 1024;

/** CPU seconds that a process and its threads have used. */
export function cpuSeconds(pid: number): number {
  // The name, in parentheses, may hold spaces: the fields that follow it begin with the third.
  const fields = read(`/proc/${pid}/stat`).split(') ').at(-1)!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** CPU seconds that all processes have used since the machine started. */
export function busySeconds(): number {
  const [, user, nice, system, , , irq, softIrq] = read('/proc/stat').split('\n')[0]!.split(/\s+/);
  return [user, nice, system, irq, softIrq].reduce((sum, n) => sum + Number(n), 0) / TICKS_PER_SECOND;
}

export interface Memory {
  readonly bytes: number;
  /** Since `forgetPeak`, or the start. */
  readonly peakBytes: number;
}

/** Resident memory. */
export function memoryOf(pid: number): Memory {
  const status = read(`/proc/${pid}/status`);
  const field = (name: string): number =>
    KIB * Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return { bytes: field('VmRSS'), peakBytes: field('VmHWM') };
}

export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new CannotError(`not known: no ${path} here`);
  }
}

/** Bytes that a directory's files occupy, holes left out. */
export function occupiedBytes(directory: string): number {
  let bytes = 0;
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    // What is merged away may go between the list and the look.
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isFile() === true) bytes += found.blocks * 512;
    if (found?.isDirectory() === true && existsSync(path)) bytes += occupiedBytes(path);
  }
  return bytes;
}
