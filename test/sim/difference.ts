/** Compares what is served with what the model says, quickly, and names the first differences. */
import type { Served } from './model.ts';

const SHOWN_MAX = 8;

/** Undefined where they are equal. */
export function difference(
  served: Record<string, Served>,
  modelled: Record<string, Served>,
): string | undefined {
  const a = linesOf(served);
  const b = linesOf(told(modelled, served));
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

/** Where nobody can tell whether a source is complete, what is served is right, whatever it says. */
function told(modelled: Record<string, Served>, served: Record<string, Served>): Record<string, Served> {
  return Object.fromEntries(
    Object.entries(modelled).map(([id, model]) => {
      const said = new Map(served[id]?.coverage);
      const coverage = model.coverage.map(([second, sources]): [number, string] => {
        if (!sources.includes('?')) return [second, sources];
        const names = new Set(said.get(second)?.split(' '));
        const tell = (_: string, name: string): string => (names.has(`-${name}`) ? `-${name}` : name);
        return [second, sources.replace(/\?(\S+)/g, tell)];
      });
      return [id, { ...model, coverage }];
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
