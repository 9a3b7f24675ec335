/** The bytes of a file of receipts. Owns: records and where an intact file ends. Does not: touch a disk.
 *
 *  | at | bytes | what                                                                   |
 *  |----|-------|------------------------------------------------------------------------|
 *  | 0  | 8     | "TGRECPT1"                                                             |
 *  | then records:                                                                       |
 *  | 0  | 4     | length of what follows the checksum, little-endian                     |
 *  | 4  | 4     | CRC-32C of what follows                                                |
 *  | 8  | 4     | Unix second in which it was written                                    |
 *  | 12 | 4     | n, how many receipts                                                   |
 *  | 16 | 16 n  | the receipts: digests of requests whose counts are in the entries      |
 *  | .. | ..    | log entries, each after its length in 4 bytes                          |
 *
 *  A record with neither is said when all before it is safe in the log. A file is only ever appended to, so what
 *  follows the first record that does not check is a torn tail. */
import { crc32c } from '../model/crc32c.ts';

export const RECEIPTS_MAGIC = Buffer.from('TGRECPT1', 'latin1');
export const RECEIPT_BYTES = 16;
const HEADER_BYTES = 16;

export interface ReceiptRecord {
  readonly second: number;
  /** Each RECEIPT_BYTES as hexadecimal digits. */
  readonly receipts: readonly string[];
  readonly entries: readonly Uint8Array[];
}

export function encodeReceipts({ second, receipts, entries }: ReceiptRecord): Uint8Array {
  const entryBytes = entries.reduce((sum, entry) => sum + 4 + entry.length, 0);
  const bytes = Buffer.alloc(HEADER_BYTES + receipts.length * RECEIPT_BYTES + entryBytes);
  bytes.writeUInt32LE(bytes.length - 8, 0);
  bytes.writeUInt32LE(second, 8);
  bytes.writeUInt32LE(receipts.length, 12);
  let at = HEADER_BYTES;
  for (const receipt of receipts) at += bytes.write(receipt, at, RECEIPT_BYTES, 'hex');
  for (const entry of entries) {
    at = bytes.writeUInt32LE(entry.length, at);
    bytes.set(entry, at);
    at += entry.length;
  }
  bytes.writeUInt32LE(crc32c(bytes.subarray(8)), 4);
  return bytes;
}

/** The intact records of a file, in order. */
export function scanReceipts(file: Uint8Array): ReceiptRecord[] {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const records: ReceiptRecord[] = [];
  if (!bytes.subarray(0, RECEIPTS_MAGIC.length).equals(RECEIPTS_MAGIC)) return records;
  let at = RECEIPTS_MAGIC.length;
  while (at + HEADER_BYTES <= bytes.length) {
    const end = at + 8 + bytes.readUInt32LE(at);
    if (end < at + HEADER_BYTES || end > bytes.length) break;
    const body = bytes.subarray(at + 8, end);
    const record = crc32c(body) === bytes.readUInt32LE(at + 4) ? decodeBody(body) : undefined;
    if (record === undefined) break;
    records.push(record);
    at = end;
  }
  return records;
}

function decodeBody(body: Buffer): ReceiptRecord | undefined {
  const count = body.readUInt32LE(4);
  const receiptsEnd = HEADER_BYTES - 8 + count * RECEIPT_BYTES;
  if (receiptsEnd > body.length) return undefined;
  const receipts = Array.from({ length: count }, (_, i) => {
    const start = HEADER_BYTES - 8 + i * RECEIPT_BYTES;
    return body.toString('hex', start, start + RECEIPT_BYTES);
  });
  const entries: Uint8Array[] = [];
  for (let at = receiptsEnd; at < body.length;) {
    const end = at + 4 + (at + 4 <= body.length ? body.readUInt32LE(at) : 0);
    if (end === at + 4 || end > body.length) return undefined;
    entries.push(body.subarray(at + 4, end));
    at = end;
  }
  return { second: body.readUInt32LE(0), receipts, entries };
}
