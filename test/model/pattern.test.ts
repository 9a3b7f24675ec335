/** Patterns are the same whether they were compiled before or not. */
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, it } from 'vitest';
import { compilePattern, patternFault } from '../../src/model/pattern.ts';

const finds = (pattern: RE2JS, text: string): boolean => pattern.matcher(text).find();

describe('a pattern', () => {
  it('finds what it finds freshly compiled, however many others there were', () => {
    const source = fc
      .stringMatching(/^\^?[ab]{0,3}[.+*?]?[ab]?\$?$/)
      .filter((s) => patternFault(s) === undefined);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(source, fc.stringMatching(/^[ab]{0,6}$/)), { maxLength: 60 }),
        (asked) => {
          for (const [pattern, text] of asked) {
            expect([pattern, finds(compilePattern(pattern), text)]).toEqual([
              pattern,
              finds(RE2JS.compile(pattern), text),
            ]);
          }
        },
      ),
    );
  });

  it('is compiled once while it is in use, and said to be wrong each time', () => {
    const live = compilePattern('^live$');
    for (let i = 0; i < 100; i++) {
      compilePattern(`other${i}`);
      expect(compilePattern('^live$')).toBe(live);
    }
    for (let i = 0; i < 20; i++) compilePattern(`more${i}`);
    expect(compilePattern('^live$')).not.toBe(live);
    for (let i = 0; i < 2; i++) expect(patternFault('(')).toMatch(/missing closing \)/);
  });
});
