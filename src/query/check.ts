/** Statements against the catalogue: names exist ("did you mean"), types fit, literals become base integers,
 *  options agree, defaults are filled in. Owns: the defaults and bounds of clauses. Does not: choose the
 *  instrumentation that answers, resolve times (plan.ts). */
import { unreachable } from '../model/assert.ts';
import { INSTRUMENTATION_ID } from '../model/instrumentation.ts';
import { isLevel, type Level, type LevelRetention, LEVELS } from '../model/level.ts';
import { DISCRETE_FIELDS_MAX } from '../model/limits.ts';
import { type Field, gridOf, type MetricDescription } from '../model/metric.ts';
import type * as ast from './ast.ts';
import type { Catalogue } from './catalogue.ts';
import { checkCondition, checkField } from './check-condition.ts';
import { checkNaming } from './check-naming.ts';
import { checkBy, checkStages } from './check-stage.ts';
import { type Bounds, checkDuration, checkMoment, OFFSET } from './check-time.ts';
import type { Checked, CheckedPin, CheckedRange, CheckedRead, Draft, Drawing } from './checked.ts';
import { type Diagnostic, Faults, nearest, oneOf, placeFaults, quoted } from './diagnostic.ts';
import { printQuantity } from './print.ts';
import { durationSeconds, secondsText } from './unit.ts';

export type { Checked, CheckedRead, Draft } from './checked.ts';

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

export const LAST_SECONDS_DEFAULT = 10 * MINUTE;
const KEEP_SECONDS_DEFAULT = DAY;
const IDLE_SECONDS_DEFAULT = HOUR;

/** Longer granularities are roll-ups, which come by themselves. */
const EVERY: Bounds = { min: 1, max: HOUR };
const KEEP: Bounds = { min: 10, max: 3650 * DAY };
/** 0 keeps no roll-up of that step. */
const KEEP_LEVEL: Bounds = { min: 0, max: 3650 * DAY };
/** A shorter one would end between two looks. */
const IDLE: Bounds = { min: 10, max: 365 * DAY };
const LAST: Bounds = { min: 1, max: 3650 * DAY };
const STEP: Bounds = { min: 1, max: 365 * DAY };

export type Outcome = { readonly checked: Checked } | { readonly diagnostics: readonly Diagnostic[] };

/** `text` is what the statement was parsed from: with it, diagnostics know their line and column. */
export function checkStatement(statement: ast.Statement, catalogue: Catalogue, text = ''): Outcome {
  const faults = new Faults();
  const checked = check(statement, catalogue, faults);
  if (faults.any || checked === undefined) return { diagnostics: placeFaults(faults.list, text) };
  return { checked };
}

function check(statement: ast.Statement, catalogue: Catalogue, faults: Faults): Checked | undefined {
  switch (statement.kind) {
    case 'read':
      return checkRead(statement, catalogue, faults);
    case 'explain': {
      if ('instrument' in statement) {
        const instrumentation = checkInstrument(statement.instrument, catalogue, faults);
        return instrumentation && { kind: 'explain', instrumentation };
      }
      const read = checkRead(statement.read, catalogue, faults);
      return read && { kind: 'explain', read };
    }
    case 'instrument': {
      const instrumentation = checkInstrument(statement, catalogue, faults);
      return instrumentation && { kind: 'instrument', instrumentation };
    }
    case 'drop':
    case 'pause':
    case 'resume': {
      const { kind, id } = statement;
      return checkId(id, catalogue, faults) ? { kind, id: id.text } : undefined;
    }
    case 'pin':
      return checkPin(statement, catalogue, faults);
    case 'unpin':
      return checkPinId(statement.id, catalogue, faults)
        ? { kind: 'unpin', id: statement.id.text }
        : undefined;
    case 'show':
      return { kind: 'show', what: statement.what };
    default:
      return unreachable(statement);
  }
}

function checkRead(read: ast.ReadStatement, catalogue: Catalogue, faults: Faults): CheckedRead | undefined {
  const metric = checkMetric(read.metric, catalogue, faults);
  const step = stepOf(read, faults);
  const stepSeconds = step && checkDuration(step, 'step', STEP, faults);
  const offsetSeconds = read.offset && checkDuration(read.offset, 'offset', OFFSET, faults);
  const range = checkRange(read.range, faults);
  if (read.asOf !== undefined) checkMoment(read.asOf, faults);
  if (metric === undefined) return undefined;
  const where = read.where && checkCondition(read.where, metric, faults);
  const by = checkFields(read.by, metric, faults);
  const { draw, ...picked } = checkStages(read, by, faults);
  const fields = neededFields(by.fields, draw);
  const naming = checkNaming(read.name ?? [], { metric, fields, draw, catalogue }, faults);
  return {
    kind: 'read',
    metric: metric.name,
    ...(where === undefined ? {} : { where }),
    fields,
    ...(by.numeric === undefined ? {} : { numeric: by.numeric.name }),
    range,
    ...(stepSeconds === undefined ? {} : { stepSeconds }),
    offsetSeconds: offsetSeconds ?? 0,
    ...(read.asOf === undefined ? {} : { asOf: read.asOf }),
    ...(naming.length === 0 ? {} : { naming }),
    ...picked,
    draw,
  };
}

/** The keys of a `diff` may be of fields that the statement does not break out by. */
function neededFields(fields: readonly Field[], draw: Drawing): string[] {
  const names = fields.map((f) => f.name);
  if (draw.kind !== 'diff' || draw.against.kind !== 'keys') return names;
  return [...new Set([...names, ...draw.against.fields])];
}

/** A cell may name the length of its column itself. */
function stepOf(read: ast.ReadStatement, faults: Faults): ast.Quantity | undefined {
  const own = read.stages.flatMap((stage) =>
    stage.kind === 'cell' && 'at' in stage ? (stage.step ?? []) : [],
  )[0];
  if (own !== undefined && read.step !== undefined)
    faults.add('REPEATED', 'Cannot use "step" again: it is given once before', own.span);
  return own ?? read.step;
}

function checkInstrument(
  statement: ast.InstrumentStatement,
  catalogue: Catalogue,
  faults: Faults,
): Draft | undefined {
  const metric = checkMetric(statement.metric, catalogue, faults);
  const { every, keep, idle, as } = statement;
  const everySeconds = every && checkDuration(every, 'every', EVERY, faults);
  const keepSeconds = keep && checkDuration(keep, 'keep', KEEP, faults);
  const keepLevels = checkKeepLevels(keep?.levels ?? [], faults);
  const idleSeconds =
    idle && (idle.duration === undefined ? 0 : checkDuration(idle.duration, 'idle', IDLE, faults));
  if (as !== undefined) checkNewName(as, faults);
  if (metric === undefined) return undefined;
  const where = statement.where && checkCondition(statement.where, metric, faults);
  const by = checkFields(statement.by, metric, faults);
  return {
    ...(as === undefined ? {} : { id: as.text }),
    metric: metric.name,
    ...(where === undefined ? {} : { where }),
    by: by.fields.map((f) => f.name),
    ...(by.numeric === undefined ? {} : { numeric: by.numeric.name }),
    grid: gridOf(metric, by.numeric?.name),
    scope: metric.scope,
    everySeconds: everySeconds ?? 1,
    keepSeconds: keepSeconds ?? KEEP_SECONDS_DEFAULT,
    ...(keepLevels.length === 0 ? {} : { keepLevels }),
    idleSeconds: idleSeconds ?? IDLE_SECONDS_DEFAULT,
  };
}

/** Roll-ups of which something is said, the finest first. */
function checkKeepLevels(levels: readonly ast.KeepLevel[], faults: Faults): LevelRetention[] {
  const kept = new Map<Level, number>();
  for (const { duration, step, span } of levels) {
    const keepSeconds = checkDuration(duration, 'keep', KEEP_LEVEL, faults);
    const level = checkLevel(step, faults);
    if (level === undefined || keepSeconds === undefined) continue;
    if (kept.has(level)) {
      const message = `Cannot keep steps of ${secondsText(level)} again: how long is said once before`;
      faults.add('REPEATED', message, span);
    } else kept.set(level, keepSeconds);
  }
  return LEVELS.flatMap((level) => (kept.has(level) ? [{ level, keepSeconds: kept.get(level)! }] : []));
}

function checkLevel(step: ast.Quantity, faults: Faults): Level | undefined {
  const seconds = durationSeconds(step.value, step.unit);
  const expected = LEVELS.filter((level) => level > 1).map(secondsText);
  if (seconds === 1) {
    const message = `Cannot use ${printQuantity(step)} here: the first duration of "keep" is that of whole seconds`;
    faults.add('CONFLICT', message, step.span, { expected });
    return undefined;
  }
  if (seconds !== undefined && isLevel(seconds)) return seconds;
  const near = LEVELS.find((level) => level > 1 && level >= (seconds ?? 0)) ?? LEVELS.at(-1)!;
  const message = `Cannot keep steps of ${printQuantity(step)}: roll-ups have steps of ${oneOf(expected)}`;
  faults.add('LIMIT', message, step.span, { expected, suggestion: secondsText(near) });
  return undefined;
}

function checkNewName(name: ast.Name, faults: Faults): void {
  if (INSTRUMENTATION_ID.test(name.text)) return;
  const message = `Cannot use the name ${quoted(name.text)}: expected a letter, then up to 63 letters, digits, "_" or "-"`;
  faults.add('SYNTAX', message, name.span);
}

function checkPin({ id, range, as }: ast.PinStatement, catalogue: Catalogue, faults: Faults): CheckedPin {
  checkId(id, catalogue, faults);
  if (as !== undefined) checkNewName(as, faults);
  return {
    kind: 'pin',
    ...(as === undefined ? {} : { id: as.text }),
    instrumentation: id.text,
    range: checkRange(range, faults),
  };
}

function checkId(id: ast.Name, { instrumentations }: Catalogue, faults: Faults): boolean {
  const ids = instrumentations.map((i) => i.id);
  return checkKnown(id, { what: 'instrumentation', ids, none: 'none lives' }, faults);
}

function checkPinId(id: ast.Name, { pins }: Catalogue, faults: Faults): boolean {
  return checkKnown(id, { what: 'pin', ids: pins.map((pin) => pin.id), none: 'there is none' }, faults);
}

function checkKnown(
  id: ast.Name,
  known: { readonly what: 'instrumentation' | 'pin'; readonly ids: readonly string[]; readonly none: string },
  faults: Faults,
): boolean {
  const { what, ids, none } = known;
  if (ids.includes(id.text)) return true;
  const near = nearest(id.text, ids);
  const others = near === undefined ? `there is ${oneOf(ids)}` : `did you mean "${near}"`;
  const has = ids.length === 0 ? none : others;
  const code = what === 'pin' ? 'UNKNOWN_PIN' : 'UNKNOWN_INSTRUMENTATION';
  const message = `Cannot find the ${what} ${quoted(id.text)}: ${has}`;
  faults.add(code, message, id.span, { expected: ids, suggestion: near });
  return false;
}

function checkMetric(name: ast.Name, { metrics }: Catalogue, faults: Faults): MetricDescription | undefined {
  const metric = metrics.find((m) => m.name === name.text);
  if (metric !== undefined) return metric;
  const names = metrics.map((m) => m.name);
  const stat = name.text.split('.').at(-1);
  const near = nearest(name.text, names) ?? names.find((n) => n.split('.').at(-1) === stat);
  const has =
    names.length === 0
      ? 'no source offers any'
      : near === undefined
        ? `there is ${oneOf(names)}`
        : `did you mean "${near}"`;
  faults.add('UNKNOWN_METRIC', `Cannot find the metric ${quoted(name.text)}: ${has}`, name.span, {
    expected: names,
    suggestion: near,
  });
  return undefined;
}

function checkFields(names: readonly ast.Name[], metric: MetricDescription, faults: Faults) {
  for (const name of names) checkField(name, metric, faults);
  return checkBy(names, metric, { faults, fieldsMax: DISCRETE_FIELDS_MAX });
}

function checkRange(range: ast.TimeRange | undefined, faults: Faults): CheckedRange {
  if (range === undefined) return { kind: 'last', seconds: LAST_SECONDS_DEFAULT };
  if (range.kind === 'last') {
    const seconds = checkDuration(range.duration, 'last', LAST, faults);
    return { kind: 'last', seconds: seconds ?? LAST_SECONDS_DEFAULT };
  }
  checkMoment(range.from, faults);
  checkMoment(range.to, faults);
  const { from, to } = range;
  if (from.kind === 'instant' && to.kind === 'instant' && from.second >= to.second) {
    faults.add('LIMIT', 'Cannot read this range: its end is not after its start', range.span);
  }
  return { kind: 'between', from, to };
}

/** The name of an instrumentation that nobody named: what it measures, in words. */
export function baseId({ metric, by, numeric }: Pick<Draft, 'metric' | 'by' | 'numeric'>): string {
  const fields = numeric === undefined ? by : [...by, numeric];
  const words = [metric.replaceAll('.', '-'), ...(fields.length === 0 ? [] : ['by', ...fields])];
  return words.join('-').slice(0, 64);
}

/** `base`, or `base-2`, `base-3` ...: the first that is not taken. */
export function freshId(base: string, taken: ReadonlySet<string>): string {
  if (!taken.has(base)) return base;
  for (let n = 2; ; n++) {
    const suffix = `-${n}`;
    const id = base.slice(0, 64 - suffix.length) + suffix;
    if (!taken.has(id)) return id;
  }
}
