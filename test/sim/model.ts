/** The naive model: what a store must serve, worked out from the values of the log's entries with sets and maps,
 *  second by second. Shares no code with src/store. Slow and plain on purpose. */
import { keyText } from '../../src/model/key.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { keepSecondsMax, keepSecondsOf, type Level, LEVELS } from '../../src/model/level.ts';
import type { Pin } from '../../src/model/pin.ts';
import type { Batch, Report } from '../../src/model/report.ts';
import type { ControlEvent } from '../../src/model/control.ts';
import type { SimEntry } from './entries.ts';

const BLOCK = 256;
const LATENESS = 10;
const FUTURE = 10;
const FORGET = 600;

/** What is served of one instrumentation, in one order, so that two can be compared. Seconds are those at which
 *  a step starts. */
export interface Served {
  /** `second key bucket` and the count. */
  readonly cells: readonly (readonly [place: string, count: number])[];
  /** Per step that anybody was expected in: `second`, then `source` or `-source` where a second of it is missing.
   *  The model says `~source` where it is complete, but came so late that a store need not know. */
  readonly coverage: readonly (readonly [second: number, sources: string])[];
  readonly revised: readonly number[];
}

/** What is asked for: `fromSecond` is a multiple of the step. */
export interface ServedRange {
  readonly stepSeconds: number;
  readonly fromSecond: number;
  readonly untilSecond: number;
}

export const EVERYTHING: ServedRange = { stepSeconds: 1, fromSecond: 0, untilSecond: 4_000_000_000 };

/** While the pins were the same: how far seconds were past their retention in the end. */
interface PinnedTime {
  readonly pins: readonly Pin[];
  horizonSecond: number;
}

interface Series {
  instrumentation: Instrumentation;
  expiredSecond: number;
  /** What a shorter retention, or want of space, gave up does not come back. */
  readonly floors: Map<Level, number>;
  readonly pinned: PinnedTime[];
  /** What came late and is not sealed: source, second. */
  late: (readonly [source: string, second: number])[];
  /** Steps of which late reports came when their seconds were gone: source, then the step's seconds. */
  readonly blurred: (readonly [source: string, level: Level, fromSecond: number])[];
  /** second -> `key bucket` -> count. */
  readonly cells: Map<number, Map<string, number>>;
  /** source -> seconds. */
  readonly heard: Map<string, Set<number>>;
  readonly reported: Map<string, Set<number>>;
  /** Fixed when their block was sealed: second -> sources. */
  readonly expected: Map<number, Set<string>>;
  readonly revised: Set<number>;
}

export class Model {
  readonly #owns: (id: string) => boolean;
  readonly #series = new Map<string, Series>();
  readonly #taken = new Set<string>();
  /** [host or source, second] */
  readonly #ends: (readonly [string, number])[] = [];
  readonly #pins = new Map<string, Pin>();
  #largest = -1;
  #open = -1;
  /** Events in cells, over all that was ever taken. */
  total = 0;

  constructor(owns: (id: string) => boolean = () => true) {
    this.#owns = owns;
  }

  static of(entries: Iterable<SimEntry>, owns?: (id: string) => boolean): Model {
    const model = new Model(owns);
    for (const entry of entries) model.take(entry);
    return model;
  }

  ids(): string[] {
    return [...this.#series.keys()].toSorted();
  }

  /** Those that are measured just now. */
  living(): string[] {
    return this.ids().filter((id) => this.#series.get(id)!.expiredSecond === Infinity);
  }

  take({ arrivedMs, content }: SimEntry): void {
    for (const series of this.#series.values()) this.#notePins(series);
    if (content.kind === 'control') this.#control(content.event, Math.floor(arrivedMs / 1000));
    if (content.kind === 'batches') for (const batch of content.batches) this.#batch(batch, arrivedMs);
    for (const series of this.#series.values()) this.#notePins(series);
    if (this.#open >= 0 && this.#largest >= this.#open + BLOCK + LATENESS) this.#seal();
  }

  served(id: string, range: ServedRange = EVERYTHING): Served {
    const series = this.#series.get(id);
    if (series === undefined) return { cells: [], coverage: [], revised: [] };
    const { stepSeconds, fromSecond, untilSecond } = range;
    // Of the levels that make whole steps some one must count it, and not cut the last step.
    const served = (second: number): boolean =>
      second >= fromSecond &&
      LEVELS.some(
        (level) =>
          stepSeconds % level === 0 &&
          second < untilSecond - (untilSecond % level) &&
          !this.#isGone(series, level, second),
      );
    const blurred = [...series.blurred, ...this.#blur(series)].filter(
      ([, level]) => stepSeconds % level === 0,
    );
    const stepOf = (second: number): number => second - (second % stepSeconds);
    const cells = new Map<string, number>();
    for (const [second, places] of series.cells) {
      if (!served(second)) continue;
      for (const [at, count] of places) {
        const place = `${stepOf(second)} ${at}`;
        cells.set(place, (cells.get(place) ?? 0) + count);
      }
    }
    // Per step the sources expected, and whether they miss a second of it.
    const coverage = new Map<number, Map<string, boolean | undefined>>();
    for (const [second, sources] of this.#coverage(series)) {
      if (!served(second)) continue;
      for (const source of sources) {
        const names = mapOf(coverage, stepOf(second));
        const misses = series.reported.get(source)?.has(second) !== true;
        names.set(source, misses || names.get(source) === true);
      }
    }
    for (const [source, , from] of blurred) {
      const names = coverage.get(stepOf(from));
      if (names?.get(source) === false) names.set(source, undefined);
    }
    const revised = new Set([...series.revised].filter(served).map(stepOf));
    return {
      cells: [...cells].toSorted(([a], [b]) => (a < b ? -1 : 1)),
      coverage: [...coverage]
        .toSorted(([a], [b]) => a - b)
        .map(([second, names]) => [second, coverageText(names)]),
      revised: [...revised].toSorted((a, b) => a - b),
    };
  }

  #control(event: ControlEvent, arrivedSecond: number): void {
    switch (event.kind) {
      case 'instrumentation-created': {
        const { id } = event.instrumentation;
        const before = this.#series.get(id);
        if (before !== undefined && sameMeasure(before.instrumentation, event.instrumentation)) {
          this.#redefine(before, event.instrumentation);
          before.expiredSecond = Infinity;
        } else if (this.#owns(id)) {
          this.#forget(id);
          this.#series.set(id, newSeries(event.instrumentation));
        }
        return;
      }
      case 'instrumentation-changed': {
        const series = this.#series.get(event.id);
        if (series === undefined) return;
        const { keepSeconds, keepLevels, idleSeconds } = event;
        const { keepLevels: _before, ...rest } = series.instrumentation;
        const kept = keepLevels === undefined ? {} : { keepLevels };
        this.#redefine(series, { ...rest, keepSeconds, ...kept, idleSeconds });
        return;
      }
      case 'instrumentation-expired': {
        const series = this.#series.get(event.id);
        if (series?.expiredSecond === Infinity) series.expiredSecond = arrivedSecond;
        return;
      }
      case 'instrumentation-dropped':
        this.#forget(event.id);
        return;
      case 'instrumenter-online':
        this.#ends.push([event.host, arrivedSecond]);
        return;
      case 'source-offline':
        this.#ends.push([`${event.host}/${event.driver}`, event.second]);
        return;
      case 'range-pinned':
        if (this.#series.has(event.pin.instrumentation)) this.#pins.set(event.pin.id, event.pin);
        return;
      case 'range-unpinned':
        this.#pins.delete(event.id);
        return;
      case 'space-reclaimed':
        for (const series of this.#series.values()) {
          const floor = Math.min(event.untilSecond, Math.max(0, this.#openOf(series)));
          series.floors.set(event.level, Math.max(floor, series.floors.get(event.level) ?? 0));
        }
    }
  }

  #batch(batch: Batch, arrivedMs: number): void {
    const { source, sequence, second } = batch;
    const place = JSON.stringify([source, sequence]);
    if (this.#taken.has(place)) return;
    this.#taken.add(place);
    if (second * 1000 - arrivedMs > FUTURE * 1000) return;
    this.#largest = Math.max(this.#largest, second);
    if (this.#open < 0) this.#open = blockOf(Math.max(0, second - LATENESS));
    for (const report of batch.reports) this.#report(report, second, `${source.host}/${source.driver}`);
  }

  #report(report: Report, second: number, source: string): void {
    const series = this.#series.get(report.instrumentation);
    if (series === undefined) return;
    const { instrumentation } = series;
    if (JSON.stringify(report.grid) !== JSON.stringify(instrumentation.grid)) return;
    if (report.rows.some(({ key }) => key.length !== instrumentation.by.length)) return;
    if (LEVELS.every((level) => second < this.#horizon(series, level))) return;
    for (const { key, histogram } of report.rows) {
      histogram.buckets.forEach((bucket, i) => {
        const places = mapOf(series.cells, second);
        const place = `${keyText(key)} ${bucket}`;
        places.set(place, (places.get(place) ?? 0) + histogram.counts[i]!);
        this.total += histogram.counts[i]!;
      });
    }
    setOf(series.heard, source).add(second);
    if (!report.partial) setOf(series.reported, source).add(second);
    if (second < this.#openOf(series)) {
      setOf(series.expected, second).add(source);
      series.late.push([source, second]);
      if (second >= series.instrumentation.createdSecond) series.revised.add(second);
    }
  }

  /** Fixes who was expected in the blocks that are sealed now. */
  #seal(): void {
    const before = new Map([...this.#series.values()].map((series) => [series, this.#openOf(series)]));
    this.#open = blockOf(this.#largest - LATENESS);
    for (const [id, series] of this.#series) {
      for (const [second, sources] of this.#expected(series, before.get(series)!, this.#openOf(series))) {
        for (const source of sources) setOf(series.expected, second).add(source);
      }
      const { expiredSecond, instrumentation } = series;
      const isPinned = [...this.#pins.values()].some((pin) => pin.instrumentation === id);
      if (expiredSecond + keepSecondsMax(instrumentation) < this.#largest && !isPinned) this.#forget(id);
      series.blurred.push(...this.#blur(series));
      series.late = [];
    }
  }

  #forget(id: string): void {
    this.#series.delete(id);
    for (const pin of this.#pins.values()) if (pin.instrumentation === id) this.#pins.delete(pin.id);
  }

  /** A block that was past its retention and not pinned at any one time is gone for ever. */
  #notePins(series: Series): void {
    const pins = [...this.#pins.values()].filter((pin) => pin.instrumentation === series.instrumentation.id);
    const horizonSecond = this.#horizon(series, 1);
    const last = series.pinned.at(-1);
    if (last !== undefined && JSON.stringify(last.pins) === JSON.stringify(pins)) {
      last.horizonSecond = Math.max(last.horizonSecond, horizonSecond);
    } else series.pinned.push({ pins, horizonSecond });
  }

  /** Whether the level's block that holds the second counts no more. */
  #isGone(series: Series, level: Level, second: number): boolean {
    const start = second - (second % (BLOCK * level));
    const end = start + BLOCK * level;
    if (level > 1) return end <= this.#horizon(series, level);
    return series.pinned.some(
      ({ pins, horizonSecond }) =>
        end <= horizonSecond && !pins.some((pin) => pin.fromSecond < end && pin.untilSecond > start),
    );
  }

  /** Steps of late reports whose finer level is gone, at that level and all coarser ones. */
  #blur(series: Series): (readonly [string, Level, number])[] {
    return series.late.flatMap(([source, second]) => {
      const blurred = LEVELS.findIndex((level, i) => {
        if (i === 0) return false;
        const from = second - (second % level);
        const finer = LEVELS[i - 1]!;
        return this.#isGone(series, finer, from) || this.#isGone(series, finer, from + level - 1);
      });
      return blurred < 0
        ? []
        : LEVELS.slice(blurred).map((level) => [source, level, second - (second % level)] as const);
    });
  }

  *#coverage(series: Series): Generator<readonly [number, Set<string>]> {
    const open = this.#openOf(series);
    for (const [second, sources] of series.expected) if (second < open) yield [second, sources];
    yield* this.#expected(series, open, Infinity);
  }

  /** The definition in words, in src/store/expected.ts: per second, the newest second heard up to it decides. */
  #expected(series: Series, from: number, until: number): Map<number, Set<string>> {
    const expected = new Map<number, Set<string>>();
    for (const [source, heard] of series.heard) {
      const host = source.slice(0, source.indexOf('/'));
      const ends = this.#ends.filter(([who]) => who === source || who === host).map(([, end]) => end);
      const seconds = [...heard].toSorted((a, b) => a - b);
      seconds.forEach((newest, i) => {
        const next = Math.min(seconds[i + 1] ?? Infinity, newest + FORGET + 1, until);
        for (let second = Math.max(newest, from); second < next; second++) {
          const ended = ends.some((end) => end > newest && end <= second);
          const inStep = (second - newest) % series.instrumentation.everySeconds === 0;
          if (second === newest || (second < series.expiredSecond && !ended && inStep)) {
            setOf(expected, second).add(source);
          }
        }
      });
    }
    return expected;
  }

  #redefine(series: Series, instrumentation: Instrumentation): void {
    for (const level of LEVELS) series.floors.set(level, this.#horizon(series, level));
    series.instrumentation = instrumentation;
  }

  #horizon({ floors, instrumentation }: Series, level: Level): number {
    return Math.max(floors.get(level) ?? 0, this.#largest - keepSecondsOf(instrumentation, level));
  }

  #openOf({ instrumentation }: Series): number {
    return blockOf(Math.max(0, this.#open - (instrumentation.everySeconds - 1)));
  }
}

function newSeries(instrumentation: Instrumentation): Series {
  return {
    instrumentation,
    expiredSecond: Infinity,
    floors: new Map(),
    pinned: [],
    late: [],
    blurred: [],
    cells: new Map(),
    heard: new Map(),
    reported: new Map(),
    expected: new Map(),
    revised: new Set(),
  };
}

function sameMeasure(a: Instrumentation, b: Instrumentation): boolean {
  const measure = (of: Instrumentation): string =>
    JSON.stringify([of.metric, of.where, of.by, of.numeric, of.grid, of.scope, of.everySeconds]);
  return measure(a) === measure(b);
}

function blockOf(second: number): number {
  return second - (second % BLOCK);
}

function setOf<K, V>(map: Map<K, Set<V>>, key: K): Set<V> {
  let set = map.get(key);
  if (set === undefined) {
    set = new Set();
    map.set(key, set);
  }
  return set;
}

function mapOf<K, L, V>(map: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let inner = map.get(key);
  if (inner === undefined) {
    inner = new Map();
    map.set(key, inner);
  }
  return inner;
}

/** Of a step's sources: `a -b ~c` where b misses a second of it, and c may have missed one. */
export function coverageText(missing: ReadonlyMap<string, boolean | undefined>): string {
  return [...missing]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, misses]) => (misses === undefined ? `~${name}` : misses ? `-${name}` : name))
    .join(' ');
}
