import { afterEach, describe, expect, it } from 'vitest';
import { Delivery } from '../../src/cli/delivery.ts';
import type { Packed } from '../../src/ingest/backfill/packer.ts';
import type { Clock } from '../../src/model/clock.ts';
import { type Answer, type Asked, type StubServer, stubServer } from './stub-server.ts';

const source = { host: 'import', driver: 'shop', incarnation: '00112233445566ff' };
let server: StubServer | undefined;
afterEach(() => server?.close());

/** Waits are noted, not waited. */
class NotedClock implements Clock {
  ms = 0;
  readonly waits: number[] = [];
  nowMs(): number {
    return this.ms;
  }
  async sleep(ms: number): Promise<void> {
    this.waits.push(ms);
    this.ms += ms;
  }
}

function entry(fromSequence: number, untilSequence: number): Packed {
  return { payload: Buffer.from(`${fromSequence}..${untilSequence}`), fromSequence, untilSequence };
}

async function begin(
  answer: (asked: Asked) => Answer,
): Promise<{ delivery: Delivery; clock: NotedClock; waits: string[] }> {
  server = await stubServer(answer);
  const clock = new NotedClock();
  const waits: string[] = [];
  const target = { url: server.url, token: '', command: 'tailglow' };
  const delivery = await Delivery.begin({ target, source, clock, onWait: (why) => waits.push(why) });
  return { delivery, clock, waits };
}

const posted = (): string[] => server!.asked.filter((a) => a.method === 'POST').map((a) => a.body.toString());

function sources(state: Partial<typeof source> & { lastSequence: number; missing?: number }): Answer {
  return { json: { sources: [{ ...source, missing: 0, ...state }] } };
}

describe('a delivery', () => {
  it.each([
    ['has nothing', { json: { sources: [] } }, ['0..256', '256..512', '512..600']],
    ['has a part', sources({ lastSequence: 255 }), ['256..512', '512..600']],
    ['has a part of an entry', sources({ lastSequence: 300 }), ['256..512', '512..600']],
    ['has a part with a gap', sources({ lastSequence: 300, missing: 1 }), ['0..256', '256..512', '512..600']],
    [
      'has another import',
      sources({ lastSequence: 599, incarnation: 'ff' }),
      ['0..256', '256..512', '512..600'],
    ],
    ['has all', sources({ lastSequence: 599 }), []],
  ])('sends what is not there where the server %s', async (_what, state, expected) => {
    const { delivery } = await begin((asked) => (asked.method === 'GET' ? state : { json: { batches: 1 } }));
    for (const [from, until] of [
      [0, 256],
      [256, 512],
      [512, 600],
    ] as const)
      await delivery.deliver(entry(from, until));
    expect(posted()).toEqual(expected);
  });

  it('waits where it is asked to, and longer each time where it is not', async () => {
    const answers: Answer[] = [
      { status: 503, headers: { 'retry-after': '2' }, json: { detail: 'the log is away' } },
      { status: 429, json: { detail: 'too many' } },
      { status: 503, json: {} },
      { status: 200 },
    ];
    const { delivery, clock, waits } = await begin((asked) =>
      asked.method === 'GET' ? { json: { sources: [] } } : answers.shift()!,
    );
    await delivery.deliver(entry(0, 10));
    expect(posted()).toEqual(['0..10', '0..10', '0..10', '0..10']);
    expect(clock.waits).toEqual([2000, 400, 800]);
    expect(waits[0]).toContain('the log is away');
  });

  it('gives up after minutes without a step forward, and says how to go on', async () => {
    const { delivery } = await begin((asked) =>
      asked.method === 'GET' ? { json: { sources: [] } } : { status: 503 },
    );
    await expect(delivery.deliver(entry(0, 10))).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(/it goes on where this one ends, and counts nothing twice/),
    });
  });

  it('ends at what is refused for good', async () => {
    const { delivery } = await begin((asked) =>
      asked.method === 'GET'
        ? { json: { sources: [] } }
        : { status: 422, json: { detail: 'no such instrumentation' } },
    );
    await expect(delivery.deliver(entry(0, 10))).rejects.toMatchObject({ exitCode: 1 });
    expect(posted()).toHaveLength(1);
  });

  it('keeps within reach of what is folded, and is done when all is', async () => {
    let folded = 0;
    let sent = 0;
    let farthest = 0;
    const { delivery } = await begin((asked) => {
      if (asked.method === 'GET') {
        folded = Math.min(sent, folded + 500);
        return sources({ lastSequence: folded - 1 });
      }
      sent = Number(asked.body.toString().split('..')[1]);
      farthest = Math.max(farthest, sent - folded);
      return {};
    });
    for (let from = 0; from < 10_000; from += 250) await delivery.deliver(entry(from, from + 250));
    await delivery.settle();
    expect(folded).toBe(10_000);
    expect(farthest).toBeLessThanOrEqual(4096 + 250);
  });
});
