/** Compares what is served with what the model says, quickly, and names the first differences. */
import type { Served } from './model.ts';

const SHOWN_MAX = 8;

/** Undefined where they are equal. */
export function difference(
  served: Record<string, Served>,
  modelled: Record<string, Served>,
): string | undefined {
  const a = linesOf(served);
  const b = linesOf(modelled);
  if (a.join('\n') === b.join('\n')) return undefined;
  const inA = new Set(a);
  const inB = new Set(b);
  const lines = [
    ...a
      .filter((line) => !inB.has(line))
      .map((line) => `served only:   ${line}`)
      .slice(0, SHOWN_MAX),
    ...b
      .filter((line) => !inA.has(line))
      .map((line) => `modelled only: ${line}`)
      .slice(0, SHOWN_MAX),
  ];
  return lines.join('\n') || 'the same lines in another order';
}

function linesOf(all: Record<string, Served>): string[] {
  return Object.entries(all).flatMap(([id, { cells, coverage, revised }]) => [
    ...cells.map(([place, count]) => `${id} cell ${place} = ${count}`),
    ...coverage.map(([second, sources]) => `${id} coverage ${second} ${sources}`),
    ...revised.map((second) => `${id} revised ${second}`),
  ]);
}
