/** Percentiles as lines over the body, and how sure they are: dots follow the bounds between which the system at large may
 *  lie (those of the buckets, where counts are of no events); where few events stand behind a value its line is broken.
 *  A bound that is not known is not drawn. Lines are one CSS pixel with a halo, so that they are seen over every colour. */
import type { Overlay, Raster } from '../model/raster.ts';
import type { Rect } from './layout.ts';
import { fillSpan, type Picture } from './picture.ts';
import { rowPosition } from './y-position.ts';

/** Of fewer events a percentile is hardly more than its largest or its middle one. */
const FEW = 100;
/** CSS pixels of a dash and of the gap after it. */
const DASH = 3;
/** A bound is one CSS pixel of so many. */
const DOTTED = 3;

interface Place {
  readonly picture: Picture;
  readonly body: Rect;
  readonly raster: Raster;
}

/** CSS pixels within the body. */
type Dot = (x: number, y: number) => void;

export function drawOverlays(picture: Picture, body: Rect, raster: Raster): void {
  const place = { picture, body, raster };
  for (const overlay of raster.overlays) {
    withHalo(place, (dot) => {
      for (const bound of boundsOf(overlay)) visitBound(place, bound, dot);
    });
  }
  for (const { values, counts } of raster.overlays) {
    const points = pointsOf(place, values);
    withHalo(place, (dot) => {
      visitLine(points, (x, y) => {
        if (!isGap(place, counts, x)) dot(x, y);
      });
    });
  }
}

function boundsOf({ low, high, sampleLow = low, sampleHigh = high }: Overlay): Float64Array[] {
  return [sampleLow, sampleHigh].filter((bound) => bound !== undefined);
}

function isGap(place: Place, counts: Float64Array | undefined, x: number): boolean {
  return counts !== undefined && Math.floor(x / DASH) % 2 === 1 && counts[columnAt(place, x)]! < FEW;
}

function columnAt({ body, raster }: Place, x: number): number {
  return Math.min(raster.columns - 1, Math.floor((x * raster.columns) / body.width));
}

/** NaN for none. */
function rowAt({ body, raster }: Place, value: number): number {
  if (Number.isNaN(value)) return Number.NaN;
  const y = (1 - rowPosition(raster.y, value) / raster.rows) * body.height;
  return Math.min(body.height - 1, Math.floor(y));
}

/** What is visited as lines of one CSS pixel, over the halo of all of it. */
function withHalo({ picture, body }: Place, visit: (dot: Dot) => void): void {
  const { scale, colours } = picture;
  for (const [index, grow] of [
    [colours.halo, 1],
    [colours.line, 0],
  ] as const) {
    visit((x, y) => {
      const top = Math.max(0, y - grow);
      const bottom = Math.min(body.height, y + 1 + grow);
      const rect = { x: body.x, y: body.y + top, width: body.width, height: bottom - top };
      fillSpan(picture, rect, x * scale, (x + 1) * scale, index);
    });
  }
}

/** Columns are not joined: where bounds jump, what lies between would hide the cells. */
function visitBound(place: Place, bound: Float64Array, dot: Dot): void {
  for (let x = 0; x < place.body.width; x += DOTTED) {
    const y = rowAt(place, bound[columnAt(place, x)]!);
    if (!Number.isNaN(y)) dot(x, y);
  }
}

/** x, y of each column. */
function pointsOf(place: Place, values: Float64Array): number[] {
  const { body, raster } = place;
  const points: number[] = [];
  for (let column = 0; column < values.length; column++) {
    const x = ((column + 0.5) / raster.columns) * body.width;
    points.push(Math.min(body.width - 1, Math.floor(x)), rowAt(place, values[column]!));
  }
  return points;
}

/** Visits the pixels of the line through the points [x, y, x, y, ...]; NaN breaks it. */
function visitLine(points: readonly number[], dot: Dot): void {
  for (let i = 0; i < points.length; i += 2) {
    const [x, y] = [points[i]!, points[i + 1]!];
    if (Number.isNaN(y)) continue;
    dot(x, y);
    const [nextX, nextY] = [points[i + 2] ?? NaN, points[i + 3] ?? NaN];
    if (Number.isNaN(nextX) || Number.isNaN(nextY)) continue;
    const steps = Math.max(nextX - x, Math.abs(nextY - y));
    for (let s = 1; s < steps; s++) {
      dot(Math.round(x + ((nextX - x) * s) / steps), Math.round(y + ((nextY - y) * s) / steps));
    }
  }
}
