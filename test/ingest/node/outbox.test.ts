import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BATCHES_MAX, Outbox } from '../../../src/ingest/node/outbox.ts';
import { COUNT } from '../../../src/model/grid.ts';
import type { Report } from '../../../src/model/report.ts';

const reports = (events: number): Report[] => [
  {
    instrumentation: 'a',
    grid: COUNT,
    partial: false,
    dropped: 1,
    rows: events < 2 ? [] : [{ key: [], histogram: { buckets: [0], counts: [events - 1] } }],
  },
];

describe('the outbox', () => {
  it('accounts for every event: acknowledged, kept, lost, or perhaps arrived', () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.integer({ min: 1, max: 9 }).map((events) => ({ kind: 'add' as const, events })),
      },
      { weight: 2, arbitrary: fc.constant({ kind: 'write' as const }) },
      { weight: 2, arbitrary: fc.nat(30).map((back) => ({ kind: 'ack' as const, back })) },
      { weight: 1, arbitrary: fc.constant({ kind: 'disconnect' as const }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        let lost = 0;
        const outbox = new Outbox((events) => (lost += events.get('a')!));
        const written = new Set<number>();
        const open = new Map<number, number>();
        let acknowledged = 0;
        let added = 0;
        let next = 0;
        for (const s of steps) {
          if (s.kind === 'add') {
            open.set(next, s.events);
            added += s.events;
            outbox.add(next++, new Uint8Array(), reports(s.events));
          } else if (s.kind === 'write') {
            const order = outbox.unwritten().map((batch) => batch.sequence);
            expect(order).toEqual(order.toSorted((a, b) => a - b));
            for (const batch of outbox.unwritten()) {
              batch.written = true;
              written.add(batch.sequence);
            }
          } else if (s.kind === 'ack') {
            const sequence = next - 1 - s.back;
            if (!written.has(sequence)) continue; // only what arrived is acknowledged
            const before = lost;
            outbox.acknowledge(sequence);
            acknowledged += open.get(sequence) ?? 0;
            open.delete(sequence);
            expect(lost).toBe(before);
          } else {
            outbox.disconnected();
            written.clear();
            const kept = new Set(outbox.unwritten().map((batch) => batch.sequence));
            for (const sequence of open.keys()) if (!kept.has(sequence)) open.delete(sequence);
          }
          expect(outbox.size).toBeLessThanOrEqual(BATCHES_MAX);
        }
        outbox.disconnected();
        const kept = outbox
          .unwritten()
          .reduce(
            (sum, { reports: r }) => sum + r[0]!.dropped + (r[0]!.rows[0]?.histogram.counts[0] ?? 0),
            0,
          );
        expect(acknowledged + lost + kept).toBe(added);
      }),
    );
  });

  it('lets the oldest go first, and writes the others again after a reconnect', () => {
    const lost: number[] = [];
    const outbox = new Outbox((events) => lost.push(events.get('a')!));
    for (let sequence = 0; sequence < BATCHES_MAX + 2; sequence++)
      outbox.add(sequence, new Uint8Array(), reports(100 + sequence));
    expect(lost).toEqual([100, 101]);
    for (const batch of outbox.unwritten()) batch.written = true;
    expect(outbox.unwritten()).toEqual([]);
    outbox.acknowledge(2);
    outbox.disconnected();
    expect(outbox.unwritten().map((batch) => batch.sequence)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('does not call lost what was written and may have arrived', () => {
    const lost: number[] = [];
    const outbox = new Outbox((events) => lost.push(events.get('a')!));
    outbox.add(0, new Uint8Array(), reports(7));
    outbox.unwritten()[0]!.written = true;
    for (let sequence = 1; sequence <= BATCHES_MAX; sequence++)
      outbox.add(sequence, new Uint8Array(), reports(1));
    expect(lost).toEqual([]);
    outbox.acknowledge(0);
    outbox.disconnected();
    expect(lost).toEqual([]);
  });
});
