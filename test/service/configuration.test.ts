/** What the config role refuses for the sake of what is pinned. */
import { describe, expect, it } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import type { ControlEvent } from '../../src/model/control.ts';
import type { MetricDescription } from '../../src/model/metric.ts';
import { PINS_MAX } from '../../src/model/pin.ts';
import { encodeControlEntry } from '../../src/model/report.ts';
import { type Core, openCore } from '../../src/service/core.ts';
import { draftOf } from '../../src/service/statements.ts';
import { MovableClock, START_SECOND } from './house.ts';

const METRIC: MetricDescription = {
  name: 'job.runs',
  label: 'jobs run',
  unit: 'runs',
  scope: 'interval',
  fields: [
    { name: 'queue', label: 'queue', type: 'string' },
    { name: 'latency', label: 'latency', type: 'time' },
  ],
  cost: 'nothing',
};

async function withCore(
  use: (core: Core, say: (...events: ControlEvent[]) => Promise<void>) => Promise<void>,
) {
  const clock = new MovableClock(START_SECOND * 1000);
  const core = await openCore({
    kernel: referenceKernel,
    clock,
    onFault: (error) => {
      throw error;
    },
  });
  try {
    await core.configuration.announce('test', [METRIC]);
    await use(core, async (...events) => {
      await Promise.all(events.map((event) => core.log.append(encodeControlEntry(event))));
      await core.configuration.announce('test', [METRIC]);
    });
  } finally {
    await core.close();
  }
}

const range = { fromSecond: START_SECOND - 60, untilSecond: START_SECOND };

describe('what is pinned', () => {
  it('outlives its instrumentation, and is not taken by another of its name', () =>
    withCore(async ({ configuration }, say) => {
      const create = (statement: string) => configuration.create(draftOf(statement, configuration));
      await create('instrument job.runs by queue, latency as runs');
      await configuration.pin({ instrumentation: 'runs', ...range });
      await say({ kind: 'instrumentation-expired', id: 'runs' });
      expect(configuration.instrumentations()).toEqual([]);
      expect(configuration.pins()).toMatchObject([{ id: 'runs-pin', ...range }]);
      await expect(create('instrument job.runs by latency as runs')).rejects.toMatchObject({
        problem: { status: 409, code: 'INSTRUMENTATION_PINNED' },
      });
      const again = await create('instrument job.runs by queue, latency keep 7d as runs');
      expect(again).toMatchObject({ created: true, instrumentation: { id: 'runs', keepSeconds: 604_800 } });
      await configuration.unpin('runs-pin');
      await say({ kind: 'instrumentation-expired', id: 'runs' });
      expect(await create('instrument job.runs by latency as runs')).toMatchObject({ created: true });
    }));

  it('is of what lives, under a name that fits, and bounded in number', () =>
    withCore(async ({ configuration }, say) => {
      await configuration.create(draftOf('instrument job.runs as runs', configuration));
      const pin = (more: { id?: string; instrumentation?: string } = {}) =>
        configuration.pin({ instrumentation: 'runs', ...range, ...more });
      await expect(pin({ instrumentation: 'other' })).rejects.toMatchObject({ problem: { status: 404 } });
      await expect(pin({ id: 'no spaces' })).rejects.toMatchObject({ problem: { code: 'NAME_INVALID' } });
      await expect(configuration.unpin('none')).rejects.toMatchObject({ problem: { code: 'PIN_UNKNOWN' } });
      const all = Array.from({ length: PINS_MAX - 1 }, (_, i): ControlEvent => ({
        kind: 'range-pinned',
        pin: { id: `p${i}`, instrumentation: 'runs', ...range, createdSecond: START_SECOND },
      }));
      await say(...all);
      expect(await pin()).toMatchObject({ id: 'runs-pin' });
      await expect(pin({ id: 'more' })).rejects.toMatchObject({ problem: { code: 'TOO_MANY_PINS' } });
    }));
});
