/** Who made a cell, and what differs inside a box, as a table with a line that says what the place is. Pure. */
import { type Json, list, number, object, text } from './json.ts';
import { calledKey, calledText } from './names.ts';
import { numberText, type ValueUnit, valueText } from './value-text.ts';

export interface PlaceTable {
  readonly kind: 'table';
  /** What the place is, and what is counted in it. */
  readonly caption: string;
  readonly columns: readonly { readonly name: string; readonly numeric: boolean }[];
  readonly rows: readonly (readonly string[])[];
  readonly rowsLeft: number;
}

/** Of each ranking the page shows so many. */
const RANKED_MAX = 12;
const COMPARED_MAX = 30;

/** One ranking after the other: each field by itself, then whole keys. */
export function readCell(json: Json): PlaceTable {
  const rankings = list(json['rankings']).map(object);
  const rows = rankings.flatMap((ranking) => {
    const fields = words(ranking['fields']);
    const named = list(ranking['rows'])
      .map(object)
      .filter((row) => Array.isArray(row['key']) && amount(row['count']) > 0);
    return named
      .slice(0, RANKED_MAX)
      .map((row) => [fields, calledKey(row['key'], row['names']), ...shareCells(row)]);
  });
  const total = amount(json['total']);
  const column = object(json['column']);
  const part =
    json['values'] === null ? '' : `, ${percentText(total / amount(column['total']))} of the column`;
  return {
    kind: 'table',
    caption: `${placeText(json)}: ${numberText(total)} counted${part}${columnText(json, column)}`,
    columns: heads(['field', 'value'], ['count', 'share', 'share elsewhere', 'times']),
    rows,
    rowsLeft: 0,
  };
}

export function readCompare(json: Json): PlaceTable {
  const all = list(json['rows']).map(object);
  const shown = all.slice(0, COMPARED_MAX);
  const tests = number(json['tests']) ?? all.length;
  const rows = shown.map((row) => [
    text(row['field']),
    calledText(text(row['value']), optional(row['name'])),
    ...shareCells(row),
    amount(row['score']).toFixed(3),
    chanceText(amount(row['q'])),
    row['significant'] === true ? 'differs' : 'may be luck',
  ]);
  const counted = `${numberText(amount(json['total']))} inside, ${numberText(amount(json['outside']))} outside`;
  return {
    kind: 'table',
    caption: `${placeText(json)}: ${counted}; ${numberText(tests)} values tested`,
    columns: [
      ...heads(['field', 'value'], ['inside', 'share', 'share elsewhere', 'times', 'bits', 'q']),
      { name: '', numeric: false },
    ],
    rows,
    rowsLeft: tests - shown.length,
  };
}

/** What is not stored, as a note. */
export function unstoredNotes(json: Json): string[] {
  const { fields, offer } = object(json['unstored']);
  const names = words(fields);
  return names === '' ? [] : [`not stored: ${names}; to store: ${text(offer)}`];
}

function heads(texts: readonly string[], numbers: readonly string[]) {
  return [
    ...texts.map((name) => ({ name, numeric: false })),
    ...numbers.map((name) => ({ name, numeric: true })),
  ];
}

function words(value: unknown): string {
  return list(value)
    .map((part) => text(part))
    .join(', ');
}

function optional(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function amount(value: unknown): number {
  return number(value) ?? 0;
}

function shareCells(row: Json): string[] {
  const { outsideShare, lift } = row;
  const outside = number(outsideShare);
  const times = number(lift);
  return [
    numberText(amount(row['count'])),
    percentText(amount(row['share'])),
    outside === undefined ? '–' : percentText(outside),
    times === undefined ? 'only here' : `${numberText(times)}×`,
  ];
}

function percentText(share: number): string {
  return Number.isFinite(share) ? `${numberText(share * 100)} %` : '–';
}

function chanceText(chance: number): string {
  return chance < 0.001 ? '<0.001' : chance.toFixed(3);
}

function placeText(json: Json): string {
  const [from, to] = [clock(amount(json['from'])), clock(amount(json['to']))];
  const unit = unitOf(json);
  const { low, high, row } = object(json['values']);
  if (unit === undefined || number(low) === undefined) return `${from} to ${to}, all values`;
  const top = row === 'over' ? 'up' : `to ${valueText(amount(high), unit)}`;
  return `${from} to ${to}, ${valueText(amount(low), unit)} ${top}`;
}

function clock(second: number): string {
  const date = new Date(second * 1000);
  return Number.isNaN(date.getTime()) ? '–' : date.toISOString().slice(11, 19);
}

function unitOf(json: Json): ValueUnit | undefined {
  const { base } = json;
  if (base !== 2 && base !== 10) return undefined;
  return { unit: text(json['unit']), base, power: amount(json['power']) };
}

function columnText(json: Json, column: Json): string {
  const unit = unitOf(json);
  const parts = (unit === undefined ? [] : ['p50', 'p90', 'p99']).flatMap((name) => {
    const value = number(object(column[name])['value']);
    return value === undefined ? [] : [`${name} ${valueText(value, unit!)}`];
  });
  const missing = list(object(column['coverage'])['missing']).map((one) => text(object(one)['name']));
  const lack = missing.length === 0 ? '' : `; missing ${missing.join(', ')}`;
  return `${parts.length === 0 ? '' : `. Column: ${parts.join(', ')}`}${lack}`;
}
