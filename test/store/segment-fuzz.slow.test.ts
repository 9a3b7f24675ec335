/** The decoder of a whole segment, of both codecs and over both kernels: whatever the bytes, it neither crashes nor
 *  hangs, and says the same. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { loadKernel } from '../../src/kernel/native.ts';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { decodeSegment, encodeSegment, segmentCodec } from '../../src/store/segment.ts';
import { arbitrarySegment } from './arbitrary-segment.ts';
import { arbitraryEdits, forged, refusedOrWhole } from './forged-segment.ts';
import { readSpec, writeSpec } from './segment-spec.ts';

const native = loadKernel('native');

it('refuses forged bytes with a typed error that names the byte, or reads what a writer could have written', () => {
  const outcomes = new Map<string, number>();
  fc.assert(
    fc.property(arbitrarySegment, arbitraryEdits, (spec, edits) => {
      const bytes = encodeSegment(writeSpec(spec), native);
      const forgery = forged(bytes, edits);
      const outcome = refusedOrWhole(forgery, native);
      const what = `${segmentCodec(bytes)} ${outcome}`;
      outcomes.set(what, 1 + (outcomes.get(what) ?? 0));
      if (outcome === 'refused') {
        expect(messageOf(forgery, native)).toBe(messageOf(forgery, referenceKernel));
      } else {
        const [a, b] = [native, referenceKernel].map((k) => readSpec(decodeSegment(forgery, k, 'forged')));
        expect(a).toEqual(b);
      }
    }),
    { numRuns: 3000 },
  );
  for (const codec of [1, 2]) {
    expect(outcomes.get(`${codec} refused`) ?? 0).toBeGreaterThan(50);
    expect(outcomes.get(`${codec} whole`) ?? 0).toBeGreaterThan(0);
  }
});

function messageOf(bytes: Uint8Array, kernel: typeof native): string {
  try {
    decodeSegment(bytes, kernel, 'forged');
  } catch (error) {
    return String(error);
  }
  return '';
}
