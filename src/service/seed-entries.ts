/** What a log that was trimmed no longer says, but a fold of the rest must know: the instrumentations there are.
 *  Made of the catalogue, as entries before the first one kept. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LogEntry } from '../model/log.ts';
import { encodeControlEntry } from '../model/report.ts';
import { openCatalogue } from '../store/catalogue.ts';
import type { LogExtent } from './log-entries.ts';

/** None where the log is whole. Each stands just before `firstOffset`, in the order in which they began. */
export function seedEntries(data: string, { identity, firstOffset }: LogExtent): LogEntry[] {
  const path = join(data, 'catalogue.db');
  if (firstOffset === 0 || !existsSync(path)) return [];
  const catalogue = openCatalogue(path, identity);
  try {
    const expired = catalogue.expired().map(({ instrumentation }) => instrumentation);
    const known = [...expired, ...catalogue.instrumentations()].toSorted(
      (a, b) => a.createdSecond - b.createdSecond,
    );
    return known.map((instrumentation, i) => ({
      offset: firstOffset - known.length + i,
      arrivedMs: instrumentation.createdSecond * 1000,
      payload: encodeControlEntry({ kind: 'instrumentation-created', instrumentation }),
    }));
  } finally {
    catalogue.close();
  }
}
