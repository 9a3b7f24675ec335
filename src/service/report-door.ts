/** The check of batches that come from outside, before the log takes them: their bytes down to the last cell, and
 *  what the fold would refuse (an instrumentation that does not live, another grid, a second ahead of time or past
 *  all retention). All or nothing. Yields the event loop between batches. */
import type { Clock } from '../model/clock.ts';
import { unixSecond } from '../model/clock.ts';
import { ControlEventError } from '../model/control.ts';
import type { Checksum } from '../model/crc32c.ts';
import { sameGrid } from '../model/grid.ts';
import type { Instrumentation } from '../model/instrumentation.ts';
import { keepSecondsMax } from '../model/level.ts';
import { FUTURE_SECONDS_MAX } from '../model/limits.ts';
import {
  type BatchView,
  decodeEntry,
  decodeRows,
  ReportCorruptError,
  type ReportView,
  sourceName,
} from '../model/report.ts';
import { CellsBuffer } from '../model/series.ts';
import { ProblemException } from './problem.ts';

export interface Door {
  readonly configuration: { instrumentations(): readonly Instrumentation[] };
  readonly clock: Clock;
  readonly checksum: Checksum;
}

/** Throws ProblemException: 400 for bytes that are no batches, 422 for what would not be folded. */
export async function checkedEntry(payload: Uint8Array, door: Door): Promise<readonly BatchView[]> {
  const batches = decoded(payload, door.checksum);
  const living = new Map(door.configuration.instrumentations().map((i) => [i.id, i]));
  const nowSecond = unixSecond(door.clock.nowMs());
  const cells = new CellsBuffer();
  for (const [index, batch] of batches.entries()) {
    for (const report of batch.reports) {
      checkRows(payload, report, cells);
      const fault = misfit(report, batch, living.get(report.instrumentation), nowSecond);
      if (fault !== undefined) throw unfit(index, batch, report, fault);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  return batches;
}

function decoded(payload: Uint8Array, checksum: Checksum): readonly BatchView[] {
  try {
    const entry = decodeEntry(payload, checksum);
    if (entry.kind === 'reports') return entry.batches;
  } catch (error) {
    if (error instanceof ReportCorruptError)
      throw corrupt(error.offsetBytes, error.message.replace(/^Cannot read report: /, ''));
    if (!(error instanceof ControlEventError)) throw error;
  }
  throw corrupt(0, 'it is a control event, expected batches');
}

function checkRows(payload: Uint8Array, report: ReportView, cells: CellsBuffer): void {
  cells.length = 0;
  try {
    decodeRows(report, 0, cells, () => 0);
  } catch (error) {
    if (!(error instanceof ReportCorruptError)) throw error;
    const start = report.body.byteOffset - payload.byteOffset;
    const what = error.message.replace(/^Cannot read report: /, '').replace(/ at byte \d+$/, '');
    const byte = start + error.offsetBytes;
    throw corrupt(byte, `a row of "${report.instrumentation}": ${what} at byte ${byte}`);
  }
}

function misfit(
  report: ReportView,
  { second }: BatchView,
  instrumentation: Instrumentation | undefined,
  nowSecond: number,
): string | undefined {
  if (instrumentation === undefined) return 'no such instrumentation lives';
  const { grid, by } = instrumentation;
  if (!sameGrid(report.grid, grid)) return `it counts on a ${report.grid.kind} grid, expected ${grid.kind}`;
  if (report.rowCount > 0 && report.fieldCount !== by.length)
    return `its keys have ${report.fieldCount} fields, expected ${by.length}`;
  if (second > nowSecond + FUTURE_SECONDS_MAX) return `its second is ${second - nowSecond} s ahead of time`;
  const ageSeconds = nowSecond - second;
  const keptSeconds = keepSecondsMax(instrumentation);
  if (ageSeconds > keptSeconds)
    return `its second is ${ageSeconds} s ago, and no level is kept longer than ${keptSeconds} s`;
  return undefined;
}

function corrupt(byte: number, what: string): ProblemException {
  return new ProblemException({
    status: 400,
    code: 'REPORT_CORRUPT',
    title: 'These are no batches of reports',
    detail: `Cannot read the entry: ${what}`,
    errors: [{ message: what, byte }],
  });
}

function unfit(index: number, batch: BatchView, report: ReportView, fault: string): ProblemException {
  const { source, sequence, second } = batch;
  const where = `batch ${index} (${sourceName(source)}, sequence ${sequence}, second ${second})`;
  return new ProblemException({
    status: 422,
    code: 'REPORT_UNFIT',
    title: 'A report does not fit what lives here',
    detail: `Cannot take the report of "${report.instrumentation}" in ${where}: ${fault}; nothing of the entry was taken`,
  });
}
