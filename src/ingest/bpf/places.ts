/** Where in a program each field is read, and each term of the predicate decided: as early as it is known, so that
 *  what is filtered out costs least. What is known at the start and wanted at the end is saved by the key that ties
 *  the two. Owns: the text of the probes around the counting. */
import { assert } from '../../model/assert.ts';
import type { CataloguedMetric } from './catalogue.ts';
import type { Block } from './metric.ts';
import type { KernelTerm } from './predicate-script.ts';
import { MOMENT_VALUES, TASK_VALUES } from './task-fields.ts';

export interface Wanted {
  readonly keys: readonly string[];
  readonly numeric?: string;
  readonly terms: readonly KernelTerm[];
}

export interface Places {
  /** Fields that are read anywhere. */
  readonly used: ReadonlySet<string>;
  readonly startProbes: readonly string[];
  /** Maps beside those that are counted in. */
  readonly maps: readonly string[];
  /** The expression of a field at an end. */
  read(end: number, field: string): string;
  /** An end's probe around the statements that count. */
  endProbe(end: number, count: readonly string[]): string;
}

type Source = 'end' | 'start' | 'context';

export function placesOf(metric: CataloguedMetric, { keys, numeric, terms }: Wanted): Places {
  const { starts, ends, context } = metric;
  const early = terms.filter((term) => context === undefined && decidedAtStart(starts, term));
  const late = terms.filter((term) => !early.includes(term));
  const readLate = new Set([
    ...keys,
    ...(numeric === undefined ? [] : [numeric]),
    ...late.flatMap((t) => t.fields),
  ]);
  const sources = new Map([...readLate].map((field) => [field, sourceOf(metric, field)]));
  const of = (source: Source): string[] => [...readLate].filter((field) => sources.get(field) === source);
  const [saved, known] = [of('start'), of('context')];
  const read = (end: number, field: string): string => {
    const block = ends[end]!;
    const source = sources.get(field)!;
    return source === 'end'
      ? endValue(metric, block, field)!
      : `@${source === 'start' ? 'f' : 'c'}_${field}[${block.key}]`;
  };
  const lateText = late.map((term) => (end: number) => term.text((field) => read(end, field)));
  const rawSaves = starts.flatMap((start) => Object.keys(start.save ?? {}));
  const saveNames = [...saved.map((field) => `@f_${field}`), ...rawSaves.map((name) => `@r_${name}`)];
  return {
    used: new Set([...readLate, ...early.flatMap((term) => term.fields)]),
    startProbes: [
      ...starts.map((start) => startProbe(start, { early, saved })),
      ...(known.length === 0 ? [] : [contextProbe(context!, known)]),
    ],
    maps: [
      ...(starts.length === 0 ? [] : ['@s']),
      ...saveNames,
      ...(known.length === 0 ? [] : ['@known', ...known.map((field) => `@c_${field}`)]),
    ],
    read,
    endProbe: (end, count) => {
      const block = ends[end]!;
      const paired = starts.length > 0;
      const tests = [
        ...(block.when === undefined ? [] : [block.when]),
        ...(paired ? [`@s[${block.key}]`] : []),
      ];
      const conditions = [
        ...(known.length === 0 ? [] : [`@known[${block.key}]`]),
        ...(block.check === undefined ? [] : [block.check]),
        ...lateText.map((text) => text(end)),
      ];
      const drop = paired ? ['@s', ...saveNames].map((map) => `delete(${map}[${block.key}]);`) : [];
      const prepare = [
        '$i = nsecs; $w = $i + (uint64)$1;',
        ...(block.prepare === undefined ? [] : [block.prepare]),
      ];
      return probeText(block.probe, tests, [...prepare, ...guarded(conditions, count), ...drop]);
    },
  };
}

function startProbe(
  start: Block,
  { early, saved }: { readonly early: readonly KernelTerm[]; readonly saved: readonly string[] },
): string {
  const conditions = early.map((term) => term.text((field) => startValue(start, field)!));
  // A condition on what `prepare` sets comes after it, all others before.
  const after = conditions.filter((text) => text.includes('$'));
  const tests = [
    ...(start.when === undefined ? [] : [start.when]),
    ...conditions.filter((c) => !after.includes(c)),
  ];
  const save = [
    `@s[${start.key}] = nsecs;`,
    ...saved.map((field) => `@f_${field}[${start.key}] = ${startValue(start, field)!};`),
    ...Object.entries(start.save ?? {}).map(([name, value]) => `@r_${name}[${start.key}] = ${value};`),
  ];
  const checks = [...(start.check === undefined ? [] : [start.check]), ...after];
  const prepared = [...save, ...checks].some((text) => /\$[a-z]/.test(text)) ? [start.prepare ?? ''] : [];
  return probeText(start.probe, tests, [...prepared, ...guarded(checks, save)]);
}

/** Notes who a thread is when it leaves a CPU, and forgets it when it ends. */
function contextProbe(context: Block, known: readonly string[]): string {
  const key = context.key!;
  const forget = ['@known', ...known.map((field) => `@c_${field}`)].map((map) => `delete(${map}[${key}]);`);
  const note = [
    `@known[${key}] = 1;`,
    ...known.map((field) => `@c_${field}[${key}] = ${startValue(context, field)!};`),
  ];
  const statement = `if (${context.forget!}) { ${forget.join(' ')} } else { ${note.join(' ')} }`;
  return probeText(context.probe, context.when === undefined ? [] : [context.when], [statement]);
}

function guarded(conditions: readonly string[], statements: readonly string[]): string[] {
  if (conditions.length === 0) return [...statements];
  return [`if (${conditions.map(parenthesized).join(' && ')}) {`, ...statements, '}'];
}

function probeText(probe: string, tests: readonly string[], statements: readonly string[]): string {
  const filter = tests.length === 0 ? '' : `/${tests.map(parenthesized).join(' && ')}/ `;
  return `${probe} ${filter}{ ${statements.join(' ')} }`;
}

function parenthesized(text: string): string {
  return `(${text})`;
}

function decidedAtStart(starts: readonly Block[], term: KernelTerm): boolean {
  return (
    starts.length > 0 &&
    starts.every((start) => term.fields.every((field) => startValue(start, field) !== undefined))
  );
}

function sourceOf(metric: CataloguedMetric, field: string): Source {
  const { starts, ends, context } = metric;
  if (ends.every((end) => endValue(metric, end, field) !== undefined)) return 'end';
  if (starts.length > 0 && starts.every((start) => startValue(start, field) !== undefined)) return 'start';
  assert(
    context !== undefined && startValue(context, field) !== undefined,
    () => `no probe of ${metric.description.name} knows "${field}"`,
  );
  return 'context';
}

function startValue(block: Block, field: string): string | undefined {
  return own(block.values, field) ?? (block.task === true ? own(TASK_VALUES, field) : undefined);
}

function endValue(metric: CataloguedMetric, block: Block, field: string): string | undefined {
  const elapsed = field === 'latency' && metric.starts.length > 0 ? `$i - @s[${block.key}]` : undefined;
  return startValue(block, field) ?? own(MOMENT_VALUES, field) ?? elapsed;
}

function own<T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}
