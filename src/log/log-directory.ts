/** The files of one log directory: `<offset of the first record, 16 digits>.tglog`, ascending by name.
 *  Owns their names and what one file's bytes say. Does not: write, lock, wait. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { LogCorruptError, type LogEntry } from '../model/log.ts';
import { decodeFileHeader, decodeRecord, FILE_HEADER_BYTES, type FileHeader, findRecord } from './record.ts';

const SUFFIX = '.tglog';
const NAME = /^(\d{16})\.tglog$/;
/** A file gets its name only when its header is durable; until then it is called this. */
export const UNFINISHED_SUFFIX = `${SUFFIX}.new`;

export interface LogFileName {
  readonly path: string;
  readonly firstOffset: number;
}

export function logFilePath(directory: string, firstOffset: number): string {
  return path.join(directory, `${String(firstOffset).padStart(16, '0')}${SUFFIX}`);
}

/** Among the names of a directory, the log's files in the order of their offsets. */
export function logFileNames(directory: string, names: readonly string[]): LogFileName[] {
  return names
    .filter((name) => NAME.test(name))
    .toSorted()
    .map((name) => ({ path: path.join(directory, name), firstOffset: Number(NAME.exec(name)![1]) }));
}

/** Throws LogCorruptError where the bytes are not the header of the file of that name. */
export function fileHeader(file: LogFileName, bytes: Buffer): FileHeader {
  const header = decodeFileHeader(bytes);
  if ('what' in header) throw new LogCorruptError(file.path, 0, header.what);
  if (header.firstOffset !== file.firstOffset) {
    throw new LogCorruptError(
      file.path,
      28,
      `first offset is ${header.firstOffset}, expected that of its name`,
    );
  }
  return header;
}

/** What a log file holds, in order. After damage goes on at the next whole record. */
export type LogFinding =
  | { readonly kind: 'entry'; readonly path: string; readonly offsetBytes: number; readonly entry: LogEntry }
  | {
      readonly kind: 'damage';
      readonly path: string;
      readonly offsetBytes: number;
      readonly what: string;
      /** Nothing that was ever durable is harmed: a write that a crash cut short, at the end of the bytes. */
      readonly torn: boolean;
    };

/** All records of one file's bytes. Only the newest file can end in a torn write, which is then the last
 *  finding: before a file is begun the one before it is durable. */
export function* scanRecords(file: LogFileName, bytes: Buffer, isNewest: boolean): Generator<LogFinding> {
  let at = FILE_HEADER_BYTES;
  let offset = file.firstOffset;
  while (at < bytes.length) {
    const record = decodeRecord(bytes, at, offset);
    if (record.kind === 'record') {
      yield { kind: 'entry', path: file.path, offsetBytes: at, entry: record.entry };
      at += record.lengthBytes;
      offset += 1;
      continue;
    }
    const torn = isNewest && isTorn(bytes, at, offset);
    yield { kind: 'damage', path: file.path, offsetBytes: at, what: record.what, torn };
    const found = torn ? undefined : findRecord(bytes, at + 1, { at, offset });
    if (found === undefined) return;
    at = found.at;
    offset = found.record.entry.offset;
  }
}

/** Whether no whole record after the broken one at `at` was written when that one was durable already. */
function isTorn(bytes: Buffer, at: number, offset: number): boolean {
  let from = at + 1;
  for (;;) {
    const found = findRecord(bytes, from, { at, offset });
    if (found === undefined) return true;
    if (found.record.groupOffset > offset) return false;
    from = found.at + found.record.lengthBytes;
  }
}

/** Every entry that a log directory holds, and every damage, as values: for tools, without a lock and without a
 *  running log. Reads one file at a time. In a log that is being written the newest entries may not be durable
 *  yet, and the newest file may end torn. */
export function* readLogFiles(directory: string): Generator<LogFinding> {
  const files = logFileNames(directory, readdirSync(directory));
  let identity: string | undefined;
  let offset = files[0]?.firstOffset;
  for (const file of files) {
    const bytes = readFileSync(file.path);
    const header = decodeFileHeader(bytes);
    const faults = 'what' in header ? [header.what] : placeFaults(header, file, { identity, offset });
    for (const what of faults) yield { kind: 'damage', path: file.path, offsetBytes: 0, what, torn: false };
    if (!('what' in header)) identity ??= header.identity;
    offset = file.firstOffset;
    for (const finding of scanRecords(file, bytes, file === files.at(-1))) {
      if (finding.kind === 'entry') offset = finding.entry.offset + 1;
      yield finding;
    }
  }
}

function placeFaults(
  header: FileHeader,
  file: LogFileName,
  expected: { readonly identity: string | undefined; readonly offset: number | undefined },
): string[] {
  const faults: string[] = [];
  if (header.firstOffset !== file.firstOffset) {
    faults.push(`first offset is ${header.firstOffset}, expected that of the name`);
  }
  if (file.firstOffset !== expected.offset) {
    faults.push(
      `file begins at offset ${file.firstOffset}, expected ${expected.offset}, where the one before it ends`,
    );
  }
  if (expected.identity !== undefined && header.identity !== expected.identity) {
    faults.push(
      `file is of log ${header.identity}, expected ${expected.identity}, that of the one before it`,
    );
  }
  return faults;
}

/** Which log the files are of, and which offsets they hold; undefined where there is no file. Reads the newest file
 *  whole: only its records say where it ends. Throws LogCorruptError for a header that is none. */
export function logExtent(
  directory: string,
): { readonly identity: string; readonly firstOffset: number; readonly endOffset: number } | undefined {
  const files = logFileNames(directory, readdirSync(directory));
  const [oldest, newest] = [files[0], files.at(-1)];
  if (oldest === undefined || newest === undefined) return undefined;
  const bytes = readFileSync(newest.path);
  const { identity } = fileHeader(newest, bytes);
  let endOffset = newest.firstOffset;
  for (const finding of scanRecords(newest, bytes, true)) {
    if (finding.kind === 'entry') endOffset = finding.entry.offset + 1;
  }
  return { identity, firstOffset: oldest.firstOffset, endOffset };
}
