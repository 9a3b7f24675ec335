/** What a test asks drivers to measure. */
import { COUNT } from '../../src/model/grid.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';

/** An instrumentation named after its metric, each second, by nothing, where `rest` does not say otherwise. */
export function asked(metric: string, rest: Partial<Instrumentation> = {}): Instrumentation {
  return {
    id: metric.replace('.', '_'),
    metric,
    by: [],
    grid: COUNT,
    scope: 'interval',
    everySeconds: 1,
    keepSeconds: 60,
    idleSeconds: 0,
    createdSecond: 0,
    ...rest,
  };
}
