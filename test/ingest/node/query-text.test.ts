import fc from 'fast-check';
import { expect, it } from 'vitest';
import { QUERY_CHARS_MAX, QueryShapes, queryShape } from '../../../src/ingest/node/query-text.ts';

it.each([
  ["SELECT * FROM t WHERE id = 17 AND name = 'O''Brien'", 'SELECT * FROM t WHERE id = ? AND name = ?'],
  ['select a1,\n\t"col 2" from t2 -- why\nwhere x=$1', 'select a1, "col 2" from t2 where x=?'],
  ['SELECT 1.5e3, 0xff, -2 /* hint: 7 */ FROM t', 'SELECT ?, -? FROM t'],
  ['insert into t values (1, 2, 3), (4,5,6) , (7, 8, 9)', 'insert into t values (?)'],
  ['select * from t where id in ($1,$2,$3)', 'select * from t where id in (?)'],
  ["select 'unfinished", 'select ?'],
  ['select $$body; of it$$, :named, @v', 'select ?'],
  ['GET', 'GET'],
  ['', ''],
])('the shape of %j is %j', (text, shape) => {
  expect(queryShape(text)).toBe(shape);
});

it('reads texts of MySQL as MySQL does', () => {
  expect(queryShape(String.raw`select 'it\'s', "secret \" too" from ${'`t 1`'}`, true)).toBe(
    'select ? from `t 1`',
  );
});

it('tells no constant, whatever is in it, and is bounded', () => {
  const secret = fc.string({
    unit: fc.constantFrom('x', '1', ' ', ',', '(', '"', '-', '/', '*', '$', '?'),
    maxLength: 30,
  });
  fc.assert(
    fc.property(secret, secret, (a, b) => {
      const quoted = (text: string): string => `'SECRET${text.replaceAll("'", "''")}'`;
      const shape = queryShape(`select x from t where a = ${quoted(a)} or b = ${quoted(b)}`);
      expect(shape).toBe('select x from t where a = ? or b = ?');
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii', maxLength: 200 }), fc.boolean(), (text, isMysql) => {
      expect(queryShape(text, isMysql).length).toBeLessThanOrEqual(QUERY_CHARS_MAX);
    }),
    { numRuns: 50 },
  );
});

it('takes time in proportion to the text, and forgets', () => {
  for (const hostile of [
    "'".repeat(1e6),
    '('.repeat(1e6),
    '?,'.repeat(1e6),
    '/*'.repeat(1e6),
    ' '.repeat(1e6),
  ]) {
    expect(queryShape(hostile).length).toBeLessThanOrEqual(QUERY_CHARS_MAX);
  }
  const shapes = new QueryShapes();
  for (let i = 0; i < 2000; i++) expect(shapes.of(`select ${i}`, false)).toBe('select ?');
});
