/** Where a value lies on a y axis of given row edges: fractions of rows, by the axis's own scale inside a row. */
import type { YAxis } from '../model/raster.ts';

/** 0 at the lowest edge, edges.length - 1 at the highest; values outside are clamped. */
export function rowPosition(y: YAxis, value: number): number {
  const { edges } = y;
  let low = 0;
  let high = edges.length - 1;
  if (value <= edges[low]!) return low;
  if (value >= edges[high]!) return high;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (edges[middle]! <= value) low = middle;
    else high = middle;
  }
  const [from, until] = [edges[low]!, edges[high]!];
  if (y.scale === 'log' && from > 0) return low + Math.log(value / from) / Math.log(until / from);
  return low + (value - from) / (until - from);
}
