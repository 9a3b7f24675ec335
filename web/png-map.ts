/** The numbers that a picture carries of itself, in its tEXt chunk "tailglow": where its plot lies, in pixels
 *  of the image, and what its axes mean. Pure; undefined for a picture without them. */

export interface PictureMap {
  readonly scale: number;
  readonly plot: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
}

const SIGNATURE_BYTES = 8;
const KEYWORD = 'tailglow\0';

export function pictureMap(png: Uint8Array): PictureMap | undefined {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const latin = new TextDecoder('latin1');
  for (let at = SIGNATURE_BYTES; at + 12 <= png.length;) {
    const length = view.getUint32(at);
    const kind = latin.decode(png.subarray(at + 4, at + 8));
    if (kind === 'IDAT') return undefined;
    const body = png.subarray(at + 8, at + 8 + length);
    if (kind === 'tEXt') {
      const text = latin.decode(body);
      if (text.startsWith(KEYWORD)) return readMap(text.slice(KEYWORD.length));
    }
    at += 12 + length;
  }
  return undefined;
}

function readMap(json: string): PictureMap | undefined {
  try {
    const { scale, plot } = JSON.parse(json) as Partial<PictureMap>;
    const whole = [scale, plot?.x, plot?.y, plot?.width, plot?.height].every(Number.isFinite);
    return whole ? { scale: scale!, plot: plot! } : undefined;
  } catch {
    return undefined;
  }
}
