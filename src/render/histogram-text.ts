/** A histogram as a few lines of text: a bar a row, the smallest values on top. Owns: which rows there are, how a
 *  bar is cut. Anything above zero is seen. Does not: know units (the caller formats values). */
import { formatCount } from './format.ts';
import { cleanText, fitText, padText, widthOf } from './text-width.ts';

export interface HistogramTextOptions {
  /** Characters a line; what does not fit is cut. */
  readonly columns: number;
  /** Rows at most; buckets are added up where they are more. */
  readonly rows: number;
  readonly format: (value: number) => string;
  /** Said beside the row that holds the value, where one does. */
  readonly marks?: readonly { readonly value: number; readonly text: string }[];
}

/** Values known to lie in [low, high], both ends included. */
export interface TextBucket {
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

const EIGHTHS = ' ▏▎▍▌▋▊▉█';
/** A bar is no longer, however wide the text. */
const BAR_COLUMNS_MAX = 40;
/** Between its ends a range that is wider than this factor is cut by ratio, else evenly. */
const RATIO_MIN = 8;

/** Buckets ascend. */
export function histogramText(buckets: readonly TextBucket[], options: HistogramTextOptions): string {
  const { columns, format } = options;
  const marks = (options.marks ?? []).toSorted((a, b) => a.value - b.value);
  const rows = rowsOf(buckets, Math.max(1, options.rows));
  const labels = rows.map(({ low }) => format(low));
  const counts = rows.map(({ count }) => formatCount(count));
  const labelWidth = Math.max(0, ...labels.map(widthOf));
  const most = Math.max(...rows.map(({ count }) => count), 0);
  const bar = Math.max(
    1,
    Math.min(BAR_COLUMNS_MAX, columns - labelWidth - 2 - Math.max(0, ...counts.map(widthOf)) - 1),
  );
  return rows
    .map((row, i) => {
      const next = rows[i + 1];
      const here = marks.filter(({ value }) => value >= row.low && value < (next?.low ?? row.high + 1));
      const said = here.map(({ text }) => `  ◄ ${cleanText(text)}`).join('');
      const line = `${padText(labels[i]!, labelWidth, 'right')}  ${barText(row.count, most, bar)}${counts[i]!}${said}`;
      return fitText(line, columns).trimEnd();
    })
    .join('\n');
}

function rowsOf(buckets: readonly TextBucket[], rowsMax: number): TextBucket[] {
  const [first, last] = [buckets[0], buckets.at(-1)];
  if (first === undefined || last === undefined) return [];
  if (buckets.length <= rowsMax) return [...buckets];
  const low = first.low;
  const span = last.high + 1;
  const begin = Math.max(1, low);
  const isByRatio = low >= 0 && span / begin >= RATIO_MIN;
  const edges = Array.from({ length: rowsMax }, (_, r) => {
    if (r === 0) return low;
    const part = r / rowsMax;
    return isByRatio ? begin * (span / begin) ** part : low + (span - low) * part;
  });
  const rows = edges.map((edge, r) => ({ low: edge, high: (edges[r + 1] ?? span) - 1, count: 0 }));
  let r = 0;
  for (const { low: from, high, count } of buckets) {
    const middle = (from + high) / 2;
    while (r + 1 < rowsMax && edges[r + 1]! <= middle) r++;
    rows[r]!.count += count;
  }
  return rows;
}

function barText(count: number, most: number, columns: number): string {
  if (count <= 0) return '';
  const eighths = Math.max(1, Math.round((count / most) * columns * 8));
  return `${EIGHTHS.at(-1)!.repeat(eighths >> 3)}${(eighths & 7) === 0 ? '' : EIGHTHS[eighths & 7]!} `;
}
