/** Segments that nobody wrote: a valid one is taken apart, its parts are changed before they are deflated, and put
 *  together again with lengths and a checksum that fit. So every decoder inside is reached, and damage has to be
 *  found by what it says. */
import fc from 'fast-check';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { expect } from 'vitest';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { crc32c } from '../../src/model/crc32c.ts';
import { decodeSegment, encodeSegment } from '../../src/store/segment.ts';
import { CODEC_COLUMNS } from '../../src/store/segment-cells.ts';
import { SegmentCorruptError } from '../../src/store/store-errors.ts';

const HEADER_BYTES = 84;
const CODEC_AT = 5;
const NAMES_AT = { raw: 36, stored: 40 };
const COLUMNS_AT = { raw: 44, stored: 48 };

const PARTS = ['header', 'names', 'columns', 'stored'] as const;
const KINDS = ['set', 'flip', 'insert', 'remove', 'cut', 'word', 'noise'] as const;

interface Edit {
  /** `names` and `columns` before deflate, `stored` all as it is kept. */
  readonly part: (typeof PARTS)[number];
  readonly kind: (typeof KINDS)[number];
  readonly at: number;
  readonly value: number;
}

export const arbitraryEdits: fc.Arbitrary<readonly Edit[]> = fc.array(
  fc.record({
    part: fc.constantFrom(...PARTS, 'columns' as const, 'columns' as const),
    kind: fc.constantFrom(...KINDS),
    at: fc.oneof(fc.nat(60), fc.nat(4000)),
    value: fc.oneof(fc.nat(255), fc.constantFrom(2 ** 25, 2 ** 31, 2 ** 32 - 1)),
  }),
  { minLength: 1, maxLength: 3 },
);

/** The segment with the edits made, and a checksum that fits. */
export function forged(segment: Uint8Array, edits: readonly Edit[]): Uint8Array {
  const header = Buffer.from(segment.subarray(0, HEADER_BYTES));
  const deflates = header[CODEC_AT] === CODEC_COLUMNS;
  const namesEnd = HEADER_BYTES + header.readUInt32LE(NAMES_AT.stored);
  const columnsEnd = namesEnd + header.readUInt32LE(COLUMNS_AT.stored);
  const of = (part: Edit['part']): readonly Edit[] => edits.filter((edit) => edit.part === part);
  const names = edited(inflated(segment.subarray(HEADER_BYTES, namesEnd)), of('names'));
  const stored = segment.subarray(namesEnd, columnsEnd);
  const columns = edited(deflates ? inflated(stored) : stored, of('columns'));
  const [namesStored, columnsStored] = [deflated(names), deflates ? deflated(columns) : columns];
  for (const [place, raw, kept] of [
    [NAMES_AT, names, namesStored],
    [COLUMNS_AT, columns, columnsStored],
  ] as const) {
    header.writeUInt32LE(raw.length, place.raw);
    header.writeUInt32LE(kept.length, place.stored);
  }
  const sameLength = of('header').filter(({ kind }) => kind === 'set' || kind === 'flip' || kind === 'word');
  const whole = Buffer.concat([edited(header, sameLength), namesStored, columnsStored]);
  return summed(edited(whole, of('stored')));
}

/** A typed error that names a byte of them, or content that can be written again; the same of either kernel. */
export function refusedOrWhole(bytes: Uint8Array, kernel: Kernel): 'refused' | 'whole' {
  try {
    encodeSegment(decodeSegment(bytes, kernel, 'forged'), kernel);
    return 'whole';
  } catch (error) {
    expect(error).toBeInstanceOf(SegmentCorruptError);
    const { offsetBytes } = error as SegmentCorruptError;
    expect(Number.isInteger(offsetBytes) && offsetBytes >= 0 && offsetBytes <= bytes.length).toBe(true);
    return 'refused';
  }
}

/** With the checksum that belongs to the bytes. */
function summed(bytes: Uint8Array): Uint8Array {
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32c(bytes));
  return Buffer.concat([bytes, sum]);
}

function edited(bytes: Uint8Array, edits: readonly Edit[]): Uint8Array {
  const list = [...bytes];
  for (const { kind, at, value } of edits) {
    const place = list.length === 0 ? 0 : at % list.length;
    if (kind === 'insert') list.splice(place, 0, value & 0xff);
    else if (kind === 'remove') list.splice(place, 1);
    else if (kind === 'cut') list.splice(place);
    else if (kind === 'noise') list.splice(0, list.length, ...noise(value, at));
    else if (kind === 'word') changeWord(list, place & ~3, value);
    else if (list.length > 0)
      list[place] = (kind === 'set' ? value : list[place]! ^ (1 << (value & 7))) & 0xff;
  }
  return Uint8Array.from(list);
}

function changeWord(list: number[], place: number, value: number): void {
  for (let i = 0; i < 4 && place + i < list.length; i++)
    list[place + i] = Math.floor(value / 2 ** (8 * i)) & 0xff;
}

function noise(seed: number, length: number): number[] {
  let state = seed;
  return Array.from({ length }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24);
}

function deflated(raw: Uint8Array): Uint8Array {
  return raw.length === 0 ? raw : deflateRawSync(raw, { level: 1 });
}

function inflated(stored: Uint8Array): Uint8Array {
  return stored.length === 0 ? stored : inflateRawSync(stored);
}
