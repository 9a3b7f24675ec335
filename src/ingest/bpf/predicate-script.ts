/** Predicates as bpftrace expressions. The one way on which what a person wrote comes near a program's text: fields
 *  become the catalogue's own expressions, operators come from a table, numbers are safe integers, and each byte of a
 *  text is written \xHH. What the kernel cannot say is not written at all: it is told apart by `kernelTerm`, and the
 *  caller looks at it in user space or refuses. */
import type { Literal, Predicate } from '../../model/predicate.ts';
import { DriverError } from '../driver.ts';
import type { FieldSpec } from './metric.ts';

/** A condition that the kernel decides; `text` writes it with the expressions of the place that it stands at. */
export interface KernelTerm {
  readonly fields: readonly string[];
  text(read: (field: string) => string): string;
}

export interface TermContext {
  readonly fields: Readonly<Record<string, FieldSpec>>;
  /** Whether a predicate that reads nothing but the host's name holds. */
  readonly holds: (term: Predicate) => boolean;
}

const OPERATORS = { eq: '==', ne: '!=', lt: '<', le: '<=', gt: '>', ge: '>=' } as const;
const TRUE: KernelTerm = { fields: [], text: () => '1' };
const FALSE: KernelTerm = { fields: [], text: () => '0' };

/** Undefined where the kernel cannot decide it. Throws DriverError where nobody could: no such name, too long. */
export function kernelTerm(p: Predicate, context: TermContext): KernelTerm | undefined {
  if ('terms' in p) {
    return joined(
      p.terms.map((term) => kernelTerm(term, context)),
      p.op,
    );
  }
  if (p.op === 'not') {
    const term = kernelTerm(p.term, context);
    return term && { fields: term.fields, text: (read) => `!(${term.text(read)})` };
  }
  if (p.field === 'host') return context.holds(p) ? TRUE : FALSE;
  const spec = Object.hasOwn(context.fields, p.field) ? context.fields[p.field]! : undefined;
  if (spec === undefined) {
    throw new DriverError('REFUSED', `Cannot find the field "${p.field}": the metric has none of that name`);
  }
  return testTerm(p, spec);
}

function testTerm(p: Extract<Predicate, { field: string }>, spec: FieldSpec): KernelTerm | undefined {
  switch (p.op) {
    case 'eq':
    case 'ne':
      return equality(p.field, spec, [p.value], p.op === 'ne');
    case 'in':
      return equality(p.field, spec, p.values, false);
    case 'lt':
    case 'le':
    case 'gt':
    case 'ge':
      return order(p.field, spec, OPERATORS[p.op], p.value);
    case 'prefix':
      return prefix(p.field, spec, p.value);
    case 'match':
    case 'nomatch':
    case 'contains':
      return undefined;
  }
}

function joined(terms: readonly (KernelTerm | undefined)[], op: 'and' | 'or'): KernelTerm | undefined {
  if (terms.length === 0) return op === 'and' ? TRUE : FALSE;
  const known = terms.filter((term) => term !== undefined);
  if (known.length < terms.length) return undefined;
  const sign = op === 'and' ? ' && ' : ' || ';
  return {
    fields: [...new Set(known.flatMap((term) => term.fields))],
    text: (read) => `(${known.map((term) => term.text(read)).join(sign)})`,
  };
}

/** One of `values`, or with `negated` none of them. */
function equality(
  field: string,
  spec: FieldSpec,
  values: readonly Literal[],
  negated: boolean,
): KernelTerm | undefined {
  const constants = spec.kind === 'text' ? texts(field, spec, values) : numbers(spec, values);
  if (constants === undefined) return undefined;
  if (constants.length === 0) return negated ? TRUE : FALSE;
  const [sign, between] = negated ? ['!=', ' && '] : ['==', ' || '];
  return {
    fields: [field],
    text: (read) => `(${constants.map((constant) => `${read(field)} ${sign} ${constant}`).join(between)})`,
  };
}

function texts(field: string, spec: FieldSpec, values: readonly Literal[]): string[] | undefined {
  if (spec.shown !== undefined) return undefined;
  if (!values.every((value) => typeof value === 'string')) return undefined;
  return values.map((value) => bytesLiteral(field, spec, value));
}

/** The numbers that the values stand for. */
function numbers(spec: FieldSpec, values: readonly Literal[]): string[] | undefined {
  if (spec.kind === 'inet') return undefined;
  const { names } = spec;
  if (names === undefined) return integers(values);
  if (names.ids === undefined || !values.every((value) => typeof value === 'string')) return undefined;
  return values.flatMap((value) => {
    const ids = names.ids!(value);
    if (ids.length > 0) return ids.map(integerLiteral);
    throw new DriverError(
      'REFUSED',
      `Cannot look for "${value}": this host knows no ${names.what} of that name`,
    );
  });
}

function integers(values: readonly Literal[]): string[] | undefined {
  const found = values.map(integerOf);
  return found.every((value) => value !== undefined) ? found.map(integerLiteral) : undefined;
}

/** A text that is a whole number compares as its text does, so only the plain form of a number is one. */
function integerOf(value: Literal): number | undefined {
  const number = typeof value === 'string' && /^(0|-?[1-9]\d{0,14})$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}

function order(field: string, spec: FieldSpec, sign: string, value: Literal): KernelTerm | undefined {
  if (spec.kind !== 'int' || spec.names !== undefined) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) return undefined;
  const constant = integerLiteral(value);
  return { fields: [field], text: (read) => `(int64)(${read(field)}) ${sign} ${constant}` };
}

function prefix(field: string, spec: FieldSpec, value: string): KernelTerm | undefined {
  if (spec.kind !== 'text' || spec.shown !== undefined) return undefined;
  if (value === '') return TRUE;
  const constant = bytesLiteral(field, spec, value);
  const bytes = Buffer.byteLength(value, 'utf8');
  return { fields: [field], text: (read) => `strncmp(${read(field)}, ${constant}, ${bytes}) == 0` };
}

/** Negative numbers as a difference: bpftrace has no negative constants everywhere. */
export function integerLiteral(value: number): string {
  if (!Number.isSafeInteger(value)) {
    throw new DriverError('REFUSED', `Cannot compare with ${value}: expected a whole number within 2^53`);
  }
  return value < 0 ? `(0 - ${-value})` : String(value === 0 ? 0 : value);
}

function bytesLiteral(field: string, spec: FieldSpec, value: string): string {
  const bytes = Buffer.from(value, 'utf8');
  const most = spec.bytes!;
  if (bytes.length > most) {
    throw new DriverError(
      'REFUSED',
      `Cannot compare "${field}" with a text of ${bytes.length} bytes: the kernel keeps ${most} bytes of it; ` +
        'compare with fewer, by prefix',
    );
  }
  if (bytes.includes(0)) {
    throw new DriverError(
      'REFUSED',
      `Cannot compare "${field}" with a text that has a zero byte: none ever has`,
    );
  }
  return `"${Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}"`;
}
