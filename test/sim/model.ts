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
  /** Per step that anybody was expected in: `second`, then `source`, `-source` where a second of it is missing, or
   *  `?source` where nobody can tell: a store then says either. */
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

/** Whether a pin keeps the block of seconds that starts there. */
type Keeps = (start: number) => boolean;

interface Series {
  readonly owned: boolean;
  instrumentation: Instrumentation;
  expiredSecond: number;
  /** From each of these on nobody is expected who does not report again. */
  pauses: number[];
  /** What a shorter retention, or want of space, gave up does not come back; by level. */
  readonly floors: Map<Level, number>;
  readonly pins: Map<string, Keeps>;
  /** second -> `key bucket` -> count. */
  readonly cells: Map<number, Map<string, number>>;
  /** source -> seconds. */
  readonly heard: Map<string, Set<number>>;
  readonly reported: Map<string, Set<number>>;
  /** Fixed when their block was sealed: second -> sources. */
  readonly expected: Map<number, Set<string>>;
  readonly revised: Set<number>;
  /** source -> seconds that came so late that nothing finer told any more whether their step is complete now. */
  readonly tooLate: Map<string, Set<number>>;
  /** source -> late seconds of blocks that are not sealed again yet. */
  readonly late: Map<string, Set<number>>;
}

type Covered = readonly [second: number, sources: ReadonlySet<string>];

export class Model {
  readonly #owns: (id: string) => boolean;
  readonly #series = new Map<string, Series>();
  readonly #taken = new Set<string>();
  /** [host or source, second] */
  readonly #ends: (readonly [string, number])[] = [];
  readonly #coverage = new Map<Series, readonly Covered[]>();
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
    return [...this.#series.keys()].filter((id) => this.#series.get(id)!.owned).toSorted();
  }

  /** Those that are measured just now. */
  living(): string[] {
    return this.ids().filter((id) => this.#series.get(id)!.expiredSecond === Infinity);
  }

  take({ arrivedMs, content }: SimEntry): void {
    this.#coverage.clear();
    if (content.kind === 'control') this.#control(content.event, Math.floor(arrivedMs / 1000));
    if (content.kind === 'batches') for (const batch of content.batches) this.#batch(batch, arrivedMs);
    if (this.#open >= 0 && this.#largest >= this.#open + BLOCK + LATENESS) this.#seal();
  }

  served(id: string, range: ServedRange = EVERYTHING): Served {
    const series = this.#series.get(id);
    if (series?.owned !== true) return { cells: [], coverage: [], revised: [] };
    const { stepSeconds, fromSecond, untilSecond } = range;
    const levels = LEVELS.filter((level) => stepSeconds % level === 0);
    const counts = new Map<number, boolean>();
    const served = (second: number): boolean => {
      if (second < fromSecond || second >= untilSecond) return false;
      // A step that the range cuts is read in finer ones.
      const whole = levels.filter((level) => stepStart(second, level) + level <= untilSecond);
      const place = stepStart(second, BLOCK) * LEVELS.length + whole.length;
      let known = counts.get(place);
      if (known === undefined) {
        known = whole.some((level) => this.#counts(series, level, second));
        counts.set(place, known);
      }
      return known;
    };
    const tooLate = this.#tooLate(series);
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
    const coverage = new Map<number, Map<string, Missing>>();
    for (const [second, sources] of this.#covered(series)) {
      if (!served(second)) continue;
      for (const source of sources) {
        const names = mapOf(coverage, stepOf(second));
        const before = names.get(source) ?? 'none';
        const isMissing = series.reported.get(source)?.has(second) !== true;
        const isUnknown = stepSeconds > 1 && tooLate.get(source)?.has(second) === true;
        names.set(source, isMissing || before === 'some' ? 'some' : isUnknown ? 'unknown' : before);
      }
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
        const { instrumentation } = event;
        const before = this.#series.get(instrumentation.id);
        if (before !== undefined && sameMeasure(before.instrumentation, instrumentation)) {
          this.#redefine(before, instrumentation);
          before.expiredSecond = Infinity;
        } else
          this.#series.set(instrumentation.id, newSeries(instrumentation, this.#owns(instrumentation.id)));
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
      case 'instrumentation-paused': {
        const series = this.#series.get(event.id);
        if (series === undefined) return;
        series.pauses.push(arrivedSecond);
        const pausedSecond = series.instrumentation.pausedSecond ?? arrivedSecond;
        series.instrumentation = { ...series.instrumentation, pausedSecond };
        return;
      }
      case 'instrumentation-resumed': {
        const series = this.#series.get(event.id);
        if (series === undefined) return;
        const { pausedSecond: _paused, ...instrumentation } = series.instrumentation;
        series.instrumentation = instrumentation;
        return;
      }
      case 'instrumentation-expired': {
        const series = this.#series.get(event.id);
        if (series?.expiredSecond === Infinity) series.expiredSecond = arrivedSecond;
        return;
      }
      case 'instrumentation-dropped':
        this.#series.delete(event.id);
        return;
      case 'range-pinned':
        return this.#pin(event.pin);
      case 'range-unpinned':
        for (const series of this.#series.values()) series.pins.delete(event.id);
        return;
      case 'space-reclaimed':
        // What is still open stays.
        for (const series of this.#series.values()) {
          const until = Math.min(event.untilSecond, this.#openOf(series));
          series.floors.set(event.level, Math.max(until, series.floors.get(event.level) ?? 0));
        }
        return;
      case 'instrumenter-online':
        this.#ends.push([event.host, arrivedSecond]);
        return;
      case 'source-offline':
        this.#ends.push([`${event.host}/${event.driver}`, event.second]);
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

  #report(report: Report, batchSecond: number, source: string): void {
    const series = this.#series.get(report.instrumentation);
    if (series?.owned !== true) return;
    const { instrumentation } = series;
    if (JSON.stringify(report.grid) !== JSON.stringify(instrumentation.grid)) return;
    if (report.rows.some(({ key }) => key.length !== instrumentation.by.length)) return;
    const second = batchSecond - (batchSecond % instrumentation.everySeconds);
    if (second < Math.min(...LEVELS.map((level) => this.#horizon(series, level)))) return;
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
      setOf(series.late, source).add(second);
      if (second >= instrumentation.createdSecond) series.revised.add(second);
    }
  }

  /** What counted when the pin was made, what others kept, and what comes. */
  #pin({ id, instrumentation, fromSecond, untilSecond }: Pin): void {
    const series = this.#series.get(instrumentation);
    if (series === undefined) return;
    const before = [...series.pins.values()];
    const oldest = this.#horizon(series, 1);
    for (const each of this.#series.values()) each.pins.delete(id);
    series.pins.set(id, (start) => {
      const touches = start < untilSecond && start + BLOCK > fromSecond;
      return touches && (start + BLOCK > oldest || before.some((keeps) => keeps(start)));
    });
  }

  /** Fixes who was expected in the blocks that are sealed now. */
  #seal(): void {
    const before = new Map([...this.#series.values()].map((series) => [series, this.#openOf(series)]));
    this.#open = blockOf(this.#largest - LATENESS);
    for (const [id, series] of this.#series) {
      for (const [second, sources] of this.#expected(series, before.get(series)!, this.#openOf(series))) {
        for (const source of sources) setOf(series.expected, second).add(source);
      }
      for (const [source, seconds] of this.#tooLate(series)) {
        for (const second of seconds) setOf(series.tooLate, source).add(second);
      }
      series.late.clear();
      const { expiredSecond, instrumentation, pins } = series;
      const isOver = expiredSecond + keepSecondsMax(instrumentation) < this.#largest;
      if (isOver && pins.size === 0) this.#series.delete(id);
    }
  }

  /** Late seconds of which some level does not count any more. */
  #tooLate(series: Series): ReadonlyMap<string, ReadonlySet<number>> {
    const tooLate = new Map([...series.tooLate].map(([source, seconds]) => [source, new Set(seconds)]));
    for (const [source, seconds] of series.late) {
      for (const second of seconds) {
        const isTold = LEVELS.every((level) => this.#counts(series, level, second));
        if (!isTold) setOf(tooLate, source).add(second);
      }
    }
    return tooLate;
  }

  /** Who is expected, worked out once between two entries. */
  #covered(series: Series): readonly Covered[] {
    let coverage = this.#coverage.get(series);
    if (coverage === undefined) {
      const open = this.#openOf(series);
      const sealed = [...series.expected].filter(([second]) => second < open);
      coverage = [...sealed, ...this.#expected(series, open, Infinity)];
      this.#coverage.set(series, coverage);
    }
    return coverage;
  }

  /** The definition in words, in src/store/expected.ts: per second, the newest second heard up to it decides. */
  #expected(series: Series, from: number, until: number): Map<number, Set<string>> {
    const expected = new Map<number, Set<string>>();
    for (const [source, heard] of series.heard) {
      const host = source.slice(0, source.indexOf('/'));
      const ended = this.#ends.filter(([who]) => who === source || who === host).map(([, end]) => end);
      const ends = [...ended, ...series.pauses];
      const seconds = [...heard].toSorted((a, b) => a - b);
      seconds.forEach((newest, i) => {
        const next = Math.min(seconds[i + 1] ?? Infinity, newest + FORGET + 1, until);
        for (let second = Math.max(newest, from); second < next; second++) {
          const isOver = ends.some((end) => end > newest && end <= second);
          const inStep = (second - newest) % series.instrumentation.everySeconds === 0;
          if (second === newest || (second < series.expiredSecond && !isOver && inStep)) {
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

  /** Whether the block of this level that holds the second is within its retention. */
  #counts(series: Series, level: Level, second: number): boolean {
    const start = stepStart(second, BLOCK * level);
    if (start + BLOCK * level > this.#horizon(series, level)) return true;
    return level === 1 && [...series.pins.values()].some((keeps) => keeps(start));
  }

  #horizon({ floors, instrumentation }: Series, level: Level): number {
    return Math.max(floors.get(level) ?? 0, this.#largest - keepSecondsOf(instrumentation, level));
  }

  #openOf({ instrumentation }: Series): number {
    return blockOf(Math.max(0, this.#open - (instrumentation.everySeconds - 1)));
  }
}

function newSeries(instrumentation: Instrumentation, owned: boolean): Series {
  return {
    owned,
    instrumentation,
    expiredSecond: Infinity,
    pauses: [],
    floors: new Map(),
    pins: new Map(),
    cells: new Map(),
    heard: new Map(),
    reported: new Map(),
    expected: new Map(),
    revised: new Set(),
    tooLate: new Map(),
    late: new Map(),
  };
}

function sameMeasure(a: Instrumentation, b: Instrumentation): boolean {
  const measure = (of: Instrumentation): string =>
    JSON.stringify([of.metric, of.where, of.by, of.numeric, of.grid, of.scope, of.everySeconds]);
  return measure(a) === measure(b);
}

function blockOf(second: number): number {
  return stepStart(second, BLOCK);
}

function stepStart(second: number, stepSeconds: number): number {
  return second - (second % stepSeconds);
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

/** Of a step's seconds, which a source was expected in. Unknown: some came so late that nobody can tell. */
export type Missing = 'none' | 'some' | 'unknown';

/** Of a step's sources: `a -b ?c`. */
export function coverageText(sources: ReadonlyMap<string, Missing>): string {
  return [...sources]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, missing]) => `${MARKS[missing]}${name}`)
    .join(' ');
}

const MARKS = { none: '', some: '-', unknown: '?' } as const;
