/** Takes points of others' series, and counts what is new in them by the teller of their source. Owns: the rules from
 *  point to metric, fields and cells; what each series had before; the levels that hold until the next point. Does
 *  not: decode, know when a second is told.
 *  A sum is counted evenly over the seconds since the point before; a level holds from its point's arrival until the
 *  next one, at most LEVEL_SECONDS. */
import { bucketEdge, COUNT, type Grid, VALUE_MAX } from '../../model/grid.ts';
import { boundedValue } from '../../model/key.ts';
import { FUTURE_SECONDS_MAX } from '../../model/limits.ts';
import { type MetricDescription, TYPES } from '../../model/metric.ts';
import type { Literal } from '../../model/predicate.ts';
import { binsFault, type Cells, cellsOf } from './bins.ts';
import type { Drops } from './drops.ts';
import { fieldName, metricName, valueField } from './names.ts';
import type { Offer, OfferedMetric } from './offer.ts';
import { type Point, type PointMetric, seriesKey } from './point.ts';
import { SeriesBook } from './series-book.ts';
import { secondsOf, shareOut } from './span-of-time.ts';
import type { Teller } from './teller.ts';

/** Points and spans older than this are not counted: a sender that was away longer has its own time. */
export const LATE_SECONDS_MAX = 600;
/** A point speaks of at most so many seconds; of a longer interval all is counted in the last of them. */
const INTERVAL_SECONDS_MAX = 300;
/** A level without a new point holds this long: the usual export interval, and half as much again. */
const LEVEL_SECONDS = 90;
const LEVELS_MAX = 20_000;
/** Names that are remembered with the metric that they are. */
const NAMES_MAX = 10_000;

export interface IntakeOptions {
  readonly offer: Offer;
  readonly teller: Teller;
  readonly drops: Drops;
  /** The module of a metric whose name has none; also what the catalogue says of its cost. */
  readonly origin: string;
  /** Fields that every event of this source has. */
  readonly constants: ReadonlyMap<string, string>;
  /** Unix seconds with a fraction: what began later is wholly ours. */
  readonly bornAt: number;
  /** How long a level holds without a new point. */
  readonly levelSeconds?: number;
}

interface Level {
  readonly metric: string;
  readonly fields: ReadonlyMap<string, Literal>;
  value: number;
  untilSecond: number;
}

interface Known {
  readonly metric: OfferedMetric;
  readonly grid: Grid;
  readonly value: string;
  /** Base units in one of the sender's. */
  readonly scale: number;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #series: SeriesBook;
  readonly #known = new Map<string, Known>();
  readonly #levels = new Map<string, Level>();

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#series = new SeriesBook(options);
  }

  /** What one point says; a reason where it cannot be counted. `completeAt`: when, in Unix seconds, the sender last told
   *  every series that it had. */
  take(point: Point, nowSecond: number, completeAt?: number): string | undefined {
    const known = this.#metricOf(point.metric);
    if (known === undefined) return this.#refuse('its metric is not taken');
    // Prometheus marks a series that is gone so.
    if (Number.isNaN(point.value)) return this.#gone(point);
    const fault = this.#fault(point, nowSecond);
    if (fault !== undefined) return this.#refuse(fault);
    const fields = this.#fieldsOf(known.metric, point.labels);
    const key = seriesKey(point);
    if (point.metric.kind === 'level') return this.#level(known, { point, fields, key, nowSecond });
    const scaled = typeof point.value === 'number' ? point.value * known.scale : point.value;
    const increment = this.#series.take(key, { ...point, value: scaled }, completeAt);
    const { teller } = this.#options;
    const { name } = known.metric;
    if (increment === undefined || !teller.measures(name)) return undefined;
    const shares = secondsOf(increment.from, increment.until, INTERVAL_SECONDS_MAX);
    if (typeof increment.value === 'number') {
      const read = (field: string): Literal | undefined => fields.get(field);
      shareOut(increment.value, shares, 0, (second, count) => teller.count(name, second, read, count));
      return undefined;
    }
    const cells = cellsOf(increment.value, known.grid, known.scale, extremes(point, known.scale));
    this.#options.drops.add('counts of values below zero', cells.negative);
    this.#countCells(known, fields, cells, shares);
    return undefined;
  }

  /** Counts the levels that hold in `second`. */
  holdLevels(second: number): void {
    const { teller } = this.#options;
    for (const [key, { metric, fields, value, untilSecond }] of this.#levels) {
      if (untilSecond < second) this.#levels.delete(key);
      else if (value > 0) teller.count(metric, second, (field) => fields.get(field), value);
    }
  }

  /** The metric of ours that theirs is, where a point of it was taken. */
  nameOf(metric: PointMetric): string | undefined {
    return this.#metricOf(metric)?.metric.name;
  }

  #gone(point: Point): undefined {
    this.#levels.delete(seriesKey(point));
    this.#options.drops.add('values that are no number: the end of a series');
  }

  #refuse(reason: string): string {
    this.#options.drops.add(`points: ${reason}`);
    return reason;
  }

  #fault({ value, time }: Point, nowSecond: number): string | undefined {
    if (!(time <= nowSecond + FUTURE_SECONDS_MAX)) return 'their time is ahead of ours';
    if (time < nowSecond - LATE_SECONDS_MAX) return `they are more than ${LATE_SECONDS_MAX} s late`;
    if (typeof value !== 'number') {
      const fault = binsFault(value);
      return fault === undefined
        ? undefined
        : `their buckets do not fit: ${fault.replace(/[\d.e+-]+/g, 'n')}`;
    }
    return Number.isFinite(value) ? undefined : 'their value is no number';
  }

  #level(
    { metric, scale }: Known,
    of: { point: Point; fields: ReadonlyMap<string, Literal>; key: string; nowSecond: number },
  ): string | undefined {
    const { point, fields, key, nowSecond } = of;
    const before = this.#levels.get(key);
    const change = Math.round((point.value as number) * scale);
    const value = point.temporality === 'delta' ? (before?.value ?? 0) + change : change;
    const untilSecond =
      Math.max(nowSecond, Math.floor(point.time)) + (this.#options.levelSeconds ?? LEVEL_SECONDS);
    if (value < 0) this.#options.drops.add('levels below zero, which are counted as zero');
    if (value > VALUE_MAX) {
      // A time since 1970, say. The level of before would be as wrong as a smaller one.
      this.#levels.delete(key);
      return this.#refuse('their value is beyond 2^53 of what it is kept in');
    }
    if (before !== undefined) {
      before.value = value;
      before.untilSecond = untilSecond;
    } else if (this.#levels.size < LEVELS_MAX) {
      this.#levels.set(key, { metric: metric.name, fields, value, untilSecond });
    } else return this.#refuse('too many series of levels at a time');
    return undefined;
  }

  #countCells(
    known: Known,
    fields: ReadonlyMap<string, Literal>,
    { buckets, counts }: Cells,
    shares: ReturnType<typeof secondsOf>,
  ): void {
    const { teller } = this.#options;
    let edge = 0;
    const read = (field: string): Literal | undefined => (field === known.value ? edge : fields.get(field));
    for (let i = 0; i < buckets.length; i++) {
      edge = bucketEdge(known.grid, buckets[i]!);
      shareOut(counts[i]!, shares, i, (second, count) =>
        teller.count(known.metric.name, second, read, count),
      );
    }
  }

  #metricOf(metric: PointMetric): Known | undefined {
    const key = `${metric.kind} ${metric.unit.type} ${metric.name}`;
    let known = this.#known.get(key);
    if (known !== undefined) return known;
    const described = this.#options.offer.claim(describe(metric, this.#options.origin));
    if (described === undefined) return undefined;
    const { name, type } = valueField(metric.unit);
    const grid = metric.kind === 'histogram' ? TYPES[type].grid : COUNT;
    const scale = amountType(metric) === 'hundredths' ? 100 : metric.unit.scale;
    known = { metric: described, grid, value: metric.kind === 'histogram' ? name : '', scale };
    if (this.#known.size >= NAMES_MAX) this.#known.clear();
    this.#known.set(key, known);
    return known;
  }

  /** The fields of an event, by our names; what is new is offered. Of two keys of one name the last is taken. */
  #fieldsOf(metric: OfferedMetric, labels: ReadonlyMap<string, Literal>): ReadonlyMap<string, Literal> {
    const fields = new Map<string, Literal>(this.#options.constants);
    for (const [key, value] of labels) {
      const field = labelField(key);
      if (metric.take(field, key, typeof value === 'number' ? 'integer' : 'string'))
        fields.set(field, typeof value === 'string' ? boundedValue(value) : value);
      else this.#options.drops.add('fields past the bound of a metric');
    }
    return fields;
  }
}

/** The field that a label or attribute is; those that would hide a numeric field get another name. */
function labelField(key: string): string {
  if (key === 'service.name') return 'service';
  if (key === 'host.name') return 'host';
  const name = fieldName(key);
  return name === 'latency' || name === 'size' || name === 'value' ? `attr_${name}` : name;
}

function extremes({ extremes: of }: Point, scale: number): { min?: number; max?: number } {
  return {
    ...(of?.min === undefined ? {} : { min: of.min * scale }),
    ...(of?.max === undefined ? {} : { max: of.max * scale }),
  };
}

/** The type of the rows' amounts; undefined where they are plain counts. A level without a unit may have fractions,
 *  so it is kept in hundredths. */
function amountType({ kind, unit }: PointMetric): MetricDescription['amount'] {
  if (kind === 'histogram') return undefined;
  if (unit.type !== 'number') return unit.type;
  return kind === 'level' ? 'hundredths' : undefined;
}

function describe(metric: PointMetric, origin: string): MetricDescription {
  const { name, unit, kind } = metric;
  const amount = amountType(metric);
  const value = valueField(unit);
  const host = { name: 'host', label: 'host', type: 'string' } as const;
  return {
    name: metricName(name, origin),
    label: name.slice(0, 128),
    unit: kind === 'histogram' ? 'events' : unit.label,
    ...(amount === undefined ? {} : { amount }),
    scope: kind === 'level' ? 'point' : 'interval',
    fields: kind === 'histogram' ? [host, { name: value.name, label: value.name, type: value.type }] : [host],
    cost: `nothing here beyond reading it: ${origin} sends it anyway`,
  };
}
