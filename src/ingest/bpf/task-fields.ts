/** The fields that every event of a task has: who it was. Readable where a block runs as that task. */
import type { Field } from '../../model/metric.ts';
import type { FieldSpec } from './metric.ts';
import type { HostNames } from './host-names.ts';

/** Bytes of a program's name that the kernel keeps (TASK_COMM_LEN - 1). */
export const COMM_BYTES = 15;
/** Bytes of any other text that a program of ours keeps: bpftrace's default string, less its end. */
export const TEXT_BYTES = 63;

export const discrete = (name: string, label = name): Field => ({ name, label, type: 'string' });
export const integer = (name: string, label = name): Field => ({ name, label, type: 'integer' });
export const time = (name: string, label = name): Field => ({ name, label, type: 'time' });
export const size = (name: string, label = name): Field => ({ name, label, type: 'size' });

/** By field name, the expression that reads it of the task at hand. */
export const TASK_VALUES: Readonly<Record<string, string>> = {
  pid: 'pid',
  execname: 'comm',
  psargs: 'pid',
  uid: 'uid',
  cgroup: 'cgroup',
  ppid: 'curtask->real_parent->tgid',
  pexecname: 'curtask->real_parent->comm',
};

export function taskFields(names: HostNames): Readonly<Record<string, FieldSpec>> {
  return {
    pid: { field: integer('pid', 'process'), kind: 'int' },
    execname: { field: discrete('execname', 'program'), kind: 'text', bytes: COMM_BYTES },
    psargs: { field: discrete('psargs', 'arguments'), kind: 'int', names: names.arguments },
    uid: { field: integer('uid', 'user'), kind: 'int' },
    cgroup: { field: discrete('cgroup', 'control group'), kind: 'int', names: names.cgroups },
    ppid: {
      field: integer('ppid', 'parent process'),
      kind: 'int',
      btf: true,
    },
    pexecname: {
      field: discrete('pexecname', 'parent program'),
      kind: 'text',
      bytes: COMM_BYTES,
      btf: true,
    },
  };
}

/** Read where an event is counted, whoever's it is. Milliseconds into the second, and the processor. */
export const momentFields: Readonly<Record<string, FieldSpec>> = {
  cpu: { field: integer('cpu', 'CPU'), kind: 'int' },
  subsecond: { field: { name: 'subsecond', label: 'offset in the second', type: 'subsecond' }, kind: 'int' },
};

export const MOMENT_VALUES: Readonly<Record<string, string>> = {
  cpu: 'cpu',
  subsecond: '($w % 1000000000) / 1000000',
};
