/** The numbers that a picture carries of itself, in its tEXt chunk "tailglow": where its plot lies, in pixels
 *  of the image, and what its axes mean. Pure; undefined for a picture without them. */
import { list, number, object, type Json, text } from './json.ts';

/** What the columns and rows of the plot stand for; times in Unix seconds, values in base units. */
export interface PictureAxes {
  readonly fromSecond: number;
  readonly untilSecond: number;
  readonly columnSeconds: number;
  readonly columns: number;
  readonly rows: number;
  /** rows + 1, from the bottom. */
  readonly edges: readonly number[];
  readonly unit: string;
  readonly base: number;
  readonly power: number;
}

export interface PictureMap {
  readonly scale: number;
  readonly plot: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  /** Undefined where it does not say them in full. */
  readonly axes?: PictureAxes;
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
    const parsed: unknown = JSON.parse(json);
    const { scale, plot } = parsed as Partial<PictureMap>;
    const axes = readAxes(object(parsed));
    const whole = [scale, plot?.x, plot?.y, plot?.width, plot?.height].every(Number.isFinite);
    if (!whole) return undefined;
    return { scale: scale!, plot: plot!, ...(axes === undefined ? {} : { axes }) };
  } catch {
    return undefined;
  }
}

function readAxes(json: Json): PictureAxes | undefined {
  const { from, until, columnSeconds, columns, rows } = json;
  const y = object(json['y']);
  const numbers = [from, until, columnSeconds, columns, rows, y['base'], y['power']].map(number);
  const edges = list(y['edges']).flatMap((edge) => number(edge) ?? []);
  if (numbers.includes(undefined) || edges.length !== Number(rows) + 1) return undefined;
  const [fromSecond, untilSecond, seconds, columnCount, rowCount, base, power] = numbers as number[];
  return {
    fromSecond: fromSecond!,
    untilSecond: untilSecond!,
    columnSeconds: seconds!,
    columns: columnCount!,
    rows: rowCount!,
    edges,
    unit: text(y['unit']),
    base: base!,
    power: power!,
  };
}
