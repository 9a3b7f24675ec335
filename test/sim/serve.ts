/** Reads all that a series reader serves of an instrumentation into the model's form. */
import { hasBit } from '../../src/model/coverage.ts';
import { keyText } from '../../src/model/key.ts';
import type { SeriesReader } from '../../src/model/series.ts';
import type { Served } from './model.ts';

const FAR = 4_000_000_000;

export function serve(reader: SeriesReader, id: string, fromSecond = 0, untilSecond = FAR): Served {
  const cells = new Map<string, number>();
  let start = -1;
  for (const block of reader.blocks(id, fromSecond, untilSecond, 1)) {
    if (block.startSecond < start) throw new Error(`block ${block.startSecond} comes after block ${start}`);
    start = block.startSecond;
    for (let i = 0; i < block.cells.length; i++) {
      const second = block.startSecond + block.cells.step[i]! * block.stepSeconds;
      if (second < fromSecond || second >= untilSecond) continue;
      const place = `${second} ${keyText(block.keys[block.cells.key[i]!]!)} ${block.cells.bucket[i]!}`;
      cells.set(place, (cells.get(place) ?? 0) + block.cells.count[i]!);
    }
  }
  return {
    cells: [...cells].toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ...serveCoverage(reader, id, fromSecond, untilSecond),
  };
}

function serveCoverage(
  reader: SeriesReader,
  id: string,
  fromSecond: number,
  untilSecond: number,
): Pick<Served, 'coverage' | 'revised'> {
  const seconds = new Map<number, Map<string, boolean>>();
  const revised = new Set<number>();
  for (const block of reader.coverage(id, fromSecond, untilSecond, 1)) {
    for (let step = 0; step < 256; step++) {
      const second = block.startSecond + step;
      if (second < fromSecond || second >= untilSecond) continue;
      if (hasBit(block.revised, step)) revised.add(second);
      for (const { name, expected, reported } of block.sources) {
        if (!hasBit(expected, step)) continue;
        const sources = seconds.get(second) ?? new Map<string, boolean>();
        seconds.set(second, sources.set(name, hasBit(reported, step) || sources.get(name) === true));
      }
    }
  }
  const coverage = [...seconds]
    .toSorted(([a], [b]) => a - b)
    .map(([second, sources]): [number, string] => {
      const names = [...sources].toSorted(([a], [b]) => (a < b ? -1 : 1));
      return [second, names.map(([name, full]) => (full ? name : `-${name}`)).join(' ')];
    });
  return { coverage, revised: [...revised].toSorted((a, b) => a - b) };
}
