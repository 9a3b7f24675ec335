/** Processors, threads, memory: who waits, who runs, who faults. */
import type { Host } from './host.ts';
import type { BpfMetric, FieldSpec } from './metric.ts';
import { softirqNames, stateNames, tableNames } from './names.ts';
import { COMM_BYTES, discrete, time } from './task-fields.ts';

const SWITCH = 'tracepoint:sched:sched_switch';
const SWITCH_COST = 'about a microsecond for each switch between threads, on the whole machine';
const NEED_SWITCH = { kind: 'tracepoint', name: 'sched/sched_switch' } as const;
const FAULTS = ['minor', 'major'];

const latency: FieldSpec = { field: time('latency'), kind: 'int' };
const state: FieldSpec = { field: discrete('state', 'thread state'), kind: 'int', names: stateNames };
/** A zombie or dead thread runs no more. */
const GONE = '(args->prev_state & 48) != 0';

export function cpuMetrics(host: Host): readonly BpfMetric[] {
  return [
    runQueue(host),
    {
      description: host.describe('cpu.executions', 'runs of threads on a CPU', 'runs', SWITCH_COST),
      starts: [{ probe: SWITCH, when: 'args->next_pid != 0', key: 'args->next_pid' }],
      ends: [{ probe: SWITCH, key: 'args->prev_pid', task: true, values: { state: 'args->prev_state' } }],
      fields: {
        state: { ...state, field: discrete('state', 'thread state after') },
        latency: { ...latency, field: time('latency', 'runtime') },
      },
      needs: [NEED_SWITCH],
    },
    {
      description: host.describe('cpu.offcpu', 'waits of threads off CPU', 'waits', SWITCH_COST),
      starts: [
        {
          probe: SWITCH,
          when: `args->prev_pid != 0 && (args->prev_state & 48) == 0`,
          key: 'args->prev_pid',
          task: true,
          values: { state: 'args->prev_state' },
        },
      ],
      ends: [{ probe: SWITCH, key: 'args->next_pid' }],
      fields: { state, latency },
      needs: [NEED_SWITCH],
    },
    {
      description: host.describe(
        'cpu.samples',
        'samples of who is on a CPU, 99 a second',
        'samples',
        'next to nothing',
      ),
      starts: [],
      ends: [{ probe: 'profile:hz:99', when: 'pid != 0', task: true }],
      fields: {},
      needs: [],
    },
    {
      description: host.describe(
        'memory.faults',
        'page faults',
        'faults',
        'less than a microsecond for each',
      ),
      starts: [],
      ends: FAULTS.map((kind, i) => ({
        probe: `software:${kind}-faults:1`,
        task: true as const,
        values: { kind: String(i) },
      })),
      fields: {
        kind: {
          field: discrete('kind'),
          kind: 'int',
          names: tableNames('kind', new Map(FAULTS.map((kind, i) => [i, kind]))),
        },
      },
      needs: [],
    },
    {
      description: host.describe(
        'irq.soft',
        'softirqs handled',
        'softirqs',
        'about a microsecond for each',
        false,
      ),
      starts: [{ probe: 'tracepoint:irq:softirq_entry', key: 'cpu' }],
      ends: [{ probe: 'tracepoint:irq:softirq_exit', key: 'cpu', values: { vector: 'args->vec' } }],
      fields: { vector: { field: discrete('vector'), kind: 'int', names: softirqNames }, latency },
      needs: [{ kind: 'tracepoint', name: 'irq/softirq_entry' }],
    },
  ];
}

/** From when a thread could run to when it ran. Who it is was noted when it last left a CPU: a thread's very first
 *  wait, before it ever ran, is not counted. */
function runQueue(host: Host): BpfMetric {
  return {
    description: host.describe('cpu.runqueue', 'waits of runnable threads for a CPU', 'waits', SWITCH_COST),
    starts: [
      { probe: 'tracepoint:sched:sched_wakeup', key: 'args->pid' },
      {
        probe: SWITCH,
        when: '(args->prev_state == 0 || args->prev_state == 256) && args->prev_pid != 0',
        key: 'args->prev_pid',
      },
    ],
    ends: [{ probe: SWITCH, key: 'args->next_pid', values: { execname: 'args->next_comm' } }],
    context: { probe: SWITCH, when: 'args->prev_pid != 0', key: 'args->prev_pid', task: true, forget: GONE },
    fields: {
      execname: { field: discrete('execname', 'program'), kind: 'text', bytes: COMM_BYTES },
      latency,
    },
    needs: [NEED_SWITCH, { kind: 'tracepoint', name: 'sched/sched_wakeup' }],
  };
}
