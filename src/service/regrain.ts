/** Replays at another granularity: what an instrumentation says of its retention is changed on the way into the
 *  fold, so that whole seconds go as soon as they are rolled up and nothing finer than asked is kept. */
import { type ControlEvent, ControlEventError } from '../model/control.ts';
import { type Level, LEVELS, keepSecondsOf, type Retention } from '../model/level.ts';
import type { LogEntry } from '../model/log.ts';
import { decodeEntry, encodeControlEntry } from '../model/report.ts';

/** First byte of an entry that carries a control event (docs/REPORT_FORMAT.md). */
const CONTROL_BYTE = 2;

export interface Regrain {
  /** The finest level that is kept. */
  readonly finest: Level;
}

/** The entry, with another retention where it tells of one. */
export function regrained(entry: LogEntry, regrain: Regrain | undefined): LogEntry {
  if (regrain === undefined || entry.payload[0] !== CONTROL_BYTE) return entry;
  const event = controlOf(entry);
  if (event?.kind === 'instrumentation-created') {
    const instrumentation = { ...event.instrumentation, ...coarser(event.instrumentation, regrain) };
    return { ...entry, payload: encodeControlEntry({ ...event, instrumentation }) };
  }
  if (event?.kind !== 'instrumentation-changed') return entry;
  return { ...entry, payload: encodeControlEntry({ ...event, ...coarser(event, regrain) }) };
}

/** Undefined for what the fold will refuse. */
function controlOf({ payload }: LogEntry): ControlEvent | undefined {
  try {
    const view = decodeEntry(payload);
    return view.kind === 'control' ? view.event : undefined;
  } catch (error) {
    if (error instanceof ControlEventError) return undefined;
    throw error;
  }
}

/** Levels below the finest are kept for nothing, the finest as long as any finer one was. */
function coarser(retention: Retention, { finest }: Regrain): Retention {
  if (finest === 1) return retention;
  const longest = Math.max(
    ...LEVELS.filter((level) => level <= finest).map((l) => keepSecondsOf(retention, l)),
  );
  const keepLevels = LEVELS.filter((level) => level > 1).map((level) => ({
    level,
    keepSeconds: level < finest ? 0 : level === finest ? longest : keepSecondsOf(retention, level),
  }));
  return { keepSeconds: 1, keepLevels };
}
