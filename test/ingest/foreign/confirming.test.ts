import { describe, expect, it } from 'vitest';
import type { EncodedBatch } from '../../../src/ingest/driver.ts';
import { Confirming, NotSafeError } from '../../../src/ingest/foreign/confirming.ts';
import { ManualClock } from '../../arbitrary/manual-clock.ts';

const SOURCE = { host: 'h', driver: 'otlp', incarnation: '00112233aabbccdd' };

/** Counts by name, spilled as one batch whose bytes name them; `handed` are on their way until the test settles them. */
function started(isIdle = false) {
  const clock = new ManualClock();
  const handed: EncodedBatch[] = [];
  const kept = new Set<string>();
  const counted: string[] = [];
  let sequence = 0;
  const confirming = new Confirming({
    clock,
    spill: () => {
      const bytes = Buffer.from(counted.splice(0).join(' '));
      return bytes.length === 0 ? [] : [{ source: SOURCE, sequence: sequence++, second: 1, bytes }];
    },
    hand: (batches) => handed.push(...batches),
    isKept: (receipt) => kept.has(receipt),
    isIdle: () => isIdle,
  });
  const send = (body: string, steps = 0) =>
    confirming.receive(Buffer.from(body), async (isRepeat) => {
      for (let i = 0; i < steps; i++) await Promise.resolve();
      if (!isRepeat) counted.push(body);
      return isRepeat;
    });
  const texts = (): string[] => handed.map(({ bytes }) => Buffer.from(bytes).toString());
  return { clock, confirming, handed, kept, send, texts };
}

/** Resolved, rejected or neither, now. */
async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  const pending = {};
  return Promise.race([
    promise.catch((error: unknown) => error),
    new Promise((resolve) => setImmediate(() => resolve(pending))),
  ]).then((value) => (value === pending ? 'waits' : value));
}

describe('a sender', () => {
  it('hears only once its counts are safe, together with those that came meanwhile', async () => {
    const { clock, handed, send, texts } = started();
    const answers = [send('a', 5), send('b'), send('c', 3)];
    await clock.advance(30);
    expect(texts()).toEqual(['a b c']);
    expect(handed[0]!.receipts).toHaveLength(3);
    expect(await stateOf(answers[0]!)).toBe('waits');
    handed[0]!.onSafe!();
    expect(await Promise.all(answers)).toEqual([false, false, false]);
  });

  it('is known when it sends again: before its counts are handed over, on their way, and kept', async () => {
    const { clock, handed, kept, send, texts } = started();
    const first = send('a');
    const second = send('a');
    await clock.advance(30);
    const third = send('a');
    await clock.advance(30);
    expect([await stateOf(first), await stateOf(second), await stateOf(third)]).toEqual([
      'waits',
      'waits',
      'waits',
    ]);
    for (const receipt of handed[0]!.receipts!) kept.add(receipt);
    handed[0]!.onSafe!();
    expect(await Promise.all([first, second, third])).toEqual([false, true, true]);
    const fourth = send('a');
    await clock.advance(30);
    expect(await fourth).toBe(true);
    expect(texts()).toEqual(['a']);
  });

  it('is told to send again where it is not safe in time, and waits for the same counts then', async () => {
    const { clock, handed, send } = started();
    const first = send('a').catch((error: unknown) => error);
    await clock.advance(30);
    await clock.advance(8000);
    expect(await first).toBeInstanceOf(NotSafeError);
    const again = send('a');
    await clock.advance(30);
    expect(await stateOf(again)).toBe('waits');
    handed[0]!.onSafe!();
    expect(await again).toBe(true);
    expect(handed).toHaveLength(1);
  });

  it('is counted anew where a bound cost what was counted', async () => {
    const { clock, handed, send, texts } = started();
    const first = send('a').catch((error: unknown) => error);
    await clock.advance(30);
    handed[0]!.onLost!();
    expect(await first).toBeInstanceOf(NotSafeError);
    const again = send('a');
    await clock.advance(30);
    handed[1]!.onSafe!();
    expect(await again).toBe(false);
    expect(texts()).toEqual(['a', 'a']);
  });

  it('keeps its counts together, whatever is told between', async () => {
    const { clock, confirming, send, texts } = started();
    const answers = [send('a', 50), send('b')];
    const told = confirming.between(() => texts().slice());
    expect(await told).toEqual(['a']);
    await clock.advance(30);
    expect(texts()).toEqual(['a', 'b']);
    for (const answer of answers) void answer.catch(() => {});
  });

  it('hears of a fault in its body at once, and does not hold up the next', async () => {
    const { clock, confirming, handed, send } = started();
    const broken = confirming.receive(Buffer.from('x'), async () => Promise.reject(new Error('torn')));
    await expect(broken).rejects.toThrow('torn');
    const next = send('a');
    await clock.advance(30);
    handed[0]!.onSafe!();
    expect(await next).toBe(false);
  });

  it('does not wait where nothing is measured', async () => {
    const { confirming } = started(true);
    expect(await confirming.receive(Buffer.from('x'), async () => 'nothing')).toBe('nothing');
  });
});
