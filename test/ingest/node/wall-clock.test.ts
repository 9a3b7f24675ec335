import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WallClock } from '../../../src/ingest/node/wall-clock.ts';

describe('the wall clock', () => {
  it('follows the system within 3 ms after every correction, and does not move between', () => {
    const steps = fc.array(
      fc.record({
        passMs: fc.double({ min: 0, max: 5000, noNaN: true }),
        stepMs: fc.integer({ min: -100_000, max: 100_000 }),
      }),
    );
    fc.assert(
      fc.property(steps, (all) => {
        let [monotonicMs, wallMs] = [123.4, 1_700_000_000_000];
        const clock = new WallClock(
          () => monotonicMs,
          () => Math.floor(wallMs),
        );
        for (const { passMs, stepMs } of all) {
          const before = clock.nowMs();
          monotonicMs += passMs;
          expect(clock.nowMs() - before).toBeCloseTo(passMs, 3);
          wallMs += passMs + stepMs;
          clock.correct();
          expect(Math.abs(clock.nowMs() - wallMs)).toBeLessThan(3);
          expect(clock.secondAt(monotonicMs)).toBe(Math.floor(clock.nowMs() / 1000));
        }
      }),
    );
  });

  it('leaves alone what is only the resolution of the system clock', () => {
    let monotonicMs = 0;
    const clock = new WallClock(
      () => monotonicMs,
      () => Math.floor(1_000_000 + monotonicMs),
    );
    const first = clock.nowMs();
    for (let i = 0; i < 1000; i++) {
      monotonicMs += 0.37;
      clock.correct();
    }
    expect(clock.nowMs() - first).toBeCloseTo(370, 6);
  });
});
