/** A live picture drawn with what is remembered of the one before is the one that is drawn without: over a real store,
 *  whatever happens to it in between. */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { planned, requestsBy } from '../../bench/requests.ts';
import { loadKernel } from '../../src/kernel/native.ts';
import { LL5, ll5Index } from '../../src/model/grid.ts';
import { evaluate } from '../../src/query/evaluate.ts';
import type { QueryResult } from '../../src/query/result.ts';
import { RasterMemory } from '../../src/query/raster-memory.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { TemporaryDirectories } from '../sim/directory.ts';
import { HandLog, START } from './reports.ts';

const kernel = loadKernel('native');
const directories = new TemporaryDirectories();
afterAll(() => directories.removeAll());

const ROUTES = ['/a', '/b', '/c', '/d'];
const TEXTS = [
  'http.requests by route, latency last 5m | heatmap hue route',
  'http.requests by route, latency last 5m | heatmap hue route top 1',
  'http.requests by route, latency last 7m | heatmap hue route top 2 by p99 y 1us..10ms overlay p50',
  'http.requests by route, latency last 20m step 10s | heatmap hue route',
  'http.requests by route, latency last 10m step 7s | heatmap hue none',
  'http.requests by route, latency last 5m | heatmap hue route isolate "/b"',
  'http.requests by route, latency last 5m | heatmap hue route select "/c" exclude "/a"',
  'http.requests where route != "/a" by route, latency last 5m | heatmap',
  'http.requests where latency > 1ms by route, latency last 5m | heatmap',
  'http.requests by latency last 4m | heatmap weight value',
  'http.requests by latency last 4m | heatmap',
];

type Step =
  | { readonly kind: 'pass'; readonly seconds: number; readonly seed: number }
  | {
      readonly kind: 'late';
      readonly back: number;
      readonly seconds: number;
      readonly route: number;
      readonly value: number;
    }
  | { readonly kind: 'work' }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'look'; readonly text: number }
  | { readonly kind: 'ask'; readonly text: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      seconds: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 150 })),
      seed: fc.nat(1000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('late' as const),
      back: fc.nat(700),
      seconds: fc.integer({ min: 1, max: 100 }),
      route: fc.nat(ROUTES.length - 1),
      value: fc.integer({ min: 1, max: 1e9 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('work' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('checkpoint' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('look' as const, 'ask' as const),
      text: fc.oneof(fc.constant(0), fc.nat(TEXTS.length - 1)),
    }),
  },
);

function digest(of: Float64Array | Uint8Array): string {
  return `${of.length} ${kernel.crc32c(new Uint8Array(of.buffer, of.byteOffset, of.byteLength))}`;
}

/** What is seen of the cells: these are not asked for. */
function seen(result: QueryResult): unknown {
  if (result.kind !== 'heatmap') throw new Error(`a ${result.kind} was drawn`);
  const { mix, under, over, total } = result.raster;
  return [mix!.sums, mix!.strongest, under, over].map(digest).concat(String(total));
}

/** The result with its cells, and what is seen of them, by their bytes: there are very many. */
function told(result: QueryResult): unknown {
  if (result.kind !== 'heatmap') throw new Error(`a ${result.kind} was drawn`);
  const { cells, mix, ...rest } = result.raster;
  return { ...result, raster: rest, cells: [cells, mix!.sums, mix!.strongest].map(digest) };
}

/** A store, its log, and the second that it is. */
class World {
  readonly instrumentation = requestsBy(['route'], { createdSecond: START, keepSeconds: 900 });
  readonly #log = new HandLog();
  readonly #store: Store;
  /** The last one remembers blocks alone: each of its pictures is drawn whole. */
  readonly memories = [new RasterMemory(), new RasterMemory(300_000), new RasterMemory(0)];
  readonly #isSteady: boolean;
  #folded = 0;
  now = START + 1;

  /** Where values are steady, blocks have few buckets and are drawn by their lines. */
  constructor(headCellsMax: number, isSteady = false) {
    this.#isSteady = isSteady;
    const directory = directories.make();
    this.#log.create(this.instrumentation);
    this.#store = openStore({ directory, kernel, owns: () => true, logIdentity: 'log', headCellsMax });
    this.pass(20, 1);
  }

  do(step: Step): void {
    switch (step.kind) {
      case 'pass':
        return this.pass(step.seconds, step.seed);
      case 'late':
        return this.#late(step);
      case 'work':
        return void this.#store.work();
      case 'checkpoint':
        return void this.#store.checkpoint();
      case 'look':
        return this.#compare(TEXTS[step.text]!, seen);
      case 'ask':
        return this.#compare(TEXTS[step.text]!, told);
    }
  }

  pass(seconds: number, seed: number): void {
    for (let i = 0; i < seconds; i++, this.now++) {
      const n = (seed * 31 + i * 17) % 97;
      const routes = ROUTES.filter((_, r) => (n >> r) & 1);
      const values = routes.map(
        (route, r) => [route, this.#valueOf(route, 1 + ((n * 7919 * (r + 1)) % 1e7))] as const,
      );
      this.#report(this.now, values, 'web1');
      // The same places again: they are added up now and then, and what is behind them lies elsewhere after.
      if (seed % 2 === 1) this.#report(this.now, values, 'web3');
    }
    this.#fold();
  }

  #valueOf(route: string, value: number): number {
    return this.#isSteady ? 50_000 * (ROUTES.indexOf(route) + 1) : value;
  }

  #late({ back, seconds, route, value }: Extract<Step, { kind: 'late' }>): void {
    for (let i = 0; i < seconds; i++) {
      const second = this.now - 1 - back + i;
      if (second >= START && second < this.now)
        this.#report(second, [[ROUTES[route]!, this.#valueOf(ROUTES[route]!, value)]], 'web2');
    }
    this.#fold();
  }

  #report(second: number, values: readonly (readonly [string, number])[], host: string): void {
    const rows = values.map(([route, value]) => ({
      key: [route],
      histogram: { buckets: [ll5Index(value)], counts: [1 + (value % 3)] },
    }));
    this.#log.report(second, [], { grid: LL5, rows, host, arrivedMs: (this.now + 1) * 1000 });
  }

  #fold(): void {
    this.#store.fold(this.#log.entries.slice(this.#folded));
    this.#folded = this.#log.entries.length;
  }

  #compare(text: string, how: (result: QueryResult) => unknown): void {
    const plan = planned(text, this.instrumentation, this.now);
    const { reader } = this.#store;
    const drawn = (memory?: RasterMemory): unknown => [text, how(evaluate(plan, reader, kernel, memory))];
    const whole = drawn();
    for (const memory of this.memories) {
      expect(drawn(memory)).toEqual(whole);
      // At once again: nothing changed.
      expect(drawn(memory)).toEqual(whole);
    }
    expect(this.memories[1]!.sizeBytes).toBeLessThanOrEqual(300_000);
  }

  close(): void {
    this.#store.close();
  }
}

describe('a live picture', () => {
  it('with a memory is what it is without, whatever comes, late or in time', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 5, maxLength: 40 }),
        fc.constantFrom(100, 1_000_000),
        fc.boolean(),
        (steps, headCellsMax, isSteady) => {
          const world = new World(headCellsMax, isSteady);
          try {
            for (const one of steps) world.do(one);
          } finally {
            world.close();
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  it('is not taken in by cells that lie where others lay before they were added up', () => {
    const world = new World(1_000_000);
    world.pass(225, 1);
    const burst = (back: number, values: number): void => {
      for (let value = 1; value <= values; value++) {
        const route = value % ROUTES.length;
        world.do({ kind: 'late', back, seconds: 40, route, value: 100_000 * value });
      }
    };
    burst(150, 10);
    world.do({ kind: 'ask', text: 0 });
    world.do({ kind: 'checkpoint' });
    // Within the axis, or all would be drawn anew. First of seconds where nothing is looked for, were it not for the
    // new order; then of others.
    burst(200, 12);
    burst(50, 20);
    world.do({ kind: 'ask', text: 0 });
    world.close();
  });

  it('is not taken in by lines of cells that were added up since', () => {
    const world = new World(1_000_000, true);
    // Each place twice, half of the cells are gone when they are added up.
    world.pass(150, 1);
    world.do({ kind: 'ask', text: 0 });
    world.do({ kind: 'checkpoint' });
    world.pass(84, 1);
    world.do({ kind: 'ask', text: 0 });
    world.close();
  });
});
