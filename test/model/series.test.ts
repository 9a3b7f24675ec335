/** Small things of the series, checksums, metrics, instrumentations and the clock. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assert, AssertionFault } from '../../src/model/assert.ts';
import { systemClock, unixSecond } from '../../src/model/clock.ts';
import { crc32c } from '../../src/model/crc32c.ts';
import { COUNT, LL5 } from '../../src/model/grid.ts';
import { overallState, type SourceState } from '../../src/model/instrumentation.ts';
import { BLOCK_STEPS } from '../../src/model/limits.ts';
import { fieldOf, gridOf, isNumeric, METRIC_NAME, TYPES } from '../../src/model/metric.ts';
import { newBucketRaster } from '../../src/model/raster.ts';
import { blockStart, CellsBuffer } from '../../src/model/series.ts';
import { arbitraryMetric } from '../arbitrary/control.ts';
import { cellList } from '../arbitrary/series.ts';

describe('crc32c', () => {
  // RFC 3720, appendix B.4.
  it.each<[string, Uint8Array, number]>([
    ['the check value', Buffer.from('123456789'), 0xe3069283],
    ['nothing', new Uint8Array(0), 0],
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['ascending', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['descending', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ])('of %s', (_what, bytes, sum) => expect(crc32c(bytes)).toBe(sum));

  it('goes on from a seed', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        expect(crc32c(b, crc32c(a))).toBe(crc32c(Buffer.concat([a, b])));
      }),
    );
  });
});

describe('cells', () => {
  it('keep what was pushed, however they grow, and give back what is undone', () => {
    const cell = fc.tuple(fc.nat(255), fc.nat(0xffff), fc.nat(0xffff), fc.maxSafeNat());
    fc.assert(
      fc.property(
        fc.array(cell, { maxLength: 100 }),
        fc.integer({ min: 0, max: 9 }),
        fc.nat(100),
        (list, capacity, undo) => {
          const cells = new CellsBuffer(capacity);
          for (const [step, key, bucket, count] of list) cells.push(step, key, bucket, count);
          expect(cellList(cells)).toEqual(list);
          expect(cells.capacity).toBeGreaterThanOrEqual(cells.length);
          cells.length = Math.min(undo, cells.length);
          expect(cellList(cells)).toEqual(list.slice(0, undo));
        },
      ),
    );
  });

  it('take as many bytes each as they say', () => {
    const { step, key, bucket, count, capacity } = new CellsBuffer(10);
    const bytes = step.byteLength + key.byteLength + bucket.byteLength + count.byteLength;
    expect(bytes).toBe(capacity * CellsBuffer.cellBytes);
  });
});

it('a block starts at a multiple of its steps, at or before the second', () => {
  fc.assert(
    fc.property(fc.nat(), (second) => {
      const start = blockStart(second);
      expect(start % BLOCK_STEPS).toBe(0);
      expect(second - start).toBeGreaterThanOrEqual(0);
      expect(second - start).toBeLessThan(BLOCK_STEPS);
    }),
  );
  expect(() => blockStart(-1)).toThrow(AssertionFault);
});

it('a raster has a place for every hue, column and bucket', () => {
  const raster = newBucketRaster({ hues: 2, columns: 3, bucketFirst: 9, buckets: 5 });
  expect([raster.counts.length, raster.under.length, raster.over.length, raster.bucketFirst]).toEqual([
    30, 6, 6, 9,
  ]);
});

describe('a metric', () => {
  it('finds its fields, and the grid of a numeric one', () => {
    fc.assert(
      fc.property(arbitraryMetric, (metric) => {
        expect(METRIC_NAME.test(metric.name)).toBe(true);
        for (const field of metric.fields) {
          expect(fieldOf(metric, field.name)).toBe(field);
          expect(gridOf(metric, field.name)).toEqual(TYPES[field.type].grid);
          expect(isNumeric(field)).toBe(TYPES[field.type].arity === 'numeric');
        }
        expect(fieldOf(metric, 'no such field')).toBeUndefined();
        expect(gridOf(metric, undefined)).toEqual(COUNT);
      }),
    );
    expect(TYPES.time.grid).toEqual(LL5);
  });
});

describe('the state of an instrumentation', () => {
  const enabled: SourceState = { state: 'enabled', sinceSecond: 1 };
  const enabling: SourceState = { state: 'enabling' };
  const failed: SourceState = { state: 'failed', reason: 'no such probe' };
  it.each<[SourceState[], string]>([
    [[], 'created'],
    [[enabled, enabled], 'enabled'],
    [[enabled, enabling, failed], 'enabling'],
    [[enabled, failed], 'partly'],
    [[failed], 'failed'],
  ])('of %j is %s', (sources, state) => expect(overallState({}, sources)).toBe(state));

  it('is that it is paused, whatever sources say still', () => {
    expect(overallState({ pausedSecond: 7 }, [enabled, failed])).toBe('paused');
  });
});

describe('the clock', () => {
  it('wakes at once when aborted', async () => {
    const abort = new AbortController();
    const asleep = systemClock.sleep(60_000, abort.signal);
    abort.abort();
    await asleep;
    await systemClock.sleep(60_000, abort.signal);
  });

  it('a second begins on the millisecond', () => {
    expect([unixSecond(1999.9), unixSecond(2000)]).toEqual([1, 2]);
    expect(unixSecond(systemClock.nowMs())).toBeGreaterThan(1_700_000_000);
  });
});

it('an assert tells its reason, made only when it fails', () => {
  assert(true, () => {
    throw new Error('built for nothing');
  });
  expect(() => assert(false, () => 'the reason')).toThrow('the reason');
});
