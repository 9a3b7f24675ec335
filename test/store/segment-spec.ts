/** A segment as plain values: what tests compare, and what they make segments of. */
import { emptyBits, hasBit, type SecondBits, setBit } from '../../src/model/coverage.ts';
import type { Grid } from '../../src/model/grid.ts';
import type { Key } from '../../src/model/key.ts';
import { BLOCK_STEPS } from '../../src/model/limits.ts';
import { CellsBuffer } from '../../src/model/series.ts';
import type { SegmentContent } from '../../src/store/segment.ts';

export interface SegmentSpec {
  readonly grid: Grid;
  readonly fieldCount: number;
  readonly startSecond: number;
  readonly stepSeconds: number;
  readonly keys: readonly Key[];
  readonly cells: readonly (readonly [step: number, key: number, bucket: number, count: number])[];
  readonly sources: readonly {
    readonly name: string;
    readonly expected: readonly number[];
    readonly reported: readonly number[];
  }[];
  readonly revised: readonly number[];
}

export function readSpec({ cells, coverage, keys, ...rest }: SegmentContent): SegmentSpec {
  return {
    grid: rest.grid,
    fieldCount: rest.fieldCount,
    startSecond: rest.startSecond,
    stepSeconds: rest.stepSeconds,
    keys,
    revised: stepsOf(coverage.revised),
    cells: Array.from({ length: cells.length }, (_, i) => [
      cells.step[i]!,
      cells.key[i]!,
      cells.bucket[i]!,
      cells.count[i]!,
    ]),
    sources: coverage.sources.map(({ name, expected, reported }) => ({
      name,
      expected: stepsOf(expected),
      reported: stepsOf(reported),
    })),
  };
}

export function writeSpec(spec: SegmentSpec): SegmentContent {
  const cells = new CellsBuffer();
  for (const [step, key, bucket, count] of spec.cells) cells.push(step, key, bucket, count);
  return {
    grid: spec.grid,
    fieldCount: spec.fieldCount,
    startSecond: spec.startSecond,
    stepSeconds: spec.stepSeconds,
    keys: spec.keys,
    cells,
    coverage: {
      startSecond: spec.startSecond,
      stepSeconds: spec.stepSeconds,
      sources: spec.sources.map(({ name, expected, reported }) => ({
        name,
        expected: bitsOf(expected),
        reported: bitsOf(reported),
      })),
      revised: bitsOf(spec.revised),
    },
  };
}

function stepsOf(bits: SecondBits): number[] {
  return Array.from({ length: BLOCK_STEPS }, (_, step) => step).filter((step) => hasBit(bits, step));
}

function bitsOf(steps: readonly number[]): SecondBits {
  const bits = emptyBits();
  for (const step of steps) setBit(bits, step);
  return bits;
}
