/** Programs that begin and end, and what they send each other. */
import type { Host } from './host.ts';
import type { BpfMetric } from './metric.ts';
import { signalNames } from './names.ts';
import { COMM_BYTES, discrete, integer, TEXT_BYTES, time } from './task-fields.ts';

const COST = 'about a microsecond for each';

export function processMetrics(host: Host): readonly BpfMetric[] {
  return [
    {
      description: host.describe('process.execs', 'programs started', 'programs', COST),
      starts: [],
      ends: [
        {
          probe: 'tracepoint:sched:sched_process_exec',
          task: true,
          values: { file: 'str(args->filename)' },
        },
      ],
      fields: { file: { field: discrete('file', 'path'), kind: 'text', bytes: TEXT_BYTES } },
      needs: [{ kind: 'tracepoint', name: 'sched/sched_process_exec' }],
    },
    {
      description: host.describe(
        'process.exits',
        'processes ended, by how long they lived',
        'processes',
        COST,
      ),
      starts: [],
      ends: [
        {
          probe: 'tracepoint:sched:sched_process_exit',
          when: 'pid == tid',
          task: true,
          values: {
            latency: 'nsecs - curtask->start_time',
            status: '(curtask->exit_code >> 8) & 255',
            signal: 'curtask->exit_code & 127',
          },
        },
      ],
      fields: {
        status: { field: integer('status', 'exit status'), kind: 'int' },
        signal: { field: discrete('signal', 'ended by signal'), kind: 'int', names: signalNames },
        latency: { field: time('latency', 'lifetime'), kind: 'int' },
      },
      needs: [{ kind: 'tracepoint', name: 'sched/sched_process_exit' }, { kind: 'btf' }],
    },
    {
      description: host.describe('signal.sent', 'signals sent; the task is the sender', 'signals', COST),
      starts: [],
      ends: [
        {
          probe: 'tracepoint:signal:signal_generate',
          task: true,
          values: { signal: 'args->sig', target: 'args->comm', target_pid: 'args->pid' },
        },
      ],
      fields: {
        signal: { field: discrete('signal'), kind: 'int', names: signalNames },
        target: { field: discrete('target', 'program that it is for'), kind: 'text', bytes: COMM_BYTES },
        target_pid: { field: integer('target_pid', 'process that it is for'), kind: 'int' },
      },
      needs: [{ kind: 'tracepoint', name: 'signal/signal_generate' }],
    },
  ];
}
