/** A world written down: its shape, and every step of what happens in it. Nothing in a run is drawn any more, so any
 *  part of the steps is a world too: that is what shrinking relies on, and what test/regressions keeps for ever.
 *  A step that speaks of what is not there (a host that was dropped) does nothing. */
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { isLevel, type Level } from '../../src/model/level.ts';

const count = Type.Integer({ minimum: 0 });
const share = Type.Number({ minimum: 0, maximum: 1 });
const text = Type.String();
const level = Type.Unsafe<Level>(Type.Refine(Type.Integer(), (seconds) => isLevel(seconds)));
const keepLevels = Type.Optional(Type.Array(Type.Object({ level, keepSeconds: count })));
/** Checked by the fold, as every instrumentation is. */
const instrumentation = Type.Unsafe<Instrumentation>(Type.Object({ id: text, by: Type.Array(text) }));

const host = Type.Object({ name: text, drivers: Type.Array(text) });
export type Host = Static<typeof host>;

const shape = Type.Object({
  startSecond: count,
  hosts: Type.Array(host),
  /** How many aggregators share the instrumentations. */
  stores: Type.Integer({ minimum: 1 }),
  /** By a label; two labels may bear the same name. */
  instrumentations: Type.Record(text, instrumentation),
  headCellsMax: Type.Integer({ minimum: 1 }),
  /** As a file does; else as a broker does: what it confirms may be lost. */
  confirmsDurably: Type.Boolean(),
  /** Offsets of the log leave some out. */
  holes: Type.Boolean(),
  spoolSecondsMax: Type.Integer({ minimum: 1 }),
  /** The log is trimmed by what a catalogue needs too. */
  catalogue: Type.Optional(Type.Boolean()),
  /** At the end every file is read, and the log is folded once more into a new store. */
  thorough: Type.Boolean(),
});
export type Shape = Static<typeof shape>;

const rows = Type.Array(Type.Tuple([count, count, Type.Integer({ minimum: 1 })]));
const report = Type.Object({
  /** A label, or the name of nothing. */
  of: text,
  partial: Type.Optional(Type.Boolean()),
  /** Speaks of another grid, or of more fields than its instrumentation. */
  odd: Type.Optional(Type.Union([Type.Literal('grid'), Type.Literal('fields')])),
  /** key, bucket, count. */
  rows,
});
export type ReportStep = Static<typeof report>;

const step = Type.Union([
  Type.Object({ do: Type.Literal('pass'), seconds: Type.Integer({ minimum: 1 }) }),

  // Sources, each a driver of a host.
  /** Reports the second that its host's clock says has ended. */
  Type.Object({ do: Type.Literal('measure'), source: text, reports: Type.Array(report) }),
  /** The host's clock is so far ahead of the world's from now on. */
  Type.Object({ do: Type.Literal('clock'), host: text, aheadSeconds: Type.Integer() }),
  Type.Object({
    do: Type.Literal('restart'),
    host: text,
    how: Type.Union([Type.Literal('killed'), Type.Literal('killed-and-announced'), Type.Literal('ended')]),
  }),
  /** The log refuses what the host appends, or the network holds it until it is mended. */
  Type.Object({
    do: Type.Literal('cut'),
    host: text,
    how: Type.Union([Type.Literal('refused'), Type.Literal('held')]),
  }),
  Type.Object({ do: Type.Literal('mend'), host: text }),
  Type.Object({ do: Type.Literal('spool-full'), host: text, full: Type.Boolean() }),

  // The log.
  /** What was appended becomes durable, and is confirmed. */
  Type.Object({ do: Type.Literal('sync') }),
  /** Of what was appended, so many became durable; nobody is told. */
  Type.Object({ do: Type.Literal('log-crash'), survivors: count }),
  /** So many are confirmed and never seen again: only what does not confirm durably does that. */
  Type.Object({ do: Type.Literal('swallow'), entries: count }),
  Type.Object({ do: Type.Literal('trim') }),
  /** The durable entry so far back comes once more. */
  Type.Object({ do: Type.Literal('echo'), back: count }),
  Type.Object({ do: Type.Literal('garbage'), bytes: Type.Array(count) }),
  /** A batch that no source of ours made: old, early, in parts, in any order. */
  Type.Object({
    do: Type.Literal('stray'),
    source: text,
    incarnation: count,
    sequence: count,
    /** Its second lies so far before now. */
    backSeconds: Type.Integer(),
    reports: Type.Array(report),
  }),

  // Control events.
  Type.Object({ do: Type.Literal('create'), of: text }),
  Type.Object({
    do: Type.Literal('change'),
    of: text,
    keepSeconds: Type.Integer({ minimum: 1 }),
    keepLevels,
  }),
  Type.Object({ do: Type.Literal('expire'), of: text }),
  Type.Object({ do: Type.Literal('pause'), of: text }),
  Type.Object({ do: Type.Literal('resume'), of: text }),
  Type.Object({ do: Type.Literal('drop'), of: text }),
  Type.Object({ do: Type.Literal('pin'), id: text, of: text, backSeconds: count, seconds: count }),
  Type.Object({ do: Type.Literal('unpin'), id: text }),
  Type.Object({ do: Type.Literal('reclaim'), level, backSeconds: count }),

  // The catalogue and the stores.
  /** It folds all there is, or dies. */
  Type.Object({ do: Type.Literal('catalogue'), dies: Type.Boolean() }),
  Type.Object({ do: Type.Literal('fold'), store: count, entries: count }),
  Type.Object({ do: Type.Literal('checkpoint'), store: count }),
  Type.Object({ do: Type.Literal('work'), store: count, units: count }),
  Type.Object({ do: Type.Literal('retry'), store: count }),
  /** Dies; of what was not synced, this share is found again: 1 where only the process dies. */
  Type.Object({ do: Type.Literal('die'), store: count, found: share }),
  /** Dies so at the named step, when it comes to it for the n-th time from now. */
  Type.Object({ do: Type.Literal('die-at'), store: count, step: text, nth: count, found: share }),
  Type.Object({ do: Type.Literal('disk-full'), store: count, full: Type.Boolean() }),
  /** Compares what is served just now, of a range that lies so far before now. */
  Type.Object({
    do: Type.Literal('look'),
    store: count,
    stepSeconds: Type.Integer({ minimum: 1 }),
    fromBackSeconds: Type.Integer(),
    untilBackSeconds: Type.Integer(),
  }),
]);
export type Step = Static<typeof step>;
export type StepOf<K extends Step['do']> = Extract<Step, { do: K }>;

const world = Type.Object({ shape, steps: Type.Array(step) });
export type Case = Static<typeof world>;

/** A case that failed once. */
const regression = Type.Object({
  /** What was wrong. */
  note: text,
  ...world.properties,
});
export type Regression = Static<typeof regression>;

export function decodeRegression(json: string, path: string): Regression {
  const value: unknown = JSON.parse(json);
  if (Value.Check(regression, value)) return value;
  const [first] = Value.Errors(regression, value);
  throw new Error(`Cannot read "${path}" at "${first?.instancePath ?? ''}": ${first?.message ?? 'odd'}`);
}

/** One step a line. */
export function encodeRegression({ note, shape: of, steps }: Regression): string {
  const lines = steps.map((each) => `    ${JSON.stringify(each)}`).join(',\n');
  const head = JSON.stringify({ note, shape: of }, undefined, 2).replace(/\n}$/, '');
  return `${head},\n  "steps": [\n${lines}\n  ]\n}\n`;
}
