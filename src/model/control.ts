/** Control events: the configuration, event-sourced. They travel in the same log as the reports, so replaying
 *  the log replays what was asked of the system too. A closed union; a released event never changes its
 *  fields, a new need is a new kind. */
import Type from 'typebox';
import Value from 'typebox/value';
import type { Instrumentation } from './instrumentation.ts';
import { isLevel, type Level, type LevelRetention } from './level.ts';
import { DISCRETE_FIELDS_MAX } from './limits.ts';
import { type MetricDescription, type TypeName, TYPES } from './metric.ts';
import type { Pin } from './pin.ts';
import { isPredicate, type Predicate } from './predicate.ts';

export type ControlEvent =
  | { readonly kind: 'instrumentation-created'; readonly instrumentation: Instrumentation }
  | {
      readonly kind: 'instrumentation-changed';
      readonly id: string;
      readonly keepSeconds: number;
      /** Absent: as model/level.ts has it. */
      readonly keepLevels?: readonly LevelRetention[];
      readonly idleSeconds: number;
    }
  /** Measuring stops for a while; sources are expected again as they report again. */
  | { readonly kind: 'instrumentation-paused'; readonly id: string }
  | { readonly kind: 'instrumentation-resumed'; readonly id: string }
  /** Nobody looked: measuring ends, what is stored stays for its retention. */
  | { readonly kind: 'instrumentation-expired'; readonly id: string }
  /** A person dropped it: measuring ends and what is stored goes. */
  | { readonly kind: 'instrumentation-dropped'; readonly id: string }
  /** Its seconds in this range are kept for ever. A pin of a known name replaces that one. */
  | { readonly kind: 'range-pinned'; readonly pin: Pin }
  | { readonly kind: 'range-unpinned'; readonly id: string }
  /** The data directory is over its size budget: blocks of this level that end at or before `untilSecond` go,
   *  of every instrumentation, pinned ones excepted. An event, so that a replay gives up the same. */
  | { readonly kind: 'space-reclaimed'; readonly level: Level; readonly untilSecond: number }
  /** An instrumenter started on this host: its earlier sources are over, what it can measure is listed. */
  | {
      readonly kind: 'instrumenter-online';
      readonly host: string;
      readonly metrics: readonly MetricDescription[];
    }
  /** A source ended in good order; it is expected no more from `second` on. */
  | {
      readonly kind: 'source-offline';
      readonly host: string;
      readonly driver: string;
      readonly second: number;
    };

const predicate = Type.Unsafe<Predicate>(Type.Refine(Type.Unknown(), (value) => isPredicate(value)));
const grid = Type.Union([
  Type.Object({ kind: Type.Literal('log-linear'), bits: Type.Literal(5) }),
  Type.Object({ kind: Type.Literal('linear'), width: Type.Integer({ minimum: 1 }) }),
  Type.Object({ kind: Type.Literal('count') }),
]);
const scope = Type.Union([Type.Literal('interval'), Type.Literal('point')]);
const level = Type.Unsafe<Level>(Type.Refine(Type.Integer(), (seconds) => isLevel(seconds)));
const keepLevels = Type.Optional(
  Type.Array(Type.Object({ level, keepSeconds: Type.Integer({ minimum: 0 }) })),
);
export const instrumentationSchema = Type.Object({
  id: Type.String(),
  metric: Type.String(),
  where: Type.Optional(predicate),
  by: Type.Array(Type.String(), { maxItems: DISCRETE_FIELDS_MAX }),
  numeric: Type.Optional(Type.String()),
  grid,
  scope,
  everySeconds: Type.Integer({ minimum: 1 }),
  keepSeconds: Type.Integer({ minimum: 1 }),
  keepLevels,
  idleSeconds: Type.Integer({ minimum: 0 }),
  createdSecond: Type.Integer({ minimum: 0 }),
  pausedSecond: Type.Optional(Type.Integer({ minimum: 0 })),
});
const typeName = Type.Unsafe<TypeName>(Type.Refine(Type.String(), (name) => Object.hasOwn(TYPES, name)));
export const metricSchema = Type.Object({
  name: Type.String(),
  label: Type.String(),
  unit: Type.String(),
  amount: Type.Optional(typeName),
  scope,
  fields: Type.Array(Type.Object({ name: Type.String(), label: Type.String(), type: typeName })),
  cost: Type.String(),
  costNs: Type.Optional(Type.Number({ minimum: 0 })),
});
const id = Type.String();
const schemas: { readonly [kind in ControlEvent['kind']]: Type.TSchema } = {
  'instrumentation-created': Type.Object({ instrumentation: instrumentationSchema }),
  'instrumentation-changed': Type.Object({
    id,
    keepSeconds: Type.Integer({ minimum: 1 }),
    keepLevels,
    idleSeconds: Type.Integer({ minimum: 0 }),
  }),
  'instrumentation-paused': Type.Object({ id }),
  'instrumentation-resumed': Type.Object({ id }),
  'instrumentation-expired': Type.Object({ id }),
  'instrumentation-dropped': Type.Object({ id }),
  'range-pinned': Type.Object({
    pin: Type.Object({
      id,
      instrumentation: id,
      fromSecond: Type.Integer({ minimum: 0 }),
      untilSecond: Type.Integer({ minimum: 1 }),
      createdSecond: Type.Integer({ minimum: 0 }),
    }),
  }),
  'range-unpinned': Type.Object({ id }),
  'space-reclaimed': Type.Object({ level, untilSecond: Type.Integer({ minimum: 0 }) }),
  'instrumenter-online': Type.Object({ host: Type.String(), metrics: Type.Array(metricSchema) }),
  'source-offline': Type.Object({
    host: Type.String(),
    driver: Type.String(),
    second: Type.Integer({ minimum: 0 }),
  }),
};

export class ControlEventError extends Error {
  readonly code = 'CONTROL_EVENT';
}

/** The JSON of a control event, as the log carries it. */
export function encodeControl(event: ControlEvent): string {
  return JSON.stringify(event);
}

/** Throws ControlEventError, which names the place, what was found and what was expected. */
export function decodeControl(text: string): ControlEvent {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ControlEventError('Cannot read control event: it is no JSON', { cause });
  }
  const fault = controlFault(value);
  if (fault !== undefined) throw new ControlEventError(`Cannot read control event: ${fault}`);
  return value as ControlEvent;
}

function controlFault(value: unknown): string | undefined {
  const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
  if (typeof kind !== 'string' || !Object.hasOwn(schemas, kind)) {
    return `kind is ${JSON.stringify(kind)}, expected one of ${Object.keys(schemas).join(', ')}`;
  }
  const schema = schemas[kind as ControlEvent['kind']];
  if (Value.Check(schema, value)) return undefined;
  const [error] = Value.Errors(schema, value);
  return `${kind}${error?.instancePath ?? ''} ${error?.message ?? 'does not fit'}`;
}
