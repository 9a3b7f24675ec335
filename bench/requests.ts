/** What the benches measure: one metric, `http.requests` by route and latency, and statements on it as plans. */
import { assert } from '../src/model/assert.ts';
import { LL5 } from '../src/model/grid.ts';
import type { Instrumentation } from '../src/model/instrumentation.ts';
import type { MetricDescription } from '../src/model/metric.ts';
import type { Catalogue } from '../src/query/catalogue.ts';
import { checkStatement } from '../src/query/check.ts';
import type { CheckedRead } from '../src/query/check.ts';
import { parseStatement } from '../src/query/parse.ts';
import { type Plan, planRead } from '../src/query/plan.ts';

export const REQUESTS: MetricDescription = {
  name: 'http.requests',
  label: 'HTTP requests',
  unit: 'requests',
  scope: 'interval',
  fields: [
    { name: 'host', label: 'Host', type: 'string' },
    { name: 'route', label: 'Route', type: 'string' },
    { name: 'latency', label: 'Latency', type: 'time' },
  ],
  cost: 'none',
};

export function requestsBy(
  by: readonly string[],
  { createdSecond, keepSeconds, everySeconds = 1 }: RequestsOptions,
): Instrumentation {
  return {
    id: 'requests',
    metric: REQUESTS.name,
    by: [...by],
    numeric: 'latency',
    grid: LL5,
    scope: REQUESTS.scope,
    everySeconds,
    keepSeconds,
    idleSeconds: 0,
    createdSecond,
  };
}

interface RequestsOptions {
  readonly createdSecond: number;
  readonly keepSeconds: number;
  readonly everySeconds?: number;
}

export function checkedRead(text: string, instrumentation: Instrumentation): CheckedRead {
  const parsed = parseStatement(text);
  assert('statement' in parsed, () => `${text} does not parse`);
  const outcome = checkStatement(parsed.statement, catalogueOf(instrumentation), text);
  assert('checked' in outcome && outcome.checked.kind === 'read', () => `${text} is no read`);
  return outcome.checked;
}

/** As a gateway makes it of a text, with all seconds before `nowSecond` answered for. */
export function planned(text: string, instrumentation: Instrumentation, nowSecond: number): Plan {
  const catalogue = catalogueOf(instrumentation);
  const checked = checkedRead(text, instrumentation);
  const result = planRead(checked, { catalogue, nowSecond, frontierSecond: () => nowSecond });
  assert('plan' in result, () => `${text} has no plan`);
  return result.plan;
}

function catalogueOf(instrumentation: Instrumentation): Catalogue {
  return { metrics: [REQUESTS], pins: [], instrumentations: [instrumentation] };
}
