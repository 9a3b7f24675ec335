/** The JSON form of the AST, for programs that build statements: the AST without spans. What comes in is checked
 *  against the schema, printed and parsed: so a JSON statement means exactly what its text means, obeys the
 *  same bounds, and its diagnostics point into that text. */
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import { QUERY_TEXT_MAX } from '../model/limits.ts';
import type { Statement } from './ast.ts';
import { type Diagnostic, placeFaults } from './diagnostic.ts';
import { parseStatement } from './parse.ts';
import { printStatement } from './print.ts';
import { UNITS } from './unit.ts';

const closed = { additionalProperties: false };
const name = Type.Object({ text: Type.String({ maxLength: QUERY_TEXT_MAX }) }, closed);
const metricName = Type.Object(
  { text: Type.String({ pattern: '^[A-Za-z_]\\w*(\\.[A-Za-z_]\\w*)+$' }) },
  closed,
);
const word = Type.Object(
  { text: Type.String({ pattern: '^(?!([aA][nN][dD]|[oO][rR]|[nN][oO][tT]|[iI][nN])$)[A-Za-z_]\\w*$' }) },
  closed,
);
const quantityFields = { value: Type.Number(), unit: Type.Enum(['', ...UNITS]) };
const quantity = Type.Object(quantityFields, closed);
const count = Type.Object({ value: Type.Integer({ minimum: 0 }) }, closed);
const percent = Type.Object({ value: Type.Number({ minimum: 0, maximum: 100 }) }, closed);
const literal = Type.Union([
  Type.Object({ kind: Type.Literal('text'), text: Type.String({ maxLength: QUERY_TEXT_MAX }) }, closed),
  Type.Object({ kind: Type.Literal('number'), ...quantityFields }, closed),
]);
const condition = Type.Cyclic(
  {
    Condition: Type.Union([
      Type.Object(
        { kind: Type.Enum(['and', 'or']), terms: Type.Array(Type.Ref('Condition'), { minItems: 2 }) },
        closed,
      ),
      Type.Object({ kind: Type.Literal('not'), term: Type.Ref('Condition') }, closed),
      Type.Object(
        {
          kind: Type.Literal('compare'),
          op: Type.Enum(['eq', 'ne', 'lt', 'le', 'gt', 'ge']),
          field: word,
          value: literal,
        },
        closed,
      ),
      Type.Object(
        { kind: Type.Literal('in'), field: word, values: Type.Array(literal, { minItems: 1 }) },
        closed,
      ),
      Type.Object(
        {
          kind: Type.Literal('text'),
          op: Type.Enum(['match', 'nomatch', 'prefix', 'contains']),
          field: word,
          value: name,
        },
        closed,
      ),
    ]),
  },
  'Condition',
);
const moment = Type.Union([
  Type.Object({ kind: Type.Literal('instant'), second: Type.Integer({ minimum: 0 }) }, closed),
  Type.Object(
    { kind: Type.Literal('clock'), secondOfDay: Type.Integer({ minimum: 0, maximum: 86_399 }) },
    closed,
  ),
  Type.Object({ kind: Type.Literal('now'), back: Type.Optional(quantity) }, closed),
]);
const range = Type.Union([
  Type.Object({ kind: Type.Literal('last'), duration: quantity }, closed),
  Type.Object({ kind: Type.Literal('between'), from: moment, to: moment }, closed),
]);
const key = Type.Object({ values: Type.Array(literal, { minItems: 1 }) }, closed);
const keys = Type.Object({ keys: Type.Array(key, { minItems: 1 }) }, closed);
const valueRange = Type.Object({ low: quantity, high: quantity }, closed);
const size = Type.Object(
  { width: Type.Integer({ minimum: 0 }), height: Type.Integer({ minimum: 0 }) },
  closed,
);
const y = Type.Object(
  { scale: Type.Optional(Type.Enum(['linear', 'log'])), range: Type.Optional(valueRange) },
  { ...closed, minProperties: 1 },
);
const theme = Type.Object({ value: Type.Enum(['dark', 'light']) }, closed);
const bound = Type.Object({ field: word, op: Type.Enum(['lt', 'le', 'gt', 'ge']), value: quantity }, closed);
const measure = Type.Union([
  Type.Object({ kind: Type.Enum(['count', 'rate', 'average', 'maximum']) }, closed),
  Type.Object(
    { kind: Type.Literal('percentile'), percent: Type.Number({ minimum: 0, maximum: 100 }) },
    closed,
  ),
  Type.Object({ kind: Type.Enum(['share', 'tail']), bound }, closed),
  Type.Object({ kind: Type.Literal('apdex'), target: quantity }, closed),
]);
const heatmap = Type.Object(
  {
    kind: Type.Literal('heatmap'),
    size: Type.Optional(size),
    y: Type.Optional(y),
    hue: Type.Optional(Type.Object({ fields: Type.Array(word) }, closed)),
    top: Type.Optional(
      Type.Object({ value: Type.Integer({ minimum: 0 }), by: Type.Optional(measure) }, closed),
    ),
    select: Type.Optional(keys),
    isolate: Type.Optional(keys),
    exclude: Type.Optional(keys),
    weight: Type.Optional(Type.Object({ value: Type.Enum(['count', 'value']) }, closed)),
    color: Type.Optional(Type.Object({ value: Type.Enum(['rank', 'linear', 'sqrt', 'log']) }, closed)),
    palette: Type.Optional(word),
    theme: Type.Optional(theme),
    overlay: Type.Optional(Type.Array(percent, { minItems: 1 })),
    buckets: Type.Optional(count),
    title: Type.Optional(name),
  },
  closed,
);
const box = Type.Object({ from: moment, to: moment, y: Type.Optional(valueRange) }, closed);
const cell = Type.Union([
  Type.Object(
    {
      kind: Type.Literal('cell'),
      at: moment,
      value: Type.Optional(Type.Union([quantity, valueRange])),
      step: Type.Optional(quantity),
      y: Type.Optional(y),
      buckets: Type.Optional(count),
    },
    closed,
  ),
  Type.Object({ kind: Type.Literal('cell'), box }, closed),
]);
const diff = Type.Object(
  {
    kind: Type.Literal('diff'),
    against: Type.Union([
      Type.Object({ kind: Type.Literal('offset'), duration: quantity }, closed),
      Type.Object(
        { kind: Type.Literal('keys'), fields: Type.Array(word, { minItems: 1 }), first: key, second: key },
        closed,
      ),
    ]),
    size: Type.Optional(size),
    y: Type.Optional(y),
    buckets: Type.Optional(count),
    theme: Type.Optional(theme),
    title: Type.Optional(name),
  },
  closed,
);
const stage = Type.Union([
  heatmap,
  cell,
  Type.Object({ kind: Type.Literal('compare'), box }, closed),
  diff,
  Type.Object({ kind: Type.Literal('percentiles'), percents: Type.Array(percent, { minItems: 1 }) }, closed),
  Type.Object({ kind: Type.Enum(['histograms', 'count', 'rate', 'average', 'maximum']) }, closed),
  Type.Object({ kind: Type.Literal('share'), bound }, closed),
  Type.Object({ kind: Type.Literal('apdex'), target: quantity }, closed),
  Type.Object({ kind: Type.Literal('top'), count, by: measure }, closed),
]);
const read = Type.Object(
  {
    kind: Type.Literal('read'),
    metric: metricName,
    where: Type.Optional(condition),
    by: Type.Array(word),
    range: Type.Optional(range),
    step: Type.Optional(quantity),
    offset: Type.Optional(quantity),
    asOf: Type.Optional(moment),
    name: Type.Optional(Type.Array(Type.Object({ field: word, by: name }, closed), { minItems: 1 })),
    stages: Type.Array(stage),
  },
  closed,
);
const instrument = Type.Object(
  {
    kind: Type.Literal('instrument'),
    metric: metricName,
    where: Type.Optional(condition),
    by: Type.Array(word),
    every: Type.Optional(quantity),
    keep: Type.Optional(
      Type.Object(
        {
          ...quantityFields,
          levels: Type.Optional(
            Type.Array(Type.Object({ duration: quantity, step: quantity }, closed), { minItems: 1 }),
          ),
        },
        closed,
      ),
    ),
    idle: Type.Optional(Type.Object({ duration: Type.Optional(quantity) }, closed)),
    as: Type.Optional(name),
  },
  closed,
);
const pin = Type.Object({ kind: Type.Literal('pin'), id: name, range, as: Type.Optional(name) }, closed);

/** The schema of a statement in JSON. */
export const statementSchema = Type.Union([
  read,
  instrument,
  pin,
  Type.Object({ kind: Type.Enum(['drop', 'pause', 'resume', 'unpin']), id: name }, closed),
  Type.Object(
    { kind: Type.Literal('show'), what: Type.Enum(['metrics', 'instrumentations', 'sources', 'pins']) },
    closed,
  ),
  Type.Object({ kind: Type.Literal('explain'), read }, closed),
  Type.Object({ kind: Type.Literal('explain'), instrument }, closed),
]);

export type Spanless<T> = T extends readonly (infer U)[]
  ? Spanless<U>[]
  : T extends object
    ? { -readonly [K in keyof T as K extends 'span' ? never : K]: Spanless<T[K]> }
    : T;

export type StatementJson = Spanless<Statement>;

/** Fails to compile where schema and AST say different things. */
type Equal<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
const schemaFitsAst: Equal<Static<typeof statementSchema>, StatementJson> = true;
void schemaFitsAst;

export function statementToJson(statement: Statement): StatementJson {
  return withoutSpans(statement) as StatementJson;
}

function withoutSpans(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSpans);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => key !== 'span');
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutSpans(inner)]));
}

/** JSON nests a few levels deeper than the conditions in it. */
const DEPTH_MAX = 100;

export type FromJson =
  | { readonly statement: Statement; readonly text: string }
  | { readonly diagnostics: readonly Diagnostic[] };

/** Reads a statement off any JSON value. */
export function statementFromJson(value: unknown): FromJson {
  if (tooDeep(value, DEPTH_MAX)) return refused('TOO_DEEP', `it nests more than ${DEPTH_MAX} levels`);
  if (!Value.Check(statementSchema, value)) return refused('SYNTAX', schemaFault(value));
  const text = printStatement(value as unknown as Statement);
  const parsed = parseStatement(text);
  return 'statement' in parsed ? { statement: parsed.statement, text } : parsed;
}

function refused(code: 'TOO_DEEP' | 'SYNTAX', why: string): FromJson {
  const message = `Cannot read the JSON statement: ${why}`;
  return { diagnostics: placeFaults([{ code, message, span: { offset: 0, length: 0 } }], '') };
}

function tooDeep(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => tooDeep(inner, levels - 1));
}

/** The place that is wrong: the deepest that the schema of the statement's kind complains of. */
function schemaFault(value: unknown): string {
  const kind = (value as { kind?: unknown } | null)?.kind;
  const kinds = { read, instrument, pin };
  const isOwn = kind === 'read' || kind === 'instrument' || kind === 'pin';
  const schema = isOwn ? kinds[kind] : statementSchema;
  const [deepest] = Value.Errors(schema, value).toSorted(
    (a, b) => b.instancePath.split('/').length - a.instancePath.split('/').length,
  );
  if (deepest === undefined || schema === statementSchema) {
    return `kind is ${JSON.stringify(kind)}, expected read, instrument, drop, pause, resume, pin, unpin, show or explain with their fields`;
  }
  return `at ${deepest.instancePath === '' ? 'its top' : deepest.instancePath}: ${deepest.message}`;
}
