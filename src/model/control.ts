/** Control events: the configuration, event-sourced. They travel in the same log as the reports, so replaying
 *  the log replays what was asked of the system too. A closed union; a released event never changes its
 *  fields, a new need is a new kind. */
import Type from 'typebox';
import Value from 'typebox/value';
import type { Instrumentation } from './instrumentation.ts';
import type { MetricDescription } from './metric.ts';
import type { Predicate } from './predicate.ts';

export type ControlEvent =
  | { readonly kind: 'instrumentation-created'; readonly instrumentation: Instrumentation }
  | {
      readonly kind: 'instrumentation-changed';
      readonly id: string;
      readonly keepSeconds: number;
      readonly idleSeconds: number;
    }
  /** Nobody looked: measuring ends, what is stored stays for its retention. */
  | { readonly kind: 'instrumentation-expired'; readonly id: string }
  /** A person dropped it: measuring ends and what is stored goes. */
  | { readonly kind: 'instrumentation-dropped'; readonly id: string }
  /** An instrumenter started on this host: its earlier sources are over, what it can measure is listed. */
  | {
      readonly kind: 'instrumenter-online';
      readonly host: string;
      readonly metrics: readonly MetricDescription[];
    }
  /** A source ended in good order; it is expected no more from `second` on. */
  | { readonly kind: 'source-offline'; readonly host: string; readonly driver: string; readonly second: number };

const predicate = Type.Unsafe<Predicate>(Type.Object({ op: Type.String() }));
const grid = Type.Union([
  Type.Object({ kind: Type.Literal('log-linear'), bits: Type.Literal(5) }),
  Type.Object({ kind: Type.Literal('linear'), width: Type.Integer({ minimum: 1 }) }),
  Type.Object({ kind: Type.Literal('count') }),
]);
const instrumentation = Type.Object({
  id: Type.String(),
  metric: Type.String(),
  where: Type.Optional(predicate),
  by: Type.Array(Type.String()),
  numeric: Type.Optional(Type.String()),
  grid,
  scope: Type.Union([Type.Literal('interval'), Type.Literal('point')]),
  everySeconds: Type.Integer({ minimum: 1 }),
  keepSeconds: Type.Integer({ minimum: 1 }),
  idleSeconds: Type.Integer({ minimum: 0 }),
  createdSecond: Type.Integer({ minimum: 0 }),
});
const metric = Type.Unsafe<MetricDescription>(
  Type.Object({ name: Type.String(), fields: Type.Array(Type.Object({ name: Type.String() })) }),
);
const schema = Type.Union([
  Type.Object({ kind: Type.Literal('instrumentation-created'), instrumentation }),
  Type.Object({
    kind: Type.Literal('instrumentation-changed'),
    id: Type.String(),
    keepSeconds: Type.Integer({ minimum: 1 }),
    idleSeconds: Type.Integer({ minimum: 0 }),
  }),
  Type.Object({ kind: Type.Literal('instrumentation-expired'), id: Type.String() }),
  Type.Object({ kind: Type.Literal('instrumentation-dropped'), id: Type.String() }),
  Type.Object({
    kind: Type.Literal('instrumenter-online'),
    host: Type.String(),
    metrics: Type.Array(metric),
  }),
  Type.Object({
    kind: Type.Literal('source-offline'),
    host: Type.String(),
    driver: Type.String(),
    second: Type.Integer({ minimum: 0 }),
  }),
]);

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
  if (Value.Check(schema, value)) return value as ControlEvent;
  const kind = (value as { kind?: unknown } | null)?.kind;
  throw new ControlEventError(`Cannot read control event of kind ${JSON.stringify(kind)}: its fields do not fit`);
}
