/** A diff as one picture shows it: three ramps, one for what the first layer has more of, one for what it has less of,
 *  and grey for what may be luck. Strength is how far the shares are apart, not how many counts there are.
 *  Of cells that share a pixel the significant one with the most counts is shown, so that none is lost. Blue and orange
 *  stay apart for every kind of colour blindness. */
import type { Coverage } from '../model/coverage.ts';
import type { DiffRaster, Raster } from '../model/raster.ts';
import { diffRamps, LEVELS } from './colour.ts';
import type { DrawOptions } from './options.ts';
import { mixOf } from './mix.ts';
import type { View } from './view.ts';
import { shrink } from './shrink.ts';

export const MORE = 0;
export const LESS = 1;
export const LUCK = 2;
const RAMPS = 3;
/** How strongly a cell that may be luck is drawn: it is there, and steps back. */
const LUCK_STRENGTH = 0.12;

/** [ramp][column][row]: strength 0..1, in one ramp at most. */
export function diffRasterAsHues(diff: DiffRaster): Raster {
  const { columns, rows, a, b, countsA, countsB, score, significant } = diff;
  const cells = new Float64Array(RAMPS * columns * rows);
  for (let i = 0; i < columns * rows; i++) {
    if (countsA[i]! + countsB[i]! === 0) continue;
    const ramp = significant[i] !== 1 ? LUCK : score[i]! > 0 ? MORE : LESS;
    cells[ramp * columns * rows + i] =
      ramp === LUCK ? LUCK_STRENGTH : Math.max(Math.abs(score[i]!), 1 / LEVELS);
  }
  const sum = (x: Float64Array, y: Float64Array): Float64Array => x.map((value, c) => value + y[c]!);
  return {
    ...diff,
    hueFields: ['difference'],
    hues: [
      { key: [a.label], count: a.total },
      { key: [b.label], count: b.total },
      { key: undefined, count: 0 },
    ],
    cells,
    under: sum(a.under, b.under),
    over: sum(a.over, b.over),
    total: a.total + b.total,
    coverage: worse(a.coverage, b.coverage),
    overlays: [],
  };
}

/** Column by column the layer that misses more. */
function worse(a: Coverage, b: Coverage): Coverage {
  const missing = ({ reporting, expecting }: Coverage, c: number): number =>
    (reporting[c] ?? -1) < 0 ? Number.POSITIVE_INFINITY : (expecting[c] ?? 0) - reporting[c]!;
  const from = a.reporting.map((_, c) => (missing(b, c) > missing(a, c) ? b : a));
  return {
    expected: Math.max(a.expected, b.expected),
    reporting: from.map(({ reporting }, c) => reporting[c] ?? -1),
    expecting: from.map(({ expecting }, c) => expecting[c] ?? 0),
    missing: [...a.missing, ...b.missing],
    revised: [...new Set([...a.revised, ...b.revised])].toSorted((x, y) => x - y),
  };
}

export function diffView(
  diff: DiffRaster,
  hues: Raster,
  options: Pick<DrawOptions, 'theme'>,
  most: { readonly columns: number; readonly rows: number },
): View {
  const { cells, ...shrunk } = shrink(hues, most);
  const fits = shrunk.columns === hues.columns && shrunk.rows === hues.rows;
  return {
    ...shrunk,
    mix: mixOf(fits ? cells() : strongest(diff, hues, shrunk), RAMPS),
    ramps: diffRamps(options.theme),
    rampOfHue: [MORE, LESS, LUCK],
    rampOf: [MORE, LESS, LUCK],
    bins: [],
    thresholds: Float64Array.from({ length: LEVELS - 1 }, (_, i) => (i + 1) / LEVELS),
  };
}

function strongest(
  { columns, rows, countsA, countsB }: DiffRaster,
  hues: Raster,
  to: { readonly columns: number; readonly rows: number },
): Float64Array {
  const cells = new Float64Array(RAMPS * to.columns * to.rows);
  const shown = new Float64Array(to.columns * to.rows).fill(-1);
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      const i = column * rows + row;
      const ramp = [MORE, LESS, LUCK].find((r) => hues.cells[r * columns * rows + i]! > 0);
      if (ramp === undefined) continue;
      const place =
        Math.floor((column * to.columns) / columns) * to.rows + Math.floor((row * to.rows) / rows);
      const weight = ramp === LUCK ? 0 : countsA[i]! + countsB[i]!;
      if (weight <= shown[place]!) continue;
      shown[place] = weight;
      for (let r = 0; r < RAMPS; r++) {
        cells[r * shown.length + place] = r === ramp ? hues.cells[r * columns * rows + i]! : 0;
      }
    }
  }
  return cells;
}
