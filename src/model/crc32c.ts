/** CRC-32C (Castagnoli, RFC 3720 appendix B.4), reflected, polynomial 0x82F63B78. The checksum of reports,
 *  log entries and segments. The kernel has a faster one with the same results. */

const table = new Uint32Array(256);
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  table[n] = c;
}

export type Checksum = (bytes: Uint8Array, seed?: number) => number;

/** `seed` is the checksum of the bytes before, so crc32c(b, crc32c(a)) is that of a and b together. */
export const crc32c: Checksum = (bytes, seed = 0) => {
  let c = ~seed >>> 0;
  for (let i = 0; i < bytes.length; i++) c = table[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8);
  return ~c >>> 0;
};
