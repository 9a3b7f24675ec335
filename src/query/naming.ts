/** What keys are called, put beside them in a result. Pure: the names come in by a port that never waits, so a name that
 *  is not known yet is missing, and a note says so.
 *  Bounds: NAMED_MAX distinct values of an answer have names; a table of more is read by a program, which joins better. */
import { type Key, type KeyNames, REMAINDER } from '../model/key.ts';
import type { Raster } from '../model/raster.ts';
import type { CheckedRead, Naming } from './checked.ts';
import { keyLineName } from './lines.ts';
import type { Plan } from './plan.ts';
import type { CellResult, CompareResult, QueryResult, TableResult } from './result.ts';

export interface Named {
  /** Per value what it is called; null where it has no name. */
  readonly names: { readonly [value: string]: string | null };
  /** Values that are still being looked up, or that there was no room to look up. */
  readonly pending: readonly string[];
}

/** What values are called by a transformation, as far as it is known by now. */
export type NamesOf = (transformation: string, values: readonly string[]) => Named;

/** As many as a picture, its lines and a `top` of 100 keys of several fields can show. */
const NAMED_MAX = 1000;

/** The names of one answer: each value is asked for once. */
class Names {
  readonly #by: ReadonlyMap<string, string>;
  readonly #namesOf: NamesOf;
  readonly #known = new Map<string, string | null>();
  pending = 0;
  left = 0;

  constructor(naming: readonly Naming[], namesOf: NamesOf) {
    this.#by = new Map(naming.map(({ field, by }) => [field, by]));
    this.#namesOf = namesOf;
  }

  has(field: string): boolean {
    return this.#by.has(field);
  }

  of(field: string, value: string): string | null {
    const by = this.#by.get(field);
    if (by === undefined || value === REMAINDER) return null;
    const text = JSON.stringify([by, value]);
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#known.size >= NAMED_MAX) {
      this.left++;
      return null;
    }
    const { names, pending } = this.#namesOf(by, [value]);
    this.pending += pending.length;
    const name = Object.hasOwn(names, value) ? (names[value] ?? null) : null;
    this.#known.set(text, name);
    return name;
  }

  key(fields: readonly string[], key: Key | undefined): KeyNames {
    return fields.map((field, i) => (key?.[i] === undefined ? null : this.of(field, key[i])));
  }

  /** Of fields, those that are named. */
  named(fields: readonly string[]): string[] {
    return fields.filter((field) => this.has(field));
  }

  notes(): string[] {
    return [
      ...(this.pending === 0
        ? []
        : [`${counted(this.pending, 'name')} still looked up: the next answer has what is found`]),
      ...(this.left === 0 ? [] : [`only the first ${NAMED_MAX} values have names`]),
    ];
  }
}

function counted(count: number, what: string): string {
  return count === 1 ? `1 ${what} is` : `${count} ${what}s are`;
}

/** The same result with names beside its keys. */
export function nameKeys(
  result: QueryResult,
  plan: Pick<Plan, 'naming' | 'draw' | 'fields'>,
  namesOf: NamesOf,
): QueryResult {
  if (plan.naming === undefined) return result;
  const names = new Names(plan.naming, namesOf);
  const named = withNames(result, names, plan);
  return { ...named, notes: [...named.notes, ...names.notes()] };
}

/** Member by member as it is: to spread it would be to ask for its cells, which a picture is drawn without. */
function withHues(raster: Raster, change: Pick<Raster, 'hues' | 'named'>): Raster {
  const same = Object.defineProperties<Partial<Raster>>({}, Object.getOwnPropertyDescriptors(raster));
  return Object.assign(same as Raster, change);
}

function withNames(
  result: QueryResult,
  names: Names,
  { draw, fields }: Pick<Plan, 'draw' | 'fields'>,
): QueryResult {
  switch (result.kind) {
    case 'heatmap': {
      const { raster } = result;
      const hues = raster.hues.map((hue) => ({ ...hue, names: names.key(raster.hueFields, hue.key) }));
      return { ...result, raster: withHues(raster, { hues, named: names.named(raster.hueFields) }) };
    }
    case 'lines': {
      const series = result.series.map((one) => {
        const own = names.key(result.fields, one.key);
        const name = keyLineName(one.key, own) + one.name.slice(keyLineName(one.key).length);
        return { ...one, ...(result.fields.length === 0 ? {} : { name }), names: own };
      });
      return { ...result, series, named: names.named(result.fields) };
    }
    case 'table':
      return tableWithNames(result, names, fields);
    case 'cell':
      return cellWithNames(result, names);
    case 'compare':
      return compareWithNames(result, names);
    case 'diff': {
      if (draw.kind !== 'diff' || draw.against.kind !== 'keys') return result;
      const { fields: own, keys } = draw.against;
      const [a, b] = keys.map((key) => keyLineName(key, names.key(own, key))) as [string, string];
      const { raster } = result;
      return { ...result, raster: { ...raster, a: { ...raster.a, label: a }, b: { ...raster.b, label: b } } };
    }
  }
}

/** A column of names after that of each named field. */
function tableWithNames(result: TableResult, names: Names, fields: readonly string[]): TableResult {
  const places = result.columns.flatMap(({ name }, i) =>
    fields.includes(name) && names.has(name) ? [i] : [],
  );
  const at = new Set(places);
  return {
    ...result,
    columns: result.columns.flatMap((column, i) =>
      at.has(i) ? [column, { name: `${column.name} name`, holds: 'key' as const }] : [column],
    ),
    rows: result.rows.map((row) =>
      row.flatMap((cell, i) =>
        at.has(i) ? [cell, names.of(result.columns[i]!.name, String(cell))] : [cell],
      ),
    ),
  };
}

function cellWithNames(result: CellResult, names: Names): CellResult {
  const rankings = result.rankings.map((ranking) => ({
    ...ranking,
    rows: ranking.rows.map((row) => ({ ...row, names: names.key(ranking.fields, row.key) })),
  }));
  return { ...result, rankings, named: names.named(rankings.at(-1)?.fields ?? []) };
}

function compareWithNames(result: CompareResult, names: Names): CompareResult {
  const rows = result.rows.map((row) => ({ ...row, name: names.of(row.field, row.value) }));
  return { ...result, rows, named: names.named(result.fields.map(({ field }) => field)) };
}

/** `host by dns, route by "teams"`. */
export function namingText(naming: NonNullable<CheckedRead['naming']>): string {
  return naming.map(({ field, by }) => `${field} by ${by}`).join(', ');
}
