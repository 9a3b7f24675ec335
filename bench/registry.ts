/** Every bench by name. A new one is a file bench/<name>.ts and one line here; each is loaded only when asked. */
import type { Bench } from './bench.ts';

export const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  bpf: () => import('./bpf.ts'),
  fold: () => import('./fold.ts'),
  codec: () => import('./codec.ts'),
  compare: () => import('./compare.ts'),
  heatmap: () => import('./heatmap.ts'),
  kernel: () => import('./kernel.ts'),
  'node-probe': () => import('./node-probe.ts'),
  otlp: () => import('./otlp.ts'),
  peers: () => import('./peers.ts'),
  proc: () => import('./proc.ts'),
  query: () => import('./query.ts'),
  store: () => import('./store.ts'),
};
