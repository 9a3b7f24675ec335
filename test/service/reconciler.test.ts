import { expect, it } from 'vitest';
import { COUNT } from '../../src/model/grid.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { Reconciler } from '../../src/service/reconciler.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';

const one = (id: string, createdSecond = 0): Instrumentation => ({
  id,
  metric: 'a.b',
  by: [],
  grid: COUNT,
  scope: 'interval',
  everySeconds: 1,
  keepSeconds: 60,
  idleSeconds: 0,
  createdSecond,
});

function withReconciler(startMs: number) {
  const clock = new ManualClock(startMs);
  const said: string[] = [];
  const notices: string[] = [];
  const enabler = {
    enable: async ({ id, createdSecond }: Instrumentation) => void said.push(`+${id}@${createdSecond}`),
    disable: async (id: string) => {
      said.push(`-${id}`);
      if (id === 'odd') throw new Error('no');
    },
  };
  return { clock, said, notices, reconciler: new Reconciler(enabler, clock, (line) => notices.push(line)) };
}

it('asks for the difference only, and for one that was made anew under its name again', async () => {
  const { clock, said, reconciler } = withReconciler(10_500);
  reconciler.want([one('a'), one('b')]);
  reconciler.want([one('a'), one('b')]);
  await clock.advance(0);
  expect(said).toEqual(['+a@0', '+b@0']);
  reconciler.want([one('b', 7)]);
  await clock.advance(0);
  expect(said.slice(2).toSorted()).toEqual(['+b@7', '-a', '-b']);
  expect(said.indexOf('-b')).toBeLessThan(said.indexOf('+b@7'));
});

it('lets the second before be collected, and what comes after waits for that', async () => {
  const { clock, said, reconciler } = withReconciler(10_500);
  reconciler.want([one('a')]);
  await clock.advance(550); // 50 ms into the next second
  reconciler.want([]);
  reconciler.want([one('a')]);
  await clock.advance(200);
  expect(said).toEqual(['+a@0']);
  await clock.advance(200);
  expect(said).toEqual(['+a@0', '-a', '+a@0']);
});

it('tells of what could not be done, and goes on', async () => {
  const { clock, said, notices, reconciler } = withReconciler(10_500);
  reconciler.want([one('odd')]);
  reconciler.want([]);
  reconciler.want([one('odd')]);
  await clock.advance(0);
  expect(said).toEqual(['+odd@0', '-odd', '+odd@0']);
  expect(notices).toEqual(['cannot disable "odd": no']);
});
