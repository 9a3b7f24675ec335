/** What StatsD clients send, as metrics: `shop.checkout.time:48|ms|#route:/pay` is a value of `statsd.shop_checkout_time`
 *  by route, latency. Owns: the metrics that were seen, the names of their fields, the bounds on both.
 *  The type of what a value is follows from the line's type and the end of the name: a timer is time in ms; a
 *  histogram or distribution is time where its name ends in a unit of it, a size where it ends in bytes, and else a
 *  number in steps of 0.01. What was seen first of a name stays. */
import type { Field, MetricDescription, TypeName } from '../../model/metric.ts';
import type { LineType, StatsdLine } from './line.ts';

export const MODULE = 'statsd';
/** Names; each may be asked for, and all are told to the log. */
const METRICS_MAX = 500;
/** Tags of a name that become fields. */
const TAGS_MAX = 30;
/** Texts of tags that are known in parts, so that most lines take none apart. */
const TAG_TEXTS_MAX = 4096;
/** Longer names are cut. */
const NAME_LENGTH_MAX = 100;

export interface SeenMetric {
  readonly name: string;
  readonly type: LineType;
  /** The field that a value is counted at; none of counters and gauges. */
  readonly numeric: Field | undefined;
  /** The names of the fields that its tags are, in the order in which they came. */
  readonly fields: Set<string>;
}

export type Tags = Readonly<Record<string, string>>;

interface Known {
  readonly metric: SeenMetric;
  /** What one unit of a line's value is in the numeric field's base unit. */
  readonly scale: number;
}

export interface SeenValue extends Known {
  readonly tags: Tags;
}

export type Seen = SeenValue | { readonly refused: string };

/** Gauges are shown in steps of 0.01. */
export const GAUGE_SCALE = 100;

const NUMERIC: Readonly<Record<'time' | 'size' | 'hundredths', Field>> = {
  time: { name: 'latency', label: 'latency', type: 'time' },
  size: { name: 'size', label: 'size', type: 'size' },
  hundredths: { name: 'value', label: 'value', type: 'hundredths' },
};
const RESERVED: ReadonlySet<string> = new Set(['latency', 'size', 'value']);
const UNITS: readonly (readonly [end: RegExp, type: 'time' | 'size', scale: number])[] = [
  [/(^|_)(nanoseconds|nanos|ns)$/, 'time', 1],
  [/(^|_)(microseconds|micros|us)$/, 'time', 1e3],
  [/(^|_)(milliseconds|millis|ms)$/, 'time', 1e6],
  [/(^|_)(seconds|secs|s)$/, 'time', 1e9],
  [/(^|_)bytes$/, 'size', 1],
];

export class SeenMetrics {
  readonly #own: ReadonlySet<string>;
  /** By type and name as sent. */
  readonly #known = new Map<string, Known>();
  readonly #tagTexts = new Map<string, Tags>();
  #changed = new Set<SeenMetric>();

  /** `own`: names that are taken. */
  constructor(own: readonly string[]) {
    this.#own = new Set(own);
  }

  see({ name: sent, type, tags: text }: StatsdLine): Seen {
    const key = `${type}|${sent}`;
    let known = this.#known.get(key);
    if (known === undefined) {
      const learned = this.#learn(sent, type);
      if ('refused' in learned) return learned;
      this.#known.set(key, (known = learned));
    }
    const tags = this.#tagsOf(text);
    for (const field in tags) if (!known.metric.fields.has(field)) this.#addField(known.metric, field);
    return { ...known, tags };
  }

  /** Descriptions of those that are new, or have a new field, since the last call. */
  changes(): MetricDescription[] {
    const changed = [...this.#changed].map(description);
    this.#changed = new Set();
    return changed;
  }

  #learn(sent: string, type: LineType): Known | { readonly refused: string } {
    const stat = plain(sent);
    const name = `${MODULE}.${stat}${this.#own.has(`${MODULE}.${stat}`) ? '_' : ''}`;
    const { field: numeric, scale } = measured(stat, type);
    const other = [...this.#known.values()].find(({ metric }) => metric.name === name)?.metric;
    if (other !== undefined) {
      const isSame = numeric === undefined ? other.type === type : other.numeric === numeric;
      return isSame
        ? { metric: other, scale }
        : { refused: `it comes as |${type}, and was |${other.type} before` };
    }
    if (this.#known.size >= METRICS_MAX) return { refused: `it is a new name, and ${METRICS_MAX} are known` };
    const metric: SeenMetric = { name, type, numeric, fields: new Set() };
    this.#changed.add(metric);
    return { metric, scale };
  }

  #addField(metric: SeenMetric, field: string): void {
    if (metric.fields.size >= TAGS_MAX || field === 'host') return;
    metric.fields.add(field);
    this.#changed.add(metric);
  }

  #tagsOf(text: string): Tags {
    if (text === '') return NO_TAGS;
    let tags = this.#tagTexts.get(text);
    if (tags !== undefined) return tags;
    if (this.#tagTexts.size >= TAG_TEXTS_MAX) this.#tagTexts.clear();
    tags = parseTags(text);
    this.#tagTexts.set(text, tags);
    return tags;
  }
}

const NO_TAGS: Tags = {};

/** A tag without a value is "true"; of one that comes twice the first. */
function parseTags(text: string): Tags {
  const tags: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const tag of text.split(',')) {
    if (tag === '') continue;
    const colon = tag.indexOf(':');
    const field = fieldOf(colon < 0 ? tag : tag.slice(0, colon));
    tags[field] ??= colon < 0 ? 'true' : tag.slice(colon + 1);
  }
  return tags;
}

/** Small letters, digits and "_", a letter first. */
function plain(text: string): string {
  const name = text
    .slice(0, NAME_LENGTH_MAX)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  return /^[a-z]/.test(name) ? name : `n_${name}`;
}

function fieldOf(tag: string): string {
  const name = plain(tag);
  return RESERVED.has(name) ? `${name}_tag` : name;
}

function measured(stat: string, type: LineType): { readonly field?: Field; readonly scale: number } {
  if (type === 'ms') return { field: NUMERIC.time, scale: 1e6 };
  if (type !== 'h' && type !== 'd') return { scale: 1 };
  const [, unit, scale] = UNITS.find(([end]) => end.test(stat)) ?? [undefined, 'hundredths' as const, 100];
  return { field: NUMERIC[unit], scale };
}

function description({ name, type, numeric, fields }: SeenMetric): MetricDescription {
  const label = `${name.slice(MODULE.length + 1).replaceAll('_', ' ')}, by StatsD`;
  const discrete = ['host', ...fields].map((field): Field => ({ name: field, label: field, type: 'string' }));
  const amount: { readonly amount?: TypeName } = type === 'g' ? { amount: 'hundredths' } : {};
  return {
    name,
    label,
    unit: type === 'g' ? '' : 'events',
    ...amount,
    scope: type === 'g' ? 'point' : 'interval',
    fields: numeric === undefined ? discrete : [...discrete, numeric],
    cost: 'a few microseconds a line here, nothing in the program, which sends anyway',
  };
}
