import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Recorder } from '../../src/ingest/recorder.ts';
import { crc32c } from '../../src/model/crc32c.ts';
import { LL5 } from '../../src/model/grid.ts';
import { histogramOf, merge, total, EMPTY, type Histogram } from '../../src/model/histogram.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { type Batch, decodeEntry, readBatch } from '../../src/model/report.ts';
import { CellsBuffer } from '../../src/model/series.ts';
import { Prng } from '../sim/prng.ts';

const NOW = 1_800_000_000;
const byQueue: Instrumentation = {
  id: 'runs',
  metric: 'job.runs',
  by: ['queue'],
  numeric: 'latency',
  grid: LL5,
  scope: 'interval',
  everySeconds: 1,
  keepSeconds: 3600,
  idleSeconds: 0,
  createdSecond: NOW,
};

interface Heard {
  readonly batches: readonly Batch[];
  readonly offline: readonly number[];
}

function heard(entries: readonly Uint8Array[]): Heard {
  const batches: Batch[] = [];
  const offline: number[] = [];
  for (const entry of entries) {
    const view = decodeEntry(entry);
    if (view.kind === 'reports')
      batches.push(...view.batches.map((b) => readBatch(b, () => new CellsBuffer())));
    else if (view.event.kind === 'source-offline') offline.push(view.event.second);
  }
  return { batches, offline };
}

function newRecorder(): Recorder {
  const prng = new Prng(7);
  return new Recorder({ host: 'h', driver: 'd', random: () => prng.next(), checksum: crc32c });
}

/** All that was said of a key, over all seconds. */
function said(batches: readonly Batch[], key: string): Histogram {
  let sum = EMPTY;
  for (const { reports } of batches)
    for (const { rows } of reports)
      for (const row of rows) if (row.key[0] === key) sum = merge(sum, row.histogram);
  return sum;
}

type Step =
  | { readonly do: 'count'; readonly queue: string; readonly latency: number }
  | { readonly do: 'move'; readonly seconds: number }
  | { readonly do: 'flush' }
  | { readonly do: 'seal' }
  | { readonly do: 'take' };

const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('count' as const),
      queue: fc.constantFrom('mail', 'print', 'scan'),
      latency: fc.maxSafeNat(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('move' as const),
      seconds: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -100, max: 800 })),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Step>({ do: 'flush' }, { do: 'seal' }, { do: 'take' }),
  },
);

function play(steps: readonly Step[]): { entries: Uint8Array[]; counted: Map<string, number[]> } {
  const recorder = newRecorder();
  recorder.want([byQueue], NOW);
  const counted = new Map<string, number[]>();
  const entries: Uint8Array[] = [];
  let now = NOW;
  for (const step of steps) {
    switch (step.do) {
      case 'move':
        now += step.seconds;
        break;
      case 'flush':
        recorder.flush(now);
        break;
      case 'seal':
        recorder.sealed(now);
        break;
      case 'take':
        entries.push(...recorder.take());
        break;
      case 'count':
        recorder.count('job.runs', now, (field) => (field === 'queue' ? step.queue : step.latency));
        counted.set(step.queue, [...(counted.get(step.queue) ?? []), step.latency]);
    }
  }
  recorder.end(now);
  entries.push(...recorder.take());
  return { entries, counted };
}

describe('a recorder', () => {
  it('says what was counted, once, whatever the clock does', () => {
    fc.assert(
      fc.property(fc.array(arbitraryStep, { maxLength: 60 }), (steps) => {
        const { entries, counted } = play(steps);
        const { batches } = heard(entries);
        for (const queue of ['mail', 'print', 'scan'])
          expect(said(batches, queue)).toEqual(histogramOf(LL5, counted.get(queue) ?? []));
      }),
    );
  });

  it('numbers its batches 0, 1, 2 ... within an incarnation, with seconds that ascend', () => {
    fc.assert(
      fc.property(fc.array(arbitraryStep, { maxLength: 60 }), (steps) => {
        const { batches: all } = heard(play(steps).entries);
        for (const incarnation of new Set(all.map((b) => b.source.incarnation))) {
          const batches = all.filter((b) => b.source.incarnation === incarnation);
          expect(batches.map((b) => b.sequence)).toEqual(batches.map((_, i) => i));
          const seconds = batches.map((b) => b.second);
          expect(seconds).toEqual(seconds.toSorted((a, b) => a - b));
        }
      }),
    );
  });

  it('says every second in full once it is over, also a silent one; after a long silence it was offline', () => {
    const recorder = newRecorder();
    recorder.want([byQueue], NOW);
    const count = (second: number): void =>
      recorder.count('job.runs', second, (field) => (field === 'queue' ? 'mail' : 5));
    count(NOW);
    recorder.flush(NOW);
    count(NOW);
    count(NOW + 3);
    count(NOW + 3 + 601);
    recorder.end(NOW + 3 + 601);
    const { batches, offline } = heard(recorder.take());
    const full = batches.filter((b) => !b.reports[0]!.partial).map((b) => b.second - NOW);
    expect(full).toEqual([0, 1, 2, 3, 604]);
    expect(offline.map((second) => second - NOW)).toEqual([4, 605]);
    expect(batches.filter((b) => b.reports[0]!.partial).map((b) => b.second - NOW)).toEqual([0]);
  });

  it('says of its first second that it has a part, where events came before it began', () => {
    const recorder = newRecorder();
    recorder.count('job.runs', NOW, () => 1);
    recorder.want([byQueue], NOW);
    recorder.count('job.runs', NOW, () => 1);
    recorder.count('job.runs', NOW + 1, () => 1);
    recorder.end(NOW + 1);
    const { batches } = heard(recorder.take());
    expect(batches.map((b) => [b.second - NOW, b.reports[0]!.partial])).toEqual([
      [0, true],
      [1, false],
    ]);
  });

  it('says a second of any size, in batches that fit an entry', () => {
    const recorder = newRecorder();
    const many = Array.from({ length: 60 }, (_, i) => ({ ...byQueue, id: `i${i}`, by: ['queue', 'pad'] }));
    recorder.want(many, NOW);
    const pad = 'x'.repeat(120);
    for (let k = 0; k < 400; k++)
      for (let v = 0; v < 3; v++)
        recorder.count('job.runs', NOW, (field) =>
          field === 'latency' ? 2 ** (10 + v) : field === 'pad' ? pad : `queue ${k} ${pad}`.slice(0, 128),
        );
    recorder.end(NOW);
    const entries = recorder.take();
    const { batches } = heard(entries);
    expect(entries.length).toBeGreaterThan(2);
    const reports = batches.flatMap((b) => b.reports);
    const events = reports.flatMap((r) => r.rows).reduce((sum, row) => sum + total(row.histogram), 0);
    expect(events).toBe(60 * 400 * 3);
    expect(new Set(reports.filter((r) => !r.partial).map((r) => r.instrumentation)).size).toBe(60);
  });
});
