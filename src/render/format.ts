/** Numbers, values, times and ticks as people read them. Times are UTC, counts have thousands separators, values
 *  have the unit of their type with an SI or IEC prefix: "150 ms", "1.5 MiB", "45 %". Pure, no locale. */
import { keptLately } from '../model/kept.ts';
import type { Scale } from '../model/raster.ts';

/** What a value is, as in ValueType and YAxis: `base ** power` units make one. */
export interface ValueUnit {
  readonly unit: string;
  readonly base: 2 | 10;
  readonly power: number;
}

export interface ValueTick {
  /** In the metric's base unit. */
  readonly value: number;
  readonly label: string;
}

export interface TimeTick {
  readonly second: number;
  readonly label: string;
}

const SI = ['n', 'µ', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const SI_ONE = 3;
const IEC = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** A text and what it multiplies with. */
type Prefix = readonly [string, number];

const SI_PREFIXES = SI.map((prefix, i): Prefix => [prefix, 10 ** (3 * (i - SI_ONE))]);
const PREFIXES = {
  none: [['', 1]] as readonly Prefix[],
  iec: IEC.map((prefix, i): Prefix => [prefix, 1024 ** i]),
  si: SI_PREFIXES,
  /** Seconds grow no "ks". */
  seconds: SI_PREFIXES.slice(0, SI_ONE + 1),
  /** A bare number keeps its digits up to a million. */
  number: [SI_PREFIXES[SI_ONE]!, ...SI_PREFIXES.slice(SI_ONE + 2)],
};

/** At most two decimals, fewer the larger the number is. */
function decimalsOf(number: number): number {
  const size = Math.abs(number);
  return size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
}

function fixed(number: number, decimals: number): string {
  if (Number.isInteger(number) && number > -1000 && number < 1000) return String(number + 0);
  const text = Math.abs(number).toFixed(decimals);
  const [whole, fraction] = text.split('.');
  const digits = whole!.replace(/\B(?=(\d{3})+$)/g, ',');
  const rest = fraction?.replace(/0+$/, '') ?? '';
  const zero = Number(text) === 0;
  return `${number < 0 && !zero ? '-' : ''}${digits}${rest === '' ? '' : `.${rest}`}`;
}

/** "1,204", "0.25". */
export function formatCount(count: number): string {
  return fixed(count, Number.isInteger(count) ? 0 : decimalsOf(count));
}

/** The prefixes that this unit takes, from the smallest. */
function prefixesOf(type: ValueUnit): readonly Prefix[] {
  if (type.unit === '%') return PREFIXES.none;
  if (type.base === 2) return PREFIXES.iec;
  if (type.unit === 's') return PREFIXES.seconds;
  return type.unit === '' ? PREFIXES.number : PREFIXES.si;
}

/** The largest prefix with a number of at least 1 before it; the smallest (or none for 0) where there is none. */
function prefixOf(amount: number, type: ValueUnit): Prefix {
  const prefixes = prefixesOf(type);
  if (amount === 0) return prefixes.find(([, factor]) => factor === 1)!;
  const size = Math.abs(amount);
  return prefixes.findLast(([, factor]) => printsAsOne(size / factor)) ?? prefixes[0]!;
}

/** 999.7 ms reads "1 s": what counts is the number as it will be printed. */
function printsAsOne(number: number): boolean {
  return number >= 1 || (number > 0.99 && Number(number.toFixed(decimalsOf(number))) >= 1);
}

function withUnit(number: string, prefix: string, unit: string): string {
  return prefix === '' && unit === '' ? number : `${number} ${prefix}${unit}`;
}

/** An integer value in its base unit, to three significant digits or all of its whole ones. */
export function formatValue(value: number, type: ValueUnit): string {
  if (Number.isNaN(value)) return '-';
  const amount = value * type.base ** type.power;
  const [prefix, factor] = prefixOf(amount, type);
  return withUnit(fixed(amount / factor, decimalsOf(amount / factor)), prefix, type.unit);
}

/** Decimals beyond these are noise of the double. */
const DECIMALS_MAX = 15;

/** Values one by one `step` apart on one axis: one prefix for all, as many decimals as tell them apart. */
function formatSteps(values: readonly number[], step: number, type: ValueUnit): string[] {
  const scale = type.base ** type.power;
  const [prefix, factor] = prefixOf((values.at(-1) ?? 0) * scale, type);
  const digits = Math.max(0, Math.ceil(-Math.log10((step * scale) / factor) - 1e-9));
  // A power of two needs more digits than its size tells: 1/8 is 0.125.
  const decimals = Math.min(DECIMALS_MAX, type.base === 2 && digits > 0 ? digits + 2 : digits);
  return values.map((value) => withUnit(fixed((value * scale) / factor, decimals), prefix, type.unit));
}

type TickedAxis = ValueUnit & { readonly scale: Scale; readonly low: number; readonly high: number };

/** Of the axes drawn lately. */
const TICKS_KEPT_MAX = 64;

/** At most `max` round values within [low, high], ascending, with distinct labels; must not be changed. */
export const valueTicks = keptLately(
  TICKS_KEPT_MAX,
  ({ unit, base, power, scale, low, high }: TickedAxis, max: number) =>
    `${base} ${power} ${scale} ${low} ${high} ${max} ${unit}`,
  ticksOf,
);

function ticksOf(axis: TickedAxis, max: number): readonly ValueTick[] {
  if (!(axis.high > axis.low) || max < 1) return [];
  const ticks = axis.scale === 'log' && axis.low > 0 ? logTicks(axis, max) : [];
  const few = ticks.length < Math.min(3, max) && axis.high < axis.low * LOG_RATIO_MIN;
  return ticks.length === 0 || few ? linearTicks(axis, max) : ticks;
}

function linearTicks(axis: ValueUnit & { low: number; high: number }, max: number): ValueTick[] {
  const { low, high, base } = axis;
  const least = (high - low) / max;
  const exponent = Math.floor(base === 2 ? Math.log2(least) : Math.log10(least));
  const factors = base === 2 ? [1, 2, 4] : [1, 2, 5, 10, 20];
  for (const factor of factors) {
    const step = factor * base ** exponent;
    const values: number[] = [];
    // Multiples of a power below one are reached by division: 3 / 10 is 0.3, 3 * 0.1 is not.
    const at = (n: number): number => (exponent < 0 ? (n * factor) / base ** -exponent : n * step);
    for (let n = Math.ceil(low / step - 1e-6); at(n) <= high && values.length <= max; n++) {
      if (at(n) >= low) values.push(at(n));
    }
    if (values.length > max) continue;
    const labels = formatSteps(values, step, axis);
    return values.map((value, i) => ({ value, label: labels[i]! }));
  }
  return [];
}

/** Candidates for a log axis, densest first: factors within each decade, or every n-th power of the base. */
const DECADE_FACTORS = [
  [1, 2, 3, 4, 5, 6, 7, 8, 9],
  [1, 2, 5],
  [1, 3],
];
/** On a log axis narrower than this, even steps are no crowd at its top. */
const LOG_RATIO_MIN = 30;
const POWER_STRIDES = { 10: [1, 2, 3, 6, 9], 2: [1, 2, 5, 10, 20] };

function logTicks(axis: ValueUnit & { low: number; high: number }, max: number): ValueTick[] {
  const { low, high, base } = axis;
  const first = Math.floor(logOf(low, base));
  const last = Math.ceil(logOf(high, base));
  const apart = Math.log(high / low) / max;
  const candidates = [
    ...(base === 10 ? DECADE_FACTORS.map((factors) => ({ factors, stride: 1 })) : []),
    ...POWER_STRIDES[base].map((stride) => ({ factors: [1], stride })),
  ];
  for (const { factors, stride } of candidates) {
    const values: number[] = [];
    // A power in the unit itself (1 ms, 1 KiB) is a tick before one between them.
    for (let e = stride * Math.floor(first / stride); e <= last; e += stride) {
      for (const factor of factors) {
        const value = factor * base ** e;
        if (value >= low && value <= high) values.push(value);
      }
    }
    const near = values.some((v, i) => i > 0 && Math.log(v / values[i - 1]!) < apart * 0.75);
    if (values.length <= max && !near)
      return values.map((value) => ({ value, label: formatValue(value, axis) }));
  }
  return [];
}

function logOf(value: number, base: 2 | 10): number {
  return base === 2 ? Math.log2(value) : Math.log10(value);
}

const SECOND = 1;
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
const TIME_STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 7, 14, 28, 56, 140, 365, 730, 3650, 36_500].map((n) => n * DAY),
];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** At most `max` round times within [fromSecond, untilSecond), ascending, with distinct labels. */
export function timeTicks(fromSecond: number, untilSecond: number, max: number): TimeTick[] {
  const inside = (step: number): number => Math.ceil(untilSecond / step) - Math.ceil(fromSecond / step);
  const step = max < 1 ? undefined : TIME_STEPS.find((s) => inside(s) <= max);
  if (step === undefined) return [];
  const ticks: TimeTick[] = [];
  for (let second = Math.ceil(fromSecond / step) * step; second < untilSecond; second += step) {
    ticks.push({ second, label: tickLabel(second, step, untilSecond - fromSecond) });
  }
  return ticks;
}

function tickLabel(second: number, step: number, span: number): string {
  const isDay = step >= DAY || second % DAY === 0;
  if (!isDay && span <= DAY) return timeLabel(second, step);
  const date = new Date(second * 1000);
  if (span > 300 * DAY) return date.toISOString().slice(0, 10);
  const day = `${MONTHS[date.getUTCMonth()]} ${date.getUTCDate()}`;
  return isDay ? day : `${day} ${timeLabel(second, step)}`;
}

/** Of the day, to the minute or the second: most labels of a picture that is drawn each second. */
function timeLabel(second: number, step: number): string {
  const parts = [second / HOUR, second / MINUTE, ...(step < MINUTE ? [second] : [])];
  return parts.map((part, i) => String(Math.floor(part) % (i === 0 ? 24 : 60)).padStart(2, '0')).join(':');
}

/** "2026-11-22 03:00:00", UTC. */
export function formatTime(second: number): string {
  return new Date(second * 1000).toISOString().slice(0, 19).replace('T', ' ');
}

/** "2026-11-22 03:00:00 - 03:10:00 UTC"; the second date only where it differs. */
export function formatRange(fromSecond: number, untilSecond: number): string {
  const from = formatTime(fromSecond);
  const until = formatTime(untilSecond);
  return `${from} – ${from.slice(0, 10) === until.slice(0, 10) ? until.slice(11) : until} UTC`;
}

/** A length of time in its largest whole unit: "1 s", "5 min", "36 h", "2 d". */
export function formatSpan(seconds: number): string {
  for (const [size, name] of [
    [DAY, 'd'],
    [HOUR, 'h'],
    [MINUTE, 'min'],
  ] as const) {
    if (seconds >= size && seconds % size === 0) return `${formatCount(seconds / size)} ${name}`;
  }
  return `${formatCount(seconds)} s`;
}
