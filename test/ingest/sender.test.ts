import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COVER_MS_MAX, Sender } from '../../src/ingest/sender.ts';
import { Spool, SPOOL_BOUNDS } from '../../src/ingest/spool.ts';
import { directoryDisk } from '../../src/ingest/spool-disk.ts';
import { RecordingLog, unavailable } from './recording-log.ts';
import { entryOf, SOURCE } from './spool-entries.ts';
import { withDirectory } from './temporary-directory.ts';
import { settle, ManualClock } from '../arbitrary/manual-clock.ts';

interface World {
  readonly clock: ManualClock;
  readonly log: RecordingLog;
  readonly spool: Spool;
  readonly sender: Sender;
  readonly notes: string[];
  readonly sent: () => number[];
}

async function inWorld(confirmsDurably: boolean, use: (world: World) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const clock = new ManualClock(1_000_000_000);
    const log = new RecordingLog(confirmsDurably);
    const spool = await Spool.open(directoryDisk(directory), clock, SPOOL_BOUNDS);
    const notes: string[] = [];
    const sender = new Sender({ spool, log, clock, random: () => 0.5, onNote: (text) => notes.push(text) });
    const running = sender.run();
    const sent = (): number[] => log.batches().map((batch) => batch.sequence);
    await use({ clock, log, spool, sender, notes, sent });
    sender.stop();
    await running;
    await spool.close();
  });
}

const pending = (spool: Spool): number[] => [...spool.pending()].map((record) => record.batches[0]!.sequence);

describe('the sender', () => {
  it('sends in order and forgets what a durable log confirmed', async () => {
    await inWorld(true, async ({ spool, log, sent }) => {
      for (let sequence = 0; sequence < 5; sequence++) await spool.put(entryOf(sequence, sequence));
      await settle(20);
      expect(sent()).toEqual([0, 1, 2, 3, 4]);
      expect(log.taken.map((p) => Buffer.from(p))).toEqual(
        [0, 1, 2, 3, 4].map((n) => Buffer.from(entryOf(n, n).payload)),
      );
      expect(pending(spool)).toEqual([]);
    });
  });

  it('keeps the order and loses nothing, whichever appends fail', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { maxLength: 12 }),
        fc.integer({ min: 1, max: 6 }),
        (outages, count) =>
          inWorld(true, async ({ clock, log, spool, sent, sender }) => {
            const plan = [...outages];
            log.fault = () => (plan.shift() === true ? unavailable() : undefined);
            for (let sequence = 0; sequence < count; sequence++) void spool.put(entryOf(sequence));
            await clock.advance(120_000);
            const expected = Array.from({ length: count }, (_, i) => i);
            expect(sent()).toEqual(expected);
            expect(pending(spool)).toEqual([]);
            expect(sender.stats().sent).toBe(count);
            const consumed = outages.slice(0, log.attempts).filter(Boolean).length;
            expect(log.attempts).toBe(count + consumed);
          }),
      ),
      { numRuns: 25 },
    );
  });

  it('waits longer and longer for a log that is away, and says why', async () => {
    await inWorld(true, async ({ clock, log, spool, sender, sent }) => {
      log.fault = unavailable;
      void spool.put(entryOf(0));
      await clock.advance(60_000);
      const { attempts } = log;
      expect(attempts).toBeGreaterThan(10);
      expect(attempts).toBeLessThan(30);
      expect(sender.stats().unavailable).toContain('broker is away');
      log.fault = () => undefined;
      await clock.advance(5_000);
      expect(sent()).toEqual([0]);
      expect(sender.stats().unavailable).toBeUndefined();
    });
  });

  it('does not let an entry that the log refuses hold back the others', async () => {
    await inWorld(true, async ({ log, spool, sender, sent, notes }) => {
      let calls = 0;
      log.fault = () => (calls++ === 0 ? new RangeError('payload of no bytes') : undefined);
      void spool.put(entryOf(0));
      void spool.put(entryOf(1));
      await settle(20);
      expect(sent()).toEqual([1]);
      expect(sender.stats().refused).toBe(1);
      expect(notes).toEqual(['Cannot append an entry of second 1000000: payload of no bytes']);
      expect([...spool.dropped()]).toEqual([{ source: 'web1/proc', second: 1_000_000, batches: 1 }]);
    });
  });

  it('keeps what a log that does not confirm durably took, until a fold covers it', async () => {
    await inWorld(false, async ({ spool, sender, sent }) => {
      for (let sequence = 0; sequence < 5; sequence++) await spool.put(entryOf(sequence));
      await settle(20);
      expect(sent()).toEqual([0, 1, 2, 3, 4]);
      expect(pending(spool)).toEqual([0, 1, 2, 3, 4]);
      sender.cover([{ source: { ...SOURCE, incarnation: 'ffffffffffffffff' }, covered: [[0, 9]] }]);
      expect(pending(spool)).toEqual([0, 1, 2, 3, 4]);
      sender.cover([
        {
          source: SOURCE,
          covered: [
            [0, 2],
            [3, 4],
          ],
        },
      ]);
      expect(pending(spool)).toEqual([2, 4]);
    });
  });

  it('sends again, byte for byte, what no fold covers in time, and only that', async () => {
    await inWorld(false, async ({ clock, spool, sender, sent, log }) => {
      for (let sequence = 0; sequence < 4; sequence++) await spool.put(entryOf(sequence, 3));
      await clock.advance(1_000);
      sender.cover([
        {
          source: SOURCE,
          covered: [
            [0, 1],
            [2, 4],
          ],
        },
      ]);
      await clock.advance(COVER_MS_MAX - 3_000);
      expect(sent()).toEqual([0, 1, 2, 3]);
      await clock.advance(5_000);
      expect(sent()).toEqual([0, 1, 2, 3, 1]);
      expect(Buffer.from(log.taken[4]!)).toEqual(Buffer.from(entryOf(1, 3).payload));
      expect(sender.stats()).toMatchObject({ sent: 4, resent: 1 });
      await clock.advance(COVER_MS_MAX - 10_000);
      expect(sent().length).toBe(5);
    });
  });
});
