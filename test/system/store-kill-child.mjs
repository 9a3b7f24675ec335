/** Folds a log that is a formula, entry after entry, until it is killed or has reached `until`. The formula is
 *  told again in store-kill.test.ts, as sums. */
import { referenceKernel } from '../../dist/src/kernel/reference.js';
import { encodeBatch, encodeControlEntry, encodeReportEntry } from '../../dist/src/model/report.js';
import { openStore } from '../../dist/src/store/store.js';

const [directory, until] = process.argv.slice(2);
const START = 256 * 7_013_000;

function entry(offset) {
  const arrivedMs = (START + Math.floor(offset / 4) + 1) * 1000;
  if (offset === 0) {
    const instrumentation = {
      id: 'requests',
      metric: 'http.requests',
      by: ['route'],
      grid: { kind: 'count' },
      scope: 'interval',
      everySeconds: 1,
      keepSeconds: 10_000_000,
      idleSeconds: 0,
      createdSecond: START,
    };
    return {
      offset,
      arrivedMs,
      payload: encodeControlEntry({ kind: 'instrumentation-created', instrumentation }),
    };
  }
  // Every tenth entry repeats the one three before.
  const of = offset % 10 === 9 ? offset - 3 : offset;
  const rows = [{ key: [`/r${of % 5}`], histogram: { buckets: [0], counts: [1 + ((of * 7919) % 100)] } }];
  const batch = {
    source: { host: `web${of % 4}`, driver: 'proc', incarnation: '0123456789abcdef' },
    sequence: of,
    second: START + Math.floor(of / 4),
    reports: [{ instrumentation: 'requests', grid: { kind: 'count' }, partial: false, dropped: 0, rows }],
  };
  return { offset, arrivedMs, payload: encodeReportEntry([encodeBatch(batch)]) };
}

const store = openStore({ directory, kernel: referenceKernel, owns: () => true, logIdentity: 'formula' });
process.stdout.write(`${store.resumeOffset}\n`);
while (store.resumeOffset < Number(until)) {
  const from = store.resumeOffset;
  store.fold(Array.from({ length: Math.min(50, Number(until) - from) }, (_, i) => entry(from + i)));
  if (from % 700 < 50) store.checkpoint();
}
store.close();
