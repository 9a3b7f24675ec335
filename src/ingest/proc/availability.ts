/** What of the metrics of /proc this host tells: tried as it would be read. Owns: the words for what would make the
 *  rest so. Does not: keep anything. */
import type { Instrumentation } from '../../model/instrumentation.ts';
import { gridOf, isNumeric } from '../../model/metric.ts';
import type { Availability } from '../driver.ts';
import { Measure } from './measure.ts';
import type { ProcMetric } from './proc-metric.ts';
import type { Sample } from './sample.ts';
import { Sampler } from './sampler.ts';
import { newSubject, type SubjectName, type SubjectOptions } from './subjects.ts';

const REMEDIES: Partial<Record<SubjectName, string>> = {
  pressure: 'boot with psi=1, or a kernel that was built with CONFIG_PSI=y',
  cgroups: 'mount the cgroup file system of the host where this process sees it',
};
const REMEDY = 'mount the proc file system of the host where this process sees it, with leave to read it';

/** `reason` says it of a sample in which nothing of a metric is told. */
export async function availabilityOf(
  metrics: readonly ProcMetric[],
  options: SubjectOptions,
  reason: (sample: Sample) => string,
): Promise<Availability[]> {
  const measures = metrics.map((metric) => new Measure(metric, trial(metric), ''));
  const samples = new Map<SubjectName, Sample>();
  for (const { metric } of measures) {
    if (samples.has(metric.subject)) continue;
    const all = measures.filter((measure) => measure.metric.subject === metric.subject);
    const columns = new Set(all.flatMap(({ asked }) => [...asked.columns]));
    const fields = new Set(all.flatMap(({ asked }) => [...asked.fields]));
    const sampler = new Sampler(newSubject(metric.subject, options));
    samples.set(metric.subject, await sampler.try({ columns, fields }));
    sampler.close();
  }
  return measures.map((measure) => {
    const { subject, description } = measure.metric;
    const sample = samples.get(subject)!;
    if (measure.count({ sample, gains: undefined }) !== 'none') {
      return { metric: description.name, available: true };
    }
    const remedy = REMEDIES[subject] ?? REMEDY;
    return { metric: description.name, available: false, reason: reason(sample), remedy };
  });
}

/** Asks of a metric as much as one instrumentation can. */
function trial({ description }: ProcMetric): Instrumentation {
  const numeric = description.fields.find(isNumeric)?.name;
  return {
    id: 'trial',
    metric: description.name,
    by: [],
    ...(numeric === undefined ? {} : { numeric }),
    grid: gridOf(description, numeric),
    scope: description.scope,
    everySeconds: 1,
    keepSeconds: 1,
    idleSeconds: 0,
    createdSecond: 0,
  };
}
