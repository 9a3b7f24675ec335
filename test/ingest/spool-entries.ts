/** Entries for the spool, as a reporter puts them. */
import type { SpoolEntry } from '../../src/ingest/spool.ts';
import { encodeBatch, type Source } from '../../src/model/batch.ts';
import { COUNT } from '../../src/model/grid.ts';
import { encodeReportEntry } from '../../src/model/report.ts';

export const SOURCE: Source = { host: 'web1', driver: 'proc', incarnation: '00112233aabbccdd' };

/** The batch of `sequence`; its second is that many after 1 000 000. `padding` makes it longer. */
export function entryOf(sequence: number, padding = 0, source: Source = SOURCE): SpoolEntry {
  const second = 1_000_000 + sequence;
  const rows = Array.from({ length: padding }, (_, i) => ({
    key: [String(i)],
    histogram: { buckets: [0], counts: [1 + i] },
  }));
  const report = { instrumentation: 'one', grid: COUNT, partial: false, dropped: 0, rows };
  const bytes = encodeBatch({ source, sequence, second, reports: [report] });
  return { payload: encodeReportEntry([bytes]), second, batches: [{ source, sequence, second }] };
}
