/** The options of a heatmap stage: bounds, types, and the pairs that contradict each other. */
import { type Key, keyText } from '../model/key.ts';
import { type Field, TYPES } from '../model/metric.ts';
import type * as ast from './ast.ts';
import { checkLiteral, checkQuantity } from './check-condition.ts';
import { checkMeasure, type Decomposition } from './check-measure.ts';
import type { HeatmapDrawing, HueChoice, PaletteName, PictureOptions } from './checked.ts';
import { type Faults, nearest, oneOf, quoted } from './diagnostic.ts';

/** A side smaller than this has no room for one tick label; one larger is no picture for a screen. */
const SIDE_MIN = 10;
export const SIDE_MAX = 4096;
/** Hues: four at full strength, or six with two lightness steps. */
const HUES_MAX = 6;
/** Keys of `exclude`. */
const EXCLUDED_MAX = 64;
const OVERLAYS_MAX = 8;
/** Characters of a title. */
const TITLE_MAX = 200;

export const PALETTES: readonly PaletteName[] = ['viridis', 'cividis', 'magma', 'inferno'];

interface Context extends Decomposition {
  /** Hues where the stage names no number. */
  readonly hues: number;
  /** The stage before picked this many keys: they are the hues. */
  readonly picked?: ast.Count;
}

export function checkHeatmap(stage: ast.HeatmapStage, context: Context, faults: Faults): HeatmapDrawing {
  const { numeric } = context;
  const hueFields = checkHueFields(stage, context.fields, faults);
  refusePairs(stage, hueFields, faults);
  if (context.picked !== undefined) refusePicked(stage, context.picked, hueFields, faults);
  const exclude =
    stage.exclude === undefined ? [] : checkKeys(stage.exclude, hueFields, EXCLUDED_MAX, faults);
  const hues = checkHues(stage, hueFields, context, faults);
  refuseExcludedHues(stage, hues, exclude, faults);
  const y = numeric && stage.y?.range && checkY(stage.y.range, stage.y.scale, numeric, faults);
  const scale = stage.y?.scale;
  if (stage.buckets !== undefined)
    within('buckets', stage.buckets, [1, stage.size?.height ?? SIDE_MAX], faults);
  const overlay = (stage.overlay ?? []).map((p) => p.value);
  if (overlay.length > OVERLAYS_MAX) {
    const { span } = stage.overlay![OVERLAYS_MAX]!;
    faults.add('LIMIT', `Cannot draw ${overlay.length} overlays: expected at most ${OVERLAYS_MAX}`, span);
  }
  return {
    kind: 'heatmap',
    picture: checkPicture(stage, faults),
    ...(scale === undefined ? {} : { scale }),
    ...(y === undefined ? {} : { y }),
    ...(stage.buckets === undefined ? {} : { buckets: stage.buckets.value }),
    hueFields: hueFields.map((f) => f.name),
    hues,
    exclude,
    weight: stage.weight?.value ?? 'count',
    overlay: [...new Set(overlay)],
  };
}

export function checkPicture(
  stage: Pick<ast.HeatmapStage, 'size' | 'theme' | 'color' | 'palette' | 'title'>,
  faults: Faults,
): PictureOptions {
  const { size, theme, color, palette, title } = stage;
  if (size !== undefined) {
    within('width', { value: size.width, span: size.span }, [SIDE_MIN, SIDE_MAX], faults);
    within('height', { value: size.height, span: size.span }, [SIDE_MIN, SIDE_MAX], faults);
  }
  if (title !== undefined && title.text.length > TITLE_MAX) {
    faults.add(
      'LIMIT',
      `Cannot use a title of ${title.text.length} characters: expected at most ${TITLE_MAX}`,
      title.span,
    );
  }
  const known = PALETTES.find((p) => p === palette?.text);
  if (palette !== undefined && known === undefined) {
    faults.add(
      'SYNTAX',
      `Cannot find the palette ${quoted(palette.text)}: expected ${oneOf(PALETTES)}`,
      palette.span,
      {
        expected: PALETTES,
        suggestion: nearest(palette.text, PALETTES),
      },
    );
  }
  return {
    ...(size === undefined ? {} : { width: size.width, height: size.height }),
    ...(theme === undefined ? {} : { theme: theme.value }),
    ...(color === undefined ? {} : { color: color.value }),
    ...(known === undefined ? {} : { palette: known }),
    ...(title === undefined ? {} : { title: title.text }),
  };
}

export function within(what: string, count: ast.Count, [min, max]: [number, number], faults: Faults): void {
  if (count.value >= min && count.value <= max) return;
  faults.add('LIMIT', `Cannot use the ${what} ${count.value}: expected ${min}..${max}`, count.span);
}

function checkHueFields(stage: ast.HeatmapStage, fields: readonly Field[], faults: Faults): readonly Field[] {
  const { hue } = stage;
  if (hue === undefined) return fields;
  const names = fields.map((f) => f.name);
  return hue.fields.flatMap((name, i) => {
    const field = fields.find((f) => f.name === name.text);
    if (field === undefined) {
      const has =
        names.length === 0 ? 'the statement breaks out by no discrete field' : `expected ${oneOf(names)}`;
      faults.add('UNKNOWN_FIELD', `Cannot use ${quoted(name.text)} as hue: ${has}`, name.span, {
        expected: names,
        suggestion: nearest(name.text, names),
      });
      return [];
    }
    if (hue.fields.findIndex((n) => n.text === name.text) < i) {
      faults.add(
        'REPEATED',
        `Cannot use ${quoted(name.text)} as hue again: it is given once before`,
        name.span,
      );
    }
    return [field];
  });
}

/** Options of which one takes away what the other asks for. */
function refusePairs(stage: ast.HeatmapStage, hueFields: readonly Field[], faults: Faults): void {
  const pairs: readonly (readonly ['select' | 'isolate' | 'top', 'isolate' | 'exclude' | 'top', string])[] = [
    ['isolate', 'exclude', 'isolate draws only its keys'],
    ['select', 'isolate', 'both name the hues'],
    ['select', 'top', 'select names the hues'],
    ['isolate', 'top', 'isolate names the hues'],
  ];
  for (const [one, other, why] of pairs) {
    const later = [stage[one], stage[other]].toSorted(
      (a, b) => (a?.span.offset ?? 0) - (b?.span.offset ?? 0),
    )[1];
    if (stage[one] === undefined || later === undefined || stage[other] === undefined) continue;
    faults.add('CONFLICT', `Cannot use "${one}" together with "${other}": ${why}`, later.span);
  }
  for (const option of ['top', 'select', 'isolate', 'exclude'] as const) {
    const node = stage[option];
    if (node === undefined || hueFields.length > 0) continue;
    const why =
      stage.hue === undefined || stage.hue.fields.length > 0
        ? 'there is no discrete field'
        : '"hue none" has no keys';
    faults.add('CONFLICT', `Cannot use "${option}" without hues: ${why}`, node.span);
  }
  if (stage.palette !== undefined && hueFields.length > 0) {
    const message = `Cannot use the palette ${quoted(stage.palette.text)}: a palette colours one hue, add "hue none"`;
    faults.add('CONFLICT', message, stage.palette.span);
  }
}

function refusePicked(
  stage: ast.HeatmapStage,
  picked: ast.Count,
  hueFields: readonly Field[],
  faults: Faults,
): void {
  for (const option of ['top', 'select', 'isolate'] as const) {
    const node = stage[option];
    if (node === undefined) continue;
    faults.add('CONFLICT', `Cannot use "${option}" here: the stage before picks the hues`, node.span);
  }
  if (hueFields.length === 0 && stage.hue !== undefined) {
    faults.add('CONFLICT', 'Cannot use "hue none" here: the stage before picks the hues', stage.hue.span);
  }
  within('number of hues', picked, [1, HUES_MAX], faults);
}

function checkHues(
  stage: ast.HeatmapStage,
  hueFields: readonly Field[],
  context: Context,
  faults: Faults,
): HueChoice {
  for (const kind of ['select', 'isolate'] as const) {
    const list = stage[kind];
    if (list !== undefined) return { kind, keys: checkKeys(list, hueFields, HUES_MAX, faults) };
  }
  if (stage.top !== undefined) within('number of hues', stage.top, [1, HUES_MAX], faults);
  const measure = stage.top?.by && checkMeasure(stage.top.by, context, faults);
  return {
    kind: 'top',
    count: stage.top?.value ?? context.hues,
    ...(measure === undefined ? {} : { measure }),
  };
}

function checkKeys(list: ast.KeyList, hueFields: readonly Field[], max: number, faults: Faults): Key[] {
  if (list.keys.length > max) {
    faults.add('LIMIT', `Cannot use ${list.keys.length} keys: expected at most ${max}`, list.span);
  }
  const seen = new Set<string>();
  return list.keys.flatMap((node) => {
    const key = checkKey(node, hueFields, faults);
    if (key === undefined) return [];
    if (seen.has(keyText(key)))
      faults.add('REPEATED', `Cannot use ${keyText(key)} again: it is given once before`, node.span);
    seen.add(keyText(key));
    return [key];
  });
}

export function checkKey(node: ast.KeyNode, hueFields: readonly Field[], faults: Faults): Key | undefined {
  if (hueFields.length === 0) return undefined;
  if (node.values.length !== hueFields.length) {
    const names = hueFields.map((f) => f.name).join(', ');
    const form = hueFields.length === 1 ? 'one value' : `(${names})`;
    const message = `Cannot use a key of ${node.values.length}: the hue is by ${names}, expected ${form}`;
    faults.add('TYPE', message, node.span);
    return undefined;
  }
  const values = node.values.map((value, i) => checkLiteral(value, hueFields[i]!, faults));
  return values.includes(undefined) ? undefined : values.map(String);
}

function refuseExcludedHues(
  stage: ast.HeatmapStage,
  hues: HueChoice,
  exclude: readonly Key[],
  faults: Faults,
): void {
  if (hues.kind !== 'select') return;
  const excluded = new Set(exclude.map(keyText));
  const both = hues.keys.find((key) => excluded.has(keyText(key)));
  if (both === undefined) return;
  faults.add(
    'CONFLICT',
    `Cannot select and exclude ${keyText(both)}: it is drawn or it is not`,
    stage.exclude!.span,
  );
}

export function checkY(
  range: ast.ValueRange,
  scale: 'linear' | 'log' | undefined,
  numeric: Field,
  faults: Faults,
) {
  const low = checkQuantity(range.low, numeric, faults);
  const high = checkQuantity(range.high, numeric, faults);
  if (low === undefined || high === undefined) return undefined;
  if (low >= high) {
    faults.add('LIMIT', 'Cannot use this y range: its low end is not below its high end', range.span);
  }
  const isLog = scale === 'log' || (scale === undefined && low > 0 && defaultIsLog(numeric));
  if (isLog && low === 0) {
    faults.add(
      'LIMIT',
      'Cannot use a log axis from 0: expected a low end above 0, or "y linear"',
      range.low.span,
    );
  }
  return { low, high };
}

/** Log where values span decades; a range from 0 asks for linear. */
export function defaultIsLog(numeric: Field): boolean {
  const { unit, grid } = TYPES[numeric.type];
  return grid.kind === 'log-linear' && unit !== '';
}
