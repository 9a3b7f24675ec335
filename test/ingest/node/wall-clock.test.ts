import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WallClock } from '../../../src/ingest/node/wall-clock.ts';

/** Both clocks of a machine; a look at one takes time, and now and then the machine does something else meanwhile. */
class Machine {
  monotonicMs = 123.4;
  originMs: number;
  slew = 0;
  readonly #lookMs: number;
  readonly #pauseMs: number;
  #looks = 0;

  constructor({ lookMs = 0.0005, pauseMs = 0, phaseMs = 0 }) {
    this.#lookMs = lookMs;
    this.#pauseMs = pauseMs;
    this.originMs = 1_700_000_000_000 + phaseMs;
  }

  get wallMs(): number {
    return this.originMs + this.monotonicMs * (1 + this.slew);
  }

  pass(ms: number): void {
    this.monotonicMs += ms;
  }

  clock(): WallClock {
    return new WallClock(
      () => this.#look(() => this.monotonicMs),
      () => this.#look(() => Math.floor(this.wallMs)),
    );
  }

  #look(read: () => number): number {
    const seen = read();
    this.pass(++this.#looks % 701 === 0 ? this.#pauseMs : this.#lookMs);
    return seen;
  }
}

const errorMs = (clock: WallClock, machine: Machine): number =>
  Math.abs(clock.at(machine.monotonicMs) - machine.wallMs);

const machines = fc.record({
  lookMs: fc.double({ min: 0.0002, max: 0.002, noNaN: true }),
  pauseMs: fc.double({ min: 0, max: 0.5, noNaN: true }),
  phaseMs: fc.double({ min: 0, max: 1, noNaN: true }),
});

describe('the wall clock', () => {
  it('is within 0.1 ms of the system after ten seconds, whatever its phase, and with clocks that part slowly', () => {
    const seconds = fc.array(fc.double({ min: 900, max: 1100, noNaN: true }), {
      minLength: 10,
      maxLength: 30,
    });
    const slews = fc.double({ min: -1e-6, max: 1e-6, noNaN: true });
    fc.assert(
      fc.property(machines, seconds, slews, (made, all, slew) => {
        const machine = new Machine(made);
        machine.slew = slew;
        const clock = machine.clock();
        for (const [i, ms] of all.entries()) {
          machine.pass(ms);
          clock.correct();
          if (i >= 9) expect(errorMs(clock, machine)).toBeLessThan(0.1);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('follows a system whose clock is set, and does not move between two looks', () => {
    const steps = fc.array(
      fc.record({
        passMs: fc.double({ min: 2, max: 5000, noNaN: true }),
        stepMs: fc.oneof(fc.constant(0), fc.double({ min: -100_000, max: 100_000, noNaN: true })),
      }),
    );
    fc.assert(
      fc.property(machines, steps, (made, all) => {
        const machine = new Machine(made);
        const clock = machine.clock();
        for (const { passMs, stepMs } of all) {
          const before = clock.at(machine.monotonicMs);
          machine.pass(passMs);
          expect(clock.at(machine.monotonicMs) - before).toBeCloseTo(passMs, 3);
          machine.originMs += stepMs;
          clock.correct();
          // A step below the millisecond that Date.now() counts may hide in it.
          expect(errorMs(clock, machine)).toBeLessThan(1.01);
          expect(clock.secondAt(machine.monotonicMs)).toBe(Math.floor(clock.at(machine.monotonicMs) / 1000));
        }
      }),
      { numRuns: 40 },
    );
  });

  it('looks once where it knows enough, so that a second costs two or three readings', () => {
    const machine = new Machine({ phaseMs: 0.3 });
    const clock = machine.clock();
    machine.pass(1000);
    const before = machine.monotonicMs;
    clock.correct();
    expect(machine.monotonicMs - before).toBeLessThan(0.01);
  });

  it('gives up on a system clock that stands still', () => {
    const clock = new WallClock(
      () => 5,
      () => 1_700_000_000_000,
    );
    expect(Math.abs(clock.nowMs() - 1_700_000_000_000)).toBeLessThan(1.01);
  });
});
