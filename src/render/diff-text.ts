/** Two layers against each other, for a terminal: a sign where a has significantly more or less than b, a dot where the
 *  difference may be luck, nothing where neither counts. Of the cells that share a place the significant one with the
 *  most counts is shown. Every line is at most as wide as asked. */
import type { DiffLayer, DiffRaster } from '../model/raster.ts';
import { foreground, RESET } from './ansi.ts';
import type { Rgb } from './colour.ts';
import { formatCount, formatRange, formatSpan } from './format.ts';
import { type TerminalOptions, timeLine, yLabels } from './terminal.ts';
import { asciiText, cleanText, fitText, padText, widthOf } from './text-width.ts';

const MORE: Rgb = [230, 159, 0];
const LESS: Rgb = [86, 180, 233];
const LUCK: Rgb = [128, 128, 128];

/** Lines that even a small terminal keeps for the cells. */
const PLOT_ROWS_MIN = 3;

/** 0 nothing, 1 may be luck, then by sign and strength. */
type Mark = ' ' | '.' | '+' | '#' | '-' | '=';

export function diffText(raster: DiffRaster, options: TerminalOptions & { readonly title: string }): string {
  const { columns, rows, depth } = options;
  const plotRows = Math.max(PLOT_ROWS_MIN, rows - 5);
  const labels = yLabels(raster, plotRows);
  const labelWidth = Math.min(Math.max(0, ...labels.map(widthOf)), Math.floor(columns / 3));
  const left = labelWidth === 0 ? 0 : labelWidth + 1;
  const width = Math.max(1, columns - left);
  const lines = labels.map((label, line) => {
    const marks = Array.from({ length: width }, (_, x) =>
      markOf(raster, cellsAt(raster, { x, line, width, plotRows })),
    );
    const fits = widthOf(label) <= labelWidth ? label : '';
    return (left === 0 ? '' : `${padText(fits, labelWidth, 'right')} `) + painted(marks, depth);
  });
  const span = raster.columns * raster.columnSeconds;
  const { tested, significant } = raster;
  const found = significant.reduce((sum, one) => sum + one, 0);
  const all = [
    fitText(`${cleanText(options.title)}  ${formatSpan(raster.columnSeconds)} a column`, columns),
    ...lines,
    fitText(' '.repeat(left) + timeLine(raster.fromSecond, span, width), columns),
    fitText(`# + more than b: ${layerText(raster.a)}`, columns),
    fitText(`= - less than b: ${layerText(raster.b)}`, columns),
    fitText(
      `${formatCount(found)} of ${formatCount(tested)} cells differ in their share; . may be luck`,
      columns,
    ),
  ].join('\n');
  return `${depth === 'ascii' ? asciiText(all) : all}\n`;
}

function layerText({ label, total, fromSecond, untilSecond, coverage }: DiffLayer): string {
  const missing =
    coverage.missing.length > 0
      ? `, ${coverage.missing.length} of ${coverage.expected} sources incomplete`
      : '';
  return `${cleanText(label)}, ${formatCount(total)} counted, ${formatRange(fromSecond, untilSecond)}${missing}`;
}

/** The raster's cells that fall on one place of the text; at least one. */
function cellsAt(
  { columns, rows }: DiffRaster,
  { x, line, width, plotRows }: { x: number; line: number; width: number; plotRows: number },
): number[] {
  const [fromColumn, untilColumn] = part(x, width, columns);
  const [fromRow, untilRow] = part(plotRows - 1 - line, plotRows, rows);
  const cells: number[] = [];
  for (let column = fromColumn; column < untilColumn; column++)
    for (let row = fromRow; row < untilRow; row++) cells.push(column * rows + row);
  return cells;
}

function part(place: number, places: number, things: number): [number, number] {
  const from = Math.floor((place * things) / places);
  return [from, Math.min(things, Math.max(from + 1, Math.floor(((place + 1) * things) / places)))];
}

function markOf({ countsA, countsB, score, significant }: DiffRaster, cells: readonly number[]): Mark {
  let most = 0;
  let mark: Mark = ' ';
  for (const cell of cells) {
    const count = countsA[cell]! + countsB[cell]!;
    if (count > 0 && mark === ' ') mark = '.';
    if (significant[cell] !== 1 || count <= most) continue;
    most = count;
    const isStrong = Math.abs(score[cell]!) > 0.5;
    mark = score[cell]! > 0 ? (isStrong ? '#' : '+') : isStrong ? '=' : '-';
  }
  return mark;
}

function painted(marks: readonly Mark[], depth: TerminalOptions['depth']): string {
  if (depth === 'ascii') return marks.join('');
  let text = '';
  let style = '';
  for (const mark of marks) {
    const rgb = mark === '.' ? LUCK : mark === '+' || mark === '#' ? MORE : LESS;
    const next = mark === ' ' ? '' : foreground(rgb, depth);
    if (next !== style) text += (style === '' ? '' : RESET) + next;
    style = next;
    text += mark;
  }
  return style === '' ? text : text + RESET;
}
