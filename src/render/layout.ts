/** Where everything stands in the picture: a pure function from raster, options and view to rectangles,
 *  texts and swatches, in CSS pixels. Owns: sizes, margins, what the words say. Does not: touch pixels. */
import type { Raster } from '../model/raster.ts';
import { LEVELS } from './colour.ts';
import { formatCount, formatValue, timeTicks, valueTicks } from './format.ts';
import type { DrawOptions } from './options.ts';
import type { LegendEntry } from './ramps.ts';
import { CHARACTER_WIDTH, type Strip, type Text } from './strip.ts';
import { fitText, widthOf } from './text-width.ts';
import type { Words } from './words.ts';
import { rowPosition } from './y-position.ts';

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Swatch extends Rect {
  readonly ramp: number;
  readonly level: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly body: Rect;
  /** Lines of marks above and below the body: counts beyond the axis, missing seconds. */
  readonly over: Rect;
  readonly under: Rect;
  readonly missing: Rect;
  /** Below the time axis: columns that late data revised. */
  readonly revised: Rect;
  readonly frame: readonly Rect[];
  /** Offsets within the body, from its top and from its left. */
  readonly gridRows: readonly number[];
  readonly gridColumns: readonly number[];
  readonly swatches: readonly Swatch[];
  readonly strips: readonly Strip[];
}

const LABEL = 11;
const TITLE = 14;
const PADDING = 14;
const FAINT = 0.66;
const TICK = 5;
/** Space over and under the body for marks. */
const GUTTER = 5;
const LEGEND_ROW = 18;
const SWATCH = { width: 36, height: 8 };
/** Room for a title and a legend entry beside a very small body. */
const TEXT_WIDTH_MIN = 200;

const none: Rect = { x: 0, y: 0, width: 0, height: 0 };

function textPixels(text: string, size: number): number {
  return Math.ceil(widthOf(text) * CHARACTER_WIDTH * size);
}

function fitPixels(text: string, pixels: number, size: number): string {
  return fitText(text, Math.floor(pixels / (CHARACTER_WIDTH * size)));
}

/** The body alone; its marks lie on its edge rows. */
export function plainLayout(options: DrawOptions): Layout {
  const { width, height } = options;
  const body = { x: 0, y: 0, width, height };
  return {
    width,
    height,
    body,
    over: { x: 0, y: 0, width, height: 1 },
    under: { x: 0, y: height - 1, width, height: 1 },
    missing: none,
    revised: none,
    frame: [],
    gridRows: [],
    gridColumns: [],
    swatches: [],
    strips: [],
  };
}

export function fullLayout(raster: Raster, options: DrawOptions, words: Words): Layout {
  const { width, height } = options;
  const yTicks = valueTicks(
    { ...raster.y, low: raster.y.edges[0]!, high: raster.y.edges.at(-1)! },
    Math.max(1, Math.min(12, Math.floor(height / 34))),
  ).map(({ value, label }) => ({
    label,
    offset: Math.round(height * (1 - rowPosition(raster.y, value) / raster.rows)),
  }));
  const yWidth = Math.max(0, ...yTicks.map((t) => textPixels(t.label, LABEL)));
  const ends = overlayEnds(raster, height);
  const endWidth = Math.max(0, ...ends.map((e) => textPixels(e.text, LABEL)));
  const body: Rect = { x: PADDING + yWidth + TICK + 4, y: PADDING + 44 + GUTTER, width, height };
  const right = body.x + width;
  const below = body.y + height;
  const total = Math.max(
    right + Math.max(PADDING + 10, endWidth === 0 ? 0 : endWidth + 6 + PADDING),
    body.x + TEXT_WIDTH_MIN + PADDING,
  );

  const { frame: tickFrame, strip: xStrip, gridColumns } = timeAxis(raster, body, total);
  const legend = legendOf(words.legend, {
    left: body.x,
    top: below + GUTTER + TICK + 34,
    width: total - PADDING - body.x,
  });
  const title = titleOf(words, { left: body.x, width: Math.max(width, TEXT_WIDTH_MIN) });
  const yTexts = yTicks.map(({ label, offset }) =>
    labelText(label, { x: PADDING + yWidth, y: GUTTER + offset + 4, align: 'right' }),
  );
  const yStrip = {
    x: 0,
    y: body.y - GUTTER,
    width: PADDING + yWidth,
    height: height + 2 * GUTTER,
    texts: yTexts,
  };
  const endTexts = ends.map((e) => labelText(e.text, { x: 0, y: GUTTER + e.offset + 4, align: 'left' }, 0.9));
  const endStrip = {
    x: right + 6,
    y: body.y - GUTTER,
    width: endWidth,
    height: height + 2 * GUTTER,
    texts: endTexts,
  };
  return {
    width: total,
    height: legend.bottom + PADDING,
    body,
    over: { x: body.x, y: body.y - 4, width, height: 3 },
    under: { x: body.x, y: below + 1, width, height: 3 },
    missing: { x: body.x, y: below + 1, width, height: 3 },
    revised: { x: body.x, y: below + GUTTER + 1, width, height: 2 },
    frame: [
      { x: body.x - 1, y: body.y, width: 1, height: height + GUTTER + 1 },
      { x: body.x - 1, y: below + GUTTER, width: width + 1, height: 1 },
      ...yTicks.map(({ offset }) => ({ x: body.x - 1 - TICK, y: body.y + offset, width: TICK, height: 1 })),
      ...tickFrame,
    ],
    gridRows: yTicks.map((t) => t.offset).filter((o) => o > 0 && o < height),
    gridColumns,
    swatches: [...title.swatches, ...legend.swatches],
    strips: [title.strip, yStrip, xStrip, endStrip, legend.strip].filter(
      (s) => s.width > 0 && s.texts.length > 0,
    ),
  };
}

function labelText(text: string, at: Pick<Text, 'x' | 'y' | 'align'>, strength = FAINT): Text {
  return { text, ...at, size: LABEL, strength };
}

function timeAxis(raster: Raster, body: Rect, total: number) {
  const { fromSecond } = raster;
  const span = raster.columns * raster.columnSeconds;
  const x = (second: number): number => Math.round(((second - fromSecond) / span) * body.width);
  const sample = timeTicks(fromSecond, fromSecond + span, 12).at(-1)?.label ?? '';
  const most = Math.floor(body.width / (textPixels(sample, LABEL) + 28));
  const ticks = timeTicks(fromSecond, fromSecond + span, Math.max(1, Math.min(14, most)));
  const top = body.y + body.height + GUTTER;
  const texts = ticks.map(({ second, label }) => {
    const half = textPixels(label, LABEL) / 2;
    const at = Math.min(total - 2 - half, Math.max(half + 2, body.x + x(second)));
    return labelText(label, { x: at, y: TICK + 13, align: 'center' });
  });
  const frame = ticks.map(({ second }) => ({ x: body.x + x(second), y: top + 1, width: 1, height: TICK }));
  const strip: Strip = { x: 0, y: top, width: total, height: 24, texts };
  return { frame, strip, gridColumns: ticks.map((t) => x(t.second)).filter((o) => o > 0 && o < body.width) };
}

/** Labels at the right ends of the overlays, moved apart where they would touch. */
function overlayEnds(raster: Raster, height: number): { text: string; offset: number }[] {
  const ends = raster.overlays
    .flatMap(({ name, values }) => {
      const value = values.findLast((v) => !Number.isNaN(v));
      if (value === undefined) return [];
      const offset = Math.round(height * (1 - rowPosition(raster.y, value) / raster.rows));
      return [{ text: `${name} ${formatValue(value, raster.y)}`, offset }];
    })
    .toSorted((a, b) => a.offset - b.offset);
  const apart = LABEL + 3;
  for (let i = 1; i < ends.length; i++)
    ends[i]!.offset = Math.max(ends[i]!.offset, ends[i - 1]!.offset + apart);
  for (let i = ends.length - 1, limit = height; i >= 0; i--, limit -= apart) {
    ends[i]!.offset = Math.min(ends[i]!.offset, limit);
  }
  return ends;
}

function titleOf({ title, subtitle, scale }: Words, at: { left: number; width: number }) {
  const scaleBar = strengthScale(scale, at.left + at.width);
  const titleWidth = at.width - (scaleBar.width + 24);
  const room = titleWidth >= 80;
  const texts: Text[] = [
    {
      text: fitPixels(title, room ? titleWidth : at.width, TITLE),
      x: at.left,
      y: PADDING + 13,
      size: TITLE,
      align: 'left',
      bold: true,
      strength: 1,
    },
    labelText(fitPixels(subtitle, at.width, LABEL), { x: at.left, y: PADDING + 32, align: 'left' }),
    ...(room ? scaleBar.texts : []),
  ];
  const strip: Strip = { x: 0, y: 0, width: at.left + at.width + 2, height: PADDING + 38, texts };
  return { strip, swatches: room ? scaleBar.swatches : [] };
}

/** "≤1 ▂▃▄▅▆▇ 512+", right-aligned in the title's row: what the strength means. */
function strengthScale(ends: Words['scale'], right: number) {
  if (ends === undefined) return { width: 0, texts: [], swatches: [] };
  const step = 9;
  const highWidth = textPixels(ends.high, LABEL);
  const x = right - highWidth - 8 - step * LEVELS;
  const swatches = Array.from({ length: LEVELS }, (_, level) => ({
    x: x + level * step,
    y: PADDING + 4,
    width: step,
    height: SWATCH.height,
    ramp: ends.ramp,
    level,
  }));
  const texts = [
    labelText(ends.low, { x: x - 8, y: PADDING + 12, align: 'right' }),
    labelText(ends.high, { x: right, y: PADDING + 12, align: 'right' }),
  ];
  return { width: right - x + 8 + textPixels(ends.low, LABEL), texts, swatches };
}

function legendOf(legend: readonly LegendEntry[], at: { left: number; top: number; width: number }) {
  const empty: Strip = { x: 0, y: 0, width: 0, height: 0, texts: [] };
  if (legend.length === 0) return { strip: empty, swatches: [], bottom: at.top - 12 };
  const entries = legend.map((e) => ({ ...e, number: formatCount(e.count) }));
  const numberWidth = Math.max(0, ...entries.map((e) => textPixels(e.number, LABEL)));
  const widest = Math.max(0, ...entries.map((e) => textPixels(e.label, LABEL)));
  const fixedWidth = SWATCH.width + 8 + 12 + numberWidth + 24;
  const labelWidth = Math.max(40, Math.min(widest, at.width - fixedWidth));
  const pitch = fixedWidth + labelWidth;
  const perRow = Math.max(1, Math.floor((at.width + 24) / pitch));
  const texts: Text[] = [];
  const swatches: Swatch[] = [];
  entries.forEach((entry, i) => {
    const x = at.left + (i % perRow) * pitch;
    const y = Math.floor(i / perRow) * LEGEND_ROW;
    const step = SWATCH.width / LEVELS;
    for (let level = 0; level < LEVELS; level++) {
      swatches.push({
        x: x + level * step,
        y: at.top + y,
        width: step,
        height: SWATCH.height,
        ramp: entry.ramp,
        level,
      });
    }
    const labelX = x + SWATCH.width + 8;
    texts.push(
      labelText(fitPixels(entry.label, labelWidth, LABEL), { x: labelX, y: y + 13, align: 'left' }, 0.95),
    );
    texts.push(
      labelText(entry.number, { x: labelX + labelWidth + 12 + numberWidth, y: y + 13, align: 'right' }),
    );
  });
  const height = Math.ceil(entries.length / perRow) * LEGEND_ROW;
  const strip: Strip = { x: 0, y: at.top - 5, width: at.left + at.width, height: height + 6, texts };
  return { strip, swatches, bottom: at.top + height - 4 };
}
