/** Checks the parts of a data directory against each other: what the log says against what the stores hold, the
 *  roll-ups against the seconds they were made of, the catalogue against both. Changes nothing; folds the log once more
 *  in a temporary directory, which takes as long as a replay. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kernel } from '../kernel/kernel.ts';
import { FUTURE_SECONDS_MAX, SOURCE_FORGET_SECONDS } from '../model/limits.ts';
import { openCatalogue } from '../store/catalogue.ts';
import { type CompareOptions, compareStores, saidFault } from '../store/compare.ts';
import { placeName } from '../store/place.ts';
import { StoredStore } from '../store/stored.ts';
import { entriesOf, extentOf, type LogExtent, type StoredLog } from './log-entries.ts';
import { storeNames } from './ownership.ts';
import { replay, type ReplayProgress } from './replay.ts';
import type { DataVerification } from './verification.ts';

/** Findings told of one store. */
const FINDINGS_MAX = 100;

export interface CrossCheckOptions {
  readonly data: string;
  readonly kernel: Kernel;
  readonly onProgress: (progress: ReplayProgress) => void;
}

/** Roll-ups against what they were made of, where that is still kept. */
export function checkRollUps(data: string, kernel: Kernel): DataVerification {
  const findings: string[] = [];
  let [checked, left] = [0, 0];
  for (const name of storeNames(data)) {
    const store = new StoredStore(join(data, name), kernel);
    for (const rows of store.places.values()) {
      const place = rows[0]!;
      if (place.level === 1 || store.isPending(place) || store.isExpired(place)) continue;
      const made = store.rolledUp(place);
      const fault = made && saidFault(store.said(place), made);
      if (made === undefined) left++;
      else checked++;
      if (fault !== undefined && findings.length < FINDINGS_MAX)
        findings.push(`${name}: roll-up ${placeName(place)}: ${fault}, that of the seconds it was made of`);
    }
    store.close();
  }
  const kept = left === 0 ? '' : `; of ${left} the finer steps are past their retention`;
  return { lines: [`roll-ups: ${checked} equal what they were made of${kept}`], findings };
}

/** Stores and catalogue against a fold of the log. */
export async function checkAgainstLog({
  data,
  kernel,
  onProgress,
}: CrossCheckOptions): Promise<DataVerification> {
  const log: StoredLog = { kind: 'file', directory: join(data, 'log') };
  if (!existsSync(log.directory) || storeNames(data).length === 0) return { lines: [], findings: [] };
  const extent = await extentOf(log);
  const into = mkdtempSync(join(tmpdir(), 'tailglow-verify-'));
  try {
    const untilOffsets = storeNames(data).map((name) => foldedOffset(join(data, name), kernel));
    await replay({ data, log: 'file', into, kernel: kernel.name, finest: 1, untilOffsets, onProgress });
    const fromSecond = await firstWholeSecond(log, extent);
    const options = { kernel, ...(fromSecond === undefined ? {} : { fromSecond }) };
    const parts = storeNames(data).map((name) => comparedStore(name, [data, into], options));
    const all = [...parts, await checkCatalogue({ data, rebuilt: into }, log, extent)];
    return { lines: all.flatMap((p) => p.lines), findings: all.flatMap((p) => p.findings) };
  } finally {
    rmSync(into, { recursive: true, force: true });
  }
}

/** One store of two data directories. */
export function comparedStore(
  name: string,
  [data, other]: readonly [string, string],
  options: CompareOptions,
): DataVerification {
  const { differences, equalSegments, equalBytes, equalPlaces } = compareStores(
    join(data, name),
    join(other, name),
    options,
  );
  const equal = `${equalSegments} segments (${equalBytes} bytes) are equal byte for byte, ${equalPlaces} blocks in what they say`;
  return {
    lines: [`${name}, beside ${other}: ${equal}`],
    findings: differences.map((what) => `${name}, beside ${other}: ${what}`),
  };
}

function foldedOffset(directory: string, kernel: Kernel): number {
  const store = new StoredStore(directory, kernel);
  store.close();
  return store.state?.nextOffset ?? 0;
}

/** All reports of seconds from here on are in what is left of the log; undefined where it is whole. */
async function firstWholeSecond(log: StoredLog, extent: LogExtent): Promise<number | undefined> {
  if (extent.firstOffset === 0) return undefined;
  for await (const [first] of entriesOf(log, extent.endOffset)) {
    if (first === undefined) continue;
    return Math.ceil(first.arrivedMs / 1000) + FUTURE_SECONDS_MAX + SOURCE_FORGET_SECONDS;
  }
  return Number.MAX_SAFE_INTEGER;
}

/** Also where a crash left the catalogue behind the log: it goes on from where it is, in a copy. */
async function checkCatalogue(
  { data, rebuilt }: { readonly data: string; readonly rebuilt: string },
  log: StoredLog,
  extent: LogExtent,
): Promise<DataVerification> {
  const copy = join(rebuilt, 'copy');
  mkdirSync(copy);
  for (const name of readdirSync(data).filter((n) => n.startsWith('catalogue.db'))) {
    copyFileSync(join(data, name), join(copy, name));
  }
  const [found, expected] = [
    await catalogueText(copy, log, extent),
    await catalogueText(rebuilt, log, { ...extent, endOffset: 0 }),
  ];
  if (found === expected) return { lines: ['catalogue: equal to a fold of the log'], findings: [] };
  return { lines: [], findings: [`catalogue: it says ${found}, a fold of the log ${expected}`] };
}

/** What lives, what has expired, what is pinned, at the end of the log. */
async function catalogueText(directory: string, log: StoredLog, extent: LogExtent): Promise<string> {
  const catalogue = openCatalogue(join(directory, 'catalogue.db'), extent.identity);
  try {
    for await (const entries of entriesOf(log, extent.endOffset)) catalogue.fold(entries);
    return JSON.stringify([catalogue.instrumentations(), catalogue.expired(), catalogue.pins()]);
  } finally {
    catalogue.close();
  }
}
