/** Prefix codes of deflate (RFC 1951): lengths from counts, at most so many bits, and the codes that follow from the
 *  lengths. Pure; integers only: the same counts give the same lengths everywhere. */

/** Ascending by count, then by symbol: the symbols that occur. */
function bySymbol(counts: Uint32Array): number[] {
  return Array.from(counts.keys())
    .filter((symbol) => counts[symbol]! > 0)
    .sort((a, b) => counts[a]! - counts[b]! || a - b);
}

/** Bits of each symbol, 0 for one that does not occur; 1 for the only one that does. As short in sum as any code, and
 *  nearly so where `bitsMax` forbids that. Counts add up to less than 2^31, at most 2^bitsMax of them are above 0. */
export function codeLengths(counts: Uint32Array, bitsMax: number): Uint8Array {
  const lengths = new Uint8Array(counts.length);
  const symbols = bySymbol(counts);
  if (symbols.length === 0) return lengths;
  const ofLength = lengthCounts(
    symbols.map((symbol) => counts[symbol]!),
    bitsMax,
  );
  shorten(ofLength, bitsMax);
  let next = 0;
  for (let bits = bitsMax; bits > 0; bits--) {
    for (let n = ofLength[bits]!; n > 0; n--) lengths[symbols[next++]!] = bits;
  }
  return lengths;
}

/** How many leaves of Huffman's tree lie how deep; those deeper than `bitsMax` count there. Of equal weights a leaf is
 *  joined before a node: no tree of the same sum is less deep. */
function lengthCounts(ascending: readonly number[], bitsMax: number): Uint32Array {
  const leaves = ascending.length;
  const weights = [...ascending];
  const parents: number[] = [];
  let leaf = 0;
  let node = leaves;
  const takeLighter = (): number =>
    leaf < leaves && (node >= weights.length || weights[leaf]! <= weights[node]!) ? leaf++ : node++;
  for (let joined = 1; joined < leaves; joined++) {
    const [a, b] = [takeLighter(), takeLighter()];
    parents[a] = weights.length;
    parents[b] = weights.length;
    weights.push(weights[a]! + weights[b]!);
  }
  const ofLength = new Uint32Array(bitsMax + 1);
  const depths = new Uint32Array(weights.length);
  for (let at = weights.length - 2; at >= 0; at--) {
    depths[at] = depths[parents[at]!]! + 1;
    if (at < leaves) ofLength[Math.min(depths[at]!, bitsMax)]!++;
  }
  if (leaves === 1) ofLength[1] = 1;
  return ofLength;
}

/** Makes room for the leaves that were too deep: each time a leaf above the deepest goes one down and takes one of the
 *  deepest beside it, until the code is complete (Kraft's sum is 1). */
function shorten(ofLength: Uint32Array, bitsMax: number): void {
  let sum = 0;
  for (let bits = 1; bits <= bitsMax; bits++) sum += ofLength[bits]! << (bitsMax - bits);
  for (; sum > 1 << bitsMax; sum--) {
    let above = bitsMax - 1;
    while (ofLength[above] === 0) above--;
    ofLength[bitsMax]!--;
    ofLength[above]!--;
    ofLength[above + 1]! += 2;
  }
}

/** The code of each symbol, its first bit the lowest, as deflate writes it. */
export function codesOf(lengths: Uint8Array): Uint16Array {
  const codes = new Uint16Array(lengths.length);
  let next = 0;
  for (let bits = 1; bits < 16; bits++) {
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] === bits) codes[symbol] = reversed(next++, bits);
    }
    next <<= 1;
  }
  return codes;
}

function reversed(code: number, bits: number): number {
  let result = 0;
  for (let bit = 0; bit < bits; bit++) result |= ((code >>> bit) & 1) << (bits - 1 - bit);
  return result;
}
