/** What was known at an earlier time: a fold of the log's entries from shortly before a range up to that time, of
 *  one instrumentation, kept in memory. It is the fold of the store (fold.ts), so what it says is what the store
 *  said then; but seconds stay as long as the log has them.
 *  Owns: which entries count, what of the fold stays. Does not: read the log.
 *  The instrumentation is taken as it is now, and as measuring when the first entry came: the log need not reach
 *  back to when it was made. Bounded in cells. */
import type { Kernel } from '../kernel/kernel.ts';
import { assert } from '../model/assert.ts';
import type { CoverageBlock } from '../model/coverage.ts';
import type { Grid } from '../model/grid.ts';
import { type Instrumentation, measuresText } from '../model/instrumentation.ts';
import { BLOCK_STEPS, FUTURE_SECONDS_MAX, SOURCE_FORGET_SECONDS } from '../model/limits.ts';
import { ARRIVAL_DISORDER_MS_MAX, type LogEntry } from '../model/log.ts';
import { decodeEntry, encodeControlEntry } from '../model/report.ts';
import type { CellBlock, KeyValues, SecondRange, SeriesReader } from '../model/series.ts';
import { Fold } from './fold.ts';
import type { SealedBlock } from './head.ts';

/** Of sealed blocks, 13 bytes each: 104 MB; the open ones are a quarter at most. */
const CELLS_MAX = 8e6;
/** First byte of an entry that carries a control event (docs/REPORT_FORMAT.md). */
const CONTROL_BYTE = 2;
/** What the log has is not too old: longer than any log is kept. */
const KEEP_SECONDS = 100 * 365 * 86_400;

export interface AsOf extends SecondRange {
  /** Another range that is asked for too. */
  readonly earlier?: SecondRange;
  readonly instrumentation: Instrumentation;
  readonly asOfSecond: number;
}

/** What the range holds is more than may be held. */
export class AsOfTooLargeError extends Error {
  readonly code = 'TOO_LARGE';
}

/** Entries that arrived before this tell nothing of the range: neither its counts nor who was expected. */
export function asOfStartMs(asOf: Pick<AsOf, 'fromSecond' | 'untilSecond' | 'earlier'>): number {
  const firstSecond = Math.min(...rangesOf(asOf).map(({ fromSecond }) => fromSecond));
  return Math.max(0, (firstSecond - SOURCE_FORGET_SECONDS - FUTURE_SECONDS_MAX) * 1000);
}

function rangesOf({
  fromSecond,
  untilSecond,
  earlier,
}: Omit<AsOf, 'instrumentation' | 'asOfSecond'>): SecondRange[] {
  return [{ fromSecond, untilSecond }, ...(earlier === undefined ? [] : [earlier])];
}

export class AsOfReader implements SeriesReader {
  readonly #asOf: AsOf;
  readonly #cellsMax: number;
  readonly #fold: Fold;
  #sealed: SealedBlock[] = [];
  #sealedCells = 0;

  constructor(asOf: AsOf, kernel: Kernel, cellsMax = CELLS_MAX) {
    this.#asOf = asOf;
    this.#cellsMax = cellsMax;
    const instrumentation = kept(asOf.instrumentation);
    const owns = (id: string): boolean => id === instrumentation.id;
    this.#fold = new Fold({ kernel, owns, headCellsMax: Math.ceil(cellsMax / 4) });
    const payload = encodeControlEntry({ kind: 'instrumentation-created', instrumentation });
    this.#fold.apply({ offset: 0, arrivedMs: asOfStartMs(asOf), payload });
  }

  /** Takes the next entries of the log; true where none that comes later can count. Throws AsOfTooLargeError. */
  take(entries: readonly LogEntry[]): boolean {
    const untilMs = this.#asOf.asOfSecond * 1000;
    for (const entry of entries) {
      if (entry.arrivedMs > untilMs + ARRIVAL_DISORDER_MS_MAX) return true;
      if (entry.arrivedMs <= untilMs) this.#apply(entry);
    }
    return false;
  }

  keyValues(instrumentation: string, field: string): KeyValues {
    const place = this.#asOf.instrumentation.by.indexOf(field);
    const blocks = [...this.#sealed, ...(this.#fold.head(instrumentation)?.blocks() ?? [])];
    const values = new Set(place < 0 ? [] : blocks.flatMap(({ keys }) => keys.map((key) => key[place]!)));
    return { values: [...values].toSorted(), complete: true };
  }

  grid(): Grid {
    return this.#asOf.instrumentation.grid;
  }

  *blocks(instrumentation: string, fromSecond: number, untilSecond: number): Generator<CellBlock> {
    assert(instrumentation === this.#asOf.instrumentation.id, 'it knows one instrumentation');
    if (!this.#isSame()) return;
    const open = this.#fold.head(instrumentation)?.blocks() ?? [];
    for (const { startSecond, keys, cells } of [...this.#sealed, ...open]) {
      const overlaps = startSecond < untilSecond && startSecond + BLOCK_STEPS > fromSecond;
      if (overlaps && cells.length > 0) yield { startSecond, stepSeconds: 1, keys, cells };
    }
  }

  *coverage(instrumentation: string, fromSecond: number, untilSecond: number): Generator<CoverageBlock> {
    const head = this.#fold.head(instrumentation);
    if (head === undefined || !this.#isSame()) return;
    for (const { startSecond, coverage } of this.#sealed) {
      if (startSecond < untilSecond && startSecond + BLOCK_STEPS > fromSecond) yield coverage;
    }
    const ending = this.#fold.ending(instrumentation);
    yield* head.coverage(fromSecond, untilSecond, this.#fold.openSecond(head), ending);
  }

  #apply(entry: LogEntry): void {
    const said = this.#translated(entry);
    if (said === undefined) return;
    const fold = this.#fold;
    fold.apply(said);
    if (fold.takeGone().length > 0) this.#forget();
    for (let cause = fold.due(); cause !== undefined; cause = fold.due()) {
      for (const block of fold.seal(cause)) this.#keep(block);
    }
    if (this.#sealedCells > this.#cellsMax) throw tooLarge(this.#asOf, this.#cellsMax);
  }

  /** Retention does not count here. What does not decode is left to the fold, which refuses it. */
  #translated(entry: LogEntry): LogEntry | undefined {
    if (entry.payload[0] !== CONTROL_BYTE) return entry;
    let view: ReturnType<typeof decodeEntry>;
    try {
      view = decodeEntry(entry.payload);
    } catch {
      return entry;
    }
    if (view.kind !== 'control') return entry;
    const { event } = view;
    switch (event.kind) {
      case 'instrumentation-created': {
        if (event.instrumentation.id !== this.#asOf.instrumentation.id) return undefined;
        const instrumentation = kept(event.instrumentation);
        return { ...entry, payload: encodeControlEntry({ ...event, instrumentation }) };
      }
      case 'instrumentation-paused':
      case 'instrumentation-resumed':
      case 'instrumentation-expired':
      case 'instrumentation-dropped':
        return event.id === this.#asOf.instrumentation.id ? entry : undefined;
      case 'instrumenter-online':
      case 'source-offline':
        return entry;
      case 'instrumentation-changed':
      case 'range-pinned':
      case 'range-unpinned':
      case 'space-reclaimed':
        return undefined;
    }
  }

  /** Whether what lived under the name at that time measured what it measures now. */
  #isSame(): boolean {
    const { instrumentation } = this.#asOf;
    const head = this.#fold.head(instrumentation.id);
    return head !== undefined && measuresText(head.instrumentation) === measuresText(instrumentation);
  }

  #keep(block: SealedBlock): void {
    const isAsked = rangesOf(this.#asOf).some(
      ({ fromSecond, untilSecond }) =>
        block.startSecond < untilSecond && block.startSecond + BLOCK_STEPS > fromSecond,
    );
    if (!isAsked) return;
    this.#sealed.push(block);
    this.#sealedCells += block.cells.length;
  }

  #forget(): void {
    this.#sealed = [];
    this.#sealedCells = 0;
  }
}

function tooLarge({ instrumentation, ...asOf }: AsOf, cellsMax: number): AsOfTooLargeError {
  const seconds = rangesOf(asOf).reduce(
    (sum, { fromSecond, untilSecond }) => sum + untilSecond - fromSecond,
    0,
  );
  const range = `${seconds} seconds`;
  return new AsOfTooLargeError(
    `Cannot answer from ${instrumentation.id}: what was known of ${range} holds more than ${cellsMax} cells, ask for less time`,
  );
}

function kept(instrumentation: Instrumentation): Instrumentation {
  return { ...instrumentation, keepSeconds: KEEP_SECONDS };
}
