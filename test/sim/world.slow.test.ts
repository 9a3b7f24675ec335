/** Worlds of many seeds. More with TAILGLOW_SEEDS=10000; one again with TAILGLOW_SEED=17. */
import { expect, it } from 'vitest';
import { drawCase } from './draw.ts';
import { runCase } from './world.ts';

const seeds = Number(process.env['TAILGLOW_SEEDS'] ?? 100);
const only = process.env['TAILGLOW_SEED'];

it('holds its laws whatever fails', { timeout: 20_000 + seeds * 500 }, async () => {
  const list = only === undefined ? Array.from({ length: seeds }, (_, i) => i + 1) : [Number(only)];
  for (const seed of list) expect((await runCase(drawCase(seed))).fault, `seed ${seed}`).toBeUndefined();
});
