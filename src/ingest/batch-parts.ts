/** One second's reports as batches that each fit an entry with room to spare: what is larger is halved, by reports
 *  and then by rows, until it fits or is as small as it gets. Does not: number, know sources. */
import type { Report, Row } from '../model/batch.ts';
import { ENTRY_BYTES_MAX } from '../model/limits.ts';

/** A batch that is larger is said in parts: far below an entry, so that several share one. */
const BATCH_BYTES_MAX = ENTRY_BYTES_MAX / 4;

/** Calls `take` with the bytes of each part, in order; `encode` gives the next batch of these reports. */
export function inParts(
  reports: readonly Report[],
  encode: (reports: readonly Report[]) => Uint8Array,
  take: (bytes: Uint8Array) => void,
): void {
  const bytes = encode(reports);
  const halves = bytes.length <= BATCH_BYTES_MAX ? undefined : halved(reports);
  if (halves === undefined) return take(bytes);
  for (const half of halves) inParts(half, encode, take);
}

/** Two lists that say the same together; undefined for a single row, which is as small as it gets. */
function halved(reports: readonly Report[]): readonly [readonly Report[], readonly Report[]] | undefined {
  const middle = reports.length >> 1;
  if (middle > 0) return [reports.slice(0, middle), reports.slice(middle)];
  const [report] = reports;
  if (report === undefined || report.rows.length < 2) return undefined;
  const part = (rows: readonly Row[]): Report => ({ ...report, rows });
  const half = report.rows.length >> 1;
  return [
    [{ ...part(report.rows.slice(0, half)), partial: true, dropped: 0 }],
    [part(report.rows.slice(half))],
  ];
}
