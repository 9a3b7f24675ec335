/** From a checked read to what an aggregator does: the instrumentation that covers it, the exact seconds, the
 *  columns, the limits. Pure; the time and the newest second come in. A plan is plain data.
 *
 *  Time: `last D` is the newest ceil(D / column) columns; the last may still grow. A fixed range starts at the
 *  column that holds its start and ends where it says. Columns lie on multiples of their length, so that they
 *  stay where they are when the range slides.
 *  Steps: from one hour on they are multiples of ROLLED_SECONDS by themselves, so that roll-ups answer exactly as
 *  seconds would; steps finer than what is still kept of the range are refused, or by themselves wider. */
import type { Instrumentation } from '../model/instrumentation.ts';
import { LEVELS } from '../model/level.ts';
import type { MetricDescription } from '../model/metric.ts';
import type { Predicate } from '../model/predicate.ts';
import type { Catalogue } from './catalogue.ts';
import { SIDE_MAX } from './check-heatmap.ts';
import type { CheckedRange, CheckedRead, Drawing, HueChoice } from './checked.ts';
import { type Cover, findCover } from './cover.ts';
import { isKept, type Keeping, keptSince } from './kept.ts';
import { instantText, resolveMoment } from './moment.ts';
import { type Box, resolvePlace } from './place.ts';
import { printName, printPredicate } from './print.ts';
import { defaultRows } from './rows.ts';
import { secondsText } from './unit.ts';
import type { Ranges } from './value-set.ts';

const WIDTH_DEFAULT = 900;
const HEIGHT_DEFAULT = 300;
/** As wide as a picture may be. */
const COLUMNS_MAX = SIDE_MAX;
/** A bit over a year: coverage is kept by the second. */
const RANGE_SECONDS_MAX = 400 * 86_400;
/** Ranges so long have automatic steps that roll-ups can answer. */
const ROLLED_RANGE_SECONDS = 3600;
const ROLLED_SECONDS = 10;
/** Cells of a raster over all hues: 32 MiB. */
const CELLS_MAX = 4 * 2 ** 20;

export interface Plan {
  readonly metric: MetricDescription;
  readonly instrumentation: Instrumentation;
  /** A multiple of columnSeconds. */
  readonly fromSecond: number;
  /** Exclusive; the last column may be cut short by it. */
  readonly untilSecond: number;
  readonly columnSeconds: number;
  readonly columns: number;
  /** What is known at this second, not later. */
  readonly asOfSecond?: number;
  /** More of the answer is still to come: it slides or grows. */
  readonly live: boolean;
  /** Discrete fields of the answer, a part of the instrumentation's. */
  readonly fields: readonly string[];
  readonly numeric?: string;
  readonly keyFilter?: Predicate;
  readonly buckets?: Ranges;
  readonly pick?: CheckedRead['pick'];
  readonly naming?: CheckedRead['naming'];
  readonly draw: Drawing;
  /** The place that a `cell` or `compare` is about. */
  readonly box?: Box;
  /** What a `diff` compares with where it is of another time: as many columns. */
  readonly earlier?: { readonly fromSecond: number; readonly untilSecond: number };
  /** Where the query names no size. */
  readonly height: number;
  /** What the answer should say of itself. */
  readonly notes: readonly string[];
}

export interface PlanProblem {
  readonly code:
    | 'NOT_INSTRUMENTED'
    | 'NOT_AVAILABLE'
    | 'NOT_KEPT'
    | 'TOO_LARGE'
    | 'EMPTY_RANGE'
    | 'OUTSIDE_RANGE'
    | 'MISALIGNED';
  readonly message: string;
  /** The statement that would measure what is asked. */
  readonly offer?: string;
}

export interface PlanContext {
  readonly catalogue: Catalogue;
  readonly nowSecond: number;
  /** The second below which all are answered for; undefined where nothing is known yet. */
  readonly frontierSecond: (instrumentationId: string) => number | undefined;
  /** Whether the reader knows what was known earlier; without it `as of` is refused rather than ignored. */
  readonly answersAsOf?: boolean;
  /** The picture's size where the query names none. */
  readonly size?: { readonly width?: number; readonly height?: number };
}

export type Planned = { readonly plan: Plan } | { readonly problem: PlanProblem };

export function planRead(read: CheckedRead, context: PlanContext): Planned {
  const { draw } = read;
  return draw.kind === 'diff' && draw.against.kind === 'offset'
    ? planTwice(read, draw.against.seconds, context)
    : planOnce(read, context);
}

/** The earlier range goes first: what is still kept of it decides on the step of both. */
function planTwice(read: CheckedRead, seconds: number, context: PlanContext): Planned {
  const before = planOnce({ ...read, offsetSeconds: read.offsetSeconds + seconds }, context);
  if ('problem' in before) return before;
  const earlier = before.plan;
  const planned = planOnce({ ...read, stepSeconds: read.stepSeconds ?? earlier.columnSeconds }, context);
  if ('problem' in planned) return planned;
  const { plan } = planned;
  const { columnSeconds, columns } = plan;
  if (seconds % columnSeconds !== 0 || earlier.columns !== columns) {
    const message = `Cannot compare with ${secondsText(seconds)} earlier in steps of ${secondsText(columnSeconds)}: expected an offset of whole steps, or a shorter "step"`;
    return { problem: { code: 'MISALIGNED', message } };
  }
  const { fromSecond, untilSecond } = earlier;
  const notes = [...new Set([...plan.notes, ...earlier.notes])];
  return { plan: { ...plan, earlier: { fromSecond, untilSecond }, notes } };
}

function planOnce(read: CheckedRead, context: PlanContext): Planned {
  const metric = context.catalogue.metrics.find((m) => m.name === read.metric);
  const cover = metric && findCover(read, metric, context.catalogue, tellsBy(read, context.nowSecond));
  if (metric === undefined || cover === undefined) return { problem: notInstrumented(read, metric) };
  const { instrumentation } = cover;
  if (read.asOf !== undefined && context.answersAsOf !== true) {
    const message = 'Cannot answer "as of": what was known at an earlier time is not kept here';
    return { problem: { code: 'NOT_AVAILABLE', message } };
  }
  const frontier = Math.min(
    context.frontierSecond(instrumentation.id) ?? context.nowSecond,
    context.nowSecond,
  );
  const range = resolveRange(read, frontier);
  if ('code' in range) return { problem: range };
  const { size } = context;
  const picture = 'picture' in read.draw ? read.draw.picture : undefined;
  const width = picture?.width ?? size?.width ?? WIDTH_DEFAULT;
  const height = picture?.height ?? size?.height ?? HEIGHT_DEFAULT;
  const keeping = { instrumentation, pins: context.catalogue.pins, nowSecond: frontier };
  const step = chooseStep(read.stepSeconds, range, { every: instrumentation.everySeconds, width, keeping });
  if ('code' in step) return { problem: step };
  const { columnSeconds } = step;
  const end = keptEnd(alignRange(range, columnSeconds), columnSeconds, keeping);
  const place = placed(read, end.range, columnSeconds, frontier);
  if ('code' in place) return { problem: place };
  const notes = [
    ...cover.notes,
    ...step.notes,
    ...end.notes,
    ...place.notes,
    ...agoNotes(end.range, keeping, instrumentation),
  ];
  const plan = {
    ...assemble({ read, metric, cover, range: end.range, columnSeconds, height, notes }),
    ...(place.box === undefined ? {} : { box: place.box }),
  };
  const problem = sizeProblem(plan);
  return problem === undefined ? { plan } : { problem };
}

/** Who asks for keys, and since when they are asked for. */
function tellsBy({ draw, range, offsetSeconds }: CheckedRead, nowSecond: number): number | undefined {
  if (draw.kind !== 'cell' && draw.kind !== 'compare') return undefined;
  const from = range.kind === 'last' ? nowSecond - range.seconds : resolveMoment(range.from, nowSecond);
  return from - offsetSeconds;
}

function placed(
  { draw, offsetSeconds }: CheckedRead,
  { fromSecond, untilSecond }: Range,
  columnSeconds: number,
  frontier: number,
): { readonly box?: Box; readonly notes: readonly string[] } | PlanProblem {
  if (draw.kind !== 'cell' && draw.kind !== 'compare') return { notes: [] };
  const nowSecond = frontier - offsetSeconds;
  return resolvePlace(draw.place, { fromSecond, untilSecond, columnSeconds, nowSecond });
}

interface Range {
  readonly fromSecond: number;
  readonly untilSecond: number;
  readonly asOfSecond?: number;
  /** `last`: columns count back from the end. */
  readonly sliding: boolean;
  readonly live: boolean;
}

function resolveRange(read: CheckedRead, frontier: number): Range | PlanProblem {
  const { range, offsetSeconds } = read;
  if (range.kind === 'last') {
    const asOf = read.asOf && resolveMoment(read.asOf, frontier);
    const until = Math.min(frontier, asOf ?? frontier) - offsetSeconds;
    const from = Math.max(0, until - range.seconds);
    if (until <= from) return emptyRange(from, until);
    return { fromSecond: from, untilSecond: until, sliding: true, live: asOf === undefined, ...asOfOf(asOf) };
  }
  const start = resolveMoment(range.from, frontier);
  const end = resolveMoment(range.to, frontier, range.to.kind === 'clock' ? start : undefined);
  const asOf =
    read.asOf && resolveMoment(read.asOf, frontier, read.asOf.kind === 'clock' ? start : undefined);
  const fromSecond = start - offsetSeconds;
  const untilSecond = end - offsetSeconds;
  if (untilSecond <= fromSecond || fromSecond < 0) return emptyRange(fromSecond, untilSecond);
  const grows = range.from.kind === 'now' || range.to.kind === 'now' || untilSecond > frontier;
  return { fromSecond, untilSecond, sliding: false, live: grows && asOf === undefined, ...asOfOf(asOf) };
}

/** The seconds that a pin made now keeps. */
export function pinnedSeconds(
  range: CheckedRange,
  nowSecond: number,
): { readonly fromSecond: number; readonly untilSecond: number } | PlanProblem {
  const isLast = range.kind === 'last';
  const fromSecond = isLast ? nowSecond - range.seconds : resolveMoment(range.from, nowSecond);
  const after = !isLast && range.to.kind === 'clock' ? fromSecond : undefined;
  const untilSecond = isLast ? nowSecond : resolveMoment(range.to, nowSecond, after);
  if (untilSecond <= fromSecond || fromSecond < 0) return emptyRange(fromSecond, untilSecond);
  return { fromSecond, untilSecond };
}

function emptyRange(fromSecond: number, untilSecond: number): PlanProblem {
  const what = `${instantText(Math.max(0, fromSecond))} to ${instantText(Math.max(0, untilSecond))}`;
  return { code: 'EMPTY_RANGE', message: `Cannot read from ${what}: the end is not after the start` };
}

function asOfOf(asOfSecond: number | undefined): { asOfSecond?: number } {
  return asOfSecond === undefined ? {} : { asOfSecond };
}

const NICE_SECONDS: readonly number[] = [
  1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
  604_800,
];

interface StepWish {
  readonly every: number;
  readonly width: number;
  readonly keeping: Keeping;
}

interface Step {
  readonly columnSeconds: number;
  readonly notes: readonly string[];
}

/** The step asked for, or the least nice one at which the range fits the width; a multiple of `every`, and of a
 *  level that is kept. */
function chooseStep(asked: number | undefined, range: Range, wish: StepWish): Step | PlanProblem {
  const { every, keeping } = wish;
  const level = levelFor(range, keeping);
  if (asked !== undefined) {
    const columnSeconds = roundedUp(asked, every);
    if (level === 1 || isKept(keeping, servedRange(range, keeping), columnSeconds))
      return { columnSeconds, notes: [] };
    return notKept(columnSeconds, roundedUp(columnSeconds, lcm(every, level)), { range, keeping });
  }
  const rangeSeconds = range.untilSecond - range.fromSecond;
  const rolled = rangeSeconds < ROLLED_RANGE_SECONDS ? every : lcm(every, ROLLED_SECONDS);
  const finest = niceStep(range, wish, rolled > rangeSeconds ? every : rolled);
  if (level === 1 || isKept(keeping, servedRange(range, keeping), finest))
    return { columnSeconds: finest, notes: [] };
  const columnSeconds = niceStep(range, wish, lcm(every, level));
  const note = `a step is ${secondsText(columnSeconds)}: of ${instantText(range.fromSecond)} finer ones are no longer kept by ${keeping.instrumentation.id}`;
  return { columnSeconds, notes: [note] };
}

/** The finest level that answers for all of the range that any answers for. Of what was known at an earlier time
 *  the log is asked, which has whole seconds. */
function levelFor(range: Range, keeping: Keeping): number {
  if (range.asOfSecond !== undefined) return 1;
  const served = servedRange(range, keeping);
  return LEVELS.find((level) => isKept(keeping, served, level)) ?? LEVELS.at(-1)!;
}

/** The range without what is past all retention. */
function servedRange({ fromSecond, untilSecond }: Range, keeping: Keeping) {
  return { fromSecond: Math.max(fromSecond, oldestSecond(keeping)), untilSecond };
}

function oldestSecond(keeping: Keeping): number {
  return Math.min(...LEVELS.map((level) => keptSince(keeping, level)));
}

function niceStep(range: Range, { width }: StepWish, unit: number): number {
  const fits = NICE_SECONDS.map((seconds) => roundedUp(seconds, unit)).find((seconds) => {
    const { fromSecond, untilSecond } = alignRange(range, seconds);
    return Math.ceil((untilSecond - fromSecond) / seconds) <= width;
  });
  return fits ?? roundedUp(NICE_SECONDS.at(-1)!, unit);
}

function notKept(
  columnSeconds: number,
  works: number,
  { range, keeping }: { range: Range; keeping: Keeping },
): PlanProblem {
  const { id } = keeping.instrumentation;
  const step = secondsText(columnSeconds);
  const since = instantText(Math.max(0, keptSince(keeping, columnSeconds)));
  return {
    code: 'NOT_KEPT',
    message: `Cannot answer in steps of ${step} from ${instantText(range.fromSecond)}: ${id} keeps them from ${since} on, and "step ${secondsText(works)}" answers for the whole range`,
  };
}

function roundedUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

function roundedDown(value: number, unit: number): number {
  return value - (value % unit);
}

function lcm(a: number, b: number): number {
  let [high, low] = [a, b];
  while (low > 0) [high, low] = [low, high % low];
  return (a / high) * b;
}

/** A column that the range cuts short is read from ever finer levels towards its end. Where the last of them are no
 *  longer kept, the range ends with the step of one that is. */
function keptEnd(
  range: Range,
  columnSeconds: number,
  keeping: Keeping,
): { readonly range: Range; readonly notes: readonly string[] } {
  const { untilSecond, asOfSecond } = range;
  if (asOfSecond !== undefined) return { range, notes: [] };
  const levels = LEVELS.filter((level) => columnSeconds % level === 0);
  let edge = Math.max(servedRange(range, keeping).fromSecond, roundedDown(untilSecond, columnSeconds));
  for (const level of levels.toReversed()) {
    const part = { fromSecond: edge, untilSecond: roundedDown(untilSecond, level) };
    if (part.untilSecond > edge && isKept(keeping, part, level)) edge = part.untilSecond;
  }
  const level = levels.find((l) => isKept(keeping, { fromSecond: edge, untilSecond }, l));
  const end = level === undefined ? untilSecond : roundedUp(untilSecond, level);
  // What is still to come is not waited for: the store has the newest seconds until they are rolled up.
  if (edge >= untilSecond || level === undefined || end > keeping.nowSecond) return { range, notes: [] };
  const note = `the range ends at ${instantText(end)}: of its end steps finer than ${secondsText(level)} are no longer kept by ${keeping.instrumentation.id}`;
  return { range: { ...range, untilSecond: end }, notes: [note] };
}

/** What the range begins before. */
function agoNotes(
  { fromSecond, asOfSecond }: Range,
  keeping: Keeping,
  { id, createdSecond }: Instrumentation,
): string[] {
  const oldest = oldestSecond(keeping);
  if (asOfSecond !== undefined || fromSecond >= oldest || createdSecond >= oldest) return [];
  const pinned = keeping.pins.some((pin) => pin.instrumentation === id) ? ', but for what is pinned' : '';
  return [`${id} keeps nothing of before ${instantText(oldest)}${pinned}`];
}

function alignRange(range: Range, column: number): Range {
  const { fromSecond, untilSecond, sliding } = range;
  const end = Math.ceil(untilSecond / column) * column;
  const columns = Math.ceil((untilSecond - fromSecond) / column);
  const start = sliding ? end - columns * column : fromSecond - (fromSecond % column);
  return { ...range, fromSecond: Math.max(0, start) };
}

interface Parts {
  readonly read: CheckedRead;
  readonly metric: MetricDescription;
  readonly cover: Cover;
  readonly range: Range;
  readonly columnSeconds: number;
  readonly height: number;
  readonly notes: readonly string[];
}

function assemble(parts: Parts): Plan {
  const { read, metric, cover, range, columnSeconds, height } = parts;
  const { instrumentation, keyFilter, buckets } = cover;
  const { fromSecond, untilSecond, asOfSecond, live } = range;
  const { numeric, pick, naming, draw } = read;
  // Who made a place is told by all that is stored.
  const fields = draw.kind === 'cell' || draw.kind === 'compare' ? instrumentation.by : read.fields;
  const notes = [...parts.notes];
  if (read.stepSeconds !== undefined && read.stepSeconds !== columnSeconds) {
    notes.push(
      `a step is ${secondsText(columnSeconds)}: ${instrumentation.id} measures every ${secondsText(instrumentation.everySeconds)}`,
    );
  }
  if (fromSecond < instrumentation.createdSecond) {
    notes.push(
      `${instrumentation.id} measures since ${instantText(instrumentation.createdSecond)}: of before it knows only what was filled back or imported`,
    );
  }
  if (instrumentation.pausedSecond !== undefined && untilSecond > instrumentation.pausedSecond) {
    const { id, pausedSecond } = instrumentation;
    notes.push(
      `${id} is paused since ${instantText(pausedSecond)}: nothing is measured from then on, until "resume ${printName(id)}"`,
    );
  }
  return {
    metric,
    instrumentation,
    fromSecond,
    untilSecond,
    columnSeconds,
    columns: Math.ceil((untilSecond - fromSecond) / columnSeconds),
    ...(asOfSecond === undefined ? {} : { asOfSecond }),
    live,
    fields,
    ...(numeric === undefined ? {} : { numeric }),
    ...(keyFilter === undefined ? {} : { keyFilter }),
    ...(buckets === undefined ? {} : { buckets }),
    ...(pick === undefined ? {} : { pick }),
    ...(naming === undefined ? {} : { naming }),
    draw,
    height,
    notes,
  };
}

function sizeProblem(plan: Plan): PlanProblem | undefined {
  const seconds = plan.untilSecond - plan.fromSecond;
  if (seconds > RANGE_SECONDS_MAX) {
    return tooLarge(`a range of ${seconds} seconds`, RANGE_SECONDS_MAX, 'seconds');
  }
  if (plan.columns > COLUMNS_MAX) {
    const step = secondsText(Math.ceil(seconds / COLUMNS_MAX));
    return tooLarge(`${plan.columns} columns`, COLUMNS_MAX, `columns, which a step of ${step} gives`);
  }
  const { draw } = plan;
  if (draw.kind !== 'heatmap' && draw.kind !== 'diff') return undefined;
  const layers = draw.kind === 'diff' ? 2 : hueCount(draw.hues);
  const rows = draw.kind === 'diff' ? draw.rows.buckets : draw.buckets;
  const cells = plan.columns * layers * (rows ?? defaultRows(plan.height));
  return cells > CELLS_MAX
    ? tooLarge(`${cells} cells`, CELLS_MAX, 'cells: a smaller size or a longer step')
    : undefined;
}

function hueCount(hues: HueChoice): number {
  return hues.kind === 'isolate'
    ? hues.keys.length
    : (hues.kind === 'top' ? hues.count : hues.keys.length) + 1;
}

function tooLarge(asked: string, limit: number, what: string): PlanProblem {
  return { code: 'TOO_LARGE', message: `Cannot answer ${asked}: expected at most ${limit} ${what}` };
}

function notInstrumented(read: CheckedRead, metric: MetricDescription | undefined): PlanProblem {
  const fields = read.numeric === undefined ? read.fields : [...read.fields, read.numeric];
  const offer = [
    `instrument ${read.metric}`,
    ...(read.where === undefined ? [] : [`where ${printPredicate(read.where, metric)}`]),
    ...(fields.length === 0 ? [] : [`by ${fields.join(', ')}`]),
  ].join(' ');
  const message = `Cannot answer this of ${read.metric}: nothing measures it yet, which "${offer}" would`;
  return { code: 'NOT_INSTRUMENTED', message, offer };
}
