/** Reads all that a series reader serves of an instrumentation into the model's form. */
import { hasBit, type SecondBits } from '../../src/model/coverage.ts';
import { keyText } from '../../src/model/key.ts';
import { BLOCK_STEPS } from '../../src/model/limits.ts';
import type { SecondRange, SeriesReader } from '../../src/model/series.ts';
import { coverageText, EVERYTHING, type Missing, type Served, type ServedRange } from './model.ts';

export function serve(reader: SeriesReader, id: string, range: ServedRange = EVERYTHING): Served {
  const { stepSeconds, fromSecond, untilSecond } = range;
  const cells = new Map<string, number>();
  for (const block of reader.blocks(id, fromSecond, untilSecond, stepSeconds)) {
    for (let i = 0; i < block.cells.length; i++) {
      const second = block.startSecond + block.cells.step[i]! * block.stepSeconds;
      if (!within(second, range, block.window)) continue;
      const start = second - (second % stepSeconds);
      const place = `${start} ${keyText(block.keys[block.cells.key[i]!]!)} ${block.cells.bucket[i]!}`;
      cells.set(place, (cells.get(place) ?? 0) + block.cells.count[i]!);
    }
  }
  return {
    cells: [...cells].toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ...serveCoverage(reader, id, range),
  };
}

function serveCoverage(
  reader: SeriesReader,
  id: string,
  range: ServedRange,
): Pick<Served, 'coverage' | 'revised'> {
  const { stepSeconds, fromSecond, untilSecond } = range;
  // Several blocks may speak of one step of theirs: a source reported if any of them says so.
  const said = new Map<number, Map<string, boolean>>();
  const revised = new Set<number>();
  for (const block of reader.coverage(id, fromSecond, untilSecond, stepSeconds)) {
    const secondOf = (step: number): number => block.startSecond + step * (block.stepSeconds ?? 1);
    for (const step of stepsOf(block.revised)) {
      const second = secondOf(step);
      if (within(second, range, block.window)) revised.add(second - (second % stepSeconds));
    }
    for (const { name, expected, reported } of block.sources) {
      for (const step of stepsOf(expected)) {
        const second = secondOf(step);
        if (!within(second, range, block.window)) continue;
        const sources = said.get(second) ?? new Map<string, boolean>();
        said.set(second, sources.set(name, hasBit(reported, step) || sources.get(name) === true));
      }
    }
  }
  const steps = new Map<number, Map<string, Missing>>();
  for (const [second, sources] of said) {
    const start = second - (second % stepSeconds);
    const missing = steps.get(start) ?? new Map<string, Missing>();
    for (const [name, reported] of sources) {
      missing.set(name, reported ? (missing.get(name) ?? 'none') : 'some');
    }
    steps.set(start, missing);
  }
  return {
    coverage: [...steps]
      .toSorted(([a], [b]) => a - b)
      .map(([second, missing]) => [second, coverageText(missing)]),
    revised: [...revised].toSorted((a, b) => a - b),
  };
}

function stepsOf(bits: SecondBits): number[] {
  const steps: number[] = [];
  for (let step = 0; step < BLOCK_STEPS; step++) {
    if (bits[step >> 3] === 0) step |= 7;
    else if (hasBit(bits, step)) steps.push(step);
  }
  return steps;
}

function within(second: number, range: ServedRange, window: SecondRange | undefined): boolean {
  if (second < range.fromSecond || second >= range.untilSecond) return false;
  return window === undefined || (second >= window.fromSecond && second < window.untilSecond);
}
