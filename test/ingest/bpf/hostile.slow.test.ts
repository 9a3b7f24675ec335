/** What a person writes never becomes a program's text but as an encoded constant. TAILGLOW_HOSTILE_RUNS=100000 tries
 *  as many. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileProgram } from '../../../src/ingest/bpf/compile.ts';
import { DriverError } from '../../../src/ingest/driver.ts';
import { COUNT } from '../../../src/model/grid.ts';
import { gridOf, isNumeric } from '../../../src/model/metric.ts';
import type { Literal, Predicate } from '../../../src/model/predicate.ts';
import { catalogue, metricNamed } from './catalogue-for-test.ts';

describe('a hostile predicate', () => {
  const RUNS = Number(process.env['TAILGLOW_HOSTILE_RUNS'] ?? 10_000);
  const hostile = fc.oneof(
    fc.constantFrom(
      'x" / { cat("/etc/shadow") } //',
      '"; system("id"); "',
      '\\',
      '\\x22',
      '\\"',
      '*/ BEGIN { exit(); } /*',
      '$1',
      '@a',
      '{}',
      '\n#include "/etc/passwd"\n',
      'a\0b',
      '1 || 1',
      '%s%n',
      '\ud800',
      '\u202e',
    ),
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.string({ maxLength: 14 }),
  );
  const literal: fc.Arbitrary<Literal> = fc.oneof(hostile, fc.integer(), fc.double(), fc.maxSafeInteger());
  const arbitraryField = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...new Set(catalogue.flatMap((m) => Object.keys(m.fields)))) },
    { weight: 1, arbitrary: fc.oneof(hostile, fc.constantFrom('__proto__', 'constructor')) },
  );
  const { predicate } = fc.letrec<{ predicate: Predicate }>((tie) => ({
    predicate: fc.oneof(
      { maxDepth: 3 },
      fc.record({
        op: fc.constantFrom('eq', 'ne', 'lt', 'le', 'gt', 'ge'),
        field: arbitraryField,
        value: literal,
      }),
      fc.record({
        op: fc.constant('in'),
        field: arbitraryField,
        values: fc.array(literal, { maxLength: 3 }),
      }),
      fc.record({
        op: fc.constantFrom('prefix', 'contains', 'match'),
        field: arbitraryField,
        value: hostile,
      }),
      fc.record({ op: fc.constantFrom('and', 'or'), terms: fc.array(tie('predicate'), { maxLength: 3 }) }),
      fc.record({ op: fc.constant('not'), term: tie('predicate') }),
    ) as fc.Arbitrary<Predicate>,
  }));

  /** Names and signs of a program whose texts and numbers are taken out. */
  const words = (text: string): string[] =>
    text
      .replaceAll(/"(\\x[0-9a-f]{2})+"|""/g, ' ')
      .match(/"[^"]*"|[A-Za-z_$@][\w$@]*|0x[0-9a-f]+|\d+|[^\s\w]/g)!
      .filter((word) => !/^\d+$/.test(word));
  const own = new Set(
    catalogue.flatMap((metric) =>
      metric.description.fields.flatMap((field) => {
        const question = isNumeric(field)
          ? { by: [], numeric: field.name, grid: gridOf(metric.description, field.name) }
          : { by: [field.name], grid: COUNT };
        return words(compileProgram(metric, question, { host: 'web1' }).text);
      }),
    ),
  );
  for (const word of ['strncmp', '!', '|', '-', 'int64']) own.add(word);

  it(`is in no program but as numbers and \\xHH (${RUNS} of them)`, () => {
    let compiledPrograms = 0;
    fc.assert(
      fc.property(fc.constantFrom(...catalogue), predicate, fc.nat(7), (metric, where, pick) => {
        const discrete = metric.description.fields.filter((field) => !isNumeric(field));
        const by = [discrete[pick % discrete.length]!.name];
        let text: string;
        try {
          ({ text } = compileProgram(metric, { where, by, grid: COUNT }, { host: 'web1' }));
        } catch (error) {
          if (error instanceof DriverError) return;
          throw error;
        }
        compiledPrograms++;
        const foreign = words(text).filter((word) => !own.has(word));
        if (foreign.length > 0) throw new Error(`${foreign.join(' ')} in ${text}`);
      }),
      { numRuns: RUNS },
    );
    expect(compiledPrograms).toBeGreaterThan(RUNS / 20);
  });

  it('would be found: the test knows a foreign word', () => {
    const text = compileProgram(
      metricNamed('syscall.ops'),
      { by: [], grid: COUNT },
      { host: 'web1' },
    ).text.replace('ready', 'ready"); cat("/etc/shadow');
    expect(words(text).filter((word) => !own.has(word))).toContain('cat');
  });
});
