import { Script } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketStatements } from '../../../src/ingest/bpf/grid-script.ts';
import { bucketIndex, type Grid, LL5, VALUE_MAX } from '../../../src/model/grid.ts';

/** The statements as JavaScript over integers of any size. */
function evaluator(grid: Grid): (value: bigint) => number {
  const script = bucketStatements(grid, 'VALUE')
    .join('\n')
    .replaceAll(/\((u?int64)\)/g, '')
    .replaceAll(/\b\d+\b/g, (digits) => `${digits}n`);
  const run = new Script(`(VALUE) => { let $v, $t, $e, $b;\n${script}\nreturn $b; }`).runInThisContext() as (
    value: bigint,
  ) => bigint;
  return (value) => Number(run(value));
}

describe.each<[string, Grid]>([
  ['log-linear', LL5],
  ['linear by 1', { kind: 'linear', width: 1 }],
  ['linear by 10', { kind: 'linear', width: 10 }],
])('buckets in the kernel, %s', (_name, grid) => {
  const inKernel = evaluator(grid);

  it('are those of the model around every power of two', () => {
    for (let e = 0; e <= 53; e++) {
      for (const d of [-2, -1, 0, 1, 2]) {
        const value = Math.min(Math.max(0, 2 ** e + d), VALUE_MAX);
        expect([value, inKernel(BigInt(value))]).toEqual([value, bucketIndex(grid, value)]);
      }
    }
  });

  it('are those of the model for any value, clamped below 0 and above 2^53', () => {
    const value = fc.oneof(
      fc.maxSafeNat(),
      fc.nat(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(Number),
    );
    fc.assert(
      fc.property(value, (v) => {
        expect(inKernel(BigInt(v))).toBe(bucketIndex(grid, v));
      }),
      { numRuns: 2000 },
    );
  });
});

it('a count needs no bucket', () => {
  expect(bucketStatements({ kind: 'count' }, '1')).toEqual([]);
});
