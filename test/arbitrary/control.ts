/** Random instrumentations, metrics and control events. */
import fc from 'fast-check';
import type { ControlEvent } from '../../src/model/control.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { type LevelRetention, LEVELS } from '../../src/model/level.ts';
import type { MetricDescription, TypeName } from '../../src/model/metric.ts';
import type { Pin } from '../../src/model/pin.ts';
import { arbitraryGrid } from './grid.ts';
import { arbitraryPredicate } from './predicate.ts';
import { arbitraryId, arbitrarySecond } from './report.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,10}$/);
const typeNames: readonly TypeName[] = [
  'string',
  'integer',
  'number',
  'time',
  'size',
  'percent',
  'subsecond',
];
const scope = fc.constantFrom('interval' as const, 'point' as const);

export const arbitraryMetric: fc.Arbitrary<MetricDescription> = fc.record(
  {
    name: fc.tuple(name, name).map(([module, stat]) => `${module}.${stat}`),
    label: fc.string(),
    unit: fc.constantFrom('requests', 'ops', 'B'),
    amount: fc.constantFrom<TypeName>('size', 'time'),
    scope,
    fields: fc.uniqueArray(fc.record({ name, label: fc.string(), type: fc.constantFrom(...typeNames) }), {
      maxLength: 4,
      selector: (field) => field.name,
    }),
    cost: fc.string(),
  },
  { requiredKeys: ['name', 'label', 'unit', 'scope', 'fields', 'cost'] },
);

const arbitraryKeepLevels: fc.Arbitrary<LevelRetention[]> = fc
  .subarray([10, 60, 600, 3600] as const)
  .chain((levels) =>
    fc.tuple(
      ...levels.map((level) => fc.record({ level: fc.constant(level), keepSeconds: fc.nat(10_000_000) })),
    ),
  );

export const arbitraryInstrumentation: fc.Arbitrary<Instrumentation> = fc.record(
  {
    id: arbitraryId,
    metric: fc.constantFrom('http.requests', 'syscall.ops'),
    where: arbitraryPredicate(['route', 'status']),
    by: fc.uniqueArray(name, { maxLength: 3 }),
    numeric: fc.constant('latency'),
    grid: arbitraryGrid,
    scope,
    everySeconds: fc.constantFrom(1, 10, 60),
    keepSeconds: fc.integer({ min: 1, max: 10_000_000 }),
    keepLevels: arbitraryKeepLevels,
    idleSeconds: fc.nat(100_000),
    createdSecond: arbitrarySecond,
    pausedSecond: arbitrarySecond,
  },
  {
    requiredKeys: [
      'id',
      'metric',
      'by',
      'grid',
      'scope',
      'everySeconds',
      'keepSeconds',
      'idleSeconds',
      'createdSecond',
    ],
  },
);

export const arbitraryPin: fc.Arbitrary<Pin> = fc
  .record({
    id: arbitraryId,
    instrumentation: arbitraryId,
    fromSecond: arbitrarySecond,
    length: fc.integer({ min: 1, max: 100_000 }),
    createdSecond: arbitrarySecond,
  })
  .map(({ fromSecond, length, ...pin }) => ({ ...pin, fromSecond, untilSecond: fromSecond + length }));

export const arbitraryControlEvent: fc.Arbitrary<ControlEvent> = fc.oneof(
  fc.record({
    kind: fc.constant('instrumentation-created' as const),
    instrumentation: arbitraryInstrumentation,
  }),
  fc.record(
    {
      kind: fc.constant('instrumentation-changed' as const),
      id: arbitraryId,
      keepSeconds: fc.integer({ min: 1, max: 10_000_000 }),
      keepLevels: arbitraryKeepLevels,
      idleSeconds: fc.nat(100_000),
    },
    { requiredKeys: ['kind', 'id', 'keepSeconds', 'idleSeconds'] },
  ),
  fc.record({
    kind: fc.constantFrom(
      'instrumentation-paused' as const,
      'instrumentation-resumed' as const,
      'instrumentation-expired' as const,
      'instrumentation-dropped' as const,
    ),
    id: arbitraryId,
  }),
  fc.record({ kind: fc.constant('range-pinned' as const), pin: arbitraryPin }),
  fc.record({ kind: fc.constant('range-unpinned' as const), id: arbitraryId }),
  fc.record({
    kind: fc.constant('space-reclaimed' as const),
    level: fc.constantFrom(...LEVELS),
    untilSecond: arbitrarySecond,
  }),
  fc.record({
    kind: fc.constant('instrumenter-online' as const),
    host: fc.string(),
    metrics: fc.array(arbitraryMetric, { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant('source-offline' as const),
    host: fc.string(),
    driver: fc.string(),
    second: arbitrarySecond,
  }),
);
