/** The benches' command line: npm run bench -- <name> [--json] [--size smoke|full] [--only a,b]; without a name it
 *  lists them.
 *  Prints a table, or the result as JSON. */
import { parseArgs } from 'node:util';
import type { BenchResult, BenchRow, BenchSize } from './bench.ts';
import { benches } from './registry.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    size: { type: 'string', default: 'full' },
    only: { type: 'string' },
  },
});
const [name] = positionals;

if (name === undefined) {
  for (const [known, load] of Object.entries(benches))
    console.log(`${known.padEnd(12)} ${(await load()).question}`);
} else if (!Object.hasOwn(benches, name)) {
  fail(`Cannot run bench "${name}": expected one of ${Object.keys(benches).join(', ')}`);
} else if (!isSize(values.size)) {
  fail(`Cannot run bench of size "${values.size}": expected smoke or full`);
} else {
  const result = await (await benches[name]!()).run(values.size, values.only?.split(','));
  console.log(values.json ? JSON.stringify(result, undefined, 2) : asTable(result));
}

function isSize(text: string): text is BenchSize {
  return text === 'smoke' || text === 'full';
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 2;
}

function asTable(result: BenchResult): string {
  const last = `${result.bench}, size ${result.size}, digest ${result.digest}`;
  if (result.table !== undefined) return [result.question, '', result.table, '', last].join('\n');
  const lines = result.rows.map((row) => [row.name, threeDigits(row.value), row.unit, versusText(row)]);
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]!.length)));
  const table = lines.map(([name, value, unit, versus]) =>
    [name!.padEnd(widths[0]!), value!.padStart(widths[1]!), unit!.padEnd(widths[2]!), versus]
      .join('  ')
      .trimEnd(),
  );
  return [result.question, ...table, last].join('\n');
}

function versusText({ versus }: BenchRow): string {
  return versus === undefined ? '' : `${threeDigits(versus.ratio)} ${versus.what} ${versus.name}`;
}

/** Whole numbers from 100 up, three digits below. */
function threeDigits(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
