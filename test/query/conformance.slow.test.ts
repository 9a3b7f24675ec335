/** What was sound in the ancestor's answers holds here too: ranges in whole slots that hold all that was asked, metrics
 *  that add over time and metrics that do not, selected keys taken off the rest, buckets spread over cells without
 *  losing a count, the keys of a cell for any width and duration. Where it was at fault (a tail that got lost, a cell
 *  that was a second early, columns dropped from a narrow picture) the right answer is asserted. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { COUNT, LL5 } from '../../src/model/grid.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { checkStatement } from '../../src/query/check.ts';
import { evaluate } from '../../src/query/evaluate.ts';
import { instantText } from '../../src/query/moment.ts';
import { parseStatement } from '../../src/query/parse.ts';
import { type Plan, planRead } from '../../src/query/plan.ts';
import type { HeatmapResult, QueryResult } from '../../src/query/result.ts';
import { shop } from '../arbitrary/query.ts';
import { type Event, MemorySeries } from './memory-series.ts';

const START = 1_700_000_040;
const END = START + 120;

const requests: Instrumentation = {
  id: 'requests',
  metric: 'http.requests',
  by: ['route'],
  numeric: 'latency',
  grid: LL5,
  scope: 'interval',
  everySeconds: 1,
  keepSeconds: 86_400,
  idleSeconds: 0,
  createdSecond: 0,
};
const every10 = { ...requests, everySeconds: 10 };
const cpus: Instrumentation = {
  ...requests,
  id: 'cpus',
  metric: 'cpu.usage',
  by: ['host'],
  grid: COUNT,
  scope: 'point',
};

const arbitraryEvents: fc.Arbitrary<Event[]> = fc.array(
  fc
    .record({
      second: fc.integer({ min: START - 20, max: END + 20 }),
      route: fc.constantFrom('/', '/cart', '/help'),
      latency: fc.oneof(fc.nat(5e9), fc.nat(200)),
      count: fc.integer({ min: 1, max: 50 }),
    })
    .map(({ second, count, ...fields }) => ({ second, count, fields: new Map(Object.entries(fields)) })),
  { maxLength: 60 },
);

const arbitraryRange = fc
  .record({ from: fc.nat(100), seconds: fc.integer({ min: 1, max: 20 }) })
  .map(({ from, seconds }) => ({ from: START + from, until: START + from + seconds }));

function ask(
  text: string,
  events: readonly Event[],
  measured = requests,
): { plan: Plan; result: QueryResult } {
  const parsed = parseStatement(text);
  if ('diagnostics' in parsed) throw new Error(parsed.diagnostics[0]!.message);
  const catalogue = { ...shop, instrumentations: [measured] };
  const outcome = checkStatement(parsed.statement, catalogue, text);
  if ('diagnostics' in outcome) throw new Error(outcome.diagnostics[0]!.message);
  if (outcome.checked.kind !== 'read') throw new Error(outcome.checked.kind);
  const planned = planRead(outcome.checked, { catalogue, nowSecond: END, frontierSecond: () => END });
  if ('problem' in planned) throw new Error(planned.problem.message);
  const series = new MemorySeries([measured], events);
  return { plan: planned.plan, result: evaluate(planned.plan, series, referenceKernel) };
}

function heatmap(text: string, events: readonly Event[]): HeatmapResult['raster'] {
  const { result } = ask(text, events);
  if (result.kind !== 'heatmap') throw new Error(result.kind);
  return result.raster;
}

const between = ({ from, until }: { from: number; until: number }) =>
  `from ${instantText(from)} to ${instantText(until)}`;
const total = (events: readonly Event[], from: number, until: number): number =>
  events.filter((e) => e.second >= from && e.second < until).reduce((sum, e) => sum + e.count, 0);

function sumOf(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

describe('slots', () => {
  it('hold all that was asked: the start goes down to one, and no tail is lost', () => {
    fc.assert(
      fc.property(arbitraryEvents, arbitraryRange, (events, range) => {
        const { plan, result } = ask(`http.requests ${between(range)} | count`, events, every10);
        if (result.kind !== 'lines') throw new Error(result.kind);
        expect(plan.columnSeconds % 10).toBe(0);
        expect(plan.fromSecond % 10).toBe(0);
        expect(plan.fromSecond).toBeLessThanOrEqual(range.from);
        expect(plan.fromSecond).toBeGreaterThan(range.from - plan.columnSeconds);
        expect(plan.untilSecond).toBeGreaterThanOrEqual(range.until);
        const counted = sumOf(result.series.flatMap((s) => [...s.values].filter((v) => !Number.isNaN(v))));
        expect(counted).toBe(total(events, plan.fromSecond, plan.untilSecond));
      }),
      { numRuns: 30 },
    );
  });

  it('of any length say the same altogether', () => {
    fc.assert(
      fc.property(arbitraryEvents, fc.integer({ min: 1, max: 60 }), (events, step) => {
        const { plan, result } = ask(
          `http.requests ${between({ from: START, until: END })} step ${step}s | count`,
          events,
        );
        if (result.kind !== 'lines') throw new Error(result.kind);
        expect(result.series[0]!.whole.value).toBe(total(events, plan.fromSecond, plan.untilSecond));
        expect(sumOf(result.series[0]!.values)).toBe(result.series[0]!.whole.value);
      }),
      { numRuns: 30 },
    );
  });
});

describe('metrics', () => {
  it('of a level do not add over time: any step gives the mean of its seconds', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(9), { minLength: 60, maxLength: 60 }),
        fc.constantFrom(1, 2, 5, 10, 60),
        (levels, step) => {
          const events = levels.map((count, s) => ({
            second: START + s,
            fields: new Map([['host', 'a']]),
            count,
          }));
          const { result } = ask(
            `cpu.usage ${between({ from: START, until: START + 60 })} step ${step}s | count`,
            events.filter((e) => e.count > 0),
            cpus,
          );
          if (result.kind !== 'lines') throw new Error(result.kind);
          result.series[0]!.values.forEach((value, c) => {
            expect(value).toBeCloseTo(sumOf(levels.slice(c * step, (c + 1) * step)) / step, 9);
          });
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('selected keys', () => {
  it('are taken off the rest: with them and without them the picture has the same counts', () => {
    fc.assert(
      fc.property(arbitraryEvents, fc.subarray(['/', '/cart'], { minLength: 1 }), (events, keys) => {
        const text = `http.requests by route, latency ${between({ from: START, until: END })} | heatmap y log 1us..10s buckets 40`;
        const plain = heatmap(`${text} hue none`, events);
        const selected = heatmap(`${text} select ${keys.map((key) => `"${key}"`).join(', ')}`, events);
        const added = new Float64Array(plain.cells.length);
        selected.cells.forEach((count, i) => (added[i % added.length]! += count));
        const apart = added.map((count, i) => Math.abs(count - plain.cells[i]!));
        expect(apart.reduce((worst, a) => Math.max(worst, a), 0)).toBeLessThan(1e-6);
        expect(sumOf(selected.hues.map((hue) => hue.count))).toBe(plain.total);
        for (const { key, count } of selected.hues) {
          const own = events.filter((e) => {
            const route = String(e.fields.get('route'));
            return key === undefined ? !keys.includes(route) : key[0] === route;
          });
          expect(count).toBe(total(own, START, END));
        }
      }),
      { numRuns: 15 },
    );
  });
});

describe('a picture', () => {
  it('of any size and axis loses no count: the cells of a column, below and above it are its count', () => {
    const arbitraryView = fc.record({
      width: fc.integer({ min: 10, max: 1000 }),
      rows: fc.integer({ min: 1, max: 100 }),
      y: fc.constantFrom('', 'y log 1us..1s', 'y linear 0..100ms', 'y linear 1ms..2s', 'y log 3ns..7ns'),
    });
    fc.assert(
      fc.property(arbitraryEvents, arbitraryView, (list, { width, rows, y }) => {
        const picture = heatmap(
          `http.requests by latency ${between({ from: START, until: END })} | heatmap size ${width}x300 buckets ${rows} ${y}`,
          list,
        );
        const { columns, columnSeconds, rows: height, cells, under, over } = picture;
        expect(columns).toBe(Math.ceil((END - picture.fromSecond) / columnSeconds));
        for (let c = 0; c < columns; c++) {
          const from = picture.fromSecond + c * columnSeconds;
          const drawn = sumOf(cells.subarray(c * height, (c + 1) * height)) + under[c]! + over[c]!;
          expect(drawn).toBeCloseTo(total(list, from, Math.min(END, from + columnSeconds)), 6);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('a cell', () => {
  it('names its keys as the picture draws them, whatever its width, height and length', () => {
    const arbitraryCell = fc.record({
      rows: fc.integer({ min: 1, max: 60 }),
      step: fc.integer({ min: 1, max: 30 }),
      place: fc.nat(),
      row: fc.nat(),
    });
    fc.assert(
      fc.property(arbitraryEvents, arbitraryCell, (events, { rows, step, place, row }) => {
        const range = between({ from: START, until: END });
        const axis = `y log 1us..10s buckets ${rows}`;
        const picture = heatmap(
          `http.requests by route, latency ${range} step ${step}s | heatmap hue none ${axis}`,
          events,
        );
        const column = place % picture.columns;
        const at = row % picture.rows;
        const second = Math.max(START, picture.fromSecond + column * step);
        const value = Math.ceil(picture.y.edges[at]!);
        if (value >= picture.y.edges[at + 1]!) return;
        const { result } = ask(
          `http.requests by route, latency ${range} | cell at ${instantText(second)}, ${value}ns step ${step}s ${axis}`,
          events,
        );
        if (result.kind !== 'cell') throw new Error(result.kind);
        expect(result.total).toBeCloseTo(picture.cells[column * picture.rows + at]!, 6);
        expect(result.fromSecond).toBe(picture.fromSecond + column * step);
      }),
      { numRuns: 30 },
    );
  });
});

describe('an automatic axis', () => {
  it('stays while the picture slides, unless its least or its largest value moves to another round one', () => {
    const base = Array.from({ length: 60 }, (_, s): Event => ({
      second: START + s,
      fields: new Map<string, string | number>([
        ['route', '/'],
        ['latency', s % 7 === 0 ? 180e6 : 3e6 + s * 1000],
      ]),
      count: 1,
    }));
    const axes = Array.from({ length: 30 }, (_, slide) => {
      const range = between({ from: START + slide, until: START + 30 + slide });
      return heatmap(`http.requests by latency ${range} step 1s`, base).y.edges;
    });
    for (const edges of axes) expect(edges).toEqual(axes[0]);
  });

  it('of the same extremes is the same, whatever lies between', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2_000_000, max: 400_000_000 }), { maxLength: 20 }),
        (between_) => {
          const at = (values: readonly number[]): readonly number[] =>
            heatmap(
              `http.requests by latency ${between({ from: START, until: END })}`,
              values.map((latency) => ({
                second: START + 1,
                fields: new Map<string, string | number>([
                  ['route', '/'],
                  ['latency', latency],
                ]),
                count: 1,
              })),
            ).y.edges;
          expect(at([2_000_000, ...between_, 400_000_000])).toEqual(at([2_000_000, 400_000_000]));
        },
      ),
      { numRuns: 30 },
    );
  });
});
