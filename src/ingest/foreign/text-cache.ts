/** Texts that come again and again as bytes (attribute keys, routes, methods), found without making a text anew. A
 *  direct-mapped table: a new text takes the place of the one that was there, so it holds SLOTS texts at most.
 *  Only ASCII texts of up to CACHED_BYTES_MAX are kept; others are made each time. */

const SLOTS = 4096;
const CACHED_BYTES_MAX = 64;

export class TextCache {
  readonly #texts: (string | undefined)[] = Array.from({ length: SLOTS }, () => undefined);

  /** The text that stands in [start, end) of `bytes` as UTF-8. */
  text(bytes: Uint8Array, start: number, end: number): string {
    const length = end - start;
    if (length > CACHED_BYTES_MAX) return decode(bytes, start, end);
    let hash = length;
    let all = 0;
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      all |= byte;
      hash = Math.imul(hash ^ byte, 0x0100_0193);
    }
    if (all >= 0x80) return decode(bytes, start, end);
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const known = this.#texts[slot];
    if (known !== undefined && isAsciiAt(known, bytes, start, end)) return known;
    const text = decode(bytes, start, end);
    this.#texts[slot] = text;
    return text;
  }
}

/** Whether [start, end) of `bytes` is this text and has no byte beyond ASCII. */
export function isAsciiAt(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  const { length } = text;
  if (length !== end - start) return false;
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i]!;
    if (text.charCodeAt(i) !== byte || byte >= 0x80) return false;
  }
  return true;
}

function decode(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}
