/** What the kernel's compression must satisfy: zlib, which is not ours, reads it back. */
import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { expect } from 'vitest';
import { BLOCK_TOKENS, deflateBound } from '../../src/kernel/deflate.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { arbitraryBytes } from '../arbitrary/bytes.ts';
import type { KernelLaw } from './law.ts';

const UNTOUCHED = 0xa5;

/** What it writes; checks that it writes nothing behind that, and reads it back. */
function deflated(kernel: Kernel, bytes: Uint8Array, rowBytes: number): Uint8Array {
  const out = new Uint8Array(deflateBound(bytes.length) + 8).fill(UNTOUCHED);
  const length = kernel.deflate(bytes, rowBytes, out);
  expect(length).toBeLessThanOrEqual(deflateBound(bytes.length));
  expect(out.subarray(length).every((byte) => byte === UNTOUCHED)).toBe(true);
  expect(inflateSync(out.subarray(0, length)).equals(bytes)).toBe(true);
  return out.subarray(0, length);
}

function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24);
}

export const deflateLaws: readonly KernelLaw[] = [
  {
    name: 'deflate: zlib reads back what was written, and checks its sum',
    check(kernel) {
      fc.assert(
        fc.property(arbitraryBytes(30_000), ({ bytes, rowBytes }) => void deflated(kernel, bytes, rowBytes)),
        { numRuns: 150 },
      );
    },
  },
  {
    name: 'deflate: no bytes, one, and those about the end of a block',
    check(kernel) {
      expect(Buffer.from(deflated(kernel, new Uint8Array(0), 0)).toString('hex')).toBe('7801030000000001');
      for (const length of [1, 2, 3, 4, 7, 8, 9, BLOCK_TOKENS - 1, BLOCK_TOKENS, BLOCK_TOKENS + 1]) {
        deflated(kernel, noise(length), 5);
        deflated(kernel, new Uint8Array(length), 5);
      }
    },
  },
  {
    name: 'deflate: noise takes what stored blocks take, and no more',
    check(kernel) {
      const { length } = deflated(kernel, noise(70_000), 900);
      expect(length).toBe(deflateBound(70_000));
    },
  },
  {
    name: 'deflate: one byte over and over, and a row over and over, cost next to nothing',
    check(kernel) {
      expect(deflated(kernel, new Uint8Array(1_000_000).fill(7), 0).length).toBeLessThan(1500);
      const row = noise(900);
      for (const rowBytes of [900, 1800]) {
        const rows = Uint8Array.from({ length: 90_000 }, (_, i) => row[i % 900]!);
        expect(deflated(kernel, rows, rowBytes).length).toBeLessThan(rowBytes + 900);
      }
    },
  },
];
