import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backfill } from '../../../src/ingest/node/backfill.ts';
import { FlightRecorder } from '../../../src/ingest/node/flight.ts';
import { FLIGHT_DEFAULT, flightSettings } from '../../../src/ingest/node/flight-settings.ts';
import { OPEN_SECONDS_MAX, OpenSeconds } from '../../../src/ingest/node/seconds.ts';
import type { Report } from '../../../src/model/batch.ts';
import { LL5 } from '../../../src/model/grid.ts';
import type { Instrumentation } from '../../../src/model/instrumentation.ts';
import type { Field } from '../../../src/model/metric.ts';
import { compilePredicate, type Literal } from '../../../src/model/predicate.ts';

const FIELDS: readonly Field[] = [
  { name: 'host', label: 'host', type: 'string' },
  { name: 'route', label: 'route', type: 'string' },
  { name: 'status', label: 'status', type: 'integer' },
  { name: 'latency', label: 'latency', type: 'time' },
];
const one = (id: string, rest: Partial<Instrumentation> = {}): Instrumentation => ({
  id,
  metric: 'm.x',
  by: ['host', 'route', 'status'],
  numeric: 'latency',
  grid: LL5,
  scope: 'interval',
  everySeconds: 1,
  keepSeconds: 60,
  idleSeconds: 0,
  createdSecond: 0,
  ...rest,
});
const where = compilePredicate({ op: 'ge', field: 'status', value: 400 });

type Said = Map<number, Report>;
type Values = Readonly<Record<string, Literal | undefined>>;

/** A program's seconds with a recorder, and what is said of each instrumentation, each second once. */
class Program {
  now = 1000;
  readonly flight: FlightRecorder;
  readonly seconds: OpenSeconds;
  readonly backfill: Backfill;
  readonly cuts = new Map<string, number>();
  readonly said = new Map<string, Said>();

  constructor(keepSeconds = 60, bytesMax = 1 << 20) {
    this.flight = new FlightRecorder({ keepSeconds, bytesMax }, new Map([['host', 'h']]));
    this.flight.start('m.x', FIELDS, 1000);
    this.seconds = new OpenSeconds(1000, this.flight);
    this.backfill = new Backfill(this.flight, (id, second) => this.cuts.set(id, second));
  }

  /** The first second that is said, as the program says it. */
  enable(instrumentation: Instrumentation, test?: typeof where): number {
    const { fromSecond, sinceSecond } = this.seconds.enable(instrumentation, test, this.now + 1);
    if (fromSecond < sinceSecond) {
      this.backfill.add({ instrumentation, where: test, fromSecond, untilSecond: sinceSecond });
    }
    return fromSecond;
  }

  event(ahead: number, values: Values): void {
    this.seconds.count('m.x', this.now + ahead, (field) => (field === 'host' ? 'h' : values[field]));
  }

  seal(passed: number): void {
    this.now += passed;
    for (const { second, reports } of this.seconds.seal(this.now)) this.#say(second, reports);
  }

  fill(): boolean {
    const filled = this.backfill.next();
    if (filled !== undefined) this.#say(filled.second, filled.reports);
    return filled !== undefined;
  }

  #say(second: number, reports: readonly Report[]): void {
    for (const report of reports) {
      const said: Said = this.said.get(report.instrumentation) ?? new Map();
      this.said.set(report.instrumentation, said);
      expect(said.has(second), `${report.instrumentation} says ${second} once`).toBe(false);
      said.set(second, { ...report, instrumentation: '', dropped: 0 });
    }
  }
}

const values = fc.record({
  route: fc.constantFrom('/', '/cart', '/items', undefined),
  status: fc.constantFrom(200, 404, 503, '503'),
  latency: fc.oneof(fc.nat(5_000_000), fc.constant(undefined)),
});
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ event: values, ahead: fc.integer({ min: -2, max: 1 }), times: fc.nat(40) }),
  },
  { weight: 3, arbitrary: fc.record({ passed: fc.integer({ min: 0, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ passed: fc.constant(OPEN_SECONDS_MAX + 5) }) },
  { weight: 2, arbitrary: fc.record({ fill: fc.constant(true) }) },
);
type Step = { event: Values; ahead: number; times: number } | { passed: number } | { fill: boolean };

function play(program: Program, steps: readonly Step[]): void {
  for (const s of steps) {
    if ('event' in s) for (let i = 0; i < s.times; i++) program.event(s.ahead, s.event);
    else if ('passed' in s) program.seal(s.passed);
    else program.fill();
  }
}

describe('the flight recorder', () => {
  it('fills back exactly: what is replayed and what is counted live is what counting all would have said', () => {
    const steps = fc.array(step, { maxLength: 40 });
    fc.assert(
      fc.property(steps, steps, steps, fc.boolean(), (before, between, after, filtered) => {
        const program = new Program();
        const test = filtered ? where : undefined;
        program.enable(one('all'), test);
        play(program, before);
        const from = program.enable(one('late'), test);
        play(program, between);
        const fromLater = program.enable(one('later'), test);
        play(program, after);
        while (program.fill());
        program.seal(2);
        const all = program.said.get('all') ?? new Map();
        for (const [id, first] of [
          ['late', from],
          ['later', fromLater],
        ] as const) {
          const since = Math.max(first, program.cuts.get(id) ?? first);
          const said = program.said.get(id) ?? new Map();
          for (const [second, report] of said) expect(report).toEqual(all.get(second));
          for (const second of all.keys()) if (second >= since) expect(said.has(second)).toBe(true);
        }
      }),
      { numRuns: 80 },
    );
  });

  it('covers all that it was there for, up to what it keeps', () => {
    const program = new Program(20);
    program.enable(one('all'));
    for (let i = 0; i < 12; i++) program.seal(1);
    expect(program.flight.coversFrom('m.x')).toBe(1000);
    for (let i = 0; i < 30; i++) program.seal(1);
    expect(program.flight.coversFrom('m.x')).toBe(1042 - 20);
    program.seal(OPEN_SECONDS_MAX + 5); // it stood still: nobody knows what was then
    expect(program.flight.coversFrom('m.x')).toBe(1042 + 5);
  });

  it('stays within its bytes, and says from where it is whole', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 300 }), (perSecond, chars) => {
        const bytesMax = 256 * 1024;
        const program = new Program(600, bytesMax);
        program.flight.start('m.other', FIELDS, 1000);
        program.enable(one('all'));
        for (let second = 0; second < 5; second++) {
          for (let i = 0; i < perSecond; i++) {
            program.event(0, { route: `/${'x'.repeat(chars)}${i % 7}`, status: i % 11, latency: i });
          }
          program.seal(1);
          expect(program.flight.bytes).toBeLessThanOrEqual(bytesMax + 2 * 256 * 1024);
        }
        const from = program.enable(one('late'));
        while (program.fill());
        program.seal(2);
        expect(program.cuts.size).toBe(0);
        for (const [second, report] of program.said.get('all')!) {
          expect(program.said.get('late')!.get(second)).toEqual(second < from ? undefined : report);
        }
      }),
      { numRuns: 10 },
    );
  });

  it('tells what it lost while it was filling back', () => {
    const program = new Program(600, 64 * 1024);
    program.enable(one('all'));
    const hurry = (): void => {
      for (let i = 0; i < 500; i++) program.event(0, { route: `/${i}`, status: 200, latency: i });
      program.seal(1);
    };
    for (let second = 0; second < 3; second++) hurry();
    const from = program.enable(one('late'));
    program.fill();
    for (let second = 0; second < 10; second++) hurry();
    while (program.fill());
    const cut = program.cuts.get('late')!;
    expect(cut).toBeGreaterThan(from);
    const late = [...program.said.get('late')!.keys()].toSorted((a, b) => a - b);
    expect(late.filter((second) => second > from && second < cut)).toEqual([]);
  });

  it('keeps no event half: one that cannot be read is not there', () => {
    const program = new Program();
    expect(() =>
      program.seconds.count('m.x', 1000, (field) => {
        if (field === 'status') throw new Error('not yours');
        return '/';
      }),
    ).toThrow('not yours');
    program.event(0, { route: '/whole', status: 200, latency: 1 });
    const seen: unknown[] = [];
    program.flight.replay('m.x', 1000, (read) => seen.push([read('host'), read('route'), read('nothing')]));
    expect(seen).toEqual([['h', '/whole', undefined]]);
  });

  it('is set by a time, a size or both, or is off', () => {
    expect(flightSettings(undefined)).toBe(FLIGHT_DEFAULT);
    expect(flightSettings('off')).toBe(undefined);
    expect(flightSettings('300s')).toEqual({ keepSeconds: 300, bytesMax: 8 << 20, always: true });
    expect(flightSettings('2m, 16MiB')).toEqual({ keepSeconds: 120, bytesMax: 16 << 20, always: true });
    expect(flightSettings('999999m')).toMatchObject({ keepSeconds: 3600 });
    for (const wrong of ['', 'on', '5h', '60s,', '-1s', '1.5MiB', 'constructor', '5constructor']) {
      expect(flightSettings(wrong)).toBe(FLIGHT_DEFAULT);
    }
  });
});
