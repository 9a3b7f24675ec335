import fc from 'fast-check';
import { expect, it } from 'vitest';
import { checkKept, chosenStatement } from '../../src/cli/import-checks.ts';
import { keepSecondsMax } from '../../src/model/level.ts';
import { checkStatement } from '../../src/query/check.ts';
import { parseStatement } from '../../src/query/parse.ts';
import type { InstrumentStatement } from '../../src/query/ast.ts';
import { shop } from '../arbitrary/query.ts';

const NOW = 1_800_000_000;
const DAY = 86_400;

function statementOf(text: string): InstrumentStatement {
  const parsed = parseStatement(text);
  if ('statement' in parsed && parsed.statement.kind === 'instrument') return parsed.statement;
  throw new Error(`no statement: ${text}`);
}

function draftOf(text: string) {
  const outcome = checkStatement(statementOf(text), shop);
  if ('checked' in outcome && outcome.checked.kind === 'instrument') return outcome.checked.instrumentation;
  throw new Error(`refused: ${text}`);
}

it('keeps whole seconds of whatever is imported for a month, where the statement leaves it open', () => {
  const statement = statementOf('instrument http.requests by route, latency as old');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3600 * DAY }), (age) => {
      const text = chosenStatement(statement, NOW - age, NOW);
      const draft = draftOf(text);
      expect(checkKept(draft, NOW - age, NOW)).toBe('');
      expect(draft.keepSeconds).toBeGreaterThanOrEqual(age + 30 * DAY);
      expect([draft.id, draft.idleSeconds]).toEqual(['old', 0]);
    }),
  );
});

it('leaves what the statement says, and never lets the oldest second be lost silently', () => {
  const statement = statementOf('instrument http.requests by route keep 2h, 1d at 10s, 3d at 1m idle 1h');
  const keeps = draftOf(chosenStatement(statement, NOW - 9 * DAY, NOW));
  expect([keeps.keepSeconds, keeps.idleSeconds]).toEqual([7200, 3600]);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3 * keepSecondsMax(keeps) }), (age) => {
      const check = (): string => checkKept(keeps, NOW - age, NOW);
      if (age + 3600 > keepSecondsMax(keeps)) expect(check).toThrow(/say "keep \d+d" in --as/);
      else if (age + 3600 > 7200) expect(check()).toMatch(/is kept in steps of/);
      else expect(check()).toBe('');
    }),
  );
  expect(() => checkKept({ ...keeps, id: 'old' }, NOW - 3651 * DAY, NOW)).toThrow(/longer than 3650 days/);
  expect(() =>
    checkKept({ ...keeps, id: 'old', keepLevels: [], keepSeconds: 10 }, NOW - 40 * DAY, NOW),
  ).toThrow(/a keep of 41d would do/);
});
