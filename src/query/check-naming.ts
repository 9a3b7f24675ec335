/** The `name` clause: that a field has values to show, that there is such a transformation. */
import { fieldOf, isNumeric, type MetricDescription } from '../model/metric.ts';
import type * as ast from './ast.ts';
import type { Catalogue } from './catalogue.ts';
import { checkField } from './check-condition.ts';
import type { Drawing, Naming } from './checked.ts';
import { type Faults, nearest, oneOf, quoted } from './diagnostic.ts';

interface NamingContext {
  readonly metric: MetricDescription;
  /** Discrete ones that the answer breaks out by. */
  readonly fields: readonly string[];
  readonly draw: Drawing;
  readonly catalogue: Catalogue;
}

export function checkNaming(
  namings: readonly ast.NamingNode[],
  context: NamingContext,
  faults: Faults,
): Naming[] {
  namings.forEach(({ field, by }, i) => {
    checkNamed(field, context, faults);
    if (namings.findIndex((other) => other.field.text === field.text) !== i)
      faults.add('REPEATED', `Cannot name ${quoted(field.text)} again: it is named once before`, field.span);
    checkTransformation(by, context.catalogue, faults);
  });
  return namings.map(({ field, by }) => ({ field: field.text, by: by.text }));
}

function checkNamed(name: ast.Name, { metric, fields, draw }: NamingContext, faults: Faults): void {
  checkField(name, metric, faults);
  const field = fieldOf(metric, name.text);
  if (field === undefined) return;
  if (isNumeric(field)) {
    const message = `Cannot name the values of ${quoted(name.text)}: it is numeric, and only values of a key have names`;
    return faults.add('TYPE', message, name.span);
  }
  if (draw.kind === 'diff' && draw.against.kind === 'offset')
    return faults.add(
      'CONFLICT',
      `Cannot name ${quoted(name.text)} here: two times against each other show no keys`,
      name.span,
    );
  const shown = shownFields(draw, fields);
  if (shown === undefined || shown.includes(name.text)) return;
  const has = shown.length === 0 ? 'no field' : oneOf(shown);
  const message = `Cannot name ${quoted(name.text)}: the answer shows the values of ${has}`;
  faults.add('CONFLICT', message, name.span, { expected: shown });
}

/** Fields whose values stand in the answer; undefined: all that are stored. */
function shownFields(draw: Drawing, fields: readonly string[]): readonly string[] | undefined {
  if (draw.kind === 'cell' || draw.kind === 'compare') return undefined;
  if (draw.kind === 'heatmap') return draw.hueFields;
  if (draw.kind === 'diff') return draw.against.kind === 'keys' ? draw.against.fields : [];
  return fields;
}

function checkTransformation(name: ast.Name, { transformations = [] }: Catalogue, faults: Faults): void {
  const names = transformations.map((one) => one.name);
  if (names.includes(name.text)) return;
  const near = nearest(name.text, names);
  const others = near === undefined ? `there is ${oneOf(names)}` : `did you mean "${near}"`;
  const has = names.length === 0 ? 'there is none here' : others;
  faults.add(
    'UNKNOWN_TRANSFORMATION',
    `Cannot find the transformation ${quoted(name.text)}: ${has}`,
    name.span,
    {
      expected: names,
      suggestion: near,
    },
  );
}
