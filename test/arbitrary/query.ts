/** Random statements that are right for a catalogue, as the parser would make them but with empty spans, and
 *  random texts that are no statements at all. */
import fc from 'fast-check';
import { LL5 } from '../../src/model/grid.ts';
import type { Field, MetricDescription } from '../../src/model/metric.ts';
import { isNumeric, TYPES } from '../../src/model/metric.ts';
import type * as ast from '../../src/query/ast.ts';
import type { Catalogue } from '../../src/query/catalogue.ts';
import { keywords, RESERVED } from '../../src/query/token.ts';
import { toBase, unitsOf } from '../../src/query/unit.ts';

export const NO_SPAN: ast.Span = { offset: 0, length: 0 };
const span = NO_SPAN;

export const nameNode = (text: string): ast.Name => ({ text, span });
const countNode = (value: number): ast.Count => ({ value, span });

/** What a shop measures, with a field of each type. */
export const shop: Catalogue = {
  metrics: [
    {
      name: 'http.requests',
      label: 'HTTP requests',
      unit: 'requests',
      scope: 'interval',
      fields: [
        { name: 'route', label: 'Route', type: 'string' },
        { name: 'host', label: 'Host', type: 'string' },
        { name: 'method', label: 'Method', type: 'string' },
        { name: 'status', label: 'Status', type: 'integer' },
        { name: 'latency', label: 'Latency', type: 'time' },
        { name: 'size', label: 'Size of the response', type: 'size' },
      ],
      cost: 'about 1 us a request',
    },
    {
      name: 'disk.io',
      label: 'Disk traffic',
      unit: 'B',
      amount: 'size',
      scope: 'interval',
      fields: [
        { name: 'disk', label: 'Disk', type: 'string' },
        { name: 'host', label: 'Host', type: 'string' },
      ],
      cost: 'nothing',
    },
    {
      name: 'cpu.usage',
      label: 'CPU utilisation',
      unit: 'CPUs',
      scope: 'point',
      fields: [
        { name: 'host', label: 'Host', type: 'string' },
        { name: 'cpu', label: 'CPU', type: 'integer' },
        { name: 'utilization', label: 'Utilisation', type: 'percent' },
        { name: 'load', label: 'Load', type: 'hundredths' },
      ],
      cost: 'nothing',
    },
  ],
  instrumentations: [],
  pins: [],
  transformations: [
    { name: 'dns', label: 'names of addresses, by reverse DNS' },
    { name: 'geo', label: 'where addresses are' },
    { name: 'racks', label: 'names from racks.csv' },
    { name: 'my racks', label: 'names from mine.csv' },
  ],
};

/** The shop with something measured and a part of it pinned. */
export const livingShop: Catalogue = {
  ...shop,
  instrumentations: [
    {
      id: 'checkout-latency',
      metric: 'http.requests',
      by: ['route'],
      numeric: 'latency',
      grid: LL5,
      scope: 'interval',
      everySeconds: 1,
      keepSeconds: 86_400,
      idleSeconds: 3600,
      createdSecond: 0,
    },
  ],
  pins: [
    {
      id: 'incident',
      instrumentation: 'checkout-latency',
      fromSecond: 600,
      untilSecond: 1200,
      createdSecond: 2000,
    },
  ],
};

const arbitraryWords = fc.oneof(
  fc.constantFrom('/checkout', 'web1', '', 'a "quoted" \\ one', "it's", '\t\n\u0000', '(other)', 'ä€𝄞', '|'),
  fc.string({ maxLength: 12 }),
);

/** Exponents, fractions, large and small: all that a literal may say. */
const arbitraryNumber = fc.oneof(
  fc.nat(1000),
  fc.constantFrom(0, 0.5, 1.5, 1e21, 1e-7, 2 ** 53, 99.9),
  fc.double({ min: 0, max: 1e12, noNaN: true }),
);

/** A literal of the field's type that is an integer in its base unit. */
export function arbitraryValue(field: Field): fc.Arbitrary<ast.LiteralNode> {
  const type = TYPES[field.type];
  if (type.arity === 'discrete') {
    return type.integer === true
      ? fc.integer({ min: -5, max: 600 }).map((value) => ({ kind: 'number', value, unit: '', span }))
      : arbitraryWords.map((text) => ({ kind: 'text', text, span }));
  }
  return arbitraryQuantity(field).map((quantity) => ({ kind: 'number', ...quantity }));
}

export function arbitraryQuantity(field: Field): fc.Arbitrary<ast.Quantity> {
  const type = TYPES[field.type];
  return fc
    .record({
      value: fc.oneof(fc.nat(2000), fc.constantFrom(0.5, 1.5, 0.25)),
      unit: fc.constantFrom(...unitsOf(type)),
    })
    .filter(({ value, unit }) => 'value' in toBase(value, unit, type))
    .map((quantity) => ({ ...quantity, span }));
}

export function arbitraryCondition(metric: MetricDescription): fc.Arbitrary<ast.Condition> {
  const leaf = fc.constantFrom(...metric.fields).chain((field) => arbitraryComparison(field));
  const { condition } = fc.letrec<{ condition: ast.Condition }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      leaf,
      fc.record({
        kind: fc.constantFrom('and' as const, 'or' as const),
        terms: fc.array(tie('condition'), { minLength: 2, maxLength: 3 }),
        span: fc.constant(span),
      }),
      fc.record({ kind: fc.constant('not' as const), term: tie('condition'), span: fc.constant(span) }),
    ),
  }));
  return condition;
}

function arbitraryComparison(field: Field): fc.Arbitrary<ast.Condition> {
  const name = nameNode(field.name);
  const equal = ['eq', 'ne'] as const;
  const all = [...equal, 'lt', 'le', 'gt', 'ge'] as const;
  const ops = isNumeric(field) || TYPES[field.type].integer === true ? all : equal;
  const compare = fc
    .record({ op: fc.constantFrom(...ops), value: arbitraryValue(field) })
    .map((c): ast.Condition => ({ kind: 'compare', field: name, span, ...c }));
  if (isNumeric(field)) return compare;
  const isIn = fc
    .array(arbitraryValue(field), { minLength: 1, maxLength: 3 })
    .map((values): ast.Condition => ({ kind: 'in', field: name, values, span }));
  const text = fc
    .oneof(
      fc.record({
        op: fc.constantFrom('prefix' as const, 'contains' as const),
        value: arbitraryWords.map(nameNode),
      }),
      fc.record({
        op: fc.constantFrom('match' as const, 'nomatch' as const),
        value: fc.constantFrom('^/api/\\d+', 'a|b', '(?i)get', '.*').map(nameNode),
      }),
    )
    .map((c): ast.Condition => ({ kind: 'text', field: name, span, ...c }));
  return fc.oneof(compare, isIn, text);
}

const arbitraryDuration: fc.Arbitrary<ast.Quantity> = fc.oneof(
  fc.record({
    value: fc.integer({ min: 1, max: 300 }),
    unit: fc.constantFrom('s', 'm', 'h'),
    span: fc.constant(span),
  }),
  fc
    .constantFrom<ast.Quantity>(
      { value: 1500, unit: 'ms', span: { offset: 0, length: 0 } },
      { value: 1.5, unit: 'm', span },
      { value: 1, unit: 'w', span },
    )
    .filter((q) => q.unit !== 'ms'),
);

const arbitraryMoment: fc.Arbitrary<ast.Moment> = fc.oneof(
  fc.integer({ min: 0, max: 4_000_000_000 }).map((second) => ({ kind: 'instant' as const, second, span })),
  fc.nat(86_399).map((secondOfDay) => ({ kind: 'clock' as const, secondOfDay, span })),
  fc.constant({ kind: 'now' as const, span }),
  arbitraryDuration.map((back) => ({ kind: 'now' as const, back, span })),
);

const arbitraryRange: fc.Arbitrary<ast.TimeRange> = fc.oneof(
  arbitraryDuration.map((duration) => ({ kind: 'last' as const, duration, span })),
  fc
    .tuple(arbitraryMoment, arbitraryMoment)
    .filter(([from, to]) => from.kind !== 'instant' || to.kind !== 'instant' || from.second < to.second)
    .map(([from, to]) => ({ kind: 'between' as const, from, to, span })),
);

/** An object with some of these members. */
function someOf<T extends object>(model: { [K in keyof T]-?: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> {
  return fc.record(model, { requiredKeys: [] }) as unknown as fc.Arbitrary<Partial<T>>;
}

const arbitraryPercents = fc
  .uniqueArray(fc.constantFrom(0, 50, 90, 99, 99.9, 99.99, 100), { minLength: 1, maxLength: 5 })
  .map((percents) => percents.map(countNode));

function arbitraryKeys(fields: readonly Field[]): fc.Arbitrary<ast.KeyList> {
  const key = fc.tuple(...fields.map(arbitraryValue)).map((values): ast.KeyNode => ({ values, span }));
  return fc
    .uniqueArray(key, { minLength: 1, maxLength: 4, selector: (k) => JSON.stringify(k.values) })
    .map((keys) => ({ keys, span }));
}

type HueOptions = Pick<ast.HeatmapStage, 'hue' | 'top' | 'select' | 'isolate' | 'exclude' | 'palette'>;

function arbitraryHues(fields: readonly Field[], numeric: Field): fc.Arbitrary<HueOptions> {
  const palette = fc
    .constantFrom('viridis', 'magma')
    .map((text): HueOptions => ({ palette: nameNode(text) }));
  const none = fc.constant<HueOptions>({ hue: { fields: [], span } });
  if (fields.length === 0) return fc.oneof(fc.constant({}), none, palette);
  const hueOf = fc.option(fc.subarray([...fields], { minLength: 1 }), { nil: undefined });
  const withHues = hueOf.chain((chosen): fc.Arbitrary<HueOptions> => {
    const hue: HueOptions =
      chosen === undefined ? {} : { hue: { fields: chosen.map((f) => nameNode(f.name)), span } };
    const keys = arbitraryKeys(chosen ?? fields);
    return fc.oneof(
      fc.constant(hue),
      fc.integer({ min: 1, max: 6 }).map((n) => ({ ...hue, top: countNode(n) })),
      fc
        .tuple(fc.integer({ min: 1, max: 6 }), arbitraryRanking(numeric))
        .map(([n, by]) => ({ ...hue, top: { ...countNode(n), by } })),
      keys.map((select) => ({ ...hue, select })),
      keys.map((isolate) => ({ ...hue, isolate })),
      keys.map((exclude) => ({ ...hue, exclude })),
      keys.map((exclude) => ({ ...hue, exclude, top: countNode(2) })),
    );
  });
  return fc.oneof({ weight: 3, arbitrary: withHues }, { weight: 1, arbitrary: none });
}

function arbitraryY(numeric: Field): fc.Arbitrary<NonNullable<ast.HeatmapStage['y']>> {
  const type = TYPES[numeric.type];
  const range = fc
    .tuple(arbitraryQuantity(numeric), arbitraryQuantity(numeric))
    .map(([a, b]) => {
      const base = (q: ast.Quantity): number => {
        const converted = toBase(q.value, q.unit, type);
        return 'value' in converted ? converted.value : 0;
      };
      return { low: a, high: b, lowBase: base(a), highBase: base(b) };
    })
    .filter(({ lowBase, highBase }) => lowBase > 0 && lowBase < highBase)
    .map(({ low, high }): ast.ValueRange => ({ low, high, span }));
  const scale = fc.constantFrom('linear' as const, 'log' as const);
  return fc.oneof(
    scale.map((s) => ({ scale: s, span })),
    range.map((r) => ({ range: r, span })),
    fc.tuple(scale, range).map(([s, r]) => ({ scale: s, range: r, span })),
  );
}

export function arbitraryHeatmap(fields: readonly Field[], numeric: Field): fc.Arbitrary<ast.HeatmapStage> {
  const options = someOf<Omit<ast.HeatmapStage, 'kind' | 'span' | keyof HueOptions>>({
    size: fc.record({
      width: fc.integer({ min: 10, max: 900 }),
      height: fc.integer({ min: 100, max: 400 }),
      span: fc.constant(span),
    }),
    y: arbitraryY(numeric),
    weight: fc.constantFrom('count' as const, 'value' as const).map((value) => ({ value, span })),
    color: fc
      .constantFrom('rank' as const, 'linear' as const, 'sqrt' as const, 'log' as const)
      .map((value) => ({ value, span })),
    theme: fc.constantFrom('dark' as const, 'light' as const).map((value) => ({ value, span })),
    overlay: arbitraryPercents,
    buckets: fc.integer({ min: 1, max: 100 }).map(countNode),
    title: arbitraryWords.map(nameNode),
  });
  return fc
    .tuple(options, arbitraryHues(fields, numeric))
    .map(([o, hues]) => ({ kind: 'heatmap', span, ...o, ...hues }));
}

type Line = Exclude<ast.MeasureNode, { kind: 'percentile' | 'tail' }>;

/** Measures that are read off histograms. */
function arbitraryLine(numeric: Field): fc.Arbitrary<Line> {
  const bound = arbitraryBound(numeric).map((b): Line => ({ kind: 'share', bound: b, span }));
  const apdex = arbitraryQuantity(numeric)
    .filter(({ value }) => value > 0)
    .map((target): Line => ({ kind: 'apdex', target, span }));
  return fc.oneof(fc.constantFrom<Line>({ kind: 'average', span }, { kind: 'maximum', span }), bound, apdex);
}

function arbitraryRanking(numeric: Field): fc.Arbitrary<ast.MeasureNode> {
  return fc.oneof<fc.Arbitrary<ast.MeasureNode>[]>(
    arbitraryLine(numeric),
    fc.constant({ kind: 'percentile', percent: 99.9, span }),
    arbitraryBound(numeric).map((bound) => ({ kind: 'tail', bound, span })),
  );
}

function arbitraryBound(numeric: Field): fc.Arbitrary<ast.Bound> {
  return fc.record({
    field: fc.constant(nameNode(numeric.name)),
    op: fc.constantFrom('lt' as const, 'le' as const, 'gt' as const, 'ge' as const),
    value: arbitraryQuantity(numeric),
    span: fc.constant(span),
  });
}

function arbitraryStages(
  metric: MetricDescription,
  fields: readonly Field[],
  numeric: Field | undefined,
): fc.Arbitrary<ast.Stage[]> {
  const measures: fc.Arbitrary<ast.MeasureNode>[] = [fc.constant({ kind: 'count', span })];
  if (metric.scope === 'interval') measures.push(fc.constant({ kind: 'rate', span }));
  if (numeric !== undefined) {
    measures.push(arbitraryRanking(numeric));
  }
  const top = fc.record({
    kind: fc.constant('top' as const),
    count: fc.integer({ min: 1, max: 5 }).map(countNode),
    by: fc.oneof(...measures),
    span: fc.constant(span),
  });
  const lines: fc.Arbitrary<ast.Stage>[] = [fc.constant({ kind: 'count', span })];
  if (metric.scope === 'interval') lines.push(fc.constant({ kind: 'rate', span }));
  if (numeric !== undefined) {
    lines.push(
      arbitraryLine(numeric),
      fc.constant({ kind: 'histograms', span }),
      arbitraryPercents.map((percents) => ({ kind: 'percentiles', percents, span })),
    );
  }
  const places = arbitraryPlaceStages(metric, numeric);
  const drawing =
    numeric === undefined ? [...lines, ...places] : [...lines, ...places, arbitraryHeatmap(fields, numeric)];
  const single = fc.oneof(
    fc.constant<ast.Stage[]>([]),
    fc.oneof(...drawing).map((stage) => [stage]),
  );
  if (fields.length === 0) return single;
  const ranked = fc.oneof(
    top.map((t): ast.Stage[] => [t]),
    fc.tuple(top, fc.oneof(...lines)).map(([t, line]): ast.Stage[] => [t, line]),
  );
  return fc.oneof({ weight: 2, arbitrary: single }, { weight: 1, arbitrary: ranked });
}

/** Times of a box in their order. */
const arbitraryBoxTimes: fc.Arbitrary<Pick<ast.BoxNode, 'from' | 'to'>> = fc
  .tuple(arbitraryMoment, arbitraryMoment)
  .filter(([from, to]) => from.kind !== 'instant' || to.kind !== 'instant' || from.second < to.second)
  .map(([from, to]) => ({ from, to }));

/** Edges that lie between two base units, as those of a picture's rows do. */
function arbitraryEdges(numeric: Field): fc.Arbitrary<ast.ValueRange> {
  const unit = unitsOf(TYPES[numeric.type]).at(0)!;
  const quantity = (value: number): ast.Quantity => ({ value, unit, span });
  return fc
    .tuple(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.double({ min: 1e-3, max: 1e9, noNaN: true }))
    .map(([low, length]) => ({ low: Math.abs(low), high: Math.abs(low) + length }))
    .filter(({ low, high }) => low < high)
    .map(({ low, high }) => ({ low: quantity(low), high: quantity(high), span }));
}

function arbitraryBox(numeric: Field | undefined): fc.Arbitrary<ast.BoxNode> {
  const y =
    numeric === undefined ? fc.constant(undefined) : fc.option(arbitraryEdges(numeric), { nil: undefined });
  return fc
    .tuple(arbitraryBoxTimes, y)
    .map(([times, values]) => ({ ...times, ...(values === undefined ? {} : { y: values }), span }));
}

function arbitraryCell(numeric: Field | undefined): fc.Arbitrary<ast.CellStage> {
  const box = arbitraryBox(numeric).map((b): ast.CellStage => ({ kind: 'cell', box: b, span }));
  const rows = fc.integer({ min: 1, max: 300 }).map(countNode);
  const options =
    numeric === undefined
      ? someOf<{ buckets?: ast.Count }>({ buckets: rows })
      : someOf<Omit<Extract<ast.CellStage, { at: unknown }>, 'kind' | 'span' | 'at' | 'step'>>({
          value: fc.oneof(arbitraryQuantity(numeric), arbitraryEdges(numeric)),
          y: arbitraryY(numeric),
          buckets: rows,
        });
  const at = fc
    .tuple(arbitraryMoment, options)
    .map(([moment, o]): ast.CellStage => ({ kind: 'cell', at: moment, ...o, span }));
  return fc.oneof(box, at);
}

function arbitraryAgainst(metric: MetricDescription): fc.Arbitrary<ast.DiffStage['against']> {
  const offset = arbitraryDuration.map((duration) => ({ kind: 'offset' as const, duration, span }));
  const discrete = metric.fields.filter((f) => !isNumeric(f));
  if (discrete.length === 0) return offset;
  const some = { minLength: 1, maxLength: Math.min(2, discrete.length) };
  const keys = fc.shuffledSubarray(discrete, some).chain((fields) => {
    const key = fc.tuple(...fields.map(arbitraryValue)).map((values): ast.KeyNode => ({ values, span }));
    const text = ({ values }: ast.KeyNode): string => JSON.stringify(values);
    return fc
      .tuple(key, key)
      .filter(([a, b]) => text(a) !== text(b))
      .map(([first, second]) => ({
        kind: 'keys' as const,
        fields: fields.map((f) => nameNode(f.name)),
        first,
        second,
        span,
      }));
  });
  return fc.oneof(offset, keys);
}

function arbitraryDiff(metric: MetricDescription, numeric: Field): fc.Arbitrary<ast.DiffStage> {
  const options = someOf<Omit<ast.DiffStage, 'kind' | 'span' | 'against'>>({
    size: fc.record({
      width: fc.integer({ min: 10, max: 900 }),
      height: fc.integer({ min: 100, max: 400 }),
      span: fc.constant(span),
    }),
    y: arbitraryY(numeric),
    buckets: fc.integer({ min: 1, max: 100 }).map(countNode),
    theme: fc.constantFrom('dark' as const, 'light' as const).map((value) => ({ value, span })),
    title: arbitraryWords.map(nameNode),
  });
  return fc
    .tuple(arbitraryAgainst(metric), options)
    .map(([against, o]) => ({ kind: 'diff', against, ...o, span }));
}

/** Stages about a place or two layers of the picture. */
function arbitraryPlaceStages(
  metric: MetricDescription,
  numeric: Field | undefined,
): fc.Arbitrary<ast.Stage>[] {
  const cell = arbitraryCell(numeric);
  if (metric.scope === 'point') return [cell];
  const compare = arbitraryBox(numeric).map((box): ast.Stage => ({ kind: 'compare', box, span }));
  return numeric === undefined ? [cell, compare] : [cell, compare, arbitraryDiff(metric, numeric)];
}

function someFields(fields: readonly Field[]): fc.Arbitrary<Field[]> {
  return fc.shuffledSubarray([...fields], { maxLength: Math.min(3, fields.length) });
}

/** `ways` name keys; without any no statement asks for names. */
export function arbitraryRead(
  metrics: readonly MetricDescription[],
  ways: readonly string[] = [],
): fc.Arbitrary<ast.ReadStatement> {
  return fc.constantFrom(...metrics).chain((metric) => {
    const discrete = metric.fields.filter((f) => !isNumeric(f));
    const numerics = metric.fields.filter(isNumeric);
    const decomposition = fc.tuple(
      someFields(discrete),
      fc.option(numerics.length === 0 ? fc.constant(undefined) : fc.constantFrom(...numerics), {
        nil: undefined,
      }),
    );
    return decomposition.chain(([fields, numeric]) => {
      const clauses = someOf<Pick<ast.ReadStatement, 'where' | 'range' | 'step' | 'offset' | 'asOf'>>({
        where: arbitraryCondition(metric),
        range: arbitraryRange,
        step: arbitraryDuration,
        offset: arbitraryDuration,
        asOf: arbitraryMoment,
      });
      const by = [...fields, ...(numeric === undefined ? [] : [numeric])].map((f) => nameNode(f.name));
      return fc
        .tuple(clauses, arbitraryStages(metric, fields, numeric))
        .map(([c, stages]): ast.ReadStatement => ({
          kind: 'read',
          metric: nameNode(metric.name),
          by,
          stages,
          span,
          ...c,
        }))
        .chain((read) => arbitraryNaming(read, fields, ways).map((naming) => ({ ...read, ...naming })));
    });
  });
}

/** Names of what the answer shows. */
function arbitraryNaming(
  { stages }: ast.ReadStatement,
  fields: readonly Field[],
  ways: readonly string[],
): fc.Arbitrary<Pick<ast.ReadStatement, 'name'>> {
  if (ways.length === 0) return fc.constant({});
  const [last] = stages.slice(-1);
  const hue = last?.kind === 'heatmap' ? last.hue : undefined;
  const shown = last?.kind === 'diff' ? [] : (hue?.fields.map((f) => f.text) ?? fields.map((f) => f.name));
  const way = fc.constantFrom(...ways).map(nameNode);
  return fc
    .subarray(shown)
    .chain((named) =>
      fc.tuple(...named.map((field) => way.map((by) => ({ field: nameNode(field), by, span })))),
    )
    .map((naming) => (naming.length === 0 ? {} : { name: naming }));
}

const arbitraryKeep: fc.Arbitrary<ast.Keep> = fc
  .record({
    value: fc.integer({ min: 1, max: 300 }),
    levels: fc.uniqueArray(
      fc.record({
        duration: fc.record({ value: fc.nat(300), unit: fc.constant('d' as const), span: fc.constant(span) }),
        step: fc.constantFrom<ast.Quantity>(
          { value: 10, unit: 's', span },
          { value: 1, unit: 'm', span },
          { value: 10, unit: 'm', span },
          { value: 1, unit: 'h', span },
        ),
        span: fc.constant(span),
      }),
      { selector: ({ step }) => `${step.value}${step.unit}` },
    ),
  })
  .map(({ value, levels }) => ({ value, unit: 'h', span, ...(levels.length === 0 ? {} : { levels }) }));

function arbitraryInstrument(metrics: readonly MetricDescription[]): fc.Arbitrary<ast.InstrumentStatement> {
  return fc.constantFrom(...metrics).chain((metric) => {
    const clauses = someOf<Pick<ast.InstrumentStatement, 'where' | 'every' | 'keep' | 'idle' | 'as'>>({
      where: arbitraryCondition(metric),
      every: fc.integer({ min: 1, max: 60 }).map((value) => ({ value, unit: 's' as const, span })),
      keep: arbitraryKeep,
      idle: fc.oneof(
        fc.constant({ span }),
        fc
          .integer({ min: 1, max: 300 })
          .map((value) => ({ duration: { value, unit: 'm' as const, span }, span })),
      ),
      as: fc
        .constantFrom('checkout', 'top', 'in', 'now-5m', 'a--b', 'p99', 'http-requests-by-route-2')
        .map(nameNode),
    });
    const fields = someFields(metric.fields.filter((f) => !isNumeric(f)));
    return fc.tuple(clauses, fields).map(([c, by]): ast.InstrumentStatement => ({
      kind: 'instrument',
      metric: nameNode(metric.name),
      by: by.map((f) => nameNode(f.name)),
      span,
      ...c,
    }));
  });
}

const arbitraryNewName = fc
  .constantFrom('checkout', 'top', 'in', 'pins', 'as', 'p99', 'http-requests-by-route-2')
  .map(nameNode);

function arbitraryPin(id: string): fc.Arbitrary<ast.Statement> {
  return fc
    .record({ range: arbitraryRange, as: fc.option(arbitraryNewName, { nil: undefined }) })
    .map(({ range, as }) => ({
      kind: 'pin',
      id: nameNode(id),
      range,
      ...(as === undefined ? {} : { as }),
      span,
    }));
}

/** Statements that are right for the catalogue. */
export function arbitraryStatement(catalogue: Catalogue): fc.Arbitrary<ast.Statement> {
  const { metrics, instrumentations, pins, transformations = [] } = catalogue;
  const ways = transformations.map(({ name }) => name);
  const read = arbitraryRead(metrics, ways);
  const listing = fc.constantFrom<ast.Listing>('metrics', 'instrumentations', 'sources', 'pins');
  const ids = instrumentations.map((i) => i.id);
  const life = ids.map((id) =>
    fc
      .constantFrom('drop' as const, 'pause' as const, 'resume' as const)
      .map((kind): ast.Statement => ({ kind, id: nameNode(id), span })),
  );
  const unpin = pins.map(({ id }) => fc.constant<ast.Statement>({ kind: 'unpin', id: nameNode(id), span }));
  const changes = [...life, ...ids.map(arbitraryPin), ...unpin];
  return fc.oneof(
    { weight: 6, arbitrary: read },
    { weight: 3, arbitrary: arbitraryInstrument(metrics) },
    { weight: 1, arbitrary: read.map((r): ast.Statement => ({ kind: 'explain', read: r, span })) },
    {
      weight: 1,
      arbitrary: arbitraryInstrument(metrics).map((instrument): ast.Statement => ({
        kind: 'explain',
        instrument,
        span,
      })),
    },
    { weight: 1, arbitrary: listing.map((what): ast.Statement => ({ kind: 'show', what, span })) },
    ...changes.map((arbitrary) => ({ weight: 1, arbitrary })),
  );
}

/** Literals beyond what a check would pass: any number with any unit, any text. */
export const arbitraryWildLiteral: fc.Arbitrary<ast.LiteralNode> = fc.oneof(
  arbitraryWords.map((text): ast.LiteralNode => ({ kind: 'text', text, span })),
  fc
    .record({
      value: arbitraryNumber,
      unit: fc.constantFrom('' as const, 'ns' as const, 'w' as const, 'KiB' as const, '%' as const),
    })
    .map((q): ast.LiteralNode => ({ kind: 'number', span, ...q })),
);

/** Every word of the language, names, literals, signs of this and of other languages. */
const WORDS: readonly string[] = [
  ...keywords.keys(),
  ...RESERVED,
  ...'http.requests disk.io route host status latency p99 p99.9 10m 1h30m 5 0 99.9 100ms 64KiB 900x300 1e9 80% 2026-11-22T03:00Z 03:12Z "web1" \'x\' `r` "open == != =~ !~ < <= > >= = && || <> ! | , ( ) .. - ; { } [ ] # § é \n now-5m a-b'.split(
    ' ',
  ),
];

/** Texts of up to 4 KiB: noise, soup of tokens, and statements with a piece cut out, doubled or put elsewhere. */
export function arbitraryText(statements: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const soup = fc
    .array(fc.constantFrom(...WORDS), { maxLength: 200 })
    .map((words) => words.join(' ').slice(0, 4096));
  const glued = fc.array(fc.constantFrom(...WORDS), { maxLength: 40 }).map((words) => words.join(''));
  const repeated = fc
    .tuple(
      fc.constantFrom('(', 'not ', ')', '|', '"', '-', 'a == 1 and ', 'http.requests ', '1,', '..'),
      fc.nat(1000),
    )
    .map(([piece, n]) => `http.requests where ${piece.repeat(n)}`.slice(0, 4096));
  const mutated = fc
    .tuple(statements, fc.nat(400), fc.nat(40), fc.nat(400), fc.string({ maxLength: 3 }))
    .map(([text, at, length, to, extra]) => {
      const piece = text.slice(at, at + length);
      const rest = text.slice(0, at) + text.slice(at + length);
      return rest.slice(0, to) + extra + piece + rest.slice(to);
    });
  return fc.oneof(fc.string({ unit: 'binary', maxLength: 400 }), soup, glued, repeated, mutated, mutated);
}
