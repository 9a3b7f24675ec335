/** What a log that was trimmed no longer says, but a fold of the rest must know: the metrics that
 *  hosts offer, the instrumentations and pins there are. Made of the catalogue, as entries before the first one kept. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../model/assert.ts';
import type { ControlEvent } from '../model/control.ts';
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
    const events: ControlEvent[] = [
      ...catalogue
        .hosts()
        .map(({ host, metrics }) => ({ kind: 'instrumenter-online' as const, host, metrics })),
      ...known.map((instrumentation) => ({ kind: 'instrumentation-created' as const, instrumentation })),
      ...catalogue.pins().map((pin) => ({ kind: 'range-pinned' as const, pin })),
    ];
    assert(events.length <= firstOffset, 'as many entries were trimmed, or they could not all be known');
    return events.map((event, i) => ({
      offset: firstOffset - events.length + i,
      arrivedMs: 0,
      payload: encodeControlEntry(event),
    }));
  } finally {
    catalogue.close();
  }
}
