/** Names of addresses by reverse DNS. Owns: the cache, the number of questions at a time. Does not: wait; whoever asks
 *  is told what is known, and what is on its way.
 *  Bounds: NAMES_MAX cached names, of which the one that was asked for longest ago goes first; ASKED_MAX questions at a
 *  time; an address beyond them is pending, and asked for when somebody wants it again. */
import { isIP } from 'node:net';
import type { Clock } from '../../model/clock.ts';
import type { Named } from '../../query/naming.ts';
import type { Transformation } from './transformation.ts';

const NAMES_MAX = 10_000;
const ASKED_MAX = 32;
/** Names move seldom; an address without one may be new, and a server that did not answer may be back. */
const NAME_LIVES_MS = 3_600_000;
const NONE_LIVES_MS = 300_000;
const FAILURE_LIVES_MS = 10_000;

/** As node:dns/promises. */
export interface Resolver {
  reverse(address: string): Promise<string[]>;
}

interface Known {
  readonly name: string | null;
  readonly untilMs: number;
}

/** What a server says where an address has no name. */
const NO_NAME: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA']);

export class ReverseDns implements Transformation {
  readonly name = 'dns';
  readonly label = 'names of addresses, by reverse DNS';
  readonly #resolver: Resolver;
  readonly #clock: Clock;
  readonly #namesMax: number;
  /** The least lately wanted first. */
  readonly #known = new Map<string, Known>();
  readonly #asked = new Map<string, Promise<void>>();

  constructor(resolver: Resolver, clock: Clock, namesMax: number = NAMES_MAX) {
    this.#resolver = resolver;
    this.#clock = clock;
    this.#namesMax = namesMax;
  }

  named(values: readonly string[]): Named {
    const names: { [value: string]: string | null } = {};
    const pending: string[] = [];
    for (const value of values) {
      const known = isIP(value) === 0 ? { name: null } : this.#find(value);
      if (known === undefined) pending.push(value);
      else names[value] = known.name;
    }
    return { names, pending };
  }

  /** When all that is asked just now is answered. */
  async settled(): Promise<void> {
    await Promise.all(this.#asked.values());
  }

  #find(address: string): Known | undefined {
    const known = this.#known.get(address);
    if (known !== undefined) {
      this.#known.delete(address);
      this.#known.set(address, known);
    }
    if (known === undefined || known.untilMs <= this.#clock.nowMs()) this.#ask(address);
    return known;
  }

  #ask(address: string): void {
    if (this.#asked.has(address) || this.#asked.size >= ASKED_MAX) return;
    const question = this.#resolver.reverse(address).then(
      ([name]) => this.#learn(address, name ?? null, name === undefined ? NONE_LIVES_MS : NAME_LIVES_MS),
      (error: unknown) => {
        const { code } = error as { code?: unknown };
        this.#learn(address, null, NO_NAME.has(code) ? NONE_LIVES_MS : FAILURE_LIVES_MS);
      },
    );
    this.#asked.set(
      address,
      question.finally(() => void this.#asked.delete(address)),
    );
  }

  #learn(address: string, name: string | null, livesMs: number): void {
    this.#known.delete(address);
    this.#known.set(address, { name, untilMs: this.#clock.nowMs() + livesMs });
    const [oldest] = this.#known.keys();
    if (this.#known.size > this.#namesMax && oldest !== undefined) this.#known.delete(oldest);
  }
}
