/** Heatmaps, lines and tables for a terminal. Every line is at most as wide as asked, whatever the text.
 *  truecolor and 256: two cells a character by half blocks; ascii: one cell a character, no escapes, and where
 *  hues matter the letter of the largest key. Zero shows the terminal's own background.
 *  Does not: know the terminal, write to it. */
import { referenceKernel } from '../kernel/reference.ts';
import type { Raster, RasterGeometry } from '../model/raster.ts';
import { background, foreground, RESET } from './ansi.ts';
import { LEVELS, type Rgb } from './colour.ts';
import { formatCount, formatRange, formatSpan, timeTicks, valueTicks } from './format.ts';
import { DRAW_DEFAULTS, type DrawOptions, type Theme } from './options.ts';
import { legendEntries, type Ramps, rampsOf } from './ramps.ts';
import { asciiText, cleanText, fitText, padText, widthOf } from './text-width.ts';
import { themeColour } from './theme.ts';
import { scaleEnds, type View, viewOf } from './view.ts';
import { rowPosition } from './y-position.ts';

export type Depth = 'truecolor' | '256' | 'ascii';

export interface TerminalOptions {
  /** Characters a line; what does not fit is cut. */
  readonly columns: number;
  /** Lines, as far as the least that can be shown allows. */
  readonly rows: number;
  readonly depth: Depth;
  readonly theme: Theme;
}

export interface HeatmapTextOptions extends TerminalOptions, Partial<Pick<DrawOptions, 'color' | 'palette'>> {
  readonly title?: string;
}

/** Faint to strong, where there are no colours. */
const INK = '.:-=+*#%@';
const EIGHTHS = ' ▁▂▃▄▅▆▇█';
/** Lines that even a small terminal keeps for the cells. */
const PLOT_ROWS_MIN = 3;
const LEGEND_ROWS_MAX = 3;
const GAP = '   ';
const UNKNOWN = { block: '░', ascii: '~' };

/** Title, cells with value labels, time axis, legend. */
export function heatmapText(raster: Raster, options: HeatmapTextOptions): string {
  const { columns, rows, depth } = options;
  const draw = { ...DRAW_DEFAULTS, ...options };
  const perLine = depth === 'ascii' ? 1 : 2;
  const legend = hueLegend(raster, rampsOf(raster, draw), options);
  const plotRows = Math.max(PLOT_ROWS_MIN, rows - 2 - Math.max(1, legend.length));
  const labels = yLabels(raster, plotRows);
  const labelWidth = Math.min(Math.max(0, ...labels.map(widthOf)), Math.floor(columns / 3));
  const left = labelWidth === 0 ? 0 : labelWidth + 1;
  const plot = { columns: Math.max(1, columns - left), rows: plotRows * perLine };
  const view = viewOf(raster, draw, plot);
  const shaded = shadeGrid(view, plot);
  const unknown = unknownPlaces(view, plot.columns);
  const lines = labels.map((label, line) => {
    const from = line * perLine * plot.columns;
    const cells = shaded.subarray(from, from + perLine * plot.columns);
    const fits = widthOf(label) <= labelWidth ? label : '';
    const text =
      depth === 'ascii'
        ? asciiLine(cells, { view, unknown, hued: raster.hueFields.length > 0 })
        : blockLine(cells, { view, unknown, depth, theme: options.theme });
    return (left === 0 ? '' : `${padText(fits, labelWidth, 'right')} `) + text;
  });
  const axis = ' '.repeat(left) + timeLine(raster.fromSecond, spanOf(raster), plot.columns);
  return written(
    [
      fitText(titleText(raster, options.title), columns),
      ...lines,
      fitText(axis, columns),
      ...(legend.length > 0 ? legend : scaleLegend(view, options)),
    ],
    depth,
  );
}

function written(lines: readonly string[], depth: Depth): string {
  const text = lines.join('\n');
  return depth === 'ascii' ? asciiText(text) : text;
}

function spanOf(raster: Raster): number {
  return raster.columns * raster.columnSeconds;
}

function titleText(raster: Raster, title: string | undefined): string {
  const { missing, expected } = raster.coverage;
  return [
    cleanText(title ?? raster.metric),
    formatRange(raster.fromSecond, raster.untilSecond),
    `${formatSpan(raster.columnSeconds)} a column`,
    `${formatCount(raster.total)} counted`,
    ...(missing.length > 0 ? [`${missing.length} of ${expected} sources incomplete`] : []),
  ].join('  ');
}

/** One label a line of the plot, '' where there is none. */
export function yLabels(raster: RasterGeometry, plotRows: number): string[] {
  const labels = Array.from({ length: plotRows }, () => '');
  const axis = { ...raster.y, low: raster.y.edges[0]!, high: raster.y.edges.at(-1)! };
  for (const { value, label } of valueTicks(axis, Math.max(2, Math.floor(plotRows / 3)))) {
    const line = Math.floor((1 - rowPosition(raster.y, value) / raster.rows) * plotRows);
    labels[Math.min(plotRows - 1, line)] = label;
  }
  return labels;
}

/** Labels that begin where their time is, with a mark before each. */
export function timeLine(fromSecond: number, span: number, columns: number): string {
  let line = '';
  for (const { second, label } of timeTicks(
    fromSecond,
    fromSecond + span,
    Math.max(1, Math.floor(columns / 14)),
  )) {
    const at = Math.floor(((second - fromSecond) / span) * columns);
    if (at < widthOf(line) || at + 1 + widthOf(label) > columns) continue;
    line = `${padText(line, at)}╵${label} `;
  }
  return line;
}

/** Kernel indices (0, or 1 + hue * LEVELS + level), row by row from the top, of a grid of this size. */
function shadeGrid(view: View, grid: { columns: number; rows: number }): Uint8Array {
  const shaded = new Uint8Array(view.columns * view.rows);
  const shape = { cells: shaded.length, levels: LEVELS };
  referenceKernel.shade(view.mix, shape, view.thresholds, shaded);
  const out = new Uint8Array(grid.columns * grid.rows);
  for (let y = 0; y < grid.rows; y++) {
    const row = view.rows - 1 - Math.floor((y * view.rows) / grid.rows);
    for (let x = 0; x < grid.columns; x++) {
      out[y * grid.columns + x] = shaded[Math.floor((x * view.columns) / grid.columns) * view.rows + row]!;
    }
  }
  return out;
}

function rampOf(index: number, view: View): number {
  return view.rampOf[Math.floor((index - 1) / LEVELS)]!;
}

function levelOf(index: number): number {
  return (index - 1) % LEVELS;
}

function inkOf(level: number): string {
  return INK[Math.floor((level * INK.length) / LEVELS)]!;
}

/** The letter of a ramp: small for the faint half of its levels. */
function letterOf(ramp: number, level: number): string {
  const letter = String.fromCharCode(97 + ramp);
  return level * 2 < LEVELS ? letter : letter.toUpperCase();
}

/** Places of columns that nobody was expected to report: not zero, unknown. */
function unknownPlaces(view: View, columns: number): boolean[] {
  return Array.from({ length: columns }, (_, x) => {
    const column = Math.floor((x * view.columns) / columns);
    return (view.reporting[column] ?? -1) < 0;
  });
}

function asciiLine(
  cells: Uint8Array,
  look: { view: View; unknown: readonly boolean[]; hued: boolean },
): string {
  const { view, unknown, hued } = look;
  return Array.from(cells, (index, x) => {
    if (index === 0) return unknown[x]! ? UNKNOWN.ascii : ' ';
    return hued ? letterOf(rampOf(index, view), levelOf(index)) : inkOf(levelOf(index));
  }).join('');
}

interface BlockLook {
  readonly view: View;
  readonly unknown: readonly boolean[];
  readonly depth: 'truecolor' | '256';
  readonly theme: Theme;
}

/** Two rows of cells as one line; a colour is said only where it changes. */
function blockLine(cells: Uint8Array, look: BlockLook): string {
  const columns = look.unknown.length;
  let line = '';
  let style = '';
  for (let x = 0; x < columns; x++) {
    const [next, character] = block(cells[x]!, cells[columns + x]!, look.unknown[x]!, look);
    if (next !== style) line += (style === '' ? '' : RESET) + next;
    style = next;
    line += character;
  }
  return style === '' ? line : line + RESET;
}

/** Style and character of one place from its upper and lower cell. */
function block(top: number, bottom: number, unknown: boolean, look: BlockLook): [string, string] {
  const { view, depth, theme } = look;
  const color = (index: number): Rgb => view.ramps[rampOf(index, view)]![levelOf(index)]!;
  if (top === 0 && bottom === 0) {
    return unknown ? [foreground(themeColour(theme, 'unknownDot'), depth), UNKNOWN.block] : ['', ' '];
  }
  if (top === 0) return [foreground(color(bottom), depth), '▄'];
  const over = bottom === 0 ? '' : background(color(bottom), depth);
  return [foreground(color(top), depth) + over, '▀'];
}

/** Keys with their colours and exact counts, in as few lines as fit. */
function hueLegend(raster: Raster, ramps: Ramps, { columns, depth }: TerminalOptions): string[] {
  const entries = legendEntries(raster, ramps).map(({ ramp, label, count }) => {
    const text = fitText(`${label} ${formatCount(count)}`, columns - 2);
    const mark =
      depth === 'ascii'
        ? letterOf(ramp, LEVELS - 1)
        : `${foreground(ramps.ramps[ramp]!.at(-1)!, depth)}■${RESET}`;
    return { text: `${mark} ${text}`, width: 2 + widthOf(text) };
  });
  const lines: string[] = [];
  let width = Infinity;
  for (const entry of entries) {
    if (entry.width > columns) continue;
    if (width + GAP.length + entry.width <= columns) {
      lines[lines.length - 1] += GAP + entry.text;
      width += GAP.length + entry.width;
    } else if (lines.length < LEGEND_ROWS_MAX) {
      lines.push(entry.text);
      width = entry.width;
    }
  }
  return lines;
}

function scaleLegend(view: View, { columns, depth }: TerminalOptions): string[] {
  const ends = scaleEnds(view);
  const ramp = view.ramps.at(-1)!;
  if (ends === undefined || widthOf(ends.low) + LEVELS + widthOf(ends.high) + 2 > columns) return [];
  const bar = ramp
    .map((rgb, level) => (depth === 'ascii' ? inkOf(level) : `${foreground(rgb, depth)}█`))
    .join('');
  return [`${ends.low} ${bar}${depth === 'ascii' ? '' : RESET} ${ends.high}`];
}

export interface LineSeries {
  readonly name: string;
  /** One a step; NaN where there is none. */
  readonly values: ArrayLike<number>;
}

export interface LinesChart {
  readonly title?: string;
  readonly fromSecond: number;
  readonly untilSecond: number;
  readonly series: readonly LineSeries[];
  /** How a value reads; a count by default. */
  readonly format?: (value: number) => string;
}

/** A small chart a series, all on one scale from 0: a place shows the largest of its steps, so that no spike
 *  is lost. What does not fit is named as "and N more". */
export function linesText(chart: LinesChart, options: TerminalOptions): string {
  const { columns, rows } = options;
  const { series, format = formatCount } = chart;
  const room = rows - (series.length + 2 > rows ? 3 : 2);
  const shown = series.slice(0, Math.max(1, room));
  const height = Math.max(1, Math.min(8, Math.floor(room / Math.max(1, shown.length))));
  const ends = shown.map(({ values }) => endText(values, format));
  const nameWidth = Math.min(Math.max(0, ...shown.map((s) => widthOf(s.name))), Math.floor(columns / 3));
  const endWidth = Math.min(Math.max(0, ...ends.map(widthOf)), Math.floor(columns / 3));
  const plotColumns = Math.max(1, columns - nameWidth - endWidth - 2);
  const places = shown.map((s) => largestOf(s.values, plotColumns));
  const most = places.flat().reduce((a, b) => (b > a ? b : a), 0);
  const lines = shown.flatMap(({ name }, i) =>
    Array.from({ length: height }, (_, line) => {
      const plot = places[i]!.map((v) => eighth(v, most, { height, line }, options.depth)).join('');
      const last = line === height - 1;
      return `${padText(last ? cleanText(name) : '', nameWidth)} ${plot} ${last ? fitText(ends[i]!, endWidth) : ''}`.trimEnd();
    }),
  );
  const left = ' '.repeat(nameWidth + 1);
  const title = [cleanText(chart.title ?? ''), formatRange(chart.fromSecond, chart.untilSecond)];
  const all = [
    title.filter((t) => t !== '').join('  '),
    ...lines,
    ...(shown.length < series.length ? [`and ${formatCount(series.length - shown.length)} more`] : []),
    left + timeLine(chart.fromSecond, chart.untilSecond - chart.fromSecond, plotColumns),
  ];
  return written(
    all.map((line) => fitText(line, columns)),
    options.depth,
  );
}

function endText(values: ArrayLike<number>, format: (value: number) => string): string {
  let last = NaN;
  let most = NaN;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Number.isNaN(value)) continue;
    last = value;
    if (!(most >= value)) most = value;
  }
  return Number.isNaN(last) ? 'none' : `${format(last)}, max ${format(most)}`;
}

/** The values spread over `places` places; each has the largest of those that fall on it, NaN for none. */
function largestOf(values: ArrayLike<number>, places: number): number[] {
  const out = Array.from({ length: places }, () => NaN);
  for (let p = 0; p < places; p++) {
    const from = Math.floor((p * values.length) / places);
    const until = Math.max(from + 1, Math.floor(((p + 1) * values.length) / places));
    for (let i = from; i < until && i < values.length; i++) {
      const value = values[i]!;
      if (!Number.isNaN(value) && !(out[p]! >= value)) out[p] = value;
    }
  }
  return out;
}

/** The part of a bar that stands in one line of several; anything above zero is seen. */
function eighth(value: number, most: number, at: { height: number; line: number }, depth: Depth): string {
  if (Number.isNaN(value) || value <= 0 || most <= 0) return ' ';
  const full = Math.max(1, Math.round((value / most) * at.height * 8));
  const part = Math.min(8, Math.max(0, full - (at.height - 1 - at.line) * 8));
  return depth === 'ascii' ? ` ${INK}`[part]! : EIGHTHS[part]!;
}

export interface TextTable {
  readonly columns: readonly { readonly name: string; readonly unit?: string }[];
  readonly rows: readonly (readonly (string | number | boolean | null)[])[];
}

/** A table with a header; numbers stand right. Too wide a table loses width from its widest columns first. */
export function tableText(table: TextTable, options: { readonly columns: number }): string {
  const heads = table.columns.map(({ name, unit }) =>
    cleanText(unit === undefined || unit === '' ? name : `${name} (${unit})`),
  );
  const body = table.rows.map((row) => heads.map((_, c) => cellText(row[c] ?? null)));
  const widths = heads.map((head, c) => Math.max(widthOf(head), ...body.map((row) => widthOf(row[c]!))));
  const spare = (): number =>
    options.columns - widths.reduce((a, b) => a + b, 0) - 2 * Math.max(0, widths.length - 1);
  while (spare() < 0) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest]! <= 1) break;
    widths[widest]!--;
  }
  const numeric = heads.map(
    (_, c) => table.rows.length > 0 && table.rows.every((row) => typeof (row[c] ?? 0) === 'number'),
  );
  const line = (cells: readonly string[]): string =>
    fitText(
      cells
        .map((text, c) => padText(text, widths[c]!, numeric[c]! ? 'right' : 'left'))
        .join('  ')
        .trimEnd(),
      options.columns,
    );
  return `${[line(heads), line(widths.map((w) => '-'.repeat(w))), ...body.map(line)].join('\n')}\n`;
}

function cellText(cell: string | number | boolean | null): string {
  if (cell === null) return '';
  if (typeof cell === 'number')
    return Number.isInteger(cell) ? formatCount(cell) : String(Number(cell.toPrecision(6)));
  return cleanText(String(cell));
}
