/** The fold's small state as JSON: everything but cells. Stored in the transaction of the segments that it goes
 *  with, read once at open and checked there. */
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import type { Instrumentation } from '../model/instrumentation.ts';
import type { Pin } from '../model/pin.ts';
import { pendingState } from './pending.ts';

const second = Type.Integer();
const count = Type.Integer({ minimum: 0 });
const text = Type.String();

/** Checked as a control event when it came; it goes round through our own JSON. */
const instrumentation = Type.Unsafe<Instrumentation>(
  Type.Object({ id: text, metric: text, by: Type.Array(text), grid: Type.Object({ kind: text }) }),
);

export const counters = Type.Object({
  entries: count,
  controlEvents: count,
  batches: count,
  reports: count,
  rows: count,
  cells: count,
  /** Batches that were folded before. */
  repeats: count,
  /** Reports into a range that was sealed. */
  late: count,
  /** Reports whose source had more to say of the second. */
  partial: count,
  /** Events that bounds of sources dropped. */
  droppedAtSource: count,
  /** Reports counted whose source found no place in the coverage. */
  uncovered: count,
  refusedFuture: count,
  refusedForgotten: count,
  refusedTooOld: count,
  refusedDropped: count,
  refusedUnknown: count,
  refusedGrid: count,
  refusedFields: count,
  refusedRows: count,
  refusedEntry: count,
  refusedControl: count,
  seals: count,
  spills: count,
  segments: count,
  segmentBytes: count,
});
export type Counters = Static<typeof counters>;
export type Refusal = Extract<keyof Counters, `refused${string}`>;

/** Something that was not folded, and where it lies in the log. */
const asideItem = Type.Object({
  offset: count,
  arrivedMs: Type.Number(),
  reason: Type.Unsafe<Refusal>(text),
  text,
  source: Type.Optional(text),
  instrumentation: Type.Optional(text),
  second: Type.Optional(second),
});
export type AsideItem = Static<typeof asideItem>;

const sourceRecord = Type.Object({
  host: text,
  driver: text,
  incarnation: text,
  lastSecond: second,
  lastSequence: count,
  lagMs: Type.Number(),
  skewMs: Type.Number(),
  batches: count,
  repeats: count,
  refused: count,
  dropped: Type.Optional(count),
});

const head = Type.Object({
  /** Before there were roll-ups: the floor of level 1. */
  floorSecond: Type.Optional(second),
  horizon: Type.Optional(
    Type.Object({
      floors: Type.Array(Type.Tuple([second, second])),
      pinned: Type.Array(Type.Tuple([text, Type.Array(Type.Tuple([second, second]))])),
    }),
  ),
  carry: Type.Array(Type.Tuple([text, second])),
});

/** Checked as a control event when it came. */
const pin = Type.Unsafe<Pin>(Type.Object({ id: text, instrumentation: text }));

const foldState = Type.Object({
  /** The next entry to fold. */
  nextOffset: count,
  arrivedMs: Type.Number(),
  /** Largest accepted second; -1 before the first. */
  largestSecond: second,
  /** Blocks below are sealed; -1 before the first accepted second. */
  openSecond: second,
  lives: Type.Object({
    lives: Type.Array(Type.Object({ instrumentation, expiredSecond: Type.Optional(second) })),
    dropped: Type.Array(text),
  }),
  heads: Type.Array(Type.Tuple([text, head])),
  pins: Type.Optional(Type.Array(pin)),
  /** Absent in a store from before there were roll-ups. */
  pending: Type.Optional(pendingState),
  sequences: Type.Object({
    forgottenSecond: second,
    givenUp: count,
    trackers: Type.Array(Type.Tuple([text, text, text, second, Type.Array(count)])),
  }),
  sources: Type.Array(sourceRecord),
  ends: Type.Record(text, Type.Array(second)),
  counters,
  aside: Type.Array(asideItem),
});
export type FoldState = Static<typeof foldState>;

export class FoldStateError extends Error {
  readonly code = 'FOLD_STATE';
}

export function encodeFoldState(state: FoldState): string {
  return JSON.stringify(state);
}

/** Throws FoldStateError, which names the place. */
export function decodeFoldState(json: string): FoldState {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new FoldStateError('Cannot read fold state: it is no JSON', { cause });
  }
  if (Value.Check(foldState, value)) return value;
  const [first] = Value.Errors(foldState, value);
  throw new FoldStateError(
    `Cannot read fold state at "${first?.instancePath ?? ''}": ${first?.message ?? 'odd'}`,
  );
}

export function newCounters(): Counters {
  return {
    entries: 0,
    controlEvents: 0,
    batches: 0,
    reports: 0,
    rows: 0,
    cells: 0,
    repeats: 0,
    late: 0,
    partial: 0,
    droppedAtSource: 0,
    uncovered: 0,
    refusedFuture: 0,
    refusedForgotten: 0,
    refusedTooOld: 0,
    refusedDropped: 0,
    refusedUnknown: 0,
    refusedGrid: 0,
    refusedFields: 0,
    refusedRows: 0,
    refusedEntry: 0,
    refusedControl: 0,
    seals: 0,
    spills: 0,
    segments: 0,
    segmentBytes: 0,
  };
}
