/** Reads the palette PNG files that this project writes, apart from the code that writes them. Checks every
 *  checksum. Throws on anything that is no 8-bit palette picture. */
import { crc32, inflateSync } from 'node:zlib';

export interface DecodedPng {
  readonly width: number;
  readonly height: number;
  /** Palette index of each pixel. */
  readonly pixels: Uint8Array;
  /** Entries [red, green, blue]. */
  readonly palette: readonly (readonly [number, number, number])[];
  readonly texts: ReadonlyMap<string, string>;
  readonly chunks: readonly string[];
}

export function decodePng(file: Uint8Array): DecodedPng {
  const bytes = Buffer.from(file);
  if (bytes.toString('latin1', 0, 8) !== '\u0089PNG\r\n\u001a\n') throw new Error('no PNG signature');
  const chunks: string[] = [];
  const texts = new Map<string, string>();
  const data: Buffer[] = [];
  let header = Buffer.alloc(0);
  let colours = Buffer.alloc(0);
  for (let at = 8; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (crc32(bytes.subarray(at + 4, at + 8 + length)) !== bytes.readUInt32BE(at + 8 + length)) {
      throw new Error(`checksum of ${type} differs`);
    }
    chunks.push(type);
    if (type === 'IHDR') header = body;
    if (type === 'PLTE') colours = body;
    if (type === 'IDAT') data.push(body);
    if (type === 'tEXt') {
      const end = body.indexOf(0);
      texts.set(body.toString('latin1', 0, end), body.toString('latin1', end + 1));
    }
    at += 12 + length;
  }
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  if (header[8] !== 8 || header[9] !== 3) throw new Error('expected 8 bits and a palette');
  const palette = Array.from({ length: colours.length / 3 }, (_, i): [number, number, number] => [
    colours[i * 3]!,
    colours[i * 3 + 1]!,
    colours[i * 3 + 2]!,
  ]);
  const pixels = unfilter(inflateSync(Buffer.concat(data)), width, height);
  return { width, height, pixels, palette, texts, chunks };
}

function unfilter(raw: Uint8Array, width: number, height: number): Uint8Array {
  if (raw.length !== height * (width + 1)) throw new Error(`${raw.length} bytes for ${width}x${height}`);
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (width + 1)]!;
    for (let x = 0; x < width; x++) {
      const value = raw[y * (width + 1) + 1 + x]!;
      const left = x > 0 ? pixels[y * width + x - 1]! : 0;
      const up = y > 0 ? pixels[(y - 1) * width + x]! : 0;
      const diagonal = x > 0 && y > 0 ? pixels[(y - 1) * width + x - 1]! : 0;
      pixels[y * width + x] = value + predicted(filter, left, up, diagonal);
    }
  }
  return pixels;
}

function predicted(filter: number, left: number, up: number, diagonal: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  if (filter !== 4) throw new Error(`filter ${filter}`);
  const p = left + up - diagonal;
  const [a, b, c] = [Math.abs(p - left), Math.abs(p - up), Math.abs(p - diagonal)];
  return a <= b && a <= c ? left : b <= c ? up : diagonal;
}
