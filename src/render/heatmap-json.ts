/** A heatmap as JSON and as CSV: the same raster and the same colours as in the picture. Counts are exact where
 *  no bucket was spread over rows; fractions are given as they are, so that they add up to the total.
 *  Times: Unix seconds, [from, to). Values: the metric's base unit. */
import { relativeBound } from '../model/grid.ts';
import { keyCells, keyHeads, type KeyNames } from '../model/key.ts';
import type { Coverage } from '../model/coverage.ts';
import type { Overlay, Raster, YAxis } from '../model/raster.ts';
import { altText } from './alt-text.ts';
import { hexOf } from './colour.ts';
import type { DrawOptions } from './options.ts';
import { rampsOf } from './ramps.ts';
import { occupiedBins, thresholdsOf } from './levels.ts';
import { sumsOf } from './mix.ts';

export interface HeatmapJson {
  readonly kind: 'heatmap';
  readonly metric: string;
  readonly from: number;
  readonly to: number;
  /** Seconds of a column. */
  readonly step: number;
  readonly columns: number;
  readonly rows: number;
  readonly y: YAxis;
  readonly hueFields: readonly string[];
  /** `names` are there where the statement names keys, by place. `key` is null for the remainder and where there is no hue dimension. `color` is the hue at full strength,
   *  `ramp` its place among `colors.ramps`. */
  readonly hues: readonly {
    readonly key: readonly string[] | null;
    readonly names?: KeyNames;
    readonly color: string;
    readonly ramp: number;
    readonly count: number;
  }[];
  /** How a cell gets its colour: ramps[ramp of its largest hue][thresholds at or below its sum over hues]. */
  readonly colors: {
    readonly mode: DrawOptions['color'];
    readonly thresholds: readonly number[];
    readonly ramps: readonly (readonly string[])[];
  };
  /** [column, row from the bottom, hue, count], non-zero ones, by column, row and hue. */
  readonly cells?: readonly (readonly [number, number, number, number])[];
  readonly total: number;
  /** Per column: counts below and above the y axis. */
  readonly under: readonly number[];
  readonly over: readonly number[];
  /** By name: one value a column, null where there is none. */
  readonly overlays: { readonly [name: string]: readonly (number | null)[] };
  /** By name of the overlay, one value a column: bounds from the buckets, bounds from the number of events too
   *  (null where that bounds nothing), and the counts that the value was read from. */
  readonly overlayBounds: {
    readonly [name: string]: { readonly [bound: string]: readonly (number | null)[] };
  };
  readonly coverage: Coverage;
  /** How far a value may be from the middle of its bucket. */
  readonly bound: { readonly relative: number };
  /** The picture in words. */
  readonly alt: string;
}

export function heatmapJson(
  raster: Raster,
  options: Pick<DrawOptions, 'theme' | 'palette' | 'color'>,
  extra: { readonly cells?: boolean } = {},
): HeatmapJson {
  const { ramps, rampOfHue } = rampsOf(raster, options);
  const bins = occupiedBins(sumsOf(raster));
  return {
    kind: 'heatmap',
    metric: raster.metric,
    from: raster.fromSecond,
    to: raster.untilSecond,
    step: raster.columnSeconds,
    columns: raster.columns,
    rows: raster.rows,
    y: raster.y,
    hueFields: raster.hueFields,
    hues: raster.hues.map(({ key, names, count }, h) => {
      const ramp = rampOfHue[h]!;
      return {
        key: key ?? null,
        ...(names === undefined ? {} : { names }),
        color: hexOf(ramps[ramp]!.at(-1)!),
        ramp,
        count,
      };
    }),
    colors: {
      mode: options.color,
      thresholds: [...thresholdsOf(options.color, bins)],
      ramps: ramps.map((ramp) => ramp.map(hexOf)),
    },
    ...(extra.cells === false ? {} : { cells: cellsOf(raster) }),
    total: raster.total,
    under: [...raster.under],
    over: [...raster.over],
    overlays: Object.fromEntries(raster.overlays.map(({ name, values }) => [name, known(values)])),
    overlayBounds: Object.fromEntries(raster.overlays.map((overlay) => [overlay.name, boundsOf(overlay)])),
    coverage: raster.coverage,
    bound: { relative: relativeBound(raster.grid) },
    alt: altText(raster),
  };
}

function known(values: Float64Array): (number | null)[] {
  return Array.from(values, (v) => (Number.isNaN(v) ? null : v));
}

function boundsOf({ name: _name, values: _values, ...bounds }: Overlay): {
  [bound: string]: (number | null)[];
} {
  return Object.fromEntries(Object.entries(bounds).map(([bound, values]) => [bound, known(values)]));
}

function cellsOf({ columns, rows, hues, cells }: Raster): [number, number, number, number][] {
  const out: [number, number, number, number][] = [];
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      for (let hue = 0; hue < hues.length; hue++) {
        const count = cells[(hue * columns + column) * rows + row]!;
        if (count > 0) out.push([column, row, hue, count]);
      }
    }
  }
  return out;
}

/** `second,low,high,<hue fields, each named one followed by its name>,count`: one line a non-zero cell, RFC 4180. Counts beyond the y axis
 *  have no line. The remainder reads "(other)". */
export function heatmapCsv(raster: Raster): string {
  const { fromSecond, columnSeconds, y, hueFields, named, hues } = raster;
  const heads = keyHeads(hueFields, named);
  const lines = [['second', 'low', 'high', ...heads, 'count'].map(csvField).join(',')];
  const keys = hues.map((hue) =>
    keyCells(hueFields, hue, named)
      .map((cell) => `${csvField(cell ?? '')},`)
      .join(''),
  );
  for (const [column, row, hue, count] of cellsOf(raster)) {
    const second = fromSecond + column * columnSeconds;
    lines.push(`${second},${y.edges[row]},${y.edges[row + 1]},${keys[hue]}${count}`);
  }
  return `${lines.join('\r\n')}\r\n`;
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
