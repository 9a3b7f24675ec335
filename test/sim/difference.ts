/** Compares what is served with what the model says, quickly, and names the first differences. */
import type { Served } from './model.ts';

const SHOWN_MAX = 8;

/** Undefined where they are equal. */
export function difference(
  served: Record<string, Served>,
  modelled: Record<string, Served>,
): string | undefined {
  const a = linesOf(served);
  const b = linesOf(agreed(modelled, served));
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

/** What the model leaves open is as it is served, where that is one of the two answers. */
function agreed(modelled: Record<string, Served>, served: Record<string, Served>): Record<string, Served> {
  return Object.fromEntries(
    Object.entries(modelled).map(([id, said]) => {
      const found = new Map(served[id]?.coverage);
      const coverage = said.coverage.map(([second, sources]): [number, string] => {
        const names = new Set(found.get(second)?.split(' '));
        const open = (name: string): string => (names.has(`-${name}`) ? `-${name}` : name);
        const told = sources.split(' ').map((name) => (name.startsWith('~') ? open(name.slice(1)) : name));
        return [second, told.join(' ')];
      });
      return [id, { ...said, coverage }];
    }),
  );
}

function linesOf(all: Record<string, Served>): string[] {
  return Object.entries(all).flatMap(([id, { cells, coverage, revised }]) => [
    ...cells.map(([place, count]) => `${id} cell ${place} = ${count}`),
    ...coverage.map(([second, sources]) => `${id} coverage ${second} ${sources}`),
    ...revised.map((second) => `${id} revised ${second}`),
  ]);
}
