/** What senders were told is counted, on disk: the log entries with their counts, and the digests of their requests, in
 *  one write that is synced before a sender hears of it. Owns: the files, how long a receipt is known.
 *  A sender that did not hear the answer sends again: its receipt tells that it is counted. What was kept shortly before
 *  a crash is put into the spool again at the next start: the fold drops what it has by its numbers.
 *  Invariants: a receipt is on disk where its counts are, and only there; a file begins with all that is still needed of
 *  those before it. Where the disk fails, receipts are known to this process only, until it works again. */
import type { Clock } from '../model/clock.ts';
import { unixSecond } from '../model/clock.ts';
import { encodeReceipts, type ReceiptRecord, RECEIPTS_MAGIC, scanReceipts } from './receipt-record.ts';
import type { SpoolDisk } from './spool-disk.ts';

/** About 20 MB in memory: ten minutes of 170 requests a second. Of more, the oldest are forgotten. */
const RECEIPTS_MAX = 100_000;
/** By then the kernel has written by itself what the spool has not synced. */
const ENTRY_SECONDS = 60;
/** Of entries that a new file begins with; the newest. */
const ENTRIES_BYTES_MAX = 8 * 1024 * 1024;
/** Then a new one is begun. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;
const DISK_RETRY_MS = 5_000;

export interface ReceiptsOptions {
  readonly disk: SpoolDisk;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly onNote: (text: string) => void;
  readonly receiptsMax?: number;
  readonly fileBytesMax?: number;
}

interface Waiting {
  readonly record: ReceiptRecord;
  readonly resolve: () => void;
}

interface KeptEntry {
  readonly second: number;
  readonly bytes: Uint8Array;
}

export class Receipts {
  readonly #options: ReceiptsOptions;
  /** In the order in which they came. */
  readonly #known = new Set<string>();
  #entries: KeptEntry[] = [];
  #waiting: Waiting[] = [];
  #isWorking = false;
  /** Of what was kept last. */
  #settled: Promise<void> = Promise.resolve();
  #file: { readonly name: string; bytes: number } | undefined;
  /** Files of before, which a new one replaces. */
  #old: string[] = [];
  #next = 0;
  #restUntilMs = 0;

  private constructor(options: ReceiptsOptions) {
    this.#options = options;
  }

  /** Reads what an earlier process left. A disk that cannot be read is told, no reason not to start. */
  static async open(options: ReceiptsOptions): Promise<Receipts> {
    const receipts = new Receipts(options);
    try {
      await receipts.#load();
    } catch (error) {
      receipts.#fail(error);
    }
    return receipts;
  }

  /** Entries that an earlier process kept last: some may not have got into its log. */
  earlier(): readonly Uint8Array[] {
    return this.#entries.map(({ bytes }) => bytes);
  }

  /** Whether the counts of the request were kept, in this run or an earlier one. */
  has(receipt: string): boolean {
    return this.#known.has(receipt);
  }

  /** Resolves when they are on disk, or cannot be now. */
  keep(receipts: readonly string[], entries: readonly Uint8Array[]): Promise<void> {
    const record = { second: unixSecond(this.#options.clock.nowMs()), receipts, entries };
    this.#note(record);
    this.#settled = new Promise((resolve) => this.#waiting.push({ record, resolve }));
    if (!this.#isWorking) void this.#work();
    return this.#settled;
  }

  /** Their counts were lost: sent again, they are counted. */
  forget(receipts: readonly string[]): void {
    for (const receipt of receipts) this.#known.delete(receipt);
  }

  /** `isAllSafe`: the log has every entry, none is put into the spool again. */
  async close(isAllSafe: boolean): Promise<void> {
    if (isAllSafe && this.#entries.length > 0) {
      this.#entries = [];
      await this.keep([], []);
    }
    await this.#settled;
    await this.#options.disk.close();
  }

  async #load(): Promise<void> {
    const { disk } = this.#options;
    for (const name of await disk.list()) {
      const number = /^receipts-(\d{10})$/.exec(name)?.[1];
      if (number === undefined) continue;
      this.#next = Math.max(this.#next, Number(number) + 1);
      this.#old.push(name);
      for (const record of scanReceipts(await disk.read(name))) this.#note(record);
    }
  }

  #note({ second, receipts, entries }: ReceiptRecord): void {
    for (const receipt of receipts) this.#known.add(receipt);
    for (const receipt of this.#known) {
      if (this.#known.size <= (this.#options.receiptsMax ?? RECEIPTS_MAX)) break;
      this.#known.delete(receipt);
    }
    if (receipts.length === 0 && entries.length === 0) this.#entries = [];
    for (const bytes of entries) this.#entries.push({ second, bytes });
    this.#entries = newest(this.#entries, second);
  }

  /** What waits is written together, and synced once. */
  async #work(): Promise<void> {
    this.#isWorking = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0);
      try {
        if (this.#options.clock.nowMs() >= this.#restUntilMs)
          await this.#write(group.map((one) => one.record));
      } catch (error) {
        this.#fail(error);
      }
      for (const { resolve } of group) resolve();
    }
    this.#isWorking = false;
  }

  async #write(records: readonly ReceiptRecord[]): Promise<void> {
    const { disk, fileBytesMax = FILE_BYTES_MAX } = this.#options;
    if (this.#file === undefined || this.#file.bytes > fileBytesMax) return this.#begin();
    const bytes = Buffer.concat(records.map((record) => encodeReceipts(record)));
    await disk.append(this.#file.name, bytes);
    await disk.sync(this.#file.name);
    this.#file.bytes += bytes.length;
  }

  /** A new file, with what is known and what the last seconds brought; those before it go. */
  async #begin(): Promise<void> {
    const { disk } = this.#options;
    if (this.#file !== undefined) this.#old.push(this.#file.name);
    this.#file = undefined;
    const name = `receipts-${String(this.#next++).padStart(10, '0')}`;
    await disk.create(name);
    this.#old.push(name);
    // One record: what is torn says nothing, where a part would know receipts without their counts.
    const second = this.#entries.at(-1)?.second ?? 0;
    const entries = this.#entries.map(({ bytes }) => bytes);
    const head = encodeReceipts({ second, receipts: [...this.#known], entries });
    await disk.append(name, Buffer.concat([RECEIPTS_MAGIC, head]));
    await disk.sync(name);
    this.#old.pop();
    this.#file = { name, bytes: 0 };
    while (this.#old.length > 0) {
      await disk.remove(this.#old[0]!);
      this.#old.shift();
    }
  }

  #fail(error: unknown): void {
    if (this.#file !== undefined) this.#old.push(this.#file.name);
    this.#file = undefined;
    this.#restUntilMs = this.#options.clock.nowMs() + DISK_RETRY_MS;
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.onNote(`Cannot keep receipts, what is sent again after a crash may count twice: ${reason}`);
  }
}

/** Those of the last seconds, as many as a file may begin with. */
function newest(entries: readonly KeptEntry[], nowSecond: number): KeptEntry[] {
  let first = entries.length;
  for (let bytes = 0; first > 0; first--) {
    const entry = entries[first - 1]!;
    bytes += entry.bytes.length;
    if (bytes > ENTRIES_BYTES_MAX || entry.second < nowSecond - ENTRY_SECONDS) break;
  }
  return entries.slice(first);
}
