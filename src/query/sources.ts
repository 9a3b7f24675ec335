/** What a result is made from, once its plan's cells are scanned. */
import type { Kernel } from '../kernel/kernel.ts';
import type { Known } from './known.ts';
import type { Plan } from './plan.ts';
import type { RasterMemory } from './raster-memory.ts';
import type { Scan } from './scan.ts';

export interface Sources {
  readonly plan: Plan;
  readonly scan: Scan;
  readonly known: Known;
  readonly kernel: Kernel;
  /** Of live pictures; absent: each is drawn anew. */
  readonly memory?: RasterMemory | undefined;
}
