/** What one client feels of another's long question: an aggregator that answers both, in one thread. */
import { setTimeout } from 'node:timers/promises';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { MemoryLog } from '../../src/log/memory-log.ts';
import { assert } from '../../src/model/assert.ts';
import { systemClock } from '../../src/model/clock.ts';
import { Aggregator } from '../../src/service/aggregator.ts';
import type { Format, ReadQuestion } from '../../src/service/answer.ts';
import type { BenchRow } from '../bench.ts';
import { checkedRead, REQUESTS } from '../requests.ts';
import { quantile } from './append.ts';
import { type Built, openAt } from './built.ts';

const PAUSE_MS = 10;

export async function neighbourRow(built: Built, kernel: Kernel, asks: number): Promise<BenchRow> {
  const log = new MemoryLog();
  const nowMs = (): number => (built.endSecond + 60) * 1000 + performance.now();
  const aggregator = new Aggregator({
    index: 0,
    store: openAt(built.directory, kernel, log.identity),
    reader: log.reader(),
    kernel,
    clock: { ...systemClock, nowMs },
    checkpoints: false,
    onDurable: () => {},
    onNotice: () => {},
    onFault: (error) => {
      throw error;
    },
  });
  const { endSecond, shape, instrumentation } = built;
  const question = (fromSecond: number, draw: string, format: Format): ReadQuestion => {
    const text = `http.requests by route, latency from ${fromSecond} to ${endSecond} | ${draw}`;
    return {
      kind: 'read',
      checked: checkedRead(text, instrumentation),
      text,
      metric: REQUESTS,
      instrumentation,
      pins: [],
      presentation: { format },
      waitMs: 0,
      explain: false,
    };
  };
  const long = question(endSecond - shape.seconds, 'heatmap size 900x300 hue route', 'png');
  const short = question(endSecond - Math.min(1800, shape.seconds), 'percentiles 50, 99', 'json');
  const alone = await shortMs(aggregator, short, asks);
  const stop = new AbortController();
  const busy = (async (): Promise<number> => {
    let answers = 0;
    for (; !stop.signal.aborted; answers++) await answered(aggregator, long);
    return answers;
  })();
  const beside = await shortMs(aggregator, short, asks);
  stop.abort();
  assert((await busy) > 0, 'the long question was answered meanwhile');
  await aggregator.close();
  const [value, limit] = [quantile(beside, 0.99), quantile(alone, 0.99)];
  const versus = { name: 'alone', ratio: value / limit, what: 'x' };
  return { name: "a short question while another client's is long, p99", value, unit: 'ms', versus };
}

/** Ascending. */
async function shortMs(aggregator: Aggregator, question: ReadQuestion, asks: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < asks; i++) {
    await setTimeout(PAUSE_MS);
    const start = performance.now();
    await answered(aggregator, question);
    times.push(performance.now() - start);
  }
  return times.toSorted((a, b) => a - b);
}

async function answered(aggregator: Aggregator, question: ReadQuestion): Promise<void> {
  const answer = await aggregator.ask(question);
  assert(answer.kind !== 'problem', () => `${question.text}: ${JSON.stringify(answer)}`);
}
