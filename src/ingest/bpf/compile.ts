/** From an instrumentation to a bpftrace program: predicate, keys and buckets are in the kernel, and two maps, chosen
 *  by the parity of the second, so that one is read while the other is written. Pure; the same question gives the
 *  same text, by which programs are shared. The text takes the wall clock's offset as `$1`. Does not: run it.
 *  Invariant: text of an instrumentation comes into a program through predicate-script.ts only. */
import type { Grid } from '../../model/grid.ts';
import {
  compilePredicate,
  conjuncts,
  isPredicate,
  type Predicate,
  predicateFields,
} from '../../model/predicate.ts';
import { TYPES } from '../../model/metric.ts';
import type { SourceLimits } from '../../model/source-limits.ts';
import { DriverError } from '../driver.ts';
import type { CataloguedMetric } from './catalogue.ts';
import { bucketStatements } from './grid-script.ts';
import type { FieldSpec } from './metric.ts';
import { placesOf, type Places } from './places.ts';
import { integerLiteral, type KernelTerm, kernelTerm } from './predicate-script.ts';

/** What a program may grow to: it is an argument of a command. */
const PROGRAM_BYTES_MAX = 64 * 1024;
/** How often the kernel looks whether a second has ended. */
const TICK_MS = 10;
/** A second is read so long after its end: an event that began to be counted in it has been by then. */
const SETTLE_NS = 3_000_000;
/** How long a dear program goes on when nobody renews it. */
export const LEASE_SECONDS = 600;

/** Whose events a source may measure at all; what is left out, or empty, is not limited. */
export interface Only extends Partial<SourceLimits> {
  readonly pids?: readonly number[];
}

/** As Only, with the ids of the control groups and of all below them. */
export interface OnlyIds {
  readonly cgroup?: readonly number[];
  readonly uid?: readonly number[];
  readonly pid?: readonly number[];
}

export interface Question {
  readonly where?: Predicate;
  readonly by: readonly string[];
  readonly numeric?: string;
  readonly grid: Grid;
}

export interface CompiledProgram {
  readonly text: string;
  /** What a row's key has, in this order, behind the bucket where there is one. */
  readonly keys: readonly { readonly name: string; readonly spec: FieldSpec }[];
  readonly bucketed: boolean;
  /** What the kernel cannot decide: decided on a row's key, which has all that it reads. */
  readonly rest: Predicate | undefined;
  readonly btf: boolean;
  readonly expensive: boolean;
}

/** Throws DriverError where it cannot be measured as asked; its text says why, and what could. */
export function compileProgram(
  metric: CataloguedMetric,
  question: Question,
  { host, only = {} }: { readonly host: string; readonly only?: OnlyIds },
): CompiledProgram {
  if (question.where !== undefined && !isPredicate(question.where)) {
    throw new DriverError(
      'REFUSED',
      'Cannot decide this predicate: it is none, or has a pattern that is none',
    );
  }
  const { kernel, rest } = divided(metric, question.where, host);
  const terms = [...kernel, ...onlyTerms(metric, only)];
  const keys = keysOf(metric, question, rest);
  const places = placesOf(metric, {
    keys: keys.map((key) => key.name),
    ...(question.numeric === undefined ? {} : { numeric: question.numeric }),
    terms,
  });
  const bucketed = question.grid.kind !== 'count';
  const text = programText(metric, question, { places, keys, bucketed });
  if (Buffer.byteLength(text) > PROGRAM_BYTES_MAX) {
    throw new DriverError(
      'REFUSED',
      `Cannot measure this: the program would have ${Buffer.byteLength(text)} bytes, expected at most ${PROGRAM_BYTES_MAX}; make the predicate shorter`,
    );
  }
  const btf =
    metric.needs.some((need) => need.kind === 'btf') ||
    [...places.used].some((name) => metric.fields[name]?.btf === true);
  return {
    text,
    keys,
    bucketed,
    rest: rest.length === 0 ? undefined : { op: 'and', terms: rest },
    btf,
    expensive: metric.expensive === true,
  };
}

/** The predicate's terms, by who decides them. */
function divided(
  metric: CataloguedMetric,
  where: Predicate | undefined,
  host: string,
): { readonly kernel: readonly KernelTerm[]; readonly rest: readonly Predicate[] } {
  const kernel: KernelTerm[] = [];
  const rest: Predicate[] = [];
  const holds = (term: Predicate): boolean => compilePredicate(term)(() => host);
  for (const conjunct of conjuncts(where)) {
    const term = kernelTerm(conjunct, { fields: metric.fields, holds });
    if (term !== undefined) {
      kernel.push(term);
      continue;
    }
    const numeric = predicateFields(conjunct).find(
      (name) => TYPES[metric.fields[name]!.field.type].arity === 'numeric',
    );
    if (numeric !== undefined) {
      throw new DriverError(
        'REFUSED',
        `Cannot decide this predicate: it ties "${numeric}", which only the kernel knows, by "or" or "not" to a test ` +
          'that the kernel has no words for (a pattern, contains); join them by "and"',
      );
    }
    rest.push(conjunct);
  }
  return { kernel, rest };
}

function onlyTerms(metric: CataloguedMetric, only: OnlyIds): KernelTerm[] {
  return Object.entries(only).map(([field, ids]: [string, readonly number[]]): KernelTerm => {
    if (!Object.hasOwn(metric.fields, field)) {
      throw new DriverError(
        'REFUSED',
        `Cannot measure "${metric.description.name}" here: this source is limited by ${field}, and whose such an event is cannot be told`,
      );
    }
    const tests = (read: string): string => ids.map((id) => `${read} == ${integerLiteral(id)}`).join(' || ');
    return { fields: [field], text: (read) => (ids.length === 0 ? '0' : `(${tests(read(field))})`) };
  });
}

/** Numbers first, then addresses, which have no comma, then the one text, which may: bpftrace joins keys by commas. */
function keysOf(
  metric: CataloguedMetric,
  { by }: Question,
  rest: readonly Predicate[],
): { readonly name: string; readonly spec: FieldSpec }[] {
  const names = new Set([...by, ...rest.flatMap(predicateFields)]);
  names.delete('host');
  const keys = [...names].map((name) => ({ name, spec: metric.fields[name]! }));
  const missing = keys.find((key) => key.spec === undefined);
  if (missing !== undefined) {
    throw new DriverError('REFUSED', `Cannot break out by "${missing.name}": the metric has no such field`);
  }
  const texts = keys.filter((key) => key.spec.kind === 'text').map((key) => `"${key.name}"`);
  if (texts.length > 1) {
    const asked = texts.every((text) => by.some((name) => `"${name}"` === text))
      ? ''
      : ', one of them for the predicate';
    throw new DriverError(
      'REFUSED',
      `Cannot break out by both ${texts.join(' and ')}${asked}: bpftrace tells one text apart; ` +
        'for a program take "pid" or "psargs" instead of its name',
    );
  }
  const rank = { int: 0, inet: 1, text: 2 };
  return keys.toSorted((a, b) => rank[a.spec.kind] - rank[b.spec.kind]);
}

interface Parts {
  readonly places: Places;
  readonly keys: readonly { readonly name: string; readonly spec: FieldSpec }[];
  readonly bucketed: boolean;
}

function programText(metric: CataloguedMetric, question: Question, parts: Parts): string {
  const { places } = parts;
  const lines = [
    'BEGIN { printf("ready"); }',
    ...places.startProbes,
    ...metric.ends.map((_, i) => places.endProbe(i, countStatements(metric, question, parts, i))),
    tickProbe(),
    ...(metric.expensive === true ? [`interval:s:${LEASE_SECONDS} { exit(); }`] : []),
    `END { ${['@a', '@b', '@ta', '@tb', '@last', ...places.maps].map((map) => `clear(${map});`).join(' ')} }`,
  ];
  return `${lines.join('\n')}\n`;
}

/** Counts the event at hand, in the map of its second. */
function countStatements(
  metric: CataloguedMetric,
  { numeric, grid }: Question,
  { places, keys, bucketed }: Parts,
  end: number,
): string[] {
  const bucket = numeric === undefined ? [] : bucketStatements(grid, places.read(end, numeric));
  const parts = [...(bucketed ? ['$b'] : []), ...keys.map((key) => places.read(end, key.name))];
  const key = parts.length === 0 ? '' : `[${parts.join(', ')}]`;
  const add = metric.amount === undefined ? 'count()' : `sum(${metric.amount})`;
  const into = (map: string): string => `@${map}${key} = ${add}; @t${map} = ${add};`;
  return [...bucket, `if (($w / 1000000000) & 1) { ${into('b')} } else { ${into('a')} }`];
}

/** Says and empties the map of the second that ended. `time` is the user side's clock when it has done so: where that
 *  is late, the map held more than one second. */
function tickProbe(): string {
  const say = (map: string): string => `print(@${map}); print(@t${map}); clear(@${map}); clear(@t${map});`;
  return [
    `interval:ms:${TICK_MS} {`,
    '$w = nsecs + (uint64)$1; $s = $w / 1000000000;',
    'if (@last == 0) { @last = $s; }',
    `if ($s != @last && $w % 1000000000 >= ${SETTLE_NS}) {`,
    'printf("tick %llu %llu", @last, $s);',
    `if (@last & 1) { ${say('b')} } else { ${say('a')} }`,
    'time("%s"); @last = $s;',
    '} }',
  ].join(' ');
}
