/** What the server says, read once from JSON into plain data; anything missing or odd gets a harmless default,
 *  so that a newer or older server still shows something. Pure. Times: Unix seconds. */
import { type Json, list, number, object, text } from './json.ts';
import { readNames } from './names.ts';
import { readCell, readCompare, unstoredNotes } from './place-answer.ts';
import { numberText, type ValueUnit, valueText } from './value-text.ts';

export interface Hue {
  /** null: the remainder, or all where there is no hue dimension. */
  readonly key: readonly string[] | null;
  /** Of its values, by place; null where one has none. */
  readonly names: readonly (string | null)[];
  readonly color: string;
  readonly count: number;
}

export interface Coverage {
  /** Of the newest second for which anyone was expected. */
  readonly reporting: number;
  readonly expecting: number;
  readonly missing: readonly { readonly name: string; readonly seconds: number }[];
}

interface Common {
  readonly metric: string;
  /** The statement as the server prints it. */
  readonly query: string;
  /** The newest complete second + 1. */
  readonly frontier: number | undefined;
  readonly serverMs: number | undefined;
  readonly coverage: Coverage | undefined;
  /** What was approximated, cut or left out. */
  readonly notes: readonly string[];
}
export interface HeatmapAnswer extends Common {
  readonly kind: 'heatmap';
  readonly hueFields: readonly string[];
  readonly hues: readonly Hue[];
  readonly total: number;
}
export interface TableAnswer extends Common {
  readonly kind: 'table';
  /** What it is a table of, where its columns do not tell. */
  readonly caption?: string;
  readonly columns: readonly { readonly name: string; readonly numeric: boolean }[];
  /** As people read them. */
  readonly rows: readonly (readonly string[])[];
  /** Rows beyond ROWS_MAX, left out. */
  readonly rowsLeft: number;
}
export type Answer = HeatmapAnswer | TableAnswer;

export interface ProblemError {
  readonly message: string;
  readonly position: { readonly offset: number; readonly length: number } | undefined;
  readonly suggestion: string | undefined;
}
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors: readonly ProblemError[];
  readonly offer: string | undefined;
}

export interface InstrumentationState {
  readonly id: string;
  readonly statement: string;
  readonly state: string;
  readonly sources: readonly { readonly source: string; readonly state: string; readonly reason: string }[];
}

/** Rows of a table that the page shows. */
export const ROWS_MAX = 200;

function optionalText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
function valueUnit(json: Json): ValueUnit | undefined {
  const { base, power } = json;
  if (base !== 2 && base !== 10) return undefined;
  return { unit: text(json['unit']), base, power: number(power) ?? 0 };
}
function cell(value: unknown, unit: ValueUnit | undefined): string {
  if (value === null || value === undefined) return '–';
  if (typeof value !== 'number') return typeof value === 'string' ? value : JSON.stringify(value);
  if (unit === undefined) return String(value);
  return isThings(unit) ? numberText(value * unit.base ** unit.power) : valueText(value, unit);
}
/** Requests and the like are counted, not measured: no "krequests", and the unit stands in the heading. */
function isThings({ unit }: ValueUnit): boolean {
  return !/^(|s|B|%)(\/s)?$/.test(unit);
}

/** Undefined where the JSON is no answer that the page can show. */
export function readAnswer(value: unknown): Answer | undefined {
  const json = object(value);
  const common: Common = {
    metric: text(json['metric']),
    query: text(json['query']),
    frontier: number(json['frontier']),
    serverMs: number(json['serverMs']),
    coverage: json['coverage'] === undefined ? undefined : readCoverage(json['coverage']),
    notes: list(json['notes']).map((note) => text(note)),
  };
  switch (json['kind']) {
    case 'heatmap':
      return { ...common, ...readHeatmap(json) };
    case 'diff':
      return { ...common, ...readDiff(json) };
    case 'cell':
      return { ...common, ...readCell(json), notes: [...common.notes, ...unstoredNotes(json)] };
    case 'compare':
      return { ...common, ...readCompare(json), notes: [...common.notes, ...unstoredNotes(json)] };
    case 'lines':
      return { ...common, ...readLines(json) };
    case 'table':
      return { ...common, ...readTable(json) };
    default:
      return undefined;
  }
}

function readHeatmap(json: Json) {
  const hues = list(json['hues']).map((value): Hue => {
    const { key, names, color, count } = object(value);
    return {
      key: Array.isArray(key) ? key.map((part) => text(part)) : null,
      names: readNames(names),
      color: /^#[0-9a-f]{6}$/i.test(text(color)) ? text(color) : '#888888',
      count: number(count) ?? 0,
    };
  });
  const hueFields = list(json['hueFields']).map((field) => text(field));
  return { kind: 'heatmap' as const, hues, hueFields, total: number(json['total']) ?? 0 };
}

/** A picture of two layers has its legend in itself. */
function readDiff(json: Json) {
  const total = (layer: unknown): number => number(object(layer)['total']) ?? 0;
  return {
    kind: 'heatmap' as const,
    hues: [],
    hueFields: [],
    total: total(json['a']) + total(json['b']),
  };
}

function readCoverage(value: unknown): Coverage {
  const json = object(value);
  const reporting = list(json['reporting']).map((n) => number(n) ?? -1);
  const expecting = list(json['expecting']).map((n) => number(n) ?? 0);
  const newest = reporting.findLastIndex((n) => n >= 0);
  return {
    reporting: newest < 0 ? 0 : reporting[newest]!,
    expecting: newest < 0 ? 0 : (expecting[newest] ?? number(json['expected']) ?? 0),
    missing: list(json['missing']).map((each) => {
      const { name, seconds } = object(each);
      return { name: text(name), seconds: number(seconds) ?? 0 };
    }),
  };
}

/** Lines as a table: one column a series, in its first row the measure over the whole range, then one row a step, newest
 *  first. */
function readLines(json: Json) {
  const from = number(json['from']) ?? 0;
  const step = number(json['step']) ?? 1;
  const unit = valueUnit(json);
  const series = list(json['series']).map((value) => {
    const { name, key, values, whole } = object(value);
    const keyText = list(key)
      .map((part) => text(part))
      .join(' · ');
    return { title: text(name, keyText), values: list(values), whole: object(whole) };
  });
  const steps = Math.max(0, ...series.map((s) => s.values.length));
  const shown = Math.min(steps, ROWS_MAX);
  const rows = Array.from({ length: shown }, (_, i) => {
    const at = steps - 1 - i;
    return [timeOfDay(from + at * step), ...series.map((s) => cell(s.values[at], unit))];
  });
  const hasWhole = series.some(({ whole }) => whole['value'] !== undefined);
  if (hasWhole) rows.unshift(['whole range', ...series.map(({ whole }) => wholeText(whole, unit))]);
  const columns = [
    { name: 'time, UTC', numeric: false },
    ...series.map((s) => ({ name: s.title, numeric: true })),
  ];
  return { kind: 'table' as const, columns, rows, rowsLeft: steps - shown };
}

/** "12 ms (11 ms to 14 ms)": in parentheses between what the system shows at large, as far as the number of events tells. */
function wholeText(whole: Json, unit: ValueUnit | undefined): string {
  const { value, sampleLow, sampleHigh } = whole;
  const text = cell(value, unit);
  const [low, high] = [number(sampleLow), number(sampleHigh)];
  if (low === undefined && high === undefined) return text;
  if (high === undefined) return `${text} (${cell(low, unit)} or more)`;
  return `${text} (${low === undefined ? 'up' : cell(low, unit)} to ${cell(high, unit)})`;
}

function heading(name: string, unit: ValueUnit | undefined): string {
  return unit === undefined || !isThings(unit) ? name : `${name}, ${unit.unit}`;
}

function readTable(json: Json) {
  const all = list(json['rows']).map(list);
  const shown = all.slice(0, ROWS_MAX);
  const units = list(json['columns']).map((column) => valueUnit(object(column)));
  const columns = list(json['columns']).map((column, i) => ({
    name: heading(text(object(column)['name']), units[i]),
    numeric: shown.length > 0 && shown.every((row) => row[i] === null || typeof row[i] === 'number'),
  }));
  const rows = shown.map((row) => columns.map((_, i) => cell(row[i], units[i])));
  return { kind: 'table' as const, columns, rows, rowsLeft: all.length - rows.length };
}

/** `03:12:07`, UTC. */
export function timeOfDay(second: number): string {
  return new Date(second * 1000).toISOString().slice(11, 19);
}

/** Problem details of any origin; a body that is none of ours is told by its status. */
export function readProblem(value: unknown, status: number): Problem {
  const json = object(value);
  return {
    status,
    code: text(json['code'], `HTTP_${status}`),
    title: text(json['title'], `The server answered with status ${status}`),
    detail: text(json['detail']),
    errors: list(json['errors']).map((each) => {
      const { message, position, suggestion } = object(each);
      const { offset, length } = object(position);
      const at = number(offset);
      return {
        message: text(message),
        position: at === undefined ? undefined : { offset: at, length: number(length) ?? 0 },
        suggestion: optionalText(suggestion),
      };
    }),
    offer: optionalText(json['offer']),
  };
}

export function readInstrumentations(value: unknown): InstrumentationState[] {
  return list(object(value)['instrumentations']).map((each) => {
    const { id, statement, state, sources } = object(each);
    return {
      id: text(id),
      statement: text(statement),
      state: text(state, 'created'),
      sources: list(sources).map((one) => {
        const { source, state: its, reason } = object(one);
        return { source: text(source), state: text(its), reason: text(reason) };
      }),
    };
  });
}

/** The fields whose values are whole numbers, as `metric field`. */
export function readIntegerFields(value: unknown): Set<string> {
  const { metrics, types } = object(value);
  const isInteger = (type: unknown): boolean => object(object(types)[text(type)])['integer'] === true;
  return new Set(
    list(metrics).flatMap((metric) => {
      const { name, fields } = object(metric);
      return list(fields).flatMap((field) => {
        const { name: its, type } = object(field);
        return isInteger(type) ? [`${text(name)} ${text(its)}`] : [];
      });
    }),
  );
}
