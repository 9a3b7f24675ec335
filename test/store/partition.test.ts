/** One file of segments by example: what is found is what was written last. */
import { afterEach, expect, it } from 'vitest';
import type { SegmentRow } from '../../src/store/place.ts';
import { WHOLE } from '../../src/store/place.ts';
import { Partition } from '../../src/store/partition.ts';
import { SEALS_SCHEMA } from '../../src/store/partition-tables.ts';
import { TemporaryDirectories } from '../sim/directory.ts';

const directories = new TemporaryDirectories();
afterEach(() => directories.removeAll());

const row = (block: number, revision: number, instrumentation = 'i1'): SegmentRow => ({
  instrumentation,
  level: 1,
  startSecond: 256 * block,
  revision,
  whole: WHOLE,
  part: 0,
  codec: 1,
  bytes: new Uint8Array(8),
});

it('finds what was written, and no more what was deleted, however often it was asked before', () => {
  const file = new Partition(`${directories.make()}/segments-20231114.db`, {
    schema: SEALS_SCHEMA,
    readonly: false,
    onUse: () => undefined,
  });
  const found = (until = 4): number[] =>
    file
      .find('i1', 1, 256, 256 * until)
      .map(({ startSecond, revision }) => startSecond / 256 + revision / 10);
  try {
    expect(found()).toEqual([]);
    file.insert([row(0, 1), row(1, 1), row(2, 2), row(1, 1, 'i2')], () => undefined);
    for (let again = 0; again < 3; again++) expect(found()).toEqual([1.1, 2.2]);
    file.insert([row(1, 3)], () => undefined);
    expect(found()).toEqual([1.1, 1.3, 2.2]);
    const refuse = (): never => {
      throw new Error('no room');
    };
    expect(() => file.insert([row(3, 4)], refuse)).toThrow('no room');
    expect(found()).toEqual([1.1, 1.3, 2.2]);
    file.deleteAfter(2);
    expect(found()).toEqual([1.1, 2.2]);
    file.deleteRange({ instrumentation: 'i1', level: 1 }, [256, 512], -1);
    expect(found()).toEqual([2.2]);
  } finally {
    file.close();
  }
});

it('finds in many rows as in few, and of many questions each its own', () => {
  const file = new Partition(`${directories.make()}/segments-20231114.db`, {
    schema: SEALS_SCHEMA,
    readonly: false,
    onUse: () => undefined,
  });
  try {
    const blocks = Array.from({ length: 300 }, (_, block) => block);
    file.insert(
      blocks.map((block) => row(block, 1)),
      () => undefined,
    );
    for (const again of [1, 2]) {
      for (const first of blocks) {
        const until = first + again * (first % 30);
        const starts = file.find('i1', 1, 256 * first, 256 * until).map((ref) => ref.startSecond / 256);
        expect(starts).toEqual(blocks.slice(first, until));
      }
    }
  } finally {
    file.close();
  }
});
