/** From a point of the picture to a question about it: which cell it is, and the statement that asks who made it, or
 *  what differs inside a box. Pure. Times: Unix seconds; values: base units, as in the picture's own numbers. */
import type { PictureAxes, PictureMap } from './png-map.ts';
import { readPart } from './query-text.ts';

/** A cell of the picture as it was when it was pointed at; a live picture goes on sliding. */
export interface Spot {
  readonly fromSecond: number;
  readonly untilSecond: number;
  readonly low: number;
  readonly high: number;
  readonly axes: PictureAxes;
}

/** `x` and `y` in pixels of the image; a little beside the plot counts as its edge. */
export function spotAt({ plot, axes }: PictureMap, x: number, y: number): Spot | undefined {
  if (axes === undefined) return undefined;
  const { columns, rows, edges } = axes;
  const across = (x - plot.x) / plot.width;
  const up = 1 - (y - plot.y) / plot.height;
  const slack = 0.02;
  if (across < -slack || across > 1 + slack || up < -slack || up > 1 + slack) return undefined;
  const at = (share: number, count: number): number =>
    Math.min(count - 1, Math.max(0, Math.floor(share * count)));
  const column = at(across, columns);
  const row = at(up, rows);
  const fromSecond = axes.fromSecond + column * axes.columnSeconds;
  return {
    fromSecond,
    untilSecond: Math.min(axes.untilSecond, fromSecond + axes.columnSeconds),
    low: edges[row]!,
    high: edges[row + 1]!,
    axes,
  };
}

/** Who made this cell: the read without its stages, and the picture's own geometry. */
export function cellStatement(text: string, spot: Spot): string | undefined {
  const read = readPart(text);
  if (read === undefined) return undefined;
  const step = read.hasStep ? '' : ` step ${spot.axes.columnSeconds}s`;
  return `${read.text} | cell at ${instant(spot.fromSecond)}, ${valuesText(spot, spot)}${step}`;
}

/** What differs between two corners, both included. */
export function boxStatement(text: string, a: Spot, b: Spot): string | undefined {
  const read = readPart(text);
  if (read === undefined) return undefined;
  const step = read.hasStep ? '' : ` step ${a.axes.columnSeconds}s`;
  const [from, until] = [Math.min(a.fromSecond, b.fromSecond), Math.max(a.untilSecond, b.untilSecond)];
  const [low, high] = a.low < b.low ? [a, b] : [b, a];
  return `${read.text}${step} | compare from ${instant(from)} to ${instant(until)} y ${valuesText(low, high)}`;
}

function instant(second: number): string {
  return new Date(second * 1000).toISOString().replace('.000Z', 'Z');
}

/** As the language writes values of this unit, to the last bit. */
function valuesText({ low, axes }: Spot, { high }: Spot): string {
  const { unit, base, power } = axes;
  const text = (value: number): string => {
    if (unit === 's') return `${value}${SECONDS.get(power) ?? 's'}`;
    if (unit === 'B' || unit === '%') return `${value}${unit}`;
    return String(power < 0 ? value / base ** -power : value);
  };
  return `${text(low)}..${text(high)}`;
}

const SECONDS: ReadonlyMap<number, string> = new Map([
  [-9, 'ns'],
  [-6, 'us'],
  [-3, 'ms'],
]);
