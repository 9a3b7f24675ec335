/** Writes palette PNG files: 8 bits a pixel, one IDAT. Bytes depend on the picture alone.
 *  Layout: signature, IHDR, PLTE, tEXt..., IDAT, IEND (W3C PNG, third edition). A row that repeats the one above
 *  is written as "up, no difference": enlarged pictures cost no more than their distinct rows. */
import { crc32 } from 'node:zlib';
import { deflateBound } from '../kernel/deflate.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { assert } from '../model/assert.ts';
import { Scratch } from './scratch.ts';

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** Length and type before a chunk's data, checksum behind it. */
const CHUNK_BYTES = 12;

export interface IndexedPicture {
  readonly width: number;
  readonly height: number;
  /** Palette indices, row by row from the top. */
  readonly pixels: Uint8Array;
  /** Three bytes an entry, at most 256 entries. */
  readonly palette: Uint8Array;
  /** Keyword and text of tEXt chunks; Latin-1. */
  readonly texts: readonly (readonly [string, string])[];
}

const filtered = new Scratch();
const deflated = new Scratch();

export function encodePng(
  picture: IndexedPicture,
  kernel: Pick<Kernel, 'filterRows' | 'deflate'>,
): Uint8Array {
  const { width, height, pixels, palette, texts } = picture;
  assert(pixels.length === width * height, () => `${pixels.length} pixels for ${width}x${height}`);
  assert(palette.length <= 768 && palette.length % 3 === 0, () => `palette of ${palette.length} bytes`);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8); // 8 bits, palette, deflate, the five filters, not interlaced
  const rows = filtered.take(height * (width + 1));
  kernel.filterRows(pixels, width, rows);
  const data = deflated.take(deflateBound(rows.length));
  const length = kernel.deflate(rows, width + 1, data);
  return file([
    ['IHDR', header],
    ['PLTE', palette],
    ...texts.map(([keyword, text]) => ['tEXt', Buffer.from(`${keyword}\0${text}`, 'latin1')] as const),
    ['IDAT', data.subarray(0, length)],
    ['IEND', new Uint8Array(0)],
  ]);
}

function file(chunks: readonly (readonly [type: string, data: Uint8Array])[]): Uint8Array {
  const lengths = chunks.map(([, data]) => CHUNK_BYTES + data.length);
  const out = Buffer.allocUnsafeSlow(lengths.reduce((a, b) => a + b, SIGNATURE.length));
  out.set(SIGNATURE);
  let at = SIGNATURE.length;
  for (const [type, data] of chunks) {
    const end = at + 8 + data.length;
    out.writeUInt32BE(data.length, at);
    out.write(type, at + 4, 'latin1');
    out.set(data, at + 8);
    out.writeUInt32BE(crc32(out.subarray(at + 4, end)), end);
    at = end + 4;
  }
  return out;
}

/** Text that Latin-1 can carry, as tEXt demands: a space for a line end, "?" for what it lacks. */
export function latinText(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ').replace(/[^ -\u00ff]/gu, '?');
}

/** JSON that Latin-1 can carry: anything else is escaped. */
export function latinJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
