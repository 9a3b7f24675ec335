/** Random traffic as a list of small steps that fast-check can shrink, and its log entries: sources that report,
 *  repeat, reorder, come late, lie about time, restart; control events; garbage. */
import fc from 'fast-check';
import type { ControlEvent } from '../../src/model/control.ts';
import { COUNT, LL5 } from '../../src/model/grid.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { type Level, type LevelRetention, LEVELS } from '../../src/model/level.ts';
import type { Batch, Report, Row } from '../../src/model/report.ts';
import type { Content, SimEntry } from './entries.ts';

/** A multiple of 256, and a bit. */
export const FIRST_SECOND = 256 * 6_250_000 + 40;

export const INSTRUMENTATIONS: readonly Instrumentation[] = [
  instrumentation('latency', { by: ['route'], numeric: 'latency', grid: LL5 }),
  instrumentation('percent', {
    by: ['disk', 'host'],
    numeric: 'busy',
    grid: { kind: 'linear', width: 2 },
    keepSeconds: 5000,
    keepLevels: [
      { level: 10, keepSeconds: 40_000 },
      { level: 60, keepSeconds: 0 },
      { level: 3600, keepSeconds: 100_000 },
    ],
  }),
  instrumentation('short', { keepSeconds: 300 }),
  instrumentation('slow', { by: ['pool'], everySeconds: 10, scope: 'point' }),
];

function instrumentation(id: string, more: Partial<Instrumentation>): Instrumentation {
  return {
    id,
    metric: `test.${id}`,
    by: [],
    grid: COUNT,
    scope: 'interval',
    everySeconds: 1,
    keepSeconds: 86_400,
    idleSeconds: 0,
    createdSecond: FIRST_SECOND,
    ...more,
  };
}

const SOURCES = [
  { host: 'web1', driver: 'proc' },
  { host: 'web1', driver: 'node' },
  { host: 'web2', driver: 'proc' },
  { host: 'db1', driver: 'bpf' },
] as const;

const which = fc.nat(INSTRUMENTATIONS.length - 1);
const source = fc.nat(SOURCES.length - 1);

type LifeStep = 'expire' | 'pause' | 'resume' | 'drop' | 'odd';

const KINDS = {
  expire: 'instrumentation-expired',
  pause: 'instrumentation-paused',
  resume: 'instrumentation-resumed',
  drop: 'instrumentation-dropped',
} as const;

export type Step =
  | { readonly step: 'advance'; readonly seconds: number }
  | {
      readonly step: 'report';
      readonly source: number;
      /** Seconds before now; negative is the future. */
      readonly back: number;
      /** Where it is set: seconds after the first, whenever now is. */
      readonly anchor?: number;
      readonly instrumentations: readonly number[];
      readonly partial: boolean;
      /** Delivered so many steps later. */
      readonly hold: number;
      readonly rows: readonly (readonly [key: number, bucket: number, count: number])[];
    }
  | { readonly step: 'repeat'; readonly which: number }
  | { readonly step: 'restart'; readonly source: number; readonly announced: boolean }
  | { readonly step: 'offline'; readonly source: number }
  | { readonly step: 'create' | LifeStep; readonly which: number }
  | {
      readonly step: 'keep';
      readonly which: number;
      readonly seconds: number;
      readonly levels: readonly LevelRetention[] | undefined;
    }
  | {
      readonly step: 'pin';
      readonly which: number;
      readonly nth: number;
      readonly back: number;
      readonly seconds: number;
    }
  | { readonly step: 'unpin'; readonly which: number; readonly nth: number }
  | { readonly step: 'reclaim'; readonly level: Level; readonly back: number }
  | { readonly step: 'garbage'; readonly bytes: readonly number[] };

const report = fc.record({
  step: fc.constant('report' as const),
  source,
  back: fc.oneof(
    { weight: 8, arbitrary: fc.nat(3) },
    { weight: 2, arbitrary: fc.integer({ min: -13, max: 700 }) },
    { weight: 1, arbitrary: fc.integer({ min: 700, max: 30_000 }) },
  ),
  instrumentations: fc.uniqueArray(which, { minLength: 1, maxLength: 3 }),
  partial: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.boolean()),
  hold: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.nat(6)),
  rows: fc.array(fc.tuple(fc.nat(3), fc.nat(60), fc.integer({ min: 1, max: 500 })), { maxLength: 4 }),
});

const back = fc.oneof(fc.nat(1000), fc.nat(100_000));
const retention = fc.record({
  level: fc.constantFrom(...LEVELS.slice(1)),
  keepSeconds: fc.constantFrom(0, 3000, 50_000, 1_000_000),
});

export const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: report },
  {
    weight: 6,
    arbitrary: fc.record({
      step: fc.constant('advance' as const),
      seconds: fc.oneof(
        { weight: 4, arbitrary: fc.integer({ min: 1, max: 3 }) },
        { weight: 2, arbitrary: fc.integer({ min: 1, max: 300 }) },
        { weight: 1, arbitrary: fc.constantFrom(900, 2600, 16_000, 100_000) },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ step: fc.constant('repeat' as const), which: fc.nat(1000) }) },
  fc.record({ step: fc.constant('restart' as const), source, announced: fc.boolean() }),
  fc.record({ step: fc.constant('offline' as const), source }),
  fc.record({ step: fc.constantFrom('create', 'expire', 'pause', 'resume', 'drop', 'odd'), which }),
  fc.record({
    step: fc.constant('keep' as const),
    which,
    seconds: fc.constantFrom(10, 300, 86_400),
    levels: fc.option(fc.uniqueArray(retention, { selector: ({ level }) => level, maxLength: 4 }), {
      nil: undefined,
    }),
  }),
  fc.record({
    step: fc.constant('pin' as const),
    which,
    nth: fc.nat(1),
    back,
    seconds: fc.constantFrom(1, 100, 3000, 1_000_000),
  }),
  fc.record({ step: fc.constant('unpin' as const), which, nth: fc.nat(1) }),
  fc.record({ step: fc.constant('reclaim' as const), level: fc.constantFrom(...LEVELS), back }),
  fc.record({ step: fc.constant('garbage' as const), bytes: fc.array(fc.nat(255), { maxLength: 8 }) }),
);

export function arbitraryTraffic(maxLength = 80): fc.Arbitrary<readonly Step[]> {
  return fc.array(arbitraryStep, { maxLength, size: 'max' });
}

/** Few reports over a long time, many of them late for the same few places. */
export function arbitraryHistory(maxLength = 60): fc.Arbitrary<readonly Step[]> {
  const late = fc.tuple(report, fc.constantFrom(0, 3, 9, 200, 300, 2500, 9000, 20_000));
  const seconds = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 250, max: 700 }) },
    { weight: 6, arbitrary: fc.constantFrom(2600, 16_000) },
    { weight: 1, arbitrary: fc.constantFrom(160_000, 1_000_000) },
  );
  const step = fc.oneof(
    { weight: 3, arbitrary: late.map(([said, anchor]): Step => ({ ...said, anchor, hold: 0 })) },
    { weight: 3, arbitrary: fc.tuple(fc.constant('advance' as const), seconds) },
    { weight: 2, arbitrary: report },
    { weight: 1, arbitrary: arbitraryStep },
  );
  const advance = (each: Step | ['advance', number]): Step =>
    Array.isArray(each) ? { step: 'advance', seconds: each[1] } : each;
  return fc.array(step.map(advance), { maxLength, size: 'max' });
}

/** The log that these steps make. Instrumentations are created first. */
export function entriesOf(steps: readonly Step[]): SimEntry[] {
  const traffic = new Traffic();
  for (const each of INSTRUMENTATIONS)
    traffic.control({ kind: 'instrumentation-created', instrumentation: each });
  for (const step of steps) traffic.take(step);
  traffic.deliver(Infinity);
  return traffic.entries;
}

class Traffic {
  readonly entries: SimEntry[] = [];
  readonly #sent: Batch[] = [];
  readonly #held: { due: number; batch: Batch }[] = [];
  readonly #incarnations = SOURCES.map(() => 0);
  readonly #sequences = SOURCES.map(() => 0);
  #second = FIRST_SECOND;
  #steps = 0;

  take(step: Step): void {
    this.#steps++;
    this.deliver(this.#steps);
    switch (step.step) {
      case 'advance':
        this.#second += step.seconds;
        return;
      case 'report':
        return this.#report(step);
      case 'repeat': {
        const batch = this.#sent[step.which % Math.max(1, this.#sent.length)];
        if (batch !== undefined) this.#append({ kind: 'batches', batches: [batch] });
        return;
      }
      case 'restart': {
        this.#incarnations[step.source]!++;
        this.#sequences[step.source] = 0;
        const { host } = SOURCES[step.source]!;
        if (step.announced) this.control({ kind: 'instrumenter-online', host, metrics: [] });
        return;
      }
      case 'offline':
        return this.control({ kind: 'source-offline', ...SOURCES[step.source]!, second: this.#second });
      case 'keep': {
        const { id } = INSTRUMENTATIONS[step.which]!;
        const { seconds: keepSeconds, levels } = step;
        const keepLevels = levels === undefined ? {} : { keepLevels: levels };
        return this.control({
          kind: 'instrumentation-changed',
          id,
          keepSeconds,
          ...keepLevels,
          idleSeconds: 0,
        });
      }
      case 'pin':
      case 'unpin':
      case 'reclaim':
        return this.#keep(step);
      case 'garbage':
        return this.#append({ kind: 'garbage', bytes: step.bytes });
      case 'create':
      case 'expire':
      case 'pause':
      case 'resume':
      case 'drop':
      case 'odd':
        return this.#life(step.step, INSTRUMENTATIONS[step.which]!);
    }
  }

  control(event: ControlEvent): void {
    this.#append({ kind: 'control', event });
  }

  deliver(until: number): void {
    for (const held of this.#held.filter(({ due }) => due <= until)) {
      this.#held.splice(this.#held.indexOf(held), 1);
      this.#append({ kind: 'batches', batches: [held.batch] });
    }
  }

  #life(step: 'create' | LifeStep, of: Instrumentation): void {
    if (step === 'create') return this.control({ kind: 'instrumentation-created', instrumentation: of });
    if (step !== 'odd') return this.control({ kind: KINDS[step], id: of.id });
    const instrumentation = { ...of, by: [...of.by, 'more'] };
    this.control({ kind: 'instrumentation-created', instrumentation });
  }

  #keep(step: Extract<Step, { step: 'pin' | 'unpin' | 'reclaim' }>): void {
    if (step.step === 'reclaim') {
      const { level, back } = step;
      return this.control({ kind: 'space-reclaimed', level, untilSecond: Math.max(0, this.#second - back) });
    }
    const instrumentation = INSTRUMENTATIONS[step.which]!.id;
    const id = `${instrumentation}-${step.nth}`;
    if (step.step === 'unpin') return this.control({ kind: 'range-unpinned', id });
    const fromSecond = this.#second - step.back;
    const untilSecond = fromSecond + step.seconds;
    const pin = { id, instrumentation, fromSecond, untilSecond, createdSecond: this.#second };
    this.control({ kind: 'range-pinned', pin });
  }

  #report(step: Extract<Step, { step: 'report' }>): void {
    const { host, driver } = SOURCES[step.source]!;
    const incarnation = `${step.source}${this.#incarnations[step.source]}`.padStart(16, '0');
    const batch: Batch = {
      source: { host, driver, incarnation },
      sequence: this.#sequences[step.source]!++,
      second: step.anchor === undefined ? this.#second - step.back : FIRST_SECOND + step.anchor,
      reports: step.instrumentations.map((i) => reportOf(INSTRUMENTATIONS[i]!, step)),
    };
    this.#sent.push(batch);
    if (step.hold > 0) this.#held.push({ due: this.#steps + step.hold, batch });
    else this.#append({ kind: 'batches', batches: [batch] });
  }

  #append(content: Content): void {
    this.entries.push({ offset: this.entries.length, arrivedMs: this.#second * 1000 + 350, content });
  }
}

function reportOf({ id, grid, by }: Instrumentation, step: Extract<Step, { step: 'report' }>): Report {
  const rows = new Map<number, Row>();
  for (const [key, at, count] of step.rows) {
    const bucket = grid.kind === 'count' ? 0 : at;
    const named = by.map((field) => `${field}-${key}`);
    rows.set(by.length === 0 ? 0 : key, { key: named, histogram: { buckets: [bucket], counts: [count] } });
  }
  return { instrumentation: id, grid, partial: step.partial, dropped: 0, rows: [...rows.values()] };
}
