/** The bounded spool: what was measured and is not yet safe in the log, on disk and in the order it came.
 *  Owns: the pending records, their files, the bounds, the count of what the bounds cost. Does not: send
 *  (sender.ts).
 *  Invariants: a record is pending until it is forgotten or dropped; a file goes when none of its records is
 *  pending; files that hold pending records take at most bytesMax and one record more. The disk may fail at any
 *  call: records then stay in memory, within a bound of their own, and go to disk when it works again. After a
 *  failed write the file is never written again. */
import type { Source } from '../model/batch.ts';
import type { Clock } from '../model/clock.ts';
import { decodeEntry, sourceName } from '../model/report.ts';
import type { SpoolDisk } from './spool-disk.ts';
import { encodeRecord, FILE_MAGIC, RECORD_HEADER_BYTES, recordPayload, scanRecords } from './spool-record.ts';

export interface BatchRef {
  readonly source: Source;
  readonly sequence: number;
  readonly second: number;
}

export interface SpoolEntry {
  /** A log entry of reports. */
  readonly payload: Uint8Array;
  /** The newest second that it speaks of. */
  readonly second: number;
  readonly batches: readonly BatchRef[];
}

export interface SpoolBounds {
  readonly bytesMax: number;
  /** Distinct seconds. */
  readonly secondsMax: number;
  /** Of records that are not on disk. */
  readonly memoryBytesMax: number;
}

export const SPOOL_BOUNDS: SpoolBounds = {
  bytesMax: 64 * 1024 * 1024,
  secondsMax: 15 * 60,
  memoryBytesMax: 16 * 1024 * 1024,
};

/** Payloads kept in memory although they are on disk, so that the usual second is not read back. */
const HELD_BYTES_MAX = 1024 * 1024;
/** Files that the bound is split over: what a file holds is freed together. */
const FILES = 64;
const DISK_RETRY_MS = 5_000;
/** (source, second) pairs of which it is remembered that they were dropped; older ones stay in the total. */
const DROPPED_REMEMBERED_MAX = 4096;

interface SpoolFile {
  readonly name: string;
  bytes: number;
  pending: number;
}

/** A pending record. What the sender does with it (`sentMs`, `inFlight`) is kept here, with the record. */
export interface SpoolRecord {
  readonly second: number;
  readonly batches: readonly BatchRef[];
  readonly lengthBytes: number;
  /** When the log last took it; undefined where it did not. */
  sentMs: number | undefined;
  inFlight: boolean;
  payload: Uint8Array | undefined;
  place: { readonly file: SpoolFile; readonly offsetBytes: number } | undefined;
  readonly settle: (safe: boolean) => void;
}

export interface SpoolStats {
  readonly records: number;
  readonly bytes: number;
  readonly diskBytes: number;
  /** Batches that a bound cost before the log ever took them: these are missing. */
  readonly dropped: number;
  /** Batches that a bound cost after the log took them and before a fold covered them: probably not missing. */
  readonly droppedUncovered: number;
  /** Bytes at the ends of files that were no record. */
  readonly tornBytes: number;
}

export class Spool {
  readonly #disk: SpoolDisk;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #bounds: SpoolBounds;
  /** In the order they came. */
  readonly #records = new Set<SpoolRecord>();
  readonly #unplaced = new Set<SpoolRecord>();
  readonly #seconds = new Map<number, number>();
  readonly #doomed = new Set<SpoolFile>();
  readonly #dropped = new Map<string, { source: string; second: number; batches: number }>();
  #file: SpoolFile | undefined;
  #nextFile = 0;
  #bytes = 0;
  #diskBytes = 0;
  #unplacedBytes = 0;
  #heldBytes = 0;
  #droppedTotal = 0;
  #droppedUncovered = 0;
  #tornBytes = 0;
  #fault: { readonly reason: string; readonly sinceMs: number } | undefined;
  #working: Promise<void> | undefined;
  #onPut: () => void = () => {};

  private constructor(disk: SpoolDisk, clock: Pick<Clock, 'nowMs'>, bounds: SpoolBounds) {
    this.#disk = disk;
    this.#clock = clock;
    this.#bounds = bounds;
  }

  /** Reads what an earlier process left. A disk that cannot be read is a fault, no reason not to start. */
  static async open(
    disk: SpoolDisk,
    clock: Pick<Clock, 'nowMs'>,
    bounds: SpoolBounds = SPOOL_BOUNDS,
  ): Promise<Spool> {
    const spool = new Spool(disk, clock, bounds);
    try {
      await spool.#load();
    } catch (error) {
      spool.#setFault(error);
    }
    spool.#enforce();
    await spool.#work();
    return spool;
  }

  /** Takes an entry. Resolves true when it outlives this process, false when a bound cost it before. */
  put(entry: SpoolEntry): Promise<boolean> {
    return new Promise((settle) => {
      const { payload, second, batches } = entry;
      const record: SpoolRecord = {
        second,
        batches,
        lengthBytes: payload.length,
        sentMs: undefined,
        inFlight: false,
        payload,
        place: undefined,
        settle,
      };
      this.#add(record);
      this.#unplaced.add(record);
      this.#unplacedBytes += record.lengthBytes;
      this.#heldBytes += record.lengthBytes;
      this.#enforce();
      void this.#work();
      this.#onPut();
    });
  }

  /** Called after every put. */
  set onPut(listener: () => void) {
    this.#onPut = listener;
  }

  /** In the order they came; a caller may forget the record at hand while it walks. */
  pending(): Iterable<SpoolRecord> {
    return this.#records;
  }

  /** Undefined where the disk gives back something else than was written; the record is dropped then. */
  async payloadOf(record: SpoolRecord): Promise<Uint8Array | undefined> {
    if (record.payload !== undefined) return record.payload;
    const { file, offsetBytes } = record.place!;
    let payload: Uint8Array | undefined;
    try {
      const start = offsetBytes - RECORD_HEADER_BYTES;
      payload = recordPayload(
        await this.#disk.readAt(file.name, start, record.lengthBytes + RECORD_HEADER_BYTES),
      );
    } catch (error) {
      this.#setFault(error);
    }
    if (payload === undefined) this.drop(record);
    return payload;
  }

  /** It is safe in the log. */
  forget(record: SpoolRecord): void {
    if (this.#remove(record)) record.settle(true);
    void this.#work();
  }

  /** Its payload is not needed in memory; it stays pending. */
  release(record: SpoolRecord): void {
    if (record.payload === undefined || record.place === undefined) return;
    this.#heldBytes -= record.lengthBytes;
    record.payload = undefined;
  }

  /** It is given up, and counted. */
  drop(record: SpoolRecord): void {
    if (!this.#remove(record)) return;
    if (record.sentMs === undefined) this.#countDropped(record.batches);
    else this.#droppedUncovered += record.batches.length;
    record.settle(false);
    void this.#work();
  }

  /** What is wrong with the disk, and since when. */
  fault(): { readonly reason: string; readonly sinceMs: number } | undefined {
    return this.#fault;
  }

  /** Source and second of the batches that a bound cost, newest last. */
  dropped(): Iterable<{ readonly source: string; readonly second: number; readonly batches: number }> {
    return this.#dropped.values();
  }

  stats(): SpoolStats {
    return {
      records: this.#records.size,
      bytes: this.#bytes,
      diskBytes: this.#diskBytes,
      dropped: this.#droppedTotal,
      droppedUncovered: this.#droppedUncovered,
      tornBytes: this.#tornBytes,
    };
  }

  /** Resolves when the disk has been told everything, or cannot be. */
  async settled(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  async close(): Promise<void> {
    await this.settled();
    await this.#disk.close();
  }

  async #load(): Promise<void> {
    for (const name of await this.#disk.list()) {
      const number = /^spool-(\d{10})$/.exec(name)?.[1];
      if (number === undefined) continue;
      this.#nextFile = Math.max(this.#nextFile, Number(number) + 1);
      try {
        this.#loadFile(name, await this.#disk.read(name));
      } catch (error) {
        this.#setFault(error);
      }
    }
  }

  #loadFile(name: string, bytes: Uint8Array): void {
    const { records, intactBytes } = scanRecords(bytes);
    this.#tornBytes += bytes.length - intactBytes;
    const file: SpoolFile = { name, bytes: bytes.length, pending: 0 };
    this.#diskBytes += file.bytes;
    for (const { second, offsetBytes, lengthBytes } of records) {
      const batches = batchRefs(bytes.subarray(offsetBytes, offsetBytes + lengthBytes));
      if (batches === undefined) continue;
      file.pending++;
      const place = { file, offsetBytes };
      const record = { second, batches, lengthBytes, sentMs: undefined, inFlight: false, place };
      this.#add({ ...record, payload: undefined, settle: () => {} });
    }
    if (file.pending === 0) this.#doom(file);
  }

  #add(record: SpoolRecord): void {
    this.#records.add(record);
    this.#bytes += record.lengthBytes;
    this.#seconds.set(record.second, (this.#seconds.get(record.second) ?? 0) + 1);
  }

  #remove(record: SpoolRecord): boolean {
    if (!this.#records.delete(record)) return false;
    this.#bytes -= record.lengthBytes;
    const left = this.#seconds.get(record.second)! - 1;
    if (left === 0) this.#seconds.delete(record.second);
    else this.#seconds.set(record.second, left);
    if (this.#unplaced.delete(record)) this.#unplacedBytes -= record.lengthBytes;
    if (record.payload !== undefined) this.#heldBytes -= record.lengthBytes;
    const file = record.place?.file;
    if (file !== undefined && --file.pending === 0) this.#doom(file);
    return true;
  }

  /** None of its records is pending. The worker frees it. */
  #doom(file: SpoolFile): void {
    if (this.#doomed.has(file)) return;
    this.#doomed.add(file);
    this.#diskBytes -= file.bytes;
  }

  /** Holds the bounds: the oldest go first, but not what is on its way. */
  #enforce(): void {
    for (const record of this.#records) {
      const over = this.#diskBytes > this.#bounds.bytesMax || this.#seconds.size > this.#bounds.secondsMax;
      if (!over) break;
      if (!record.inFlight) this.drop(record);
    }
    for (const record of this.#unplaced) {
      if (this.#unplacedBytes <= this.#bounds.memoryBytesMax) break;
      if (!record.inFlight) this.drop(record);
    }
  }

  #countDropped(batches: readonly BatchRef[]): void {
    for (const { source, second } of batches) {
      this.#droppedTotal++;
      const name = sourceName(source);
      const key = `${second} ${name}`;
      const known = this.#dropped.get(key);
      if (known !== undefined) known.batches++;
      else this.#dropped.set(key, { source: name, second, batches: 1 });
    }
    for (const key of this.#dropped.keys()) {
      if (this.#dropped.size <= DROPPED_REMEMBERED_MAX) break;
      this.#dropped.delete(key);
    }
  }

  /** One operation on the disk at a time, until nothing is left to do or the disk fails. */
  #work(): Promise<void> {
    this.#working ??= this.#workThrough().finally(() => {
      this.#working = undefined;
      if (!this.#resting() && this.#doomed.size + this.#unplaced.size > 0) void this.#work();
    });
    return this.#working;
  }

  #resting(): boolean {
    return this.#fault !== undefined && Math.abs(this.#clock.nowMs() - this.#fault.sinceMs) < DISK_RETRY_MS;
  }

  async #workThrough(): Promise<void> {
    if (this.#resting()) return;
    try {
      for (;;) {
        const [doomed] = this.#doomed;
        const [record] = this.#unplaced;
        if (doomed !== undefined) await this.#free(doomed);
        else if (record !== undefined) await this.#store(record);
        else break;
      }
      this.#fault = undefined;
    } catch (error) {
      this.#setFault(error);
    }
  }

  async #free(file: SpoolFile): Promise<void> {
    if (file === this.#file) {
      this.#file = undefined; // until it is known to be empty
      await this.#disk.clear(file.name);
      file.bytes = 0;
      this.#file = file;
    } else {
      await this.#disk.remove(file.name);
    }
    this.#doomed.delete(file);
  }

  async #store(record: SpoolRecord): Promise<void> {
    const bytes = encodeRecord(record.second, record.payload!);
    const file = await this.#fileFor(bytes.length);
    const written = file.bytes === 0 ? Buffer.concat([FILE_MAGIC, bytes]) : bytes;
    try {
      await this.#disk.append(file.name, written);
    } catch (error) {
      this.#file = undefined;
      if (file.pending === 0) this.#doom(file);
      throw error;
    }
    if (!this.#doomed.delete(file)) this.#diskBytes -= file.bytes;
    file.bytes += written.length;
    this.#diskBytes += file.bytes;
    if (this.#unplaced.delete(record)) this.#place(record, file);
    else if (file.pending === 0) this.#doom(file); // it was forgotten while it was written
  }

  #place(record: SpoolRecord, file: SpoolFile): void {
    file.pending++;
    record.place = { file, offsetBytes: file.bytes - record.lengthBytes };
    this.#unplacedBytes -= record.lengthBytes;
    if (this.#heldBytes > HELD_BYTES_MAX) this.release(record);
    record.settle(true);
    this.#enforce();
  }

  async #fileFor(lengthBytes: number): Promise<SpoolFile> {
    const current = this.#file;
    if (current !== undefined) {
      const fits = current.bytes + lengthBytes <= this.#bounds.bytesMax / FILES;
      if (fits || current.bytes === 0) return current;
    }
    const file = { name: `spool-${String(this.#nextFile++).padStart(10, '0')}`, bytes: 0, pending: 0 };
    await this.#disk.create(file.name);
    this.#file = file;
    if (current !== undefined && current.pending === 0) this.#doom(current);
    return file;
  }

  #setFault(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#fault = { reason, sinceMs: this.#clock.nowMs() };
  }
}

/** An entry from its payload; undefined where that is none of reports that this version reads. */
export function spoolEntry(payload: Uint8Array): SpoolEntry | undefined {
  const batches = batchRefs(payload);
  const second = batches?.reduce((newest, batch) => Math.max(newest, batch.second), 0) ?? 0;
  return batches && { payload, second, batches };
}

/** What an entry holds; undefined where it is none of reports that this version reads. */
function batchRefs(payload: Uint8Array): BatchRef[] | undefined {
  try {
    const entry = decodeEntry(payload);
    if (entry.kind === 'control') return undefined;
    return entry.batches.map(({ source, sequence, second }) => ({ source, sequence, second }));
  } catch {
    return undefined;
  }
}
