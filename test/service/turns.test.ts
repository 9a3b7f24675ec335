/** Turns: everybody gets their answer, nobody waits for more than a turn of each other one, and memory is bounded. */
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GivenUpError, Turns } from '../../src/service/turns.ts';

interface Slice {
  readonly costMs: number;
  /** Held once it is done. */
  readonly cells: number;
}

/** A question as a script: what each of its slices costs. Time passes by being spent. */
class Scripted {
  /** Whose slice ran, in order. */
  readonly ran: number[] = [];
  readonly held: number[] = [];
  readonly ended: number[] = [];
  nowMs = 0;

  *question(name: number, slices: readonly Slice[]): Generator<number, string> {
    try {
      for (const { costMs, cells } of slices) {
        this.nowMs += costMs;
        this.ran.push(name);
        this.held[name] = cells;
        yield cells;
      }
      this.nowMs += 1;
      this.ran.push(name);
      return `answer ${name}`;
    } finally {
      this.held[name] = 0;
      this.ended.push(name);
    }
  }
}

function turnsOver(script: Scripted, more: { work?: () => boolean; cellsMax?: number } = {}): Turns {
  return new Turns({
    nowMs: () => script.nowMs,
    work: more.work ?? (() => false),
    onFault: (error) => {
      throw error;
    },
    ...(more.cellsMax === undefined ? {} : { cellsMax: more.cellsMax }),
  });
}

const arbitrarySlices = fc.array(
  fc.record({ costMs: fc.integer({ min: 1, max: 9 }), cells: fc.constant(0) }),
  { maxLength: 12 },
);

describe('questions', () => {
  it('are all answered, each in turns of a few milliseconds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitrarySlices, { minLength: 1, maxLength: 6 }), async (scripts) => {
        const script = new Scripted();
        const turns = turnsOver(script);
        const answers = await Promise.all(
          scripts.map((slices, name) => turns.run(script.question(name, slices))),
        );
        expect(answers).toEqual(scripts.map((_, name) => `answer ${name}`));
        expect(turns.size).toBe(0);
        expect(script.ran.length).toBe(scripts.reduce((sum, slices) => sum + slices.length + 1, 0));
      }),
    );
  });

  it('wait for no more than four turns of each other one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitrarySlices, { minLength: 2, maxLength: 6 }), async (scripts) => {
        const script = new Scripted();
        const turns = turnsOver(script);
        await Promise.all(scripts.map((slices, name) => turns.run(script.question(name, slices))));
        for (const name of scripts.keys()) {
          const places = script.ran.flatMap((other, i) => (other === name ? [i] : []));
          for (let k = 1; k < places.length; k++) {
            // A turn has at most five slices, of a millisecond each.
            expect(places[k]! - places[k - 1]!).toBeLessThanOrEqual(5 * 4 * scripts.length);
          }
        }
        expect(new Set(script.ran).size).toBe(scripts.length);
      }),
    );
  });

  it('that are short are answered beside long ones as if they were nearly alone', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 5 }),
        async (shortSlices, longs) => {
          const script = new Scripted();
          const turns = turnsOver(script);
          const slices = (count: number): Slice[] =>
            Array.from({ length: count }, () => ({ costMs: 5, cells: 0 }));
          const stop = new AbortController();
          const long = Array.from({ length: longs }, (_, name) =>
            turns.run(script.question(1 + name, slices(10_000)), stop.signal).catch(() => undefined),
          );
          while (script.nowMs < 100 * longs * longs + 250 * longs) await setImmediate();
          const startMs = script.nowMs;
          await turns.run(script.question(0, slices(shortSlices)));
          const aloneMs = 5 * shortSlices + 1;
          expect(script.nowMs - startMs).toBeLessThanOrEqual(Math.ceil((aloneMs * 4) / 3) + 15);
          stop.abort();
          await Promise.all(long);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('let the event loop go round between two turns', async () => {
    const script = new Scripted();
    const turns = turnsOver(script);
    const slices = Array.from({ length: 20 }, () => ({ costMs: 5, cells: 0 }));
    let done = false;
    const asked = turns.run(script.question(0, slices)).then(() => (done = true));
    let rounds = 0;
    while (!done) {
      await setImmediate();
      rounds++;
      expect(script.ran.length).toBeLessThanOrEqual(rounds + 2);
    }
    await asked;
    expect(rounds).toBeGreaterThanOrEqual(20);
  });

  it('that nobody waits for end, with their reading, and others go on', async () => {
    const script = new Scripted();
    const turns = turnsOver(script);
    const long = Array.from({ length: 1000 }, () => ({ costMs: 5, cells: 0 }));
    const gone = new AbortController();
    const given = turns.run(script.question(0, long), gone.signal);
    const kept = turns.run(script.question(1, long.slice(0, 10)));
    await setImmediate();
    gone.abort();
    await expect(given).rejects.toBeInstanceOf(GivenUpError);
    expect(script.ended).toEqual([0]);
    expect(turns.size).toBe(1);
    expect(await kept).toBe('answer 1');
    expect(script.ran.filter((name) => name === 0).length).toBeLessThan(5);
  });

  it('that were given up before they began never begin', async () => {
    const script = new Scripted();
    const asked = turnsOver(script).run(script.question(0, []), AbortSignal.abort());
    await expect(asked).rejects.toBeInstanceOf(GivenUpError);
    expect(script.ran).toEqual([]);
  });

  it('that fail say so to who asked, and to nobody else', async () => {
    const turns = turnsOver(new Scripted());
    const failing = (function* (): Generator<number, string> {
      yield 0;
      throw new Error('no');
    })();
    const script = new Scripted();
    const other = turns.run(script.question(0, [{ costMs: 5, cells: 0 }]));
    await expect(turns.run(failing)).rejects.toThrow('no');
    expect(await other).toBe('answer 0');
    expect(turns.size).toBe(0);
  });
});

describe('memory', () => {
  it('is bounded: past the bound only the oldest takes more', async () => {
    const cellsMax = 4e6;
    const arbitraryGrowth = fc
      .array(fc.integer({ min: 0, max: 1e6 }), { maxLength: 10 })
      .map((steps) => steps.map((_, i) => steps.slice(0, i + 1).reduce((a, b) => a + b, 0)));
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryGrowth, { minLength: 1, maxLength: 8 }), async (scripts) => {
        const script = new Scripted();
        const turns = turnsOver(script, { cellsMax });
        const watched = scripts.map(function* (held, name): Generator<number, string> {
          const slices = script.question(
            name,
            held.map((cells) => ({ costMs: 5, cells })),
          );
          for (;;) {
            const total = script.held.reduce((a, b) => a + b, 0);
            const oldest = scripts.findIndex((_, other) => !script.ended.includes(other));
            if (total >= cellsMax && name !== oldest) {
              expect(script.held[name] ?? 0).toBeLessThan(250_000);
            }
            const { done, value } = slices.next();
            if (done === true) return value;
            yield value;
          }
        });
        const answers = await Promise.all(watched.map((slices) => turns.run(slices)));
        expect(answers).toHaveLength(scripts.length);
      }),
      { numRuns: 50 },
    );
  });
});

describe('work behind the fold', () => {
  it('is done to its end when nobody asks', async () => {
    let left = 30;
    const turns = turnsOver(new Scripted(), { work: () => --left > 0 });
    turns.wake();
    while (left > 0) await setImmediate();
    await setImmediate();
    expect(left).toBe(0);
  });

  it('goes on now and then while somebody asks', async () => {
    const script = new Scripted();
    let units = 0;
    const turns = turnsOver(script, { work: () => ++units < 1000 });
    turns.wake();
    const slices = Array.from({ length: 80 }, () => ({ costMs: 5, cells: 0 }));
    const before = units;
    await turns.run(script.question(0, slices));
    expect(units - before).toBeGreaterThanOrEqual(10);
    expect(units - before).toBeLessThan(20);
    turns.close();
  });

  it('that fails is told, and not asked again', async () => {
    const faults: unknown[] = [];
    let asked = 0;
    const turns = new Turns({
      nowMs: () => 0,
      work: () => {
        asked++;
        throw new Error('no');
      },
      onFault: (error) => faults.push(error),
    });
    turns.wake();
    await setImmediate();
    await setImmediate();
    expect([asked, faults.length]).toEqual([1, 1]);
  });
});
