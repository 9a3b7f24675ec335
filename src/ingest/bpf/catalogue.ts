/** All metrics of the bpf driver: the tables of each module joined, and the fields that all events have added. */
import { cpuMetrics } from './cpu-metrics.ts';
import type { Host } from './host.ts';
import { ioMetrics } from './io-metrics.ts';
import type { BpfMetric, FieldSpec } from './metric.ts';
import { processMetrics } from './process-metrics.ts';
import { programMetrics } from './program-metrics.ts';
import { syscallMetrics } from './syscall-metrics.ts';
import { discrete, momentFields, taskFields } from './task-fields.ts';

/** About what an event costs that is counted (`npm run bench -- bpf` measures the first): one that has a start and an
 *  end, and one that one probe says. */
const PAIR_NS = 1300;
const SINGLE_NS = 700;

/** The name of this host is no probe's business: a constant, put in by the driver. */
const HOST: FieldSpec = { field: discrete('host'), kind: 'int' };

export interface CataloguedMetric extends BpfMetric {
  /** With those of every task, where the metric has them, and of every moment. */
  readonly fields: Readonly<Record<string, FieldSpec>>;
}

export function bpfCatalogue(host: Omit<Host, 'describe'>): readonly CataloguedMetric[] {
  const withoutTask = new Set<string>();
  const describe: Host['describe'] = (name, label, unit, cost, ofTask = true) => {
    if (!ofTask) withoutTask.add(name);
    return { name, label, unit, cost, scope: 'interval', fields: [] };
  };
  const given: Host = { ...host, describe };
  const tasks = taskFields(host.names);
  return [syscallMetrics, ioMetrics, cpuMetrics, processMetrics, programMetrics]
    .flatMap((table) => table(given))
    .map((metric) => {
      const common = withoutTask.has(metric.description.name) ? {} : tasks;
      const fields = { host: HOST, ...common, ...metric.fields, ...momentFields };
      const costNs = metric.starts.length > 0 ? PAIR_NS : SINGLE_NS;
      const described = {
        ...metric.description,
        costNs,
        fields: Object.values(fields).map((spec) => spec.field),
      };
      return { ...metric, fields, description: described };
    });
}
