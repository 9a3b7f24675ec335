/** Runs a query script: plain text that any user can read (README.md beside this file has the form).
 *  Gives back the script with the answers as they are; a test compares it with the script as it stands. */
import { referenceKernel } from '../../src/kernel/reference.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import {
  type Field,
  fieldOf,
  isNumeric,
  type MetricDescription,
  TYPES,
  type TypeName,
  type ValueType,
} from '../../src/model/metric.ts';
import type { Pin } from '../../src/model/pin.ts';
import type { Literal } from '../../src/model/predicate.ts';
import type { Catalogue } from '../../src/query/catalogue.ts';
import { baseId, checkStatement, type Checked, freshId } from '../../src/query/check.ts';
import type { Diagnostic } from '../../src/query/diagnostic.ts';
import { evaluate } from '../../src/query/evaluate.ts';
import { explainPlan } from '../../src/query/explain.ts';
import { parseStatement } from '../../src/query/parse.ts';
import { pinnedSeconds, planRead } from '../../src/query/plan.ts';
import type {
  CellResult,
  CompareResult,
  DiffResult,
  HeatmapResult,
  KeyRanking,
  LinesResult,
  QueryResult,
  TableResult,
} from '../../src/query/result.ts';
import { baseText, toBase } from '../../src/query/unit.ts';
import { type Event, MemorySeries } from '../query/memory-series.ts';

/** Times in scripts are of this day, UTC. */
const DAY = Date.UTC(2026, 10, 22) / 1000;

interface World {
  readonly metrics: MetricDescription[];
  readonly instrumentations: Instrumentation[];
  readonly pins: Pin[];
  readonly events: Event[];
  readonly silent: [number, number][];
  nowSecond: number;
}

export function runScript(script: string): string {
  const world: World = {
    metrics: [],
    instrumentations: [],
    pins: [],
    events: [],
    silent: [],
    nowSecond: DAY,
  };
  return blocksOf(script)
    .map((lines) => [...lines, ...run(lines, world).map((line) => `  ${line}`.trimEnd())])
    .flat()
    .join('\n');
}

/** A command with the lines that continue it; indented lines, the answers, are left out. */
function blocksOf(script: string): string[][] {
  const blocks: string[][] = [];
  for (const line of script.split('\n')) {
    if (line.startsWith('  ')) continue;
    if (line.startsWith('|') && blocks.length > 0) blocks.at(-1)!.push(line);
    else blocks.push([line]);
  }
  return blocks;
}

function run(lines: readonly string[], world: World): string[] {
  const text = lines.join('\n');
  const command = /^\w+/.exec(text)?.[0];
  const rest = text.slice((command ?? '').length).trim();
  switch (command) {
    case undefined:
      return [];
    case 'metric':
      world.metrics.push(metricOf(rest));
      return [];
    case 'instrument':
      world.instrumentations.push(instrumentationOf(text, world));
      return [];
    case 'pin':
      world.pins.push(pinOf(text, world));
      return [];
    case 'load':
      load(rest, world);
      return [];
    case 'silent':
      world.silent.push(rest.split(/\s+to\s+/).map(secondOf) as [number, number]);
      return [];
    case 'now':
      world.nowSecond = secondOf(rest);
      return [];
    case 'eval':
      return answer(rest, world);
    default:
      throw new Error(`no command "${command}"`);
  }
}

/** 12:00:05 */
function secondOf(text: string): number {
  const [hour, minute, second = 0] = text.split(':').map(Number);
  return DAY + hour! * 3600 + minute! * 60 + second;
}

/** NAME unit [level] [of TYPE] FIELD:TYPE ... */
function metricOf(text: string): MetricDescription {
  const [name, unit, ...rest] = text.split(/\s+/);
  const fields = rest
    .filter((word) => word.includes(':'))
    .map((word): Field => {
      const [field, type] = word.split(':');
      return { name: field!, label: field!, type: type as TypeName };
    });
  const amount = /\bof (\w+)/.exec(text)?.[1] as TypeName | undefined;
  return {
    name: name!,
    label: name!,
    unit: unit!,
    ...(amount === undefined ? {} : { amount }),
    scope: rest.includes('level') ? 'point' : 'interval',
    fields,
    cost: '',
  };
}

function instrumentationOf(text: string, world: World): Instrumentation {
  const checked = checkedOf(text, world);
  if (!('checked' in checked) || checked.checked.kind !== 'instrument')
    throw new Error(`${text}: ${JSON.stringify(checked)}`);
  const draft = checked.checked.instrumentation;
  const taken = new Set(world.instrumentations.map((i) => i.id));
  return { ...draft, id: draft.id ?? freshId(baseId(draft), taken), createdSecond: DAY };
}

function pinOf(text: string, world: World): Pin {
  const checked = checkedOf(text, world);
  if (!('checked' in checked) || checked.checked.kind !== 'pin')
    throw new Error(`${text}: ${JSON.stringify(checked)}`);
  const { id = 'pin', instrumentation, range } = checked.checked;
  const seconds = pinnedSeconds(range, world.nowSecond);
  if ('code' in seconds) throw new Error(seconds.message);
  return { id, instrumentation, ...seconds, createdSecond: world.nowSecond };
}

/** TIME METRIC FIELD=VALUE ... [x COUNT] */
function load(text: string, world: World): void {
  const [time, name, ...words] = text.split(/\s+/);
  const metric = world.metrics.find((m) => m.name === name);
  if (metric === undefined) throw new Error(`no metric "${name}"`);
  const at = words.indexOf('x');
  const count = at < 0 ? 1 : Number(words[at + 1]);
  const fields = new Map<string, Literal>();
  for (const word of at < 0 ? words : words.slice(0, at)) {
    const [field, value] = word.split(/=(.*)/s);
    fields.set(field!, valueOf(fieldOf(metric, field!)!, value!));
  }
  world.events.push({ metric: metric.name, second: secondOf(time!), fields, count });
}

function valueOf(field: Field, text: string): Literal {
  if (!isNumeric(field)) return text;
  const [, number, unit] = /^([\d.]+)(.*)$/.exec(text)!;
  const converted = toBase(Number(number), unit as 'ms', TYPES[field.type]);
  if ('fault' in converted) throw new Error(converted.fault);
  return converted.value;
}

function checkedOf(
  text: string,
  world: World,
): { checked: Checked } | { diagnostics: readonly Diagnostic[] } {
  const parsed = parseStatement(text);
  if ('diagnostics' in parsed) return parsed;
  return checkStatement(parsed.statement, catalogueOf(world), text);
}

function catalogueOf({ metrics, instrumentations, pins }: World): Catalogue {
  return { metrics, instrumentations, pins };
}

function answer(text: string, world: World): string[] {
  const outcome = checkedOf(text, world);
  if ('diagnostics' in outcome) return outcome.diagnostics.map((d) => diagnosticText(d, text));
  const { checked } = outcome;
  const read = checked.kind === 'explain' && 'read' in checked ? checked.read : checked;
  if (read.kind !== 'read') return ['ok'];
  const { nowSecond } = world;
  const planned = planRead(read, {
    catalogue: catalogueOf(world),
    nowSecond,
    frontierSecond: () => nowSecond,
    answersAsOf: checked.kind === 'explain',
  });
  if ('problem' in planned) {
    const { code, message, offer } = planned.problem;
    return [`${code} ${message}`, ...(offer === undefined ? [] : [`offer: ${offer}`])];
  }
  if (checked.kind === 'explain') {
    const explained = explainPlan(planned.plan);
    return [...tableText(explained), ...notes(explained)];
  }
  const isReported = (second: number): boolean =>
    !world.silent.some(([from, until]) => second >= from && second < until);
  const reader = new MemorySeries(world.instrumentations, world.events, { isReported });
  return resultText(evaluate(planned.plan, reader, referenceKernel));
}

function diagnosticText({ position, message, code, suggestion }: Diagnostic, text: string): string {
  const { line, column, offset, length } = position;
  const found = text.slice(offset, offset + length);
  const hint = suggestion === undefined ? '' : ` => ${suggestion}`;
  return `error ${line}:${column} [${found}] ${code} ${message}${hint}`;
}

function resultText(result: QueryResult): string[] {
  switch (result.kind) {
    case 'lines':
      return [...linesText(result), ...notes(result)];
    case 'table':
      return [...tableText(result), ...notes(result)];
    case 'heatmap':
      return [...heatmapText(result), ...notes(result)];
    case 'cell':
      return [...cellText(result), ...notes(result)];
    case 'compare':
      return [...compareText(result), ...notes(result)];
    case 'diff':
      return [...diffText(result), ...notes(result)];
  }
}

function notes({ notes: list }: QueryResult): string[] {
  return list.map((note) => `note: ${note}`);
}

function clock(second: number): string {
  return new Date(second * 1000).toISOString().slice(11, 19);
}

function rangeText({
  fromSecond,
  untilSecond,
  columnSeconds,
}: {
  fromSecond: number;
  untilSecond: number;
  columnSeconds: number;
}) {
  return `${clock(fromSecond)} to ${clock(untilSecond)} by ${columnSeconds}s`;
}

function linesText(result: LinesResult): string[] {
  const type = result.type === undefined ? undefined : TYPES[result.type];
  const one = (value: number): string =>
    Number.isNaN(value) ? '-' : type === undefined ? number(value) : baseText(value, type);
  const lines = result.series.map(({ name, values, low, high }) => {
    const shown = Array.from(values, (value, c) => {
      const isExact = low === undefined || high === undefined || Number.isNaN(value) || low[c] === high[c];
      return isExact ? one(value) : `${one(value)} (${one(low[c]!)}..${one(high[c]!)})`;
    });
    return `${name}: ${shown.join(' ')}`;
  });
  return [
    `${result.measure} in ${result.unit === '' ? 'numbers' : result.unit}, ${rangeText(result)}`,
    ...lines,
  ];
}

function number(value: number): string {
  return String(Number(value.toFixed(3)));
}

function tableText({ columns, rows }: TableResult): string[] {
  const cell = (value: string | number | null, c: number): string => {
    if (typeof value !== 'number') return value ?? '-';
    const { unit, base, power } = columns[c]!;
    return unit === 's' || unit === 'B' || unit === '%'
      ? baseText(value, {
          name: 'number',
          arity: 'numeric',
          grid: { kind: 'count' },
          unit,
          base: base!,
          power: power!,
        })
      : number(value);
  };
  return [columns.map((c) => c.name).join(' | '), ...rows.map((row) => row.map(cell).join(' | '))];
}

/** The place, the part of each bucket that lies in it, its column, and per ranking a line a key. */
function cellText({
  unit,
  values,
  buckets,
  total,
  outside,
  rankings,
  column,
  ...cell
}: CellResult): string[] {
  const type = { name: 'number', arity: 'numeric', grid: { kind: 'count' }, ...unit } as ValueType;
  const text = (value: number): string => baseText(value, type);
  const place =
    values === undefined
      ? 'all values'
      : `${text(values.low)}..${text(values.high)}, row ${values.row ?? '-'}`;
  const { reporting, expecting, missing } = column.coverage;
  return [
    `${clock(cell.fromSecond)} to ${clock(cell.untilSecond)}, ${place}: ${number(total)}, outside ${number(outside)}`,
    ...buckets.map(
      ({ low, high, count, weight }) =>
        `bucket ${text(low)}..${text(high)}: ${number(count)} x ${number(weight)}`,
    ),
    [
      `column: ${number(column.total)}`,
      ...column.percentiles.map(({ percent, low, high }) => `p${percent} ${text(low)}..${text(high)}`),
      ...(column.max === undefined ? [] : [`max ${text(column.max.low)}..${text(column.max.high)}`]),
      `reported ${reporting.map((n, i) => `${n}/${expecting[i]}`).join(' ')}`,
      ...missing.map(({ name, seconds }) => `missing ${name} ${seconds}s`),
    ].join(', '),
    ...rankings.flatMap(rankingText),
    ...(cell.unstored === undefined
      ? []
      : [`not stored: ${cell.unstored.fields.join(', ')}`, `offer: ${cell.unstored.offer}`]),
  ];
}

/** `field value | count | share | outside | share outside | score | q`, `*` where it is significant. */
function compareText({ unit, values, rows, fields, ...result }: CompareResult): string[] {
  const type = { name: 'number', arity: 'numeric', grid: { kind: 'count' }, ...unit } as ValueType;
  const place = values === undefined ? '' : `, ${baseText(values.low, type)}..${baseText(values.high, type)}`;
  const luck = ({
    score,
    q,
    significant,
  }: Pick<CompareResult['rows'][number], 'score' | 'q' | 'significant'>) =>
    `${number(score)} bits | q ${q < 1e-3 ? q.toExponential(0) : number(q)}${significant ? ' *' : ''}`;
  return [
    `${clock(result.fromSecond)} to ${clock(result.untilSecond)}${place}: ${number(result.total)} inside, ${number(result.outside)} outside, ${result.tests} tests`,
    ...fields.map((one) => `${one.field}: ${one.values} values | ${luck(one)}`),
    ...rows.map(
      (row) =>
        `  ${row.field} ${row.value} | ${number(row.count)} | ${number(row.share)} | ${number(row.outside)} | ${row.outsideShare === null ? '-' : number(row.outsideShare)} | ${luck(row)}`,
    ),
    ...(result.unstored === undefined
      ? []
      : [`not compared: ${result.unstored.fields.join(', ')}`, `offer: ${result.unstored.offer}`]),
  ];
}

/** Cells row by row from the top, `a:b score`, `*` where it is significant. */
function diffText({ raster }: DiffResult): string[] {
  const { columns, rows, y, a, b, countsA, countsB, score, significant, tested } = raster;
  const type = { name: 'number', arity: 'numeric', grid: { kind: 'count' }, ...y } as const;
  const cell = (i: number): string => {
    if (countsA[i] === 0 && countsB[i] === 0) return '.';
    return `${number(countsA[i]!)}:${number(countsB[i]!)} ${number(score[i]!)}${significant[i] === 1 ? '*' : ''}`;
  };
  const layer = ({ label, total, fromSecond, untilSecond }: typeof a): string =>
    `${label}, ${clock(fromSecond)} to ${clock(untilSecond)}: ${number(total)}`;
  const lines = [
    `${y.scale} y ${baseText(y.edges[0]!, type)}..${baseText(y.edges[rows]!, type)}, ${rows} rows, ${rangeText(raster)}, ${tested} tests`,
    `a ${layer(a)}`,
    `b ${layer(b)}`,
  ];
  for (let row = rows - 1; row >= 0; row--) {
    const cells = Array.from({ length: columns }, (_, c) => cell(c * rows + row));
    if (cells.every((text) => text === '.')) continue;
    const range = `${baseText(y.edges[row]!, type)}..${baseText(y.edges[row + 1]!, type)}`;
    lines.push(`  ${range.padEnd(18)} ${cells.join(' | ')}`);
  }
  return lines;
}

function rankingText({ fields, keys, rows }: KeyRanking): string[] {
  return [
    `by ${fields.join(', ')}: ${keys}`,
    ...rows.map(({ key, count, share, outside, outsideShare, lift }) => {
      const outer = outsideShare === null ? '-' : number(outsideShare);
      const times = lift === null ? '-' : number(lift);
      return `  ${key?.join(', ') ?? '(other)'} | ${number(count)} | ${number(share)} | ${number(outside)} | ${outer} | ${times}`;
    }),
  ];
}

/** Rows from the top, those without counts left out. */
function heatmapText({ raster }: HeatmapResult): string[] {
  const { columns, rows, y, hues, cells, under, over, overlays } = raster;
  const type = { name: 'number', arity: 'numeric', grid: { kind: 'count' }, ...y } as const;
  const lines = [
    `${y.scale} y ${baseText(y.edges[0]!, type)}..${baseText(y.edges[rows]!, type)}, ${rows} rows, ${rangeText(raster)}`,
  ];
  hues.forEach(({ key, count }, h) => {
    lines.push(
      `hue ${key === undefined ? (raster.hueFields.length === 0 ? 'none' : 'other') : key.join(', ')}: ${number(count)}`,
    );
    for (let row = rows - 1; row >= 0; row--) {
      const values = Array.from({ length: columns }, (_, c) => cells[(h * columns + c) * rows + row]!);
      if (values.every((value) => value === 0)) continue;
      const range = `${baseText(y.edges[row]!, type)}..${baseText(y.edges[row + 1]!, type)}`;
      lines.push(`  ${range.padEnd(18)} ${values.map((v) => (v === 0 ? '.' : number(v))).join(' ')}`);
    }
  });
  for (const [name, outside] of [
    ['over', over],
    ['under', under],
  ] as const) {
    if (outside.some((value) => value > 0)) lines.push(`${name}: ${Array.from(outside, number).join(' ')}`);
  }
  for (const { name, values } of overlays) {
    lines.push(
      `${name}: ${Array.from(values, (v) => (Number.isNaN(v) ? '-' : baseText(v, type))).join(' ')}`,
    );
  }
  return lines;
}
