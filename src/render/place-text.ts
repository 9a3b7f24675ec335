/** Who made a cell, and what differs inside a box, for a terminal: what the place is and counts, then tables of keys.
 *  Every line is at most as wide as asked. Does not: rank, decide what is shown but for the room there is. */
import type { CellResult, CompareResult, KeyRanking, KeyShare, Unstored } from '../query/result.ts';
import { calledText, REMAINDER } from '../model/key.ts';
import { formatCount, formatRange, formatValue } from './format.ts';
import { noteLines } from './note-text.ts';
import { tableText } from './terminal.ts';
import { asciiText, cleanText, fitText } from './text-width.ts';

export interface PlaceTextOptions {
  /** Characters a line. */
  readonly columns: number;
  /** Lines, as far as one key of each ranking allows. */
  readonly rows: number;
  readonly depth: 'truecolor' | '256' | 'ascii';
  readonly title: string;
}

export function cellText(result: CellResult, options: PlaceTextOptions): string {
  const head = [cleanText(options.title), placeLine(result), countLine(result), ...columnLines(result)];
  const tail = tailLines(result, options);
  const rankings = result.total > 0 ? result.rankings : []; // of nothing nobody is named
  const room = Math.floor((options.rows - head.length - tail.length) / Math.max(1, rankings.length)) - 3;
  const tables = rankings.map((ranking) => `\n${rankingText(ranking, Math.max(1, room), options)}`);
  return lines([...head, ...tables, ...(tail.length > 0 ? ['', ...tail] : [])], options);
}

export function compareText(result: CompareResult, options: PlaceTextOptions): string {
  const { fields, rows, tests, falseShare, total, outside } = result;
  const head = [
    cleanText(options.title),
    placeLine(result),
    `${formatCount(total)} inside, ${formatCount(outside)} outside; ${formatCount(tests)} values tested, * is significant: at most ${percentText(falseShare)} of those by luck`,
  ];
  const tail = tailLines(result, options);
  const mark = (significant: boolean): string => (significant ? '*' : '');
  const fieldTable = tableText(
    {
      columns: ['field', 'values', 'bits', 'q', ''].map((name) => ({ name })),
      rows: fields.map((f) => [f.field, f.values, bitsText(f.score), chanceText(f.q), mark(f.significant)]),
    },
    options,
  );
  const room = Math.max(1, options.rows - head.length - tail.length - fields.length - 7);
  const shown = rows.slice(0, room);
  const valueTable = tableText(
    {
      columns: ['field', 'value', 'inside', 'share', 'outside', 'share', 'lift', 'bits', 'q', ''].map(
        (name) => ({
          name,
        }),
      ),
      rows: shown.map((row) => [
        row.field,
        row.value,
        row.count,
        percentText(row.share),
        row.outside,
        row.outsideShare === null ? '-' : percentText(row.outsideShare),
        liftText(row),
        bitsText(row.score),
        chanceText(row.q),
        mark(row.significant),
      ]),
    },
    options,
  );
  const left = tests - shown.length;
  const more = left > 0 ? [`and ${formatCount(left)} more`] : [];
  const parts = [...head, `\n${fieldTable}`, valueTable.trimEnd(), ...more];
  return lines([...parts, ...(tail.length > 0 ? ['', ...tail] : [])], options);
}

function tailLines(
  { unstored, notes }: { unstored?: Unstored; notes: readonly string[] },
  options: PlaceTextOptions,
): string[] {
  const missing =
    unstored === undefined
      ? []
      : [`not stored: ${unstored.fields.join(', ')}`, `to store: ${unstored.offer}`];
  return [...missing, ...noteLines(notes, options)];
}

function bitsText(score: number): string {
  return score.toFixed(3);
}

function chanceText(chance: number): string {
  if (chance < 1e-9) return '<1e-9';
  return chance < 0.001 ? chance.toExponential(0) : String(Number(chance.toPrecision(2)));
}

/** Tables are cut to their width already. */
function lines(parts: readonly string[], { columns, depth }: PlaceTextOptions): string {
  const text = parts.flatMap((part) => part.split('\n')).map((line) => fitText(line, columns));
  return `${depth === 'ascii' ? asciiText(text.join('\n')) : text.join('\n')}\n`;
}

function placeLine({
  fromSecond,
  untilSecond,
  values,
  unit,
}: Pick<CellResult, 'fromSecond' | 'untilSecond' | 'values' | 'unit'>): string {
  const when = formatRange(fromSecond, untilSecond);
  if (values === undefined || unit === undefined) return `${when}, all values`;
  const { low, high, row } = values;
  const off = row === 'under' || row === 'over' ? ` (${row} the picture)` : '';
  const top = row === 'over' ? 'up' : formatValue(high, unit);
  return `${when}, ${formatValue(low, unit)} to ${top}${off}`;
}

function countLine({ total, outside, column, values, buckets, unit }: CellResult): string {
  const parts = [`${formatCount(total)} counted`];
  if (values !== undefined && column.total > 0)
    parts.push(`${percentText(total / column.total)} of ${formatCount(column.total)} in the column`);
  parts.push(`${formatCount(outside)} outside`);
  const [first, last] = [buckets[0], buckets.at(-1)];
  if (first !== undefined && last !== undefined && unit !== undefined)
    parts.push(
      `from ${buckets.length} ${buckets.length === 1 ? 'bucket' : 'buckets'} ${formatValue(first.low, unit)} to ${formatValue(last.high, unit)}`,
    );
  return parts.join(', ');
}

function columnLines({ column, unit }: CellResult): string[] {
  const { expecting, reporting, missing } = column.coverage;
  const worst = reporting.findIndex((n, i) => n >= 0 && n < expecting[i]!);
  const at = worst < 0 ? reporting.findIndex((n) => n >= 0) : worst;
  const sources = at < 0 ? 'no source was expected' : `${reporting[at]} of ${expecting[at]} sources reported`;
  const names = missing.map(({ name, seconds }) => `${cleanText(name)} (${seconds} s)`);
  const missed = names.length === 0 ? '' : `, missing ${names.join(', ')}`;
  if (unit === undefined || column.max === undefined) return [`column: ${sources}${missed}`];
  const percentiles = column.percentiles.map(
    ({ percent, value }) => `p${percent} ${formatValue(value, unit)}`,
  );
  const most = `max below ${formatValue(column.max.high, unit)}`;
  return [`column: ${[...percentiles, most].join(', ')}; ${sources}${missed}`];
}

function rankingText({ fields, keys, rows }: KeyRanking, room: number, options: PlaceTextOptions): string {
  const named = rows.filter(({ key }) => key !== undefined);
  const shown = named.slice(0, room);
  const left = keys - shown.length;
  const table = tableText(
    {
      columns: [...fields, 'count', 'share', 'outside', 'lift'].map((name) => ({ name })),
      rows: shown.map((row) => [
        ...(row.key?.map((value, i) => calledText(value, row.names?.[i])) ?? fields.map(() => REMAINDER)),
        row.count,
        percentText(row.share),
        row.outsideShare === null ? '-' : percentText(row.outsideShare),
        liftText(row),
      ]),
    },
    options,
  );
  return left > 0 ? `${table}and ${formatCount(left)} more` : table.trimEnd();
}

/** "42 %", "0.3 %". */
function percentText(share: number): string {
  return `${formatCount(Number((share * 100).toPrecision(3)))} %`;
}

function liftText({ lift, count }: Pick<KeyShare, 'lift' | 'count'>): string {
  if (lift === null) return count > 0 ? 'only here' : '-';
  return `${formatCount(Number(lift.toPrecision(3)))}x`;
}
