/** Bytes to compress: pieces of noise, runs, few values, rows with some changes, frequencies that halve. Longer than
 *  fast-check could draw byte by byte: a piece is drawn by its kind, its length and a seed. */
import fc from 'fast-check';

const KINDS = ['noise', 'run', 'few', 'rows', 'halving', 'spread'] as const;

export interface BytesCase {
  readonly bytes: Uint8Array;
  readonly rowBytes: number;
}

/** Together at most `most` bytes. */
export function arbitraryBytes(most: number): fc.Arbitrary<BytesCase> {
  const length = fc.oneof(
    fc.nat(20),
    fc.nat(600),
    fc.nat(9000),
    fc.constantFrom(257, 258, 259, 4095, 4096, 4097),
  );
  const piece = fc.record({ kind: fc.constantFrom(...KINDS), length, seed: fc.nat() });
  return fc
    .record({
      pieces: fc.array(piece, { maxLength: 12, size: 'max' }),
      rowBytes: fc.oneof(fc.nat(40), fc.nat(1200), fc.constantFrom(32_768, 32_769)),
    })
    .map(({ pieces, rowBytes }) => {
      const bytes = pieces.flatMap((p) => pieceBytes(p.kind, Math.min(p.length, most), p.seed, rowBytes));
      return { bytes: Uint8Array.from(bytes.slice(0, most)), rowBytes };
    });
}

function pieceBytes(kind: (typeof KINDS)[number], length: number, seed: number, rowBytes: number): number[] {
  let state = seed;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8;
  const out: number[] = [];
  for (let i = 0; i < length; i++) {
    out.push(
      byteOf(kind, next() + 0x100_0000 * (seed & 0xff), { at: i, row: rowBytes, above: out[i - rowBytes] }),
    );
  }
  return out;
}

/** `random` has 24 bits that change and, above them, 8 that the piece has for all its bytes. */
function byteOf(
  kind: (typeof KINDS)[number],
  random: number,
  { at, row, above }: { at: number; row: number; above: number | undefined },
): number {
  const own = Math.floor(random / 0x100_0000);
  const low = random & 0xff_ffff;
  switch (kind) {
    case 'noise':
      return low & 0xff;
    case 'run':
      return own;
    case 'few':
      return own ^ (low % 5);
    case 'rows':
      return above === undefined || (low & 0x3f) === 0 ? (low >>> 8) & 0xff : above;
    case 'halving':
      return (own + Math.clz32(low)) & 0xff;
    case 'spread':
      return (own + Math.floor(Math.sqrt(low % 20_000)) + (at > row ? 1 : 0)) & 0xff;
  }
}
