/** A log in memory that fails. What it confirmed durably stays; of what it did not confirm, a part from the front
 *  may have survived a crash. Hosts write to it through a network of their own, which may refuse or hold what they
 *  append. Remembers what it gave up by trimming, for the model. */
import { sourceName } from '../../src/model/batch.ts';
import { type LogWriter, LogUnavailableError } from '../../src/model/log.ts';
import { type Batch, decodeEntry } from '../../src/model/report.ts';
import type { Content, SimEntry } from './entries.ts';
import type { SimTime } from './sim-clock.ts';

interface Pending {
  readonly content: Content;
  readonly arrivedMs: number;
  readonly settle: (confirmed: boolean) => void;
}

const HOLE_EVERY = 7;

export class SimLog {
  readonly #time: SimTime;
  readonly #shape: { readonly confirmsDurably: boolean; readonly holes: boolean };
  /** All entries that ever became durable, also trimmed ones. */
  readonly durable: SimEntry[] = [];
  #pending: Pending[] = [];
  #next = 0;
  /** Entries below are gone for readers. */
  firstOffset = 0;
  /** Batches as they were measured, by source and sequence. */
  readonly #measured = new Map<string, Batch>();

  constructor(time: SimTime, shape: { readonly confirmsDurably: boolean; readonly holes: boolean }) {
    this.#time = time;
    this.#shape = shape;
  }

  /** Must be told of every batch that a host will append. */
  measured(batch: Batch): void {
    this.#measured.set(place(batch), batch);
  }

  append(content: Content, settle: (confirmed: boolean) => void = () => {}): void {
    this.#pending.push({ content, arrivedMs: this.#time.nowMs, settle });
  }

  writer(confirmsDurably: boolean): HostWriter {
    return new HostWriter(this, confirmsDurably);
  }

  appendPayload(payload: Uint8Array, settle: (confirmed: boolean) => void): void {
    const entry = decodeEntry(payload);
    if (entry.kind === 'control') throw new Error('a host appends reports alone');
    const batches = entry.batches.map((view) => {
      const batch = this.#measured.get(place(view));
      if (batch === undefined) throw new Error(`nobody measured ${place(view)}`);
      return batch;
    });
    this.append({ kind: 'batches', batches }, settle);
  }

  sync(): void {
    for (const pending of this.#pending.splice(0)) {
      this.#keep(pending);
      pending.settle(true);
    }
  }

  crash(survivors: number): void {
    const lost = this.#pending.splice(0);
    for (const pending of lost.slice(0, survivors)) this.#keep(pending);
    for (const { settle } of lost) settle(false);
  }

  /** Only of a log that does not confirm durably. */
  swallow(entries: number): void {
    if (this.#shape.confirmsDurably) return;
    const batches = this.#pending.filter(({ content }) => content.kind === 'batches').slice(0, entries);
    this.#pending = this.#pending.filter((pending) => !batches.includes(pending));
    for (const { settle } of batches) settle(true);
  }

  /** Up to `limit` durable entries at `from` and after. */
  read(from: number, limit: number): readonly SimEntry[] {
    const begin = Math.max(from, this.firstOffset);
    let at = this.durable.length;
    while (at > 0 && this.durable[at - 1]!.offset >= begin) at--;
    return this.durable.slice(at, at + limit);
  }

  trim(offset: number): void {
    this.firstOffset = Math.max(this.firstOffset, offset);
  }

  #keep({ content, arrivedMs }: Pending): void {
    if (this.#shape.holes && this.#next % HOLE_EVERY === HOLE_EVERY - 1) this.#next++;
    this.durable.push({ offset: this.#next++, arrivedMs, content });
  }
}

/** A host's way to the log. */
export class HostWriter implements LogWriter {
  readonly #log: SimLog;
  readonly confirmsDurably: boolean;
  #way: 'open' | 'refused' | 'held' = 'open';
  #held: { readonly payload: Uint8Array; readonly settle: (confirmed: boolean) => void }[] = [];

  constructor(log: SimLog, confirmsDurably: boolean) {
    this.#log = log;
    this.confirmsDurably = confirmsDurably;
  }

  cut(how: 'refused' | 'held'): void {
    this.#way = how;
  }

  mend(): void {
    this.#way = 'open';
    for (const { payload, settle } of this.#held.splice(0)) this.#log.appendPayload(payload, settle);
  }

  append(payload: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const lost = (): void => reject(new LogUnavailableError('Cannot append: the log is away'));
      const settle = (confirmed: boolean): void => (confirmed ? resolve() : lost());
      if (this.#way === 'refused') lost();
      else if (this.#way === 'held') this.#held.push({ payload, settle });
      else this.#log.appendPayload(payload, settle);
    });
  }

  async trim(): Promise<void> {}

  async close(): Promise<void> {}
}

function place({ source, sequence }: Pick<Batch, 'source' | 'sequence'>): string {
  return `${sourceName(source)} ${source.incarnation} ${sequence}`;
}
