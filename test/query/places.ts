/** Events, a catalogue and plans for what is asked of a place of a picture. */
import fc from 'fast-check';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { LL5, ll5Edge } from '../../src/model/grid.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { REMAINDER } from '../../src/model/key.ts';
import { checkStatement } from '../../src/query/check.ts';
import { evaluate } from '../../src/query/evaluate.ts';
import { parseStatement } from '../../src/query/parse.ts';
import { type Planned, planRead } from '../../src/query/plan.ts';
import type { QueryResult } from '../../src/query/result.ts';
import { shop } from '../arbitrary/query.ts';
import { type Event, MemorySeries } from './memory-series.ts';

/** A whole minute. */
export const START = 1_700_000_040;
export const SECONDS = 120;
export const FIELDS = ['route', 'host', 'status'] as const;

/** It stores more than a picture asks for. */
export const everything: Instrumentation = {
  id: 'everything',
  metric: 'http.requests',
  by: [...FIELDS],
  numeric: 'latency',
  grid: LL5,
  scope: 'interval',
  everySeconds: 1,
  keepSeconds: 86_400,
  idleSeconds: 3600,
  createdSecond: 0,
};

export const arbitraryEvents: fc.Arbitrary<Event[]> = fc.array(
  fc
    .record({
      second: fc.integer({ min: START - 5, max: START + SECONDS + 5 }),
      route: fc.constantFrom('/a', '/b', '/c', REMAINDER),
      host: fc.constantFrom('web1', 'web2'),
      status: fc.constantFrom('200', '500'),
      latency: fc.oneof(
        fc.nat(1567).map(ll5Edge),
        fc.integer({ min: 0, max: 5e9 }),
        fc.constantFrom(0, 1, 31),
      ),
      count: fc.integer({ min: 1, max: 50 }),
    })
    .map(({ second, count, ...fields }) => ({ second, count, fields: new Map(Object.entries(fields)) })),
  { maxLength: 80 },
);

export function plan(text: string, instrumentations: readonly Instrumentation[] = [everything]): Planned {
  const parsed = parseStatement(text);
  if (!('statement' in parsed)) throw new Error(JSON.stringify(parsed.diagnostics));
  const catalogue = { ...shop, instrumentations };
  const outcome = checkStatement(parsed.statement, catalogue, text);
  if (!('checked' in outcome) || outcome.checked.kind !== 'read') throw new Error(JSON.stringify(outcome));
  const nowSecond = START + SECONDS;
  return planRead(outcome.checked, { catalogue, nowSecond, frontierSecond: () => nowSecond });
}

export function ask<K extends QueryResult['kind']>(
  kind: K,
  text: string,
  events: readonly Event[],
  kernel = referenceKernel,
): Extract<QueryResult, { kind: K }> {
  const planned = plan(text);
  if ('problem' in planned) throw new Error(planned.problem.message);
  const result = evaluate(planned.plan, new MemorySeries([everything], events), kernel);
  if (result.kind !== kind) throw new Error(`found ${result.kind}, expected ${kind}`);
  return result as Extract<QueryResult, { kind: K }>;
}
