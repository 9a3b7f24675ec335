/** Question: how fast does one core fold binary reports into sealed segments, how many bytes is a
 *  histogram-second then, beside a row per cell in SQLite; and how soon is a store open again?
 *  Command: npm run bench -- fold
 *  The fold goes through entry, batch and rows, head, seal and commit; the median of some folds into new stores,
 *  after one that warms up, as a store runs for months. */
import Database from 'better-sqlite3';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadKernel } from '../src/kernel/native.ts';
import { assert } from '../src/model/assert.ts';
import { crc32c } from '../src/model/crc32c.ts';
import { histogramOf } from '../src/model/histogram.ts';
import { LL5 } from '../src/model/grid.ts';
import { BLOCK_STEPS, LATENESS_SECONDS } from '../src/model/limits.ts';
import type { LogEntry } from '../src/model/log.ts';
import {
  decodeEntry,
  decodeRows,
  encodeBatch,
  encodeControlEntry,
  encodeReportEntry,
  type Row,
} from '../src/model/report.ts';
import { CellsBuffer } from '../src/model/series.ts';
import { openStore, type Store } from '../src/store/store.ts';
import type { BenchResult, BenchRow, BenchSize } from './bench.ts';
import { median } from './measure.ts';
import { requestsBy } from './requests.ts';
import { latencyNs, seededRandom } from './workload.ts';

export const question =
  'How fast does one core fold reports into segments, and how many bytes does that take?';
export const smokeDigest = 'df77af2e';

const START = BLOCK_STEPS * 7_013_000;
const INSTRUMENTATION = requestsBy(['route'], { createdSecond: START, keepSeconds: 10_000_000 });

interface Shape {
  readonly sources: number;
  readonly keys: number;
  readonly events: number;
  readonly seconds: number;
  /** Seconds that the row store is given: it is slow. */
  readonly rowSeconds: number;
  /** Folds that are timed. */
  readonly rounds: number;
}

const SHAPES: Readonly<Record<BenchSize, Shape>> = {
  smoke: {
    sources: 2,
    keys: 3,
    events: 5,
    seconds: BLOCK_STEPS + LATENESS_SECONDS + 4,
    rowSeconds: 5,
    rounds: 1,
  },
  full: {
    sources: 20,
    keys: 10,
    events: 92,
    seconds: 2 * BLOCK_STEPS + LATENESS_SECONDS + 200,
    rowSeconds: 20,
    rounds: 5,
  },
};

export async function run(size: BenchSize): Promise<BenchResult> {
  const shape = SHAPES[size];
  const entries = makeEntries(shape);
  const directory = mkdtempSync(join(tmpdir(), 'tailglow-bench-'));
  try {
    const { rows, digest } = foldRows(entries, shape, directory);
    return { bench: 'fold', question, size, rows, digest };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function foldRows(entries: readonly LogEntry[], shape: Shape, directory: string) {
  const folds = Array.from({ length: shape.rounds }, (_, round) => {
    const other = open(join(directory, `round ${round}`));
    const ms = elapsedMs(() => other.fold(entries));
    other.close();
    return ms;
  });
  const store = open(directory);
  folds.push(elapsedMs(() => store.fold(entries)));
  const foldMs = median(folds.slice(1));
  const { cells, segmentBytes, segments } = store.stats();
  const digest = digestOf(store);
  store.close();
  assert(segments > 0, 'a block was sealed');
  const crashMs = elapsedMs(() => {
    const again = open(directory);
    again.fold(entries.slice(again.resumeOffset));
    again.checkpoint();
    again.close();
  });
  const cleanMs = elapsedMs(() => open(directory).close());
  const last = open(directory);
  assert(digestOf(last) === digest, 'a store that was opened again serves the same');
  last.close();
  const rival = rowStore(entries, shape, join(directory, 'rows.db'));
  const sealedSeconds = segments * BLOCK_STEPS;
  const merged = segmentBytes / (sealedSeconds * shape.keys);
  const mcells = cells / 1e6 / (foldMs / 1000);
  const rows: BenchRow[] = [
    {
      name: 'reports -> sealed segments',
      value: mcells,
      unit: 'Mcells/s',
      versus: { name: 'SQLite rows', ratio: mcells / rival.mcells, what: 'x the speed of' },
    },
    {
      name: `a histogram-second, ${shape.sources} sources merged`,
      value: merged,
      unit: 'B',
      versus: { name: 'SQLite rows', ratio: merged / rival.bytes, what: 'x the bytes of' },
    },
    { name: 'open again after a clean stop', value: cleanMs, unit: 'ms' },
    { name: 'open again after a crash, and fold the rest', value: crashMs, unit: 'ms' },
  ];
  return { rows, digest };
}

/** One entry a source and second, as an instrumenter appends them. */
function makeEntries({ sources, keys, events, seconds }: Shape): LogEntry[] {
  const random = seededRandom(11);
  const control = encodeControlEntry({ kind: 'instrumentation-created', instrumentation: INSTRUMENTATION });
  const entries: LogEntry[] = [{ offset: 0, arrivedMs: START * 1000, payload: control }];
  for (let second = 0; second < seconds; second++) {
    for (let source = 0; source < sources; source++) {
      const rows = Array.from({ length: keys }, (_, key): Row => {
        const values = Array.from({ length: events }, () => latencyNs(random, key, second));
        return { key: [`/route/${key}`], histogram: histogramOf(LL5, values) };
      });
      const batch = encodeBatch({
        source: { host: `web${source}`, driver: 'node', incarnation: '0123456789abcdef' },
        sequence: second,
        second: START + second,
        reports: [{ instrumentation: 'requests', grid: LL5, partial: false, dropped: 0, rows }],
      });
      const arrivedMs = (START + second + 1) * 1000;
      entries.push({ offset: entries.length, arrivedMs, payload: encodeReportEntry([batch]) });
    }
  }
  return entries;
}

/** The rival: a row per cell, to which each source adds, a transaction per second. */
function rowStore(entries: readonly LogEntry[], { sources, keys, rowSeconds }: Shape, path: string) {
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
  db.exec(`CREATE TABLE cell (second INTEGER, key TEXT, bucket INTEGER, count INTEGER,
    PRIMARY KEY (second, key, bucket)) WITHOUT ROWID`);
  const insert = db.prepare(
    'INSERT INTO cell VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count',
  );
  let cells = 0;
  const takeSecond = db.transaction((reports: readonly LogEntry[]) => {
    for (const { payload } of reports) cells += insertRows(payload, insert);
  });
  const ms = elapsedMs(() => {
    for (let second = 0; second < rowSeconds; second++) {
      takeSecond(entries.slice(1 + second * sources, 1 + (second + 1) * sources));
    }
  });
  db.close();
  const bytes = statSync(path).size / (rowSeconds * keys);
  return { mcells: cells / 1e6 / (ms / 1000), bytes };
}

function insertRows(payload: Uint8Array, insert: Database.Statement): number {
  const view = decodeEntry(payload);
  assert(view.kind === 'reports', 'the rows are reports');
  const cells = new CellsBuffer();
  for (const { second, reports } of view.batches) {
    for (const report of reports) {
      const keys: string[] = [];
      cells.length = 0;
      decodeRows(report, 0, cells, (_raw, read) => keys.push(JSON.stringify(read())) - 1);
      for (let i = 0; i < cells.length; i++) {
        insert.run(second, keys[cells.key[i]!], cells.bucket[i], cells.count[i]);
      }
    }
  }
  return cells.length;
}

function open(directory: string): Store {
  return openStore({ directory, kernel: loadKernel('native'), owns: () => true, logIdentity: 'bench' });
}

/** Over what is served, in whatever order: zlib is not the same everywhere, so not over the bytes. */
function digestOf(store: Store): string {
  let digest = 0;
  for (const { startSecond, keys, cells } of store.reader.blocks('requests', 0, START * 2, 1)) {
    const keySums = keys.map((key) => crc32c(Buffer.from(key.join())));
    for (let i = 0; i < cells.length; i++) {
      const place = Math.imul(keySums[cells.key[i]!]! ^ (startSecond + cells.step[i]!), 0x9e3779b1);
      digest = (digest + Math.imul(place ^ cells.bucket[i]!, 0x85ebca6b) * cells.count[i]!) % 2 ** 32;
    }
  }
  return (digest >>> 0).toString(16).padStart(8, '0');
}

function elapsedMs(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}
