/** Runs worlds of many seeds; a failure is made small, and told with its seed, its shape and what is left of it.
 *  Where TAILGLOW_REGRESSIONS names a directory (test/regressions), it is written there to be replayed for ever. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Case, encodeRegression } from './case.ts';
import { drawCase } from './draw.ts';
import { shrink } from './shrink.ts';
import { type Fault, runCase, type WorldOptions } from './world.ts';

const SEEDS = 1000;

/** One of `parts` shares of the seeds: TAILGLOW_SEEDS says how many there are, TAILGLOW_SEED names the only one. */
export function seedsOf(part: number, parts: number): number[] {
  const { TAILGLOW_SEEDS: count = SEEDS, TAILGLOW_SEED: only } = process.env;
  const seeds = only === undefined ? Array.from({ length: Number(count) }, (_, i) => i + 1) : [Number(only)];
  return seeds.filter((seed) => seed % parts === part);
}

export interface Failure {
  readonly seed: number;
  readonly fault: Fault;
  /** What is left of the world. */
  readonly shrunk: Case;
}

export interface Checked {
  readonly failure: Failure | undefined;
  readonly happened: ReadonlyMap<string, number>;
  readonly events: number;
}

/** Ends at the first failure. */
export async function checkSeeds(seeds: Iterable<number>, options: WorldOptions = {}): Promise<Checked> {
  const happened = new Map<string, number>();
  let events = 0;
  for (const seed of seeds) {
    const drawn = drawCase(seed);
    const outcome = await runCase(drawn, options);
    events += outcome.events;
    for (const [what, count] of outcome.happened) happened.set(what, (happened.get(what) ?? 0) + count);
    if (outcome.fault !== undefined) {
      return { failure: await smallest(seed, drawn, outcome.fault, options), happened, events };
    }
  }
  return { failure: undefined, happened, events };
}

async function smallest(seed: number, drawn: Case, first: Fault, options: WorldOptions): Promise<Failure> {
  let fault = first;
  const shrunk = await shrink(drawn, async (smaller) => {
    const outcome = await runCase(smaller, options);
    if (outcome.fault?.law !== first.law) return false;
    fault = outcome.fault;
    return true;
  });
  const failure = { seed, fault, shrunk };
  const directory = process.env['TAILGLOW_REGRESSIONS'];
  if (directory !== undefined) {
    const note = `${fault.law}: ${fault.text.split('\n').slice(0, 4).join('; ')}`;
    writeFileSync(join(directory, `seed-${seed}.json`), encodeRegression({ note, ...shrunk }));
  }
  return failure;
}

/** For a person: how to run it again, what was wrong, and the whole case. */
export function failureText({ seed, fault, shrunk }: Failure): string {
  return (
    `TAILGLOW_SEED=${seed}: ${fault.law}, shrunk to ${shrunk.steps.length} steps: ${fault.text}\n` +
    encodeRegression({ note: fault.law, ...shrunk })
  );
}
