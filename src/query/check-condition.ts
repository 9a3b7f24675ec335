/** Conditions against a metric's fields: every comparison fits the field's type, every literal becomes what the
 *  field counts in. Makes the model's Predicate, which sources and readers run alike. */
import { unreachable } from '../model/assert.ts';
import { type Field, fieldOf, isNumeric, type MetricDescription, TYPES } from '../model/metric.ts';
import { patternFault } from '../model/pattern.ts';
import type { Literal, Predicate } from '../model/predicate.ts';
import type * as ast from './ast.ts';
import { type Faults, nearest, oneOf, quoted } from './diagnostic.ts';
import { printLiteral } from './print.ts';
import { toBase, unitsOf } from './unit.ts';

/** Values in one `in (...)`: each is compared with each event. */
const IN_VALUES_MAX = 100;

/** Undefined where something in it is wrong, which `faults` then tells. */
export function checkCondition(
  condition: ast.Condition,
  metric: MetricDescription,
  faults: Faults,
): Predicate | undefined {
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const terms = condition.terms.map((term) => checkCondition(term, metric, faults));
      return terms.includes(undefined) ? undefined : { op: condition.kind, terms: terms as Predicate[] };
    }
    case 'not': {
      const term = checkCondition(condition.term, metric, faults);
      return term && { op: 'not', term };
    }
    case 'compare':
      return checkComparison(condition, metric, faults);
    case 'in':
      return checkIn(condition, metric, faults);
    case 'text':
      return checkText(condition, metric, faults);
    default:
      return unreachable(condition);
  }
}

export function checkField(name: ast.Name, metric: MetricDescription, faults: Faults): Field | undefined {
  const field = fieldOf(metric, name.text);
  if (field !== undefined) return field;
  const names = metric.fields.map((f) => f.name);
  const near = nearest(name.text, names);
  const has = names.length === 0 ? 'it has no fields' : `it has ${oneOf(names, 12)}`;
  const hint = near === undefined ? has : `did you mean "${near}"`;
  faults.add(
    'UNKNOWN_FIELD',
    `Cannot find the field ${quoted(name.text)} of ${metric.name}: ${hint}`,
    name.span,
    {
      expected: names,
      suggestion: near,
    },
  );
  return undefined;
}

const ORDERED: readonly string[] = ['lt', 'le', 'gt', 'ge'];

type Comparison = Extract<ast.Condition, { kind: 'compare' }>;

function checkComparison(
  { op, field: name, value, span }: Comparison,
  metric: MetricDescription,
  faults: Faults,
) {
  const field = checkField(name, metric, faults);
  if (field === undefined) return undefined;
  if (ORDERED.includes(op) && !isNumeric(field) && TYPES[field.type].integer !== true) {
    faults.add(
      'TYPE',
      `Cannot order ${quoted(field.name)}: it is text, which takes ${signsOf(field).join(' ')}`,
      span,
      {
        expected: signsOf(field),
      },
    );
    return undefined;
  }
  const literal = checkLiteral(value, field, faults);
  return literal === undefined ? undefined : ({ op, field: field.name, value: literal } as const);
}

type InList = Extract<ast.Condition, { kind: 'in' }>;

function checkIn({ field: name, values, span }: InList, metric: MetricDescription, faults: Faults) {
  const field = checkField(name, metric, faults);
  if (field === undefined || refusesWords(field, 'in', span, faults)) return undefined;
  if (values.length > IN_VALUES_MAX) {
    faults.add(
      'LIMIT',
      `Cannot take a list of ${values.length} values: expected at most ${IN_VALUES_MAX}`,
      span,
    );
    return undefined;
  }
  const literals = values.map((value) => checkLiteral(value, field, faults));
  if (literals.includes(undefined)) return undefined;
  return { op: 'in', field: field.name, values: literals as Literal[] } as const;
}

type TextTest = Extract<ast.Condition, { kind: 'text' }>;

function checkText({ op, field: name, value, span }: TextTest, metric: MetricDescription, faults: Faults) {
  const field = checkField(name, metric, faults);
  if (field === undefined || refusesWords(field, SIGNS[op], span, faults)) return undefined;
  if (op === 'match' || op === 'nomatch') {
    const fault = patternFault(value.text);
    if (fault !== undefined) {
      faults.add('PATTERN', `Cannot use the pattern ${quoted(value.text)}: ${fault}`, value.span);
      return undefined;
    }
  }
  return { op, field: field.name, value: value.text } as const;
}

const SIGNS = { match: '=~', nomatch: '!~', prefix: 'prefix', contains: 'contains' } as const;

function refusesWords(field: Field, sign: string, span: ast.Span, faults: Faults): boolean {
  if (!isNumeric(field)) return false;
  const signs = signsOf(field);
  faults.add(
    'TYPE',
    `Cannot use ${sign} on ${quoted(field.name)}: it is a number, which takes ${signs.join(' ')}`,
    span,
    {
      expected: signs,
    },
  );
  return true;
}

/** The comparisons that a field takes. */
export function signsOf(field: Field): string[] {
  const equal = ['==', '!='];
  const ordered = ['<', '<=', '>', '>='];
  const words = ['in', '=~', '!~', 'prefix', 'contains'];
  if (isNumeric(field)) return [...equal, ...ordered];
  return TYPES[field.type].integer === true ? [...equal, ...ordered, ...words] : [...equal, ...words];
}

/** A literal as the field's values are: text, an integer, or an integer in the field's base unit. */
export function checkLiteral(literal: ast.LiteralNode, field: Field, faults: Faults): Literal | undefined {
  if (isNumeric(field)) return checkNumber(literal, field, faults);
  return TYPES[field.type].integer === true
    ? checkInteger(literal, field, faults)
    : checkString(literal, field, faults);
}

function checkString(literal: ast.LiteralNode, field: Field, faults: Faults): string | undefined {
  if (literal.kind === 'text') return literal.text;
  const suggestion = `"${printLiteral(literal)}"`;
  const message = `Cannot compare ${quoted(field.name)} with ${printLiteral(literal)}: it is text, as ${suggestion}`;
  faults.add('TYPE', message, literal.span, { suggestion });
  return undefined;
}

function checkInteger(literal: ast.LiteralNode, field: Field, faults: Faults): number | undefined {
  if (literal.kind === 'number' && literal.unit === '' && Number.isSafeInteger(literal.value))
    return literal.value;
  const plain = literal.kind === 'text' && /^-?\d{1,15}$/.test(literal.text) ? literal.text : undefined;
  const message = `Cannot compare ${quoted(field.name)} with ${printLiteral(literal)}: expected a whole number`;
  faults.add('TYPE', message, literal.span, { suggestion: plain });
  return undefined;
}

function checkNumber(literal: ast.LiteralNode, field: Field, faults: Faults): number | undefined {
  const type = TYPES[field.type];
  if (literal.kind === 'text') {
    const units = unitsOf(type).filter((u) => u !== '');
    const what = units.length === 0 ? 'a number' : `a number with a unit: ${units.join(' ')}`;
    const bare = /^\d+(\.\d+)?[A-Za-z%]*$/.test(literal.text) ? literal.text : undefined;
    const message = `Cannot compare ${quoted(field.name)} with ${printLiteral(literal)}: expected ${what}`;
    faults.add('TYPE', message, literal.span, { suggestion: bare });
    return undefined;
  }
  return checkQuantity(literal, field, faults);
}

/** A quantity as an integer in the field's base unit. */
export function checkQuantity(
  quantity: ast.Quantity,
  field: Field,
  faults: Faults,
  convert = toBase,
): number | undefined {
  const type = TYPES[field.type];
  const converted = convert(quantity.value, quantity.unit, type);
  if ('value' in converted) return converted.value;
  const literal = `${quantity.value}${quantity.unit}`;
  faults.add('UNIT', `Cannot use ${literal} for ${quoted(field.name)}: ${converted.fault}`, quantity.span, {
    expected: unitsOf(type).filter((unit) => unit !== ''),
    suggestion: quantity.unit === '' && type.unit === 's' ? `${quantity.value}ms` : undefined,
  });
  return undefined;
}
