/** The bytes of a spool file. Owns: records and where an intact file ends. Does not: touch a disk.
 *
 *  | at | bytes | what                                                        |
 *  |----|-------|-------------------------------------------------------------|
 *  | 0  | 8     | "TGSPOOL1"                                                  |
 *  | then records:                                                            |
 *  | 0  | 4     | length of the payload, little-endian, 1..ENTRY_BYTES_MAX    |
 *  | 4  | 4     | CRC-32C of the second's 4 bytes and the payload             |
 *  | 8  | 4     | newest Unix second that the entry speaks of                 |
 *  | 12 | n     | the log entry                                               |
 *
 *  A file is only ever appended to, so what follows the first record that does not check is a torn tail. */
import { crc32c } from '../model/crc32c.ts';
import { ENTRY_BYTES_MAX } from '../model/limits.ts';

export const FILE_MAGIC = Buffer.from('TGSPOOL1', 'latin1');
export const RECORD_HEADER_BYTES = 12;

export interface RecordPlace {
  readonly second: number;
  /** Of the payload, within the file. */
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

export function encodeRecord(second: number, payload: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(RECORD_HEADER_BYTES + payload.length);
  bytes.writeUInt32LE(payload.length, 0);
  bytes.writeUInt32LE(second, 8);
  bytes.set(payload, RECORD_HEADER_BYTES);
  bytes.writeUInt32LE(crc32c(bytes.subarray(8)), 4);
  return bytes;
}

/** The intact records of a file, in order; `intactBytes` is where they end. */
export function scanRecords(file: Uint8Array): { records: RecordPlace[]; intactBytes: number } {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const records: RecordPlace[] = [];
  if (!bytes.subarray(0, FILE_MAGIC.length).equals(FILE_MAGIC)) return { records, intactBytes: 0 };
  let at = FILE_MAGIC.length;
  while (at + RECORD_HEADER_BYTES <= bytes.length) {
    const lengthBytes = bytes.readUInt32LE(at);
    const end = at + RECORD_HEADER_BYTES + lengthBytes;
    if (lengthBytes === 0 || lengthBytes > ENTRY_BYTES_MAX || end > bytes.length) break;
    if (crc32c(bytes.subarray(at + 8, end)) !== bytes.readUInt32LE(at + 4)) break;
    records.push({ second: bytes.readUInt32LE(at + 8), offsetBytes: at + RECORD_HEADER_BYTES, lengthBytes });
    at = end;
  }
  return { records, intactBytes: at };
}

/** The payload of one record's bytes, header and all; undefined where they are not what was written. */
export function recordPayload(record: Uint8Array): Uint8Array | undefined {
  const { records } = scanRecords(Buffer.concat([FILE_MAGIC, record]));
  return records.length === 1 ? record.subarray(RECORD_HEADER_BYTES) : undefined;
}
