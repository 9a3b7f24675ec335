import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QUERY_TEXT_MAX } from '../../src/model/limits.ts';
import { checkStatement } from '../../src/query/check.ts';
import { complete } from '../../src/query/complete.ts';
import { tokens } from '../../src/query/highlight.ts';
import { statementFromJson, statementToJson } from '../../src/query/json.ts';
import { parseStatement } from '../../src/query/parse.ts';
import { printStatement } from '../../src/query/print.ts';
import {
  arbitraryStatement,
  arbitraryText,
  arbitraryWildLiteral,
  nameNode,
  livingShop,
  NO_SPAN,
  shop,
} from '../arbitrary/query.ts';
import type { Statement } from '../../src/query/ast.ts';

function parsed(text: string): Statement {
  const result = parseStatement(text);
  if ('diagnostics' in result) throw new Error(`${text}\n${JSON.stringify(result.diagnostics, null, 1)}`);
  return result.statement;
}

const statements = arbitraryStatement(livingShop);
const printed = statements.map(printStatement);

describe('parse and print', () => {
  it('parse(print(q)) = q without spans, and print is idempotent', () => {
    fc.assert(
      fc.property(statements, (statement) => {
        const text = printStatement(statement);
        const again = parsed(text);
        expect(statementToJson(again)).toEqual(statementToJson(statement));
        expect(printStatement(again)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it('any literal survives', () => {
    fc.assert(
      fc.property(arbitraryWildLiteral, (value) => {
        const statement: Statement = {
          kind: 'read',
          metric: nameNode('a.b'),
          where: { kind: 'compare', op: 'eq', field: nameNode('count'), value, span: NO_SPAN },
          by: [nameNode('by'), nameNode('last')],
          stages: [],
          span: NO_SPAN,
        };
        expect(statementToJson(parsed(printStatement(statement)))).toEqual(statementToJson(statement));
      }),
    );
  });

  it('spans say where a node stands: the text of a span is what was read', () => {
    fc.assert(
      fc.property(printed, (text) => {
        const statement = parsed(text);
        expect(statement.span).toEqual({ offset: 0, length: text.length });
        for (const name of namesOf(statement)) {
          expect(text.slice(name.span.offset, name.span.offset + name.span.length)).toBe(name.text);
        }
      }),
    );
  });

  it('space, line ends, comments and the case of keywords make no difference', () => {
    const plain =
      'http.requests where status >= 500 by route, latency last 10m | heatmap size 900x300 color rank';
    const odd =
      '\n http.requests WHERE status>=500 # why\n\tBy route,latency LAST 10m|HeatMap Size 900X300 COLOR Rank # end';
    expect(statementToJson(parsed(odd))).toEqual(statementToJson(parsed(plain)));
  });

  it('clauses and options come in any order', () => {
    const one =
      'http.requests where status >= 500 by route, latency last 10m step 1s | heatmap size 900x300 hue route theme dark';
    const other =
      'http.requests step 1s last 10m by route, latency where status >= 500 | heatmap theme dark hue route size 900x300';
    expect(printStatement(parsed(other))).toBe(one);
  });

  it('keywords are names where a name stands', () => {
    const text =
      'a.b where count == "x" and top in ("y") by by, last, size, p99 last 10m | heatmap hue hue, top top 3';
    expect(printStatement(parsed(text))).toBe(text);
    expect(printStatement(parsed('drop drop'))).toBe('drop drop');
    expect(printStatement(parsed('instrument a.b as as'))).toBe('instrument a.b as as');
  });

  it('reads times and durations as people write them', () => {
    const from = (time: string): unknown => {
      const { range } = parsed(`a.b from ${time} to now`) as { range?: { from?: { second?: number } } };
      return range?.from?.second;
    };
    expect(from('2026-11-22T03:00Z')).toBe(1_795_316_400);
    expect(from('2026-11-22T03:00:07.25Z')).toBe(1_795_316_407);
    expect(from('2026-11-22T05:30:07+02:30')).toBe(1_795_316_407);
    expect(from('2026-11-22')).toBe(1_795_305_600);
    expect(from('1795316407')).toBe(1_795_316_407);
    expect(from('1795316407123')).toBe(1_795_316_407);
    expect(printStatement(parsed('a.b last 1h30m'))).toBe('a.b last 90m');
    expect(printStatement(parsed('a.b where x > 5µs'))).toBe('a.b where x > 5us');
  });
});

function namesOf(value: unknown): { text: string; span: { offset: number; length: number } }[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, v]) =>
    key === 'metric' || key === 'field' ? [v as never] : key === 'by' && Array.isArray(v) ? v : namesOf(v),
  );
  return inner.filter((v) => typeof v === 'object' && v !== null && 'text' in v);
}

describe('no text crashes it', () => {
  it('parses, checks, highlights and completes anything', () => {
    fc.assert(
      fc.property(arbitraryText(printed), fc.nat(4096), (text, offset) => {
        const result = parseStatement(text);
        if ('statement' in result) {
          checkStatement(result.statement, shop, text);
          expect(parsed(printStatement(result.statement))).toBeDefined();
        } else {
          expect(result.diagnostics.length).toBeGreaterThan(0);
          for (const { position, message } of result.diagnostics) {
            expect(position.offset).toBeGreaterThanOrEqual(0);
            expect(position.offset + position.length).toBeLessThanOrEqual(text.length);
            expect(message).not.toMatch(/undefined|NaN|\.$/);
          }
        }
        complete(text, Math.min(offset, text.length), shop);
        let end = 0;
        for (const token of tokens(text)) {
          expect(token.offset).toBeGreaterThanOrEqual(end);
          end = token.offset + token.length;
        }
        expect(end).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 400 },
    );
  });

  it('refuses texts that are too long or too deep', () => {
    const long = `a.b where x == "${'x'.repeat(QUERY_TEXT_MAX)}"`;
    expect(parseStatement(long)).toMatchObject({ diagnostics: [{ code: 'TEXT_TOO_LONG' }] });
    for (const piece of ['(', 'not ', '(not ', 'not (']) {
      const deep = `a.b where ${piece.repeat(400)}`;
      expect(parseStatement(deep)).toMatchObject({ diagnostics: [{ code: 'TOO_DEEP' }] });
      expect(tokens(deep).length).toBeGreaterThan(100);
      expect(complete(deep, deep.length, shop)).toEqual([]);
    }
  });
});

describe('diagnostics', () => {
  it('say line and column, and what could stand there', () => {
    const result = parseStatement('http.requests by latency\n  | heatmpa size 900x300\n  | top five by p99');
    expect(result).toMatchObject({
      diagnostics: [
        {
          code: 'SYNTAX',
          position: { offset: 29, length: 7, line: 2, column: 5 },
          expected: expect.arrayContaining(['heatmap', 'percentiles', 'top', 'share']),
          suggestion: 'heatmap',
        },
        { position: { offset: 58, length: 4, line: 3, column: 9 }, expected: ['a whole number'] },
      ],
    });
    const checked = checkStatement(parsed('http.requests\n by rout'), shop, 'http.requests\n by rout');
    expect(checked).toMatchObject({
      diagnostics: [
        {
          code: 'UNKNOWN_FIELD',
          position: { offset: 18, length: 4, line: 2, column: 5 },
          suggestion: 'route',
        },
      ],
    });
  });

  it('are few, whatever the number of faults', () => {
    const result = parseStatement(`a.b where ${'x = 1 && '.repeat(100)} y = 1`);
    expect('diagnostics' in result && result.diagnostics.length).toBe(10);
  });
});

describe('JSON form', () => {
  it('says the same as the text', () => {
    fc.assert(
      fc.property(statements, (statement) => {
        const json: unknown = JSON.parse(JSON.stringify(statementToJson(statement)));
        const read = statementFromJson(json);
        if (!('statement' in read)) throw new Error(JSON.stringify(read));
        expect(read.text).toBe(printStatement(statement));
        expect(statementToJson(read.statement)).toEqual(json);
      }),
    );
  });

  it('takes no other value, and says where it is wrong', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(statementFromJson(value)).toMatchObject({ diagnostics: [{ code: 'SYNTAX' }] });
      }),
    );
    const wrong = { kind: 'read', metric: { text: 'a.b' }, by: [{ text: 'not' }], stages: [] };
    expect(statementFromJson(wrong)).toMatchObject({
      diagnostics: [
        { message: expect.stringMatching(/^Cannot read the JSON statement: at \/by\/0\/text: /) },
      ],
    });
    let deep: unknown = {};
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(statementFromJson(deep)).toMatchObject({ diagnostics: [{ code: 'TOO_DEEP' }] });
  });
});

describe('statements that are right', () => {
  it('pass the check', () => {
    fc.assert(
      fc.property(statements, (statement) => {
        const outcome = checkStatement(statement, livingShop);
        if ('diagnostics' in outcome) {
          // A name that no rule allows, a time below 1970: right in form, wrong in meaning.
          const known = outcome.diagnostics.every((d) => /name "|range/.test(d.message));
          expect({ text: printStatement(statement), wrong: known ? [] : outcome.diagnostics }).toEqual({
            text: printStatement(statement),
            wrong: [],
          });
        }
      }),
      { numRuns: 300 },
    );
  });
});
