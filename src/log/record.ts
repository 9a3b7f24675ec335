/** The bytes of the log's files (docs/REPORT_FORMAT.md), pure. Integers are little-endian and unsigned.
 *
 *  A file: one header, then records, back to back.
 *  | header | bytes | field                                                                        |
 *  |      0 |     8 | "tglowlog"                                                                   |
 *  |      8 |     4 | version, 1                                                                   |
 *  |     12 |    16 | identity of the log, a UUID; the same in all its files                       |
 *  |     28 |     8 | offset of the first record; the file is named by it                          |
 *  |     36 |     8 | Unix milliseconds when the file was made                                     |
 *  |     44 |     4 | CRC-32C of bytes 0..43                                                       |
 *  | record | bytes | field                                                                        |
 *  |      0 |     4 | payload length N, 1..ENTRY_BYTES_MAX                                         |
 *  |      4 |     4 | CRC-32C of bytes 0..3 and 8..27+N                                            |
 *  |      8 |     8 | offset: that of the record before, plus 1                                    |
 *  |     16 |     8 | Unix milliseconds when the log took the entry                                |
 *  |     24 |     4 | records before this one in its commit group                                  |
 *  |     28 |     N | payload                                                                      |
 *
 *  A group is written only when the group before it is durable. So a whole record whose group began after a
 *  broken one proves that the broken one was durable once: that is what tells damage from a torn tail. */
import { assert } from '../model/assert.ts';
import { type Checksum, crc32c } from '../model/crc32c.ts';
import { ENTRY_BYTES_MAX } from '../model/limits.ts';
import type { LogEntry } from '../model/log.ts';

export const FILE_HEADER_BYTES = 48;
export const RECORD_HEADER_BYTES = 28;
const MAGIC = Buffer.from('tglowlog', 'latin1');
const VERSION = 1;
const TWO_32 = 2 ** 32;

export interface FileHeader {
  /** A UUID, lower case. */
  readonly identity: string;
  readonly firstOffset: number;
  readonly createdMs: number;
}

export interface LogRecord {
  readonly kind: 'record';
  readonly entry: LogEntry;
  /** Offset of the first entry of its commit group. */
  readonly groupOffset: number;
  readonly lengthBytes: number;
}

/** `short`: the bytes end before the record does; it would have `lengthBytes`. */
export type RecordFault =
  | { readonly kind: 'short'; readonly lengthBytes: number; readonly what: string }
  | { readonly kind: 'fault'; readonly what: string };

function putU64(out: Buffer, value: number, at: number): void {
  out.writeUInt32LE(value % TWO_32, at);
  out.writeUInt32LE(Math.floor(value / TWO_32), at + 4);
}

function getU64(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * TWO_32;
}

export function encodeFileHeader(header: FileHeader): Buffer {
  const out = Buffer.alloc(FILE_HEADER_BYTES);
  MAGIC.copy(out, 0);
  out.writeUInt32LE(VERSION, 8);
  assert(
    out.write(header.identity.replaceAll('-', ''), 12, 'hex') === 16,
    () => `identity is ${header.identity}`,
  );
  putU64(out, header.firstOffset, 28);
  putU64(out, header.createdMs, 36);
  out.writeUInt32LE(crc32c(out.subarray(0, 44)), 44);
  return out;
}

/** The header, or what is wrong with it. */
export function decodeFileHeader(bytes: Buffer): FileHeader | { readonly what: string } {
  if (bytes.length < FILE_HEADER_BYTES) {
    return { what: `expected a header of ${FILE_HEADER_BYTES} bytes, found ${bytes.length}` };
  }
  if (!bytes.subarray(0, 8).equals(MAGIC)) return { what: 'expected "tglowlog", so this is no log file' };
  const version = bytes.readUInt32LE(8);
  if (version !== VERSION) return { what: `version is ${version}, expected ${VERSION}` };
  if (crc32c(bytes.subarray(0, 44)) !== bytes.readUInt32LE(44))
    return { what: 'checksum of the header differs' };
  const identity = bytes
    .toString('hex', 12, 28)
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { identity, firstOffset: getU64(bytes, 28), createdMs: getU64(bytes, 36) };
}

/** Writes one record into `out` at `at`; `entry.payload` fits. Gives the place after it. */
export function encodeRecord(
  out: Buffer,
  at: number,
  entry: LogEntry,
  groupIndex: number,
  checksum: Checksum = crc32c,
): number {
  const { offset, arrivedMs, payload } = entry;
  const end = at + RECORD_HEADER_BYTES + payload.length;
  out.writeUInt32LE(payload.length, at);
  putU64(out, offset, at + 8);
  putU64(out, arrivedMs, at + 16);
  out.writeUInt32LE(groupIndex, at + 24);
  out.set(payload, at + RECORD_HEADER_BYTES);
  out.writeUInt32LE(recordChecksum(out, at, end, checksum), at + 4);
  return end;
}

function recordChecksum(bytes: Buffer, at: number, end: number, checksum: Checksum): number {
  return checksum(bytes.subarray(at + 8, end), checksum(bytes.subarray(at, at + 4)));
}

/** What a record's header says, unchecked by the checksum: enough to hop over it. */
export function peekRecord(
  bytes: Buffer,
  at: number,
  expectedOffset: number,
): { readonly kind: 'header'; readonly lengthBytes: number; readonly arrivedMs: number } | RecordFault {
  const available = bytes.length - at;
  if (available < RECORD_HEADER_BYTES) {
    return {
      kind: 'short',
      lengthBytes: RECORD_HEADER_BYTES,
      what: `the file ends ${available} bytes into a record`,
    };
  }
  const payloadBytes = bytes.readUInt32LE(at);
  if (payloadBytes < 1 || payloadBytes > ENTRY_BYTES_MAX) {
    return { kind: 'fault', what: `length is ${payloadBytes}, expected 1..${ENTRY_BYTES_MAX}` };
  }
  const offset = getU64(bytes, at + 8);
  if (offset !== expectedOffset)
    return { kind: 'fault', what: `offset is ${offset}, expected ${expectedOffset}` };
  return {
    kind: 'header',
    lengthBytes: RECORD_HEADER_BYTES + payloadBytes,
    arrivedMs: getU64(bytes, at + 16),
  };
}

/** The record at `at`, whose payload is a view of `bytes`, or what is wrong with it. */
export function decodeRecord(
  bytes: Buffer,
  at: number,
  expectedOffset: number,
  checksum: Checksum = crc32c,
): LogRecord | RecordFault {
  const header = peekRecord(bytes, at, expectedOffset);
  if (header.kind !== 'header') return header;
  const { lengthBytes, arrivedMs } = header;
  const available = bytes.length - at;
  if (available < lengthBytes) {
    return {
      kind: 'short',
      lengthBytes,
      what: `the file ends ${available} bytes into a record of ${lengthBytes}`,
    };
  }
  if (recordChecksum(bytes, at, at + lengthBytes, checksum) !== bytes.readUInt32LE(at + 4)) {
    return { kind: 'fault', what: 'checksum differs' };
  }
  const payload = bytes.subarray(at + RECORD_HEADER_BYTES, at + lengthBytes);
  const entry = { offset: expectedOffset, arrivedMs, payload };
  return { kind: 'record', entry, groupOffset: expectedOffset - bytes.readUInt32LE(at + 24), lengthBytes };
}

/** The first whole record at `from` or after, where the one at `broken.at` is broken and should have had
 *  `broken.offset`. Looks at every byte: slow, and used only after damage. */
export function findRecord(
  bytes: Buffer,
  from: number,
  broken: { readonly at: number; readonly offset: number },
): { readonly at: number; readonly record: LogRecord } | undefined {
  for (let at = from; at + RECORD_HEADER_BYTES < bytes.length; at++) {
    const offset = getU64(bytes, at + 8);
    const between = offset - broken.offset;
    if (between < 0 || between > (at - broken.at) / RECORD_HEADER_BYTES) continue;
    const record = decodeRecord(bytes, at, offset);
    if (record.kind === 'record') return { at, record };
  }
  return undefined;
}
