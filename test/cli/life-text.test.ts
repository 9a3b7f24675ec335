import { describe, expect, it } from 'vitest';
import {
  ageText,
  estimateText,
  instrumentationsText,
  metricsText,
  shareText,
  unavailableText,
} from '../../src/cli/life-text.ts';
import type { ListedInstrumentation, ListedMetric } from '../../src/cli/server-json.ts';

const NOW = 1_800_000_000;
const page = { nowSecond: NOW, columns: 100 };
const one = (more: Partial<ListedInstrumentation>): ListedInstrumentation => ({
  id: 'errors',
  statement: 'instrument http.requests by latency every 1s keep 1d idle 1h as errors',
  state: 'enabled',
  createdSecond: NOW - 300,
  idleSeconds: 3600,
  lookedSecond: NOW - 60,
  sources: [{ source: 'h/proc', state: 'enabled' }],
  ...more,
});
const metric = (name: string, more: Partial<ListedMetric>): ListedMetric => ({
  name,
  unit: 'ops',
  cost: 'little',
  fields: [{ name: 'host' }],
  ...more,
});

describe('instrumentations', () => {
  it('stand in a table, and those that do not measure say why below it', () => {
    const text = instrumentationsText(
      [
        one({}),
        one({
          id: 'slow',
          state: 'partly',
          idleSeconds: 0,
          sources: [
            { source: 'h/a', state: 'enabled', load: { cpuShare: 0.0123 } },
            { source: 'h/b', state: 'failed', reason: 'Cannot read\u001b[2J "x"' },
          ],
        }),
        one({ id: 'rests', state: 'paused', pausedSecond: NOW - 30, sources: [] }),
        one({ id: 'old', state: 'expired', sources: [] }),
      ],
      page,
    );
    expect(text.split('\n')).toEqual(
      [
        'name    state    sources  age  ends in  cpu   measures',
        '------  -------  -------  ---  -------  ----  ---------------------------------------------',
        'errors  enabled  1/1      5m   59m            http.requests by latency every 1s keep 1d',
        'slow    partly   1/2      5m   never    1.2%  http.requests by latency every 1s keep 1d',
        'rests   paused   0/0      5m                  http.requests by latency every 1s keep 1d',
        'old     expired           5m                  http.requests by latency every 1s keep 1d',
        '',
        'slow: h/b failed: Cannot read [2J "x"',
        'rests: paused for 30s',
        'old: nobody looked; its history is kept, and goes on where it is instrumented again under its name',
        '',
      ].map((line) => (line.startsWith('------') ? expect.stringMatching(/^[- ]+$/) : line)),
    );
    expect(instrumentationsText([], page)).toBe('Nothing is instrumented.\n');
  });
});

describe('metrics', () => {
  const offers = [{ driver: 'bpf', available: false, reason: 'not root', remedy: 'run it as root' }];
  const metrics = [
    metric('cpu.time', { available: true, offers: [{ driver: 'proc', available: true }] }),
    metric('syscall.ops', { available: false, offers }),
    metric('disk.io', { available: false, offers }),
    metric('shop.orders', { available: false, offers: [] }),
  ];

  it('that cannot be had say why and what would help, each reason once', () => {
    expect(unavailableText(metrics, 100)).toBe(
      [
        'Not to be had here:',
        '  syscall.ops, disk.io',
        '    why: bpf: not root',
        '    remedy: run it as root',
        '  shop.orders',
        '    why: no driver here measures it: another host or an import made it known',
        '',
      ].join('\n'),
    );
    expect(unavailableText(metrics.slice(0, 1), 100)).toBe('');
    const text = metricsText(metrics, 60);
    expect(text).toMatch(/^cpu\.time +ops +host +not measured +little$/m);
    expect(metricsText([metric('a.b', { costNs: 700 })], 60)).toMatch(/^a\.b +ops +host +700 ns +little$/m);
    expect(text).toContain('Not to be had here');
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});

it('says ages and shares shortly', () => {
  expect([0, 75, 3700, 90_000, 400_000].map(ageText)).toEqual(['0s', '75s', '61m', '25h', '4d']);
  expect([0, 0.00001, 0.0034, 0.123, 1.5].map(shareText)).toEqual(['0%', '<0.01%', '0.34%', '12%', '150%']);
});

describe('the expected cost', () => {
  const at = (source: string, more: object) => ({ source, measurable: true, ...more });

  it('is that of the source that it costs most, in a line', () => {
    const busy = { costNs: 2000, eventsPerSecond: 1500, cpuShare: 0.003, cpuShareMax: 0.2 };
    expect(estimateText([at('a/node:x[1]', { costNs: 2000 }), at('a/node:x[2]', busy)])).toBe(
      'Expected cost: at least 0.3% of a core at a/node:x[2] (1500 events a second, 2000 ns each); the budget is 20%',
    );
  });

  it('says what is not known, and what costs nothing more', () => {
    expect(estimateText([at('a/proc', {})])).toBe(
      'Expected cost: unknown (the cost of an event is not measured)',
    );
    expect(estimateText([at('a/bpf', { costNs: 700 })])).toBe(
      'Expected cost: unknown (700 ns an event, rate unknown)',
    );
    expect(estimateText([at('a/bpf', { costNs: 700, sharedWith: 'x', cpuShare: 0 })])).toBe(
      'Expected cost: nothing more, it shares the probe of "x"',
    );
    expect(estimateText([{ source: 'a/bpf', measurable: false }])).toBe('');
  });
});
