/** Two layers against each other as JSON; counts, shares and scores as they are. Times: Unix seconds, [from, to).
 *  Values: the metric's base unit. */
import type { Coverage } from '../model/coverage.ts';
import { relativeBound } from '../model/grid.ts';
import type { DiffLayer, DiffRaster, YAxis } from '../model/raster.ts';

interface LayerJson {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly total: number;
  /** Per column: counts below and above the y axis. */
  readonly under: readonly number[];
  readonly over: readonly number[];
  readonly coverage: Coverage;
}

export interface DiffJson {
  readonly kind: 'diff';
  readonly metric: string;
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly columns: number;
  readonly rows: number;
  readonly y: YAxis;
  readonly a: LayerJson;
  readonly b: LayerJson;
  /** [column, row from the bottom, a, b, score, significant: 1 or 0], where either counts, by column and row. */
  readonly cells?: readonly DiffCell[];
  readonly tested: number;
  readonly falseShare: number;
  readonly bound: { readonly relative: number };
}

type DiffCell = readonly [number, number, number, number, number, number];

export function diffJson(raster: DiffRaster, extra: { readonly cells?: boolean } = {}): DiffJson {
  return {
    kind: 'diff',
    metric: raster.metric,
    from: raster.fromSecond,
    to: raster.untilSecond,
    step: raster.columnSeconds,
    columns: raster.columns,
    rows: raster.rows,
    y: raster.y,
    a: layerJson(raster.a),
    b: layerJson(raster.b),
    ...(extra.cells === false ? {} : { cells: diffCells(raster) }),
    tested: raster.tested,
    falseShare: raster.falseShare,
    bound: { relative: relativeBound(raster.grid) },
  };
}

function layerJson({ label, fromSecond, untilSecond, total, under, over, coverage }: DiffLayer): LayerJson {
  return { label, from: fromSecond, to: untilSecond, total, under: [...under], over: [...over], coverage };
}

export function diffCells({ columns, rows, countsA, countsB, score, significant }: DiffRaster): DiffCell[] {
  const cells: DiffCell[] = [];
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      const i = column * rows + row;
      if (countsA[i]! > 0 || countsB[i]! > 0)
        cells.push([column, row, countsA[i]!, countsB[i]!, score[i]!, significant[i]!]);
    }
  }
  return cells;
}
