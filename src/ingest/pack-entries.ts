/** Encoded batches as log entries, as few as the bounds of an entry allow, in their order. */
import { ENTRY_BATCHES_MAX, ENTRY_BYTES_MAX } from '../model/limits.ts';
import { encodeReportEntry } from '../model/report.ts';

/** Bytes of batches in one entry; the rest of ENTRY_BYTES_MAX is for its kind, its count and a length each. */
export const PACKED_BYTES_MAX = ENTRY_BYTES_MAX - 16 - 5 * ENTRY_BATCHES_MAX;

/** Each batch has at most PACKED_BYTES_MAX bytes. */
export function* packEntries(batches: Iterable<Uint8Array>): Generator<Uint8Array> {
  let group: Uint8Array[] = [];
  let bytes = 0;
  for (const batch of batches) {
    if (group.length === ENTRY_BATCHES_MAX || bytes + batch.length > PACKED_BYTES_MAX) {
      if (group.length > 0) yield encodeReportEntry(group);
      [group, bytes] = [[], 0];
    }
    group.push(batch);
    bytes += batch.length;
  }
  if (group.length > 0) yield encodeReportEntry(group);
}
