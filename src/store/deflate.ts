/** Parts of a segment that are deflated: raw deflate, no bytes for nothing. Owns: the bound on what comes out. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { BytesFault } from '../model/varint.ts';

/** Level 1 of deflate: 6 saves a tenth and takes five times as long. */
const DEFLATE = { level: 1 } as const;

export function deflated(raw: Uint8Array): Uint8Array {
  return raw.length === 0 ? raw : deflateRawSync(raw, DEFLATE);
}

/** Throws BytesFault, at byte 0, unless exactly `rawBytes` come out. */
export function inflated(stored: Uint8Array, rawBytes: number): Uint8Array {
  if (stored.length === 0 && rawBytes === 0) return stored;
  let raw: Uint8Array;
  try {
    raw = inflateRawSync(stored, { maxOutputLength: Math.max(1, rawBytes) });
  } catch (cause) {
    throw new BytesFault(0, `cannot inflate (${cause instanceof Error ? cause.message : String(cause)})`);
  }
  if (raw.length !== rawBytes)
    throw new BytesFault(0, `expected ${rawBytes} bytes inflated, found ${raw.length}`);
  return raw;
}
