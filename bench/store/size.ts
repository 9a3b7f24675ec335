/** Bytes: a histogram-second beside its entropy, through reports, fold and segment, names, coverage and all; and
 *  what the roll-ups add to level 1. */
import { join } from 'node:path';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { encodeBatch, type Row } from '../../src/model/batch.ts';
import { LL5 } from '../../src/model/grid.ts';
import { BLOCK_STEPS, LATENESS_SECONDS } from '../../src/model/limits.ts';
import type { LogEntry } from '../../src/model/log.ts';
import { encodeControlEntry, encodeReportEntry } from '../../src/model/report.ts';
import type { StoreStats } from '../../src/store/store.ts';
import type { BenchRow } from '../bench.ts';
import { type PoissonBlock, poissonBlock, type PoissonShape } from '../poisson.ts';
import { requestsBy } from '../requests.ts';
import { type Built, openAt } from './built.ts';
import { keyOf } from './traffic.ts';

type Level = StoreStats['levels'][number]['level'];

const START = BLOCK_STEPS * 7_013_000;

/** One block, kept with the host in the key and without. */
export function sizeRows(directory: string, shape: PoissonShape, kernel: Kernel): BenchRow[] {
  const block = poissonBlock(1, shape, false);
  const merged = poissonBlock(2, shape, true);
  const histograms = shape.steps * shape.keys;
  const row = (name: string, by: readonly string[], entropyBits: number, count: number): BenchRow => {
    const bytes = storedBytes(join(directory, name), by, { block, shape }, kernel);
    const versus = { name: 'the entropy', ratio: (bytes * 8) / entropyBits, what: 'x' };
    return { name: `a histogram-second, ${name}`, value: bytes / count, unit: 'B', versus };
  };
  return [
    row('per source', ['host', 'route'], block.entropyBits, histograms * shape.sources),
    row(`${shape.sources} sources merged`, ['route'], merged.entropyBits, histograms),
  ];
}

function storedBytes(
  directory: string,
  by: readonly string[],
  what: { readonly block: PoissonBlock; readonly shape: PoissonShape },
  kernel: Kernel,
): number {
  const store = openAt(directory, kernel);
  store.fold(blockEntries(by, what));
  const { segmentBytes } = store.stats();
  store.close();
  return segmentBytes;
}

/** The block's cells as each source's reports, and a second of nothing that seals them. */
function blockEntries(
  by: readonly string[],
  { block: { cells }, shape }: { readonly block: PoissonBlock; readonly shape: PoissonShape },
): LogEntry[] {
  const instrumentation = requestsBy(by, { createdSecond: START, keepSeconds: 86_400 });
  const payloads = [encodeControlEntry({ kind: 'instrumentation-created', instrumentation })];
  const batchOf = (source: number, step: number, rows: readonly Row[]): Uint8Array =>
    encodeReportEntry([
      encodeBatch({
        source: { host: `web${source}`, driver: 'bench', incarnation: '0123456789abcdef' },
        sequence: step,
        second: START + step,
        reports: [{ instrumentation: instrumentation.id, grid: LL5, partial: false, dropped: 0, rows }],
      }),
    ]);
  for (let i = 0; i < cells.length;) {
    const step = cells.step[i]!;
    const source = Math.floor(cells.key[i]! / shape.keys);
    const rows: Row[] = [];
    while (i < cells.length && cells.step[i] === step && Math.floor(cells.key[i]! / shape.keys) === source) {
      const place = cells.key[i]!;
      const route = keyOf(place % shape.keys);
      const key = by.length === 1 ? route : [`web${source}`, ...route];
      const [buckets, counts]: [number[], number[]] = [[], []];
      for (; i < cells.length && cells.step[i] === step && cells.key[i] === place; i++) {
        buckets.push(cells.bucket[i]!);
        counts.push(cells.count[i]!);
      }
      rows.push({ key, histogram: { buckets, counts } });
    }
    payloads.push(batchOf(source, step, rows));
  }
  payloads.push(batchOf(0, BLOCK_STEPS + LATENESS_SECONDS, []));
  return payloads.map((payload, offset) => ({ offset, arrivedMs: (START + 1000) * 1000, payload }));
}

/** Bytes that an hour of each level takes, of the store in which it is made of reports as long as its step. */
export function levelRows(hour: Built, day: Built, month: Built): BenchRow[] {
  const bytes = [...levelsOf(hour, [1]), ...levelsOf(day, [10]), ...levelsOf(month, [60, 600, 3600])];
  const rows = bytes.map(({ level, hourBytes }): BenchRow => ({
    name: `an hour of ${hour.shape.keys} keys at ${level} s`,
    value: hourBytes / 1e6,
    unit: 'MB',
  }));
  const [first, ...coarser] = bytes;
  if (first === undefined || coarser.length === 0) return rows;
  const sum = coarser.reduce((total, { hourBytes }) => total + hourBytes, 0);
  const versus = { name: 'level 1', ratio: sum / first.hourBytes, what: 'x the bytes of' };
  return [...rows, { name: 'an hour of all roll-ups', value: sum / 1e6, unit: 'MB', versus }];
}

function levelsOf({ stats }: Built, wanted: readonly Level[]): { level: Level; hourBytes: number }[] {
  return stats.levels
    .filter(({ level, segments }) => wanted.includes(level) && segments > 0)
    .map(({ level, segments, bytes }) => ({
      level,
      hourBytes: (bytes / (segments * BLOCK_STEPS * level)) * 3600,
    }));
}
