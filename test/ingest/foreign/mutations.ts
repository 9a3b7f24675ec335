/** Damaged copies of good input, by a seeded choice: for the tests that no decoder trusts what it reads. */

/** As `input`, with a few bytes changed, cut out, doubled or cut off. */
export function mutated(input: Uint8Array, random: () => number): Uint8Array {
  let bytes = Buffer.from(input);
  const below = (n: number): number => Math.floor(random() * n);
  for (let i = 1 + below(4); i > 0 && bytes.length > 0; i--) {
    const at = below(bytes.length);
    switch (below(5)) {
      case 0:
        bytes[at] = below(256);
        break;
      case 1:
        bytes[at]! ^= 1 << below(8);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(8))]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - below(16)))]);
        break;
      default:
        bytes = bytes.subarray(0, at);
    }
  }
  return bytes;
}
