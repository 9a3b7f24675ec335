/** Draws a world from a seed: its shape first, then which faults it has at all (each world has some, few have all,
 *  as two that hide each other are found apart), then every step. Pure: the same seed, the same case. */
import { COUNT, type Grid, LL5 } from '../../src/model/grid.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { LEVELS, type LevelRetention } from '../../src/model/level.ts';
import { STORE_STEPS } from '../../src/store/store.ts';
import type { Case, Host, ReportStep, Shape, Step } from './case.ts';
import { Prng } from './prng.ts';

/** A multiple of all blocks but the longest, somewhat into it. */
const EPOCH_SECOND = 153_600 * 10_400;
const KEEPS_SECONDS = [300, 400, 1000, 5000, 86_400, 1_000_000] as const;
const SHORT_JUMPS_SECONDS = [30, 200, 256, 300, 700, 2560] as const;
const LONG_JUMPS_SECONDS = [4000, 16_000, 90_000, 160_000, 1_000_000] as const;

/** Chances a tick, or zero where the world does not know the fault. */
interface Rates {
  readonly jump: number;
  readonly longJump: number;
  readonly clock: number;
  readonly restart: number;
  readonly cut: number;
  readonly spoolFull: number;
  readonly logCrash: number;
  readonly swallow: number;
  readonly trim: number;
  readonly echo: number;
  readonly garbage: number;
  readonly stray: number;
  readonly partial: number;
  readonly odd: number;
  readonly life: number;
  readonly change: number;
  readonly pin: number;
  readonly reclaim: number;
  readonly die: number;
  readonly dieAt: number;
  readonly powerCut: number;
  readonly diskFull: number;
  readonly checkpoint: number;
  readonly work: number;
  readonly look: number;
}

export function drawCase(seed: number): Case {
  const prng = new Prng(seed);
  const shape = drawShape(prng);
  return { shape, steps: new Story(prng, shape).tell() };
}

function drawShape(prng: Prng): Shape {
  const labels = ['a', 'b', 'c', 'd'].slice(0, 1 + prng.below(4));
  const instrumentations: Record<string, Instrumentation> = {};
  for (const label of labels) instrumentations[label] = drawInstrumentation(prng, label);
  // Another measure under the same name: it replaces the first.
  if (prng.chance(0.3)) instrumentations['a2'] = drawInstrumentation(prng, 'a');
  const hosts = ['h1', 'h2', 'h3'].slice(0, 1 + prng.below(3)).map((name): Host => {
    return { name, drivers: prng.chance(0.6) ? ['proc'] : ['proc', 'node'] };
  });
  return {
    startSecond: EPOCH_SECOND + prng.below(2_000_000),
    hosts,
    stores: prng.chance(0.7) ? 1 : prng.chance(0.8) ? 2 : 3,
    instrumentations,
    headCellsMax: prng.pick([60, 250, 1000, 1_000_000]),
    confirmsDurably: prng.chance(0.7),
    holes: prng.chance(0.3),
    spoolSecondsMax: prng.pick([5, 40, 900, 900]),
    catalogue: prng.chance(0.3),
    thorough: prng.chance(0.25),
  };
}

function drawInstrumentation(prng: Prng, id: string): Instrumentation {
  const grids: readonly [Grid, ...Grid[]] = [LL5, COUNT, { kind: 'linear', width: 1 + prng.below(50) }];
  const by = ['route', 'host'].slice(0, prng.below(3));
  const grid = prng.pick(grids);
  const kept = drawKeepLevels(prng);
  return {
    id,
    metric: `sim.${id}`,
    by,
    ...(grid.kind === 'count' ? {} : { numeric: 'latency' }),
    grid,
    scope: prng.chance(0.8) ? 'interval' : 'point',
    everySeconds: prng.pick([1, 1, 1, 1, 2, 10, 300]),
    keepSeconds: prng.pick(KEEPS_SECONDS),
    ...(kept === undefined ? {} : { keepLevels: kept }),
    idleSeconds: 0,
    createdSecond: 0,
  };
}

function drawKeepLevels(prng: Prng): LevelRetention[] | undefined {
  if (prng.chance(0.6)) return undefined;
  return LEVELS.filter((level) => level > 1 && prng.chance(0.5)).map((level) => ({
    level,
    keepSeconds: prng.chance(0.2) ? 0 : prng.pick(KEEPS_SECONDS) * (1 + prng.below(level)),
  }));
}

function drawRates(prng: Prng, shape: Shape): Rates {
  const rate = (most: number, known = 0.5): number => (prng.chance(known) ? most * prng.next() : 0);
  return {
    jump: rate(0.15, 0.8),
    longJump: rate(0.06, 0.4),
    clock: rate(0.06, 0.3),
    restart: rate(0.06),
    cut: rate(0.1),
    spoolFull: rate(0.06, 0.3),
    logCrash: rate(0.1),
    swallow: shape.confirmsDurably ? 0 : rate(0.15),
    trim: rate(0.1, 0.7),
    echo: rate(0.3),
    garbage: rate(0.03, 0.3),
    stray: rate(0.5),
    partial: rate(0.5, 0.3),
    odd: rate(0.2, 0.3),
    life: rate(0.06),
    change: rate(0.06),
    pin: rate(0.06),
    reclaim: rate(0.04, 0.3),
    die: rate(0.06),
    dieAt: rate(0.12, 0.7),
    powerCut: prng.chance(0.5) ? prng.next() : 0,
    diskFull: rate(0.04, 0.3),
    checkpoint: rate(0.1),
    work: rate(0.6, 0.9),
    look: rate(0.1, 0.8),
  };
}

class Story {
  readonly #prng: Prng;
  readonly #shape: Shape;
  readonly #rates: Rates;
  readonly #steps: Step[] = [];
  readonly #labels: readonly string[];
  readonly #sources: readonly string[];
  readonly #hosts: readonly [string, ...string[]];
  readonly #tickSeconds: number;
  readonly #cells: number;

  constructor(prng: Prng, shape: Shape) {
    this.#prng = prng;
    this.#shape = shape;
    this.#rates = drawRates(prng, shape);
    this.#labels = Object.keys(shape.instrumentations);
    this.#sources = shape.hosts.flatMap(({ name, drivers }) => drivers.map((driver) => `${name}/${driver}`));
    this.#hosts = [shape.hosts[0]!.name, ...shape.hosts.slice(1).map(({ name }) => name)];
    this.#tickSeconds = prng.pick([1, 2, 5, 10]);
    this.#cells = prng.pick([1, 3, 12]);
  }

  tell(): Step[] {
    for (const of of this.#labels) if (of !== 'a2') this.#steps.push({ do: 'create', of });
    this.#steps.push({ do: 'sync' });
    const ticks = 8 + this.#prng.below(this.#prng.chance(0.85) ? 35 : 140);
    for (let tick = 0; tick < ticks; tick++) this.#tick();
    return this.#steps;
  }

  #tick(): void {
    this.#passTime();
    for (const source of this.#sources) {
      if (this.#prng.chance(0.9)) this.#steps.push({ do: 'measure', source, reports: this.#reports() });
    }
    this.#hostFaults();
    this.#strange();
    this.#control();
    this.#logWorks();
    for (let store = 0; store < this.#shape.stores; store++) this.#storeWorks(store);
    const { catalogue = false } = this.#shape;
    if (catalogue && this.#prng.chance(0.3)) {
      this.#steps.push({ do: 'catalogue', dies: this.#prng.chance(this.#rates.die) });
    }
    if (this.#prng.chance(this.#rates.trim)) this.#steps.push({ do: 'trim' });
  }

  #passTime(): void {
    const { jump, longJump } = this.#rates;
    const prng = this.#prng;
    let seconds = 1 + prng.below(this.#tickSeconds);
    if (prng.chance(jump)) seconds = prng.pick(SHORT_JUMPS_SECONDS) + prng.below(20);
    if (prng.chance(longJump)) seconds = prng.pick(LONG_JUMPS_SECONDS) + prng.below(20);
    this.#steps.push({ do: 'pass', seconds });
  }

  #reports(): ReportStep[] {
    return this.#labels.filter(() => this.#prng.chance(0.7)).map((of) => this.#report(of));
  }

  #report(of: string): ReportStep {
    const prng = this.#prng;
    const rows = Array.from({ length: prng.below(this.#cells + 1) }, (): [number, number, number] => [
      prng.below(4),
      prng.below(400),
      1 + prng.below(1000),
    ]);
    const odd = prng.chance(this.#rates.odd) ? prng.pick(['grid', 'fields'] as const) : undefined;
    const partial = prng.chance(this.#rates.partial);
    return { of, ...(partial ? { partial } : {}), ...(odd === undefined ? {} : { odd }), rows };
  }

  #hostFaults(): void {
    const { clock, restart, cut, spoolFull } = this.#rates;
    const prng = this.#prng;
    const host = prng.pick(this.#hosts);
    if (prng.chance(clock)) {
      const aheadSeconds = prng.pick([0, 0, 3, 8, 30, 4000, -3, -30, -90, -700, -100_000]);
      this.#steps.push({ do: 'clock', host, aheadSeconds });
    }
    if (prng.chance(restart)) {
      this.#steps.push({
        do: 'restart',
        host,
        how: prng.pick(['killed', 'killed-and-announced', 'ended'] as const),
      });
    }
    if (prng.chance(cut)) this.#steps.push({ do: 'cut', host, how: prng.pick(['refused', 'held'] as const) });
    else if (prng.chance(0.15)) this.#steps.push({ do: 'mend', host });
    if (prng.chance(spoolFull)) this.#steps.push({ do: 'spool-full', host, full: prng.chance(0.6) });
  }

  /** What no source of ours would append. */
  #strange(): void {
    const { echo, garbage, stray } = this.#rates;
    const prng = this.#prng;
    if (prng.chance(echo)) this.#steps.push({ do: 'echo', back: prng.below(prng.chance(0.5) ? 5 : 200) });
    if (prng.chance(garbage)) {
      const bytes = Array.from({ length: 1 + prng.below(8) }, () => prng.below(256));
      this.#steps.push({ do: 'garbage', bytes });
    }
    if (prng.chance(stray)) {
      this.#steps.push({
        do: 'stray',
        source: prng.pick(['h1/stray', 'x/import', 'h1/proc']),
        incarnation: prng.below(3),
        sequence: prng.below(60),
        backSeconds: prng.pick([
          0,
          prng.below(20) - 13,
          prng.below(300),
          prng.below(3000),
          prng.below(200_000),
          prng.below(3_000_000),
        ]),
        reports: this.#reports(),
      });
    }
  }

  #control(): void {
    const { life, change, pin, reclaim } = this.#rates;
    const prng = this.#prng;
    const [first = '', ...others] = this.#labels;
    const of = prng.pick([first, ...others]);
    if (prng.chance(life))
      this.#steps.push({ do: prng.pick(['create', 'create', 'expire', 'pause', 'resume', 'drop']), of });
    if (prng.chance(change)) {
      const keepLevels = drawKeepLevels(prng);
      const keepSeconds = prng.pick(KEEPS_SECONDS);
      this.#steps.push({
        do: 'change',
        of,
        keepSeconds,
        ...(keepLevels === undefined ? {} : { keepLevels }),
      });
    }
    if (prng.chance(pin)) {
      const id = prng.pick(['p1', 'p2', 'p3']);
      const backSeconds = prng.below(prng.pick([100, 1000, 50_000]));
      const seconds = 1 + prng.below(prng.pick([10, 300, 5000]));
      this.#steps.push(prng.chance(0.7) ? { do: 'pin', id, of, backSeconds, seconds } : { do: 'unpin', id });
    }
    if (prng.chance(reclaim)) {
      const backSeconds = prng.below(prng.pick([500, 5000, 100_000]));
      this.#steps.push({ do: 'reclaim', level: prng.pick(LEVELS), backSeconds });
    }
  }

  #logWorks(): void {
    const { logCrash, swallow } = this.#rates;
    const prng = this.#prng;
    if (prng.chance(swallow)) this.#steps.push({ do: 'swallow', entries: 1 + prng.below(3) });
    if (prng.chance(logCrash)) this.#steps.push({ do: 'log-crash', survivors: prng.below(4) });
    else if (prng.chance(0.85)) this.#steps.push({ do: 'sync' });
  }

  #storeWorks(store: number): void {
    const { die, dieAt, powerCut, diskFull, checkpoint, work, look } = this.#rates;
    const prng = this.#prng;
    const found = (): number => (prng.chance(powerCut) ? prng.pick([0, 0, prng.next()]) : 1);
    if (prng.chance(dieAt)) {
      const step = prng.pick(STORE_STEPS);
      this.#steps.push({ do: 'die-at', store, step, nth: prng.below(4), found: found() });
    }
    if (prng.chance(0.8)) this.#steps.push({ do: 'fold', store, entries: 1 + prng.below(30) });
    if (prng.chance(work)) this.#steps.push({ do: 'work', store, units: 1 + prng.below(5) });
    if (prng.chance(checkpoint)) this.#steps.push({ do: 'checkpoint', store });
    if (prng.chance(diskFull)) this.#steps.push({ do: 'disk-full', store, full: prng.chance(0.5) });
    if (diskFull > 0 && prng.chance(0.2)) this.#steps.push({ do: 'retry', store });
    if (prng.chance(die)) this.#steps.push({ do: 'die', store, found: found() });
    if (prng.chance(look)) {
      const untilBackSeconds = prng.chance(0.7) ? -100 : prng.below(2000);
      const stepSeconds = prng.pick([1, 1, 10, 60, 600, 3600, 7, 30, 256]);
      const fromBackSeconds = untilBackSeconds + 1 + prng.below(prng.pick([300, 5000, 400_000]));
      this.#steps.push({ do: 'look', store, stepSeconds, fromBackSeconds, untilBackSeconds });
    }
  }
}
