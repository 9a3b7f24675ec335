/** The page's rewriting of statements, held against the real parser: what it writes, the server reads. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseStatement } from '../../src/query/parse.ts';
import { printStatement } from '../../src/query/print.ts';
import {
  exclude,
  isFiltered,
  isolate,
  keyLiteral,
  readOf,
  showAll,
  withSuggestion,
} from '../../web/query-text.ts';

const starts = fc.constantFrom(
  'http.requests by route, latency last 5m',
  'http.requests where route == "a | heatmap isolate \\"x\\"" by route, latency last 5m # | heatmap top 3',
  'http.requests by route, latency last 5m | heatmap # first\n  isolate "a" # then\n  overlay p50',
  "http.requests where route in ('/a', '/b') by method, route, latency from 03:00Z to 04:00Z step 1s",
);
const options = fc.subarray(
  ['size 900x300', 'y log 100us..10s', 'overlay p50, p99', 'color rank', 'title "isolate | me"', 'hue route'],
  { minLength: 0 },
);
const hueOptions = fc.constantFrom(
  '',
  'top 4',
  'select "a", "b"',
  'isolate "a"',
  'exclude "a", "b"',
  'exclude ("GET", "a b"), ("PUT", "c")',
);
const statement = fc
  .tuple(starts, fc.boolean(), options, hueOptions, fc.boolean())
  .map(([start, staged, others, hues, first]) => {
    const stage = (first ? [hues, ...others] : [...others, hues]).filter((part) => part !== '').join(' ');
    return staged && !start.includes('\n')
      ? `${start.replace(/#.*/, '')} | heatmap ${stage}`.trimEnd()
      : start;
  });
const key = fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { minLength: 1, maxLength: 3 });
const literal = key.map((values) => keyLiteral(values, () => false));

function heatmapOf(text: string) {
  const parsed = parseStatement(text);
  if (!('statement' in parsed)) throw new Error(`${text}\n${JSON.stringify(parsed.diagnostics)}`);
  if (parsed.statement.kind !== 'read') throw new Error('expected a read statement');
  return parsed.statement.stages.find((stage) => stage.kind === 'heatmap');
}
function keysOf(list: { keys: readonly { values: readonly { kind: string }[] }[] } | undefined): unknown[] {
  return (list?.keys ?? []).map((k) =>
    k.values.map((v) => ('text' in v ? v.text : 'value' in v ? v.value : v)),
  );
}
function printed(text: string): string {
  const parsed = parseStatement(text);
  if (!('statement' in parsed)) throw new Error(text);
  return printStatement(parsed.statement);
}

/** `exclude` of a selected key takes the selection away. */
function keptSelect(text: string, excluded: string): string {
  return text.includes('select') && (excluded === '"a"' || excluded === '"b"') ? '' : 'select "a", "b"';
}

describe('isolate and exclude', () => {
  test('isolate names one key and nothing else names hues', () => {
    fc.assert(
      fc.property(statement, key, (text, values) => {
        // Isolating the only isolated key shows all again; a key of three parts is in no statement above.
        const asked = ['x', 'y', ...values].slice(0, 3);
        const stage = heatmapOf(
          isolate(
            text,
            keyLiteral(asked, () => false),
          ),
        );
        expect(keysOf(stage?.isolate)).toEqual([asked]);
        expect([stage?.exclude, stage?.select, stage?.top]).toEqual([undefined, undefined, undefined]);
      }),
    );
  });

  test('isolate again shows all', () => {
    fc.assert(
      fc.property(statement, literal, (text, asked) => {
        fc.pre(!text.includes('isolate'));
        const twice = isolate(isolate(text, asked), asked);
        expect(isFiltered(twice)).toBe(false);
        expect(heatmapOf(twice)?.isolate).toBe(undefined);
      }),
    );
  });

  test('exclude adds to those excluded before, once', () => {
    fc.assert(
      fc.property(statement, fc.array(literal, { minLength: 1, maxLength: 4 }), (text, asked) => {
        const before = keysOf(heatmapOf(text)?.exclude);
        const result = asked.reduce(exclude, text);
        const after = keysOf(heatmapOf(result)?.exclude);
        for (const k of before) expect(after).toContainEqual(k);
        expect(new Set(after.map((k) => JSON.stringify(k))).size).toBe(after.length);
        expect(heatmapOf(result)?.isolate).toBe(undefined);
      }),
    );
  });

  test('showing all undoes both, and leaves the rest of the statement as it was', () => {
    fc.assert(
      fc.property(statement, literal, (text, asked) => {
        const bare = showAll(text);
        expect(isFiltered(bare)).toBe(false);
        expect(showAll(bare)).toBe(bare);
        const staged = heatmapOf(bare) === undefined ? `${bare.replace(/#.*/, '')} | heatmap` : bare;
        expect(printed(showAll(exclude(bare, asked)))).toBe(
          printed(printed(staged).replace(/select .*"b"/, keptSelect(bare, asked))),
        );
      }),
      { examples: [['http.requests by route, latency last 5m | heatmap select "a", "b"', '"a"']] },
    );
  });

  test('integer fields are written as numbers', () => {
    expect(keyLiteral(['GET', '200'], (field) => field === 1)).toBe('("GET", 200)');
    expect(
      isolate(
        'http.requests by status, latency',
        keyLiteral(['404'], () => true),
      ),
    ).toBe('http.requests by status, latency | heatmap isolate 404');
  });
});

test('a suggestion takes the place of the mistake', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (before, wrong, after, right) => {
      const position = { offset: before.length, length: wrong.length };
      expect(withSuggestion(before + wrong + after, position, right)).toBe(before + right + after);
    }),
  );
});

test('an instrumentation is read by the statement it counts', () => {
  const read = readOf(
    'instrument http.requests where route == "keep it" by host, latency every 1s keep 24h as x',
  );
  expect(read).toBe('http.requests where route == "keep it" by host, latency last 5m');
  expect(parseStatement(read!)).toHaveProperty('statement');
  expect(readOf('show metrics')).toBe(undefined);
});
