/** Benches cannot rot: each runs here at its small size, and computes what it computed when it was written.
 *  Nothing here looks at time. */
import { describe, expect, it } from 'vitest';
import { median, medianMs } from '../../bench/measure.ts';
import { benches } from '../../bench/registry.ts';

describe.each(Object.entries(benches))('%s', (name, load) => {
  it('answers its question with numbers, and the same result as ever', async () => {
    const bench = await load();
    const result = await bench.run('smoke');
    expect(result).toMatchObject({ bench: name, question: bench.question, size: 'smoke' });
    expect(result.rows.length).toBeGreaterThan(0);
    expect(new Set(result.rows.map((row) => row.name)).size).toBe(result.rows.length);
    for (const row of result.rows) {
      expect(row.unit).toMatch(/\S/);
      expect(row.value, row.name).toBeGreaterThan(0);
      if (row.versus !== undefined) expect(row.versus.ratio, row.name).toBeGreaterThan(0);
    }
    expect(result.digest).toMatch(/^[0-9a-f]{8,}$/);
    expect(result.digest).toBe(bench.smokeDigest);
  });
});

it('a median is the middle of the values', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

it('rivals take turns, once more than the rounds to warm up', () => {
  const calls: string[] = [];
  const times = medianMs([() => calls.push('a'), () => calls.push('b')], 2);
  expect(calls.join('')).toBe('ababab');
  expect(times.length).toBe(2);
});
