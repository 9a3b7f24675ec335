/** How the names and units of others become metrics, fields and base units. Pure; docs/INGEST.md has the same rules
 *  as a table. */
import type { TypeName } from '../../model/metric.ts';

/** How a value of theirs is counted here. */
export interface Unit {
  /** The type of the values; `number` where the unit is no time and no size. */
  readonly type: Extract<TypeName, 'time' | 'size' | 'number' | 'hundredths'>;
  /** Base units in one of theirs. */
  readonly scale: number;
  /** What a person reads: 'requests', 'B', 's'. */
  readonly label: string;
}

const NAME_MAX = 64;
/** What of a foreign name is looked at: they are a line long, and some senders are hostile. */
const LOOKED_AT_MAX = 256;

/** `module.stat` of a foreign name: what stands before the first "." (or "_", where it has no ".") is the module,
 *  the rest the stat; other characters become "_", capitals small. A name of one word goes to `fallback`. */
export function metricName(name: string, fallback: string): string {
  const text = name
    .slice(0, LOOKED_AT_MAX)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase();
  const cut = text.includes('.') ? text.indexOf('.') : text.indexOf('_');
  const module = word(cut > 0 ? text.slice(0, cut) : fallback);
  const stat = word(cut > 0 ? text.slice(cut + 1) : text);
  return `${module}.${stat}`;
}

/** A field's name: small letters, digits and "_", a letter first. */
export function fieldName(key: string): string {
  return word(key.slice(0, LOOKED_AT_MAX).toLowerCase());
}

function word(text: string): string {
  const clean = text
    .replace(/[^a-z0-9_]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, NAME_MAX);
  return /^[a-z]/.test(clean) ? clean : `x_${clean}`.replace(/_$/, '');
}

const TIMES: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  ms: 1e6,
  s: 1e9,
  min: 60e9,
  h: 3600e9,
  d: 86_400e9,
  seconds: 1e9,
};
const SIZES: Readonly<Record<string, number>> = {
  By: 1,
  KiBy: 2 ** 10,
  MiBy: 2 ** 20,
  GiBy: 2 ** 30,
  TiBy: 2 ** 40,
  KBy: 1e3,
  kBy: 1e3,
  MBy: 1e6,
  GBy: 1e9,
  bytes: 1,
};

/** Of a unit as OpenTelemetry writes it (UCUM): times in ns, sizes in bytes, an annotation names what is counted,
 *  anything else is a number in its own unit. */
export function unitOf(unit: string): Unit {
  const time = Object.hasOwn(TIMES, unit) ? TIMES[unit] : undefined;
  if (time !== undefined) return { type: 'time', scale: time, label: 's' };
  const size = Object.hasOwn(SIZES, unit) ? SIZES[unit] : undefined;
  if (size !== undefined) return { type: 'size', scale: size, label: 'B' };
  const label = unit.replace(/^\{(.*)\}$/, '$1').slice(0, NAME_MAX);
  return { type: 'number', scale: 1, label: label === '' || label === '1' ? 'count' : label };
}

/** The field that a histogram's values are: by their type. */
export function valueField(unit: Unit): { readonly name: string; readonly type: TypeName } {
  if (unit.type === 'time') return { name: 'latency', type: 'time' };
  if (unit.type === 'size') return { name: 'size', type: 'size' };
  return { name: 'value', type: 'number' };
}
