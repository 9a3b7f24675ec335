/** The files of a log as its one writer has them: the newest one open, its durable length known. Owns: opening
 *  and cutting, writing a group durably, beginning the next file, giving up old ones, coming back after a
 *  failed write. Does not: queue, retry, wait, lock.
 *
 *  Invariants: bytes below `#durableBytes` of the newest file, and all older files, are durable and never
 *  written again. After a failure nothing is written before `recover` has cut the file back to that length:
 *  what a failed sync leaves in memory is not on disk, and would never be written. */
import { assert } from '../model/assert.ts';
import type { Checksum } from '../model/crc32c.ts';
import { LogCorruptError } from '../model/log.ts';
import { type Disk, type DiskFile, writeWhole } from './disk.ts';
import {
  fileHeader,
  type LogFileName,
  logFileNames,
  logFilePath,
  scanRecords,
  UNFINISHED_SUFFIX,
} from './log-directory.ts';
import { encodeFileHeader, encodeRecord, FILE_HEADER_BYTES, RECORD_HEADER_BYTES } from './record.ts';

/** Before a full disk counts as writable again, this much is written to it and taken back. */
const PROBE_BYTES = 64 * 1024;

export interface GroupEntry {
  readonly arrivedMs: number;
  readonly payload: Uint8Array;
}

export interface LogFilesOptions {
  readonly disk: Disk;
  readonly fileBytes: number;
  readonly checksum: Checksum;
  readonly nowMs: () => number;
  readonly newIdentity: () => string;
}

export class LogFiles {
  readonly identity: string;
  /** Bytes of a torn write that opening cut off the end. */
  readonly cutBytes: number;
  readonly #directory: string;
  readonly #options: LogFilesOptions;
  #files: LogFileName[];
  #file: DiskFile;
  #durableBytes: number;
  #end: number;
  /** The next file was begun and may exist, so nothing more goes into the one before it. */
  #isBeginning = false;

  private constructor(directory: string, options: LogFilesOptions, state: OpenState) {
    this.#directory = directory;
    this.#options = options;
    this.#files = state.files;
    this.#file = state.file;
    this.#durableBytes = state.durableBytes;
    this.#end = state.end;
    this.identity = state.identity;
    this.cutBytes = state.cutBytes;
  }

  /** Opens what is there, or makes a new log. Throws LogCorruptError. */
  static async open(directory: string, options: LogFilesOptions): Promise<LogFiles> {
    const { disk } = options;
    const names = await disk.list(directory);
    for (const name of names) if (name.endsWith(UNFINISHED_SUFFIX)) await disk.remove(`${directory}/${name}`);
    const files = logFileNames(directory, names);
    const newest = files.at(-1);
    if (newest !== undefined)
      return new LogFiles(directory, options, await openNewest(files, newest, options));
    const identity = options.newIdentity();
    const file = await beginFile(directory, 0, identity, options);
    const name = { path: logFilePath(directory, 0), firstOffset: 0 };
    const state = { files: [name], file, durableBytes: FILE_HEADER_BYTES, end: 0, identity, cutBytes: 0 };
    return new LogFiles(directory, options, state);
  }

  /** The offset that the next entry gets. */
  get end(): number {
    return this.#end;
  }

  /** Writes the entries and resolves when they are durable. After a rejection only `recover` may follow. */
  async write(group: readonly GroupEntry[]): Promise<void> {
    const bytes = this.#encode(group);
    const isFull = this.#durableBytes + bytes.length > this.#options.fileBytes;
    if (this.#isBeginning || (isFull && this.#durableBytes > FILE_HEADER_BYTES)) await this.#beginNext();
    await writeWhole(this.#file, bytes, this.#durableBytes);
    await this.#file.sync();
    this.#durableBytes += bytes.length;
    this.#end += group.length;
  }

  /** Cuts off what a failed write left and proves that writing works; rejects while it does not. */
  async recover(): Promise<void> {
    await this.#file.close().catch(() => {
      /* it failed already: what counts is whether it opens again */
    });
    this.#file = await this.#options.disk.update(this.#files.at(-1)!.path);
    await this.#file.truncate(this.#durableBytes);
    await writeWhole(this.#file, new Uint8Array(PROBE_BYTES), this.#durableBytes);
    await this.#file.sync();
    await this.#file.truncate(this.#durableBytes);
    await this.#file.sync();
  }

  /** Removes the files whose entries are all below `offset`, oldest first; never the newest. */
  async trim(offset: number): Promise<void> {
    let removed = false;
    while (this.#files.length > 1 && this.#files[1]!.firstOffset <= offset) {
      const oldest = this.#files[0]!;
      await this.#options.disk.remove(oldest.path);
      if (this.#files[0] === oldest) this.#files.shift();
      removed = true;
    }
    if (removed) await this.#options.disk.syncDirectory(this.#directory);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #beginNext(): Promise<void> {
    this.#isBeginning = true;
    const next = await beginFile(this.#directory, this.#end, this.identity, this.#options);
    this.#isBeginning = false;
    const full = this.#file;
    this.#file = next;
    this.#files.push({ path: logFilePath(this.#directory, this.#end), firstOffset: this.#end });
    this.#durableBytes = FILE_HEADER_BYTES;
    await full.close();
  }

  #encode(group: readonly GroupEntry[]): Buffer {
    const lengthBytes = group.reduce((sum, { payload }) => sum + RECORD_HEADER_BYTES + payload.length, 0);
    const out = Buffer.allocUnsafe(lengthBytes);
    let at = 0;
    group.forEach(({ arrivedMs, payload }, index) => {
      const entry = { offset: this.#end + index, arrivedMs, payload };
      at = encodeRecord(out, at, entry, index, this.#options.checksum);
    });
    assert(at === lengthBytes, 'a group fills its bytes');
    return out;
  }
}

interface OpenState {
  readonly files: LogFileName[];
  readonly file: DiskFile;
  readonly durableBytes: number;
  readonly end: number;
  readonly identity: string;
  readonly cutBytes: number;
}

async function openNewest(
  files: LogFileName[],
  newest: LogFileName,
  { disk }: LogFilesOptions,
): Promise<OpenState> {
  const bytes = await disk.read(newest.path);
  const { identity } = fileHeader(newest, bytes);
  let end = newest.firstOffset;
  let durableBytes = bytes.length;
  for (const finding of scanRecords(newest, bytes, true)) {
    if (finding.kind === 'entry') end = finding.entry.offset + 1;
    else if (finding.torn) durableBytes = finding.offsetBytes;
    else throw new LogCorruptError(finding.path, finding.offsetBytes, finding.what);
  }
  const file = await disk.update(newest.path);
  if (durableBytes < bytes.length) await file.truncate(durableBytes);
  await file.sync();
  return { files, file, durableBytes, end, identity, cutBytes: bytes.length - durableBytes };
}

/** Makes a file with its header, and gives it its name when the header is durable: a named file is whole. */
async function beginFile(
  directory: string,
  firstOffset: number,
  identity: string,
  { disk, nowMs }: LogFilesOptions,
): Promise<DiskFile> {
  const path = logFilePath(directory, firstOffset);
  const unfinished = path.replace(/\.tglog$/, UNFINISHED_SUFFIX);
  const file = await disk.create(unfinished);
  try {
    await writeWhole(file, encodeFileHeader({ identity, firstOffset, createdMs: Math.floor(nowMs()) }), 0);
    await file.sync();
    await disk.rename(unfinished, path);
    await disk.syncDirectory(directory);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
