/** Every metric of the proc driver. */
import { CPU_METRICS, DISK_METRICS, MEMORY_METRICS } from './host-metrics.ts';
import { NETWORK_METRICS } from './network-metrics.ts';
import type { ProcMetric } from './proc-metric.ts';
import { CGROUP_METRICS, FILE_SYSTEM_METRICS, PROCESS_METRICS } from './process-metrics.ts';

export const PROC_METRICS: readonly ProcMetric[] = [
  ...CPU_METRICS,
  ...DISK_METRICS,
  ...NETWORK_METRICS,
  ...MEMORY_METRICS,
  ...PROCESS_METRICS,
  ...CGROUP_METRICS,
  ...FILE_SYSTEM_METRICS,
];
