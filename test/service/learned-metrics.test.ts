import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BYTES_MAX, METRICS_MAX } from '../../src/ingest/foreign/offer.ts';
import type { MetricDescription } from '../../src/model/metric.ts';
import { LearnedMetrics, type MetricLearner, united } from '../../src/service/learned-metrics.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';

const metric = (name: string, ...fields: string[]): MetricDescription => ({
  name,
  label: name,
  unit: 'events',
  scope: 'interval',
  fields: fields.map((field) => ({ name: field, label: field, type: 'string' })),
  cost: 'nothing',
});

class Learner implements MetricLearner {
  known: readonly MetricDescription[] = [];
  told = 0;
  fails = false;

  async learn(_origin: string, merge: (known: readonly MetricDescription[]) => readonly MetricDescription[]) {
    if (this.fails) throw new Error('the log is away');
    this.told++;
    this.known = merge(this.known);
  }
}

describe('learned metrics', () => {
  it('stay what they were, and gain fields', () => {
    const known = [metric('s.a', 'host', 'route'), metric('s.b', 'host')];
    expect(united(known, [metric('s.a', 'host', 'env')])).toEqual([
      metric('s.a', 'host', 'route', 'env'),
      metric('s.b', 'host'),
    ]);
    expect(united(known, [metric('s.a', 'route')])).toBe(known);
    expect(united(known, [])).toBe(known);
    expect(united([], known)).toEqual(known);
  });

  it('only grow, up to the bounds of what one entry carries', () => {
    const name = fc.constantFrom('s.a', 's.b', 's.c');
    const some = fc.array(fc.tuple(name, fc.uniqueArray(fc.constantFrom('host', 'route', 'env', 'status'))), {
      maxLength: 6,
    });
    const metricsOf = (of: readonly (readonly [string, readonly string[]])[]) =>
      of.map(([each, fields]) => metric(each, ...fields));
    fc.assert(
      fc.property(some, some, (first, then) => {
        const known = united([], metricsOf(first));
        const all = united(known, metricsOf(then));
        for (const [each, fields] of [...first, ...then]) {
          const names = all.find((one) => one.name === each)?.fields.map((field) => field.name);
          expect(names).toEqual(expect.arrayContaining(fields));
        }
        expect(united(all, [...metricsOf(first), ...metricsOf(then)])).toBe(all);
      }),
    );
    const many = Array.from({ length: METRICS_MAX + 1 }, (_, i) => metric(`s.m${i}`, 'host'));
    expect(united([], many)).toHaveLength(METRICS_MAX);
    const long = Array.from({ length: 3 }, (_, i) => metric(`s.l${i}`, 'x'.repeat(BYTES_MAX / 5)));
    expect(united([], long)).toEqual(long.slice(0, 2));
  });

  it('are told once a second at most, all of them together, also those from before there was one to tell', async () => {
    const clock = new ManualClock();
    const learned = new LearnedMetrics(clock);
    const learner = new Learner();
    learned.add('h:statsd', [metric('s.a', 'host')]);
    learned.tell(learner, () => {});
    await clock.advance(10);
    learned.add('h:statsd', [metric('s.b', 'host')]);
    learned.add('h:statsd', [metric('s.a', 'host', 'route')]);
    await clock.advance(500);
    expect(learner.known).toEqual([metric('s.a', 'host')]);
    await clock.advance(1000);
    expect(learner.known).toEqual([metric('s.a', 'host', 'route'), metric('s.b', 'host')]);
    expect(learner.told).toBe(2);
    await learned.close();
  });

  it('are told again when the log takes them again', async () => {
    const clock = new ManualClock();
    const learned = new LearnedMetrics(clock);
    const learner = new Learner();
    const faults: unknown[] = [];
    learner.fails = true;
    learned.add('h:statsd', [metric('s.a', 'host')]);
    learned.tell(learner, (fault) => faults.push(fault));
    await clock.advance(1500);
    expect(faults).toHaveLength(2);
    learner.fails = false;
    await clock.advance(1000);
    expect(learner.known).toEqual([metric('s.a', 'host')]);
    await learned.close();
  });
});
