import { it } from 'vitest';
import fc from 'fast-check';
import { parseStatement } from '../../src/query/parse.ts';
import { checkStatement } from '../../src/query/check.ts';
import { complete } from '../../src/query/complete.ts';
import { tokens } from '../../src/query/highlight.ts';
import { printStatement } from '../../src/query/print.ts';
import { arbitraryStatement, arbitraryText, livingShop } from '../arbitrary/query.ts';
it('d', () => {
  const samples = fc.sample(arbitraryText(arbitraryStatement(livingShop).map(printStatement)), 400);
  const rows: [number, number, number, string][] = [];
  for (const text of samples) {
    const a = performance.now();
    const r = parseStatement(text);
    if ('statement' in r) checkStatement(r.statement, livingShop, text);
    const b = performance.now();
    complete(text, text.length, livingShop);
    const c = performance.now();
    tokens(text);
    const d = performance.now();
    rows.push([b - a, c - b, d - c, text]);
  }
  for (const i of [0, 1, 2]) {
    rows.sort((x, y) => (y[i] as number) - (x[i] as number));
    console.log(i, rows.slice(0, 6).map((r) => [r[0].toFixed(1), r[1].toFixed(1), r[2].toFixed(1), r[3].length, r[3].slice(0, 60)].join(' ')).join('\n'), 'p50', (rows[200]![i] as number).toFixed(2));
  }
}, 60000);
