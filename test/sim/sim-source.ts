/** A source with a clock, a spool and a network that fails: it sends what the log has not confirmed, again and in
 *  any order, until it has. */
import { COUNT, LL5 } from '../../src/model/grid.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import type { Batch, Report } from '../../src/model/report.ts';
import type { MemoryLog } from './memory-log.ts';
import type { Prng } from './prng.ts';

export const SIM_INSTRUMENTATIONS: readonly Instrumentation[] = [
  { ...base('requests'), by: ['route'], numeric: 'latency', grid: LL5 },
  base('errors'),
  { ...base('brief'), by: ['disk'], keepSeconds: 400 },
];

function base(id: string): Instrumentation {
  return {
    id,
    metric: `sim.${id}`,
    by: [],
    grid: COUNT,
    scope: 'interval',
    everySeconds: 1,
    keepSeconds: 1_000_000,
    idleSeconds: 0,
    createdSecond: 0,
  };
}

/** Chances per second reported. */
export interface Faults {
  /** Sent although it was sent already. */
  readonly repeat: number;
  /** The network is away for up to 400 s. */
  readonly cut: number;
  /** The source ends and begins anew. */
  readonly restart: number;
  /** The clock is wrong for a while, by up to 40 s ahead. */
  readonly skew: number;
  /** The second comes in two parts. */
  readonly partial: number;
}

export class SimSource {
  readonly host: string;
  readonly driver: string;
  readonly #prng: Prng;
  readonly #faults: Faults;
  #incarnation = 0;
  #sequence = 0;
  #spool: Batch[] = [];
  readonly #sent: Batch[] = [];
  #awayUntilSecond = 0;
  #skewUntilSecond = 0;
  #skewSeconds = 0;

  constructor(name: { readonly host: string; readonly driver: string }, prng: Prng, faults: Faults) {
    this.host = name.host;
    this.driver = name.driver;
    this.#prng = prng;
    this.#faults = faults;
  }

  get spooled(): number {
    return this.#spool.length;
  }

  /** Measures the second, and sends what is to be sent. */
  tick(second: number, log: MemoryLog): void {
    const { cut, restart, skew, partial } = this.#faults;
    const prng = this.#prng;
    if (prng.chance(cut)) this.#awayUntilSecond = second + prng.below(400);
    if (prng.chance(skew)) {
      this.#skewUntilSecond = second + 20;
      this.#skewSeconds = prng.below(40);
    }
    if (prng.chance(restart)) this.#restart(second, log);
    const said = second < this.#skewUntilSecond ? second + this.#skewSeconds : second;
    const parts = prng.chance(partial) ? 2 : 1;
    for (let part = 1; part <= parts; part++) this.#spool.push(this.#batch(said, part < parts));
    this.send(second, log);
  }

  send(second: number, log: MemoryLog): void {
    if (second < this.#awayUntilSecond) return;
    const prng = this.#prng;
    const batches = prng.chance(0.2) ? prng.shuffled(this.#spool) : [...this.#spool];
    if (prng.chance(this.#faults.repeat) && this.#sent.length > 0) {
      batches.push(this.#sent[prng.below(this.#sent.length)]!);
    }
    while (batches.length > 0) {
      const group = batches.splice(0, 1 + prng.below(3));
      log.append({ kind: 'batches', batches: group }, second * 1000 + prng.below(900), () =>
        this.#confirmed(group),
      );
    }
  }

  /** The network is back, for the end of the run. */
  heal(): void {
    this.#awayUntilSecond = 0;
  }

  #confirmed(batches: readonly Batch[]): void {
    this.#spool = this.#spool.filter((batch) => !batches.includes(batch));
    this.#sent.push(...batches);
  }

  #restart(second: number, log: MemoryLog): void {
    this.#incarnation++;
    this.#sequence = 0;
    if (this.#prng.chance(0.5)) this.#spool = [];
    const event = this.#prng.chance(0.5)
      ? ({ kind: 'instrumenter-online', host: this.host, metrics: [] } as const)
      : ({ kind: 'source-offline', host: this.host, driver: this.driver, second } as const);
    log.append({ kind: 'control', event }, second * 1000);
  }

  #batch(second: number, partial: boolean): Batch {
    const incarnation = Buffer.from(`${this.host}${this.driver}${this.#incarnation}`)
      .toString('hex')
      .slice(-16);
    const reports = SIM_INSTRUMENTATIONS.filter(() => this.#prng.chance(0.8)).map((i) =>
      this.#report(i, partial),
    );
    return {
      source: { host: this.host, driver: this.driver, incarnation: incarnation.padStart(16, '0') },
      sequence: this.#sequence++,
      second,
      reports,
    };
  }

  #report({ id, by, grid }: Instrumentation, partial: boolean): Report {
    const keys = by.length === 0 ? 1 : this.#prng.below(3);
    const rows = Array.from({ length: keys }, (_, key) => {
      const bucket = grid.kind === 'count' ? 0 : this.#prng.below(400);
      const counts = [1 + this.#prng.below(1000)];
      return { key: by.map((field) => `${field}${key}`), histogram: { buckets: [bucket], counts } };
    });
    return { instrumentation: id, grid, partial, dropped: 0, rows };
  }
}
