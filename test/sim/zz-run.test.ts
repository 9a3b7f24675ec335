import { it } from 'vitest';
import { drawCase } from '/work/main/test/sim/draw.ts';
import { runCase } from '/work/main/test/sim/world.ts';
it('x', async () => {
  const from = Number(process.env.FROM ?? 1), n = Number(process.env.N ?? 20);
  const deaths = new Map<string, number>();
  let events = 0, steps = 0, slow: [number, number][] = [];
  const t = performance.now();
  for (let seed = from; seed < from + n; seed++) {
    const c = drawCase(seed);
    const t0 = performance.now();
    const { fault, deaths: d, events: e } = await runCase(c);
    slow.push([performance.now() - t0, seed]);
    events += e; steps += c.steps.length;
    for (const [k, v] of d) deaths.set(k, (deaths.get(k) ?? 0) + v);
    if (fault) console.log(seed, fault.step, '/', c.steps.length, fault.law, fault.text.slice(0, 1200));
  }
  console.log('ms per world', (performance.now() - t) / n, deaths, events, steps / n, slow.sort((a, b) => b[0] - a[0]).slice(0, 5));
}, 600000);
