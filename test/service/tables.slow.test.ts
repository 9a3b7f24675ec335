import { tableFromIPC, type Table as ArrowTable } from 'apache-arrow';
import fc from 'fast-check';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import type { Cell, Table, TableColumn } from '../../src/service/table.ts';
import { type Encoding, tableEncoder } from '../../src/service/tables.ts';

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('', '/a', '(other)', '__proto__', 'a,b', '"'),
);
const cellOf: { readonly [holds in NonNullable<TableColumn['holds']>]: fc.Arbitrary<Cell> } = {
  second: fc.integer({ min: 0, max: 253_402_300_799 }),
  key: text,
  count: fc.maxSafeInteger(),
  value: fc.double({ noNaN: true, noDefaultInfinity: true }),
};
const holds = fc.constantFrom('second' as const, 'key' as const, 'count' as const, 'value' as const);
const columns = fc.uniqueArray(
  fc.record({ name: fc.stringMatching(/^[a-z][a-z0-9 ]{0,8}$/), holds, unit: fc.constant('s') }),
  { minLength: 1, maxLength: 5, selector: (column) => column.name },
);
/** A table in one or several pieces, some of them empty. */
const pieces: fc.Arbitrary<Table[]> = columns.chain((heads) => {
  const row = fc.tuple(...heads.map((column) => fc.option(cellOf[column.holds], { freq: 6 })));
  return fc
    .array(fc.array(row, { maxLength: 20 }), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.map((rows) => ({ columns: heads, rows })));
});

function written(encoding: Encoding, parts: readonly Table[]): Buffer {
  const encoder = tableEncoder(encoding);
  return Buffer.concat([...parts.map((part) => encoder.write(part)), encoder.end()]);
}

const allRows = (parts: readonly Table[]): (readonly Cell[])[] => parts.flatMap((part) => part.rows);

describe('Arrow', () => {
  function read(bytes: Uint8Array): { table: ArrowTable; rows: unknown[][] } {
    const table = tableFromIPC(bytes);
    const rows = Array.from({ length: table.numRows }, (_, r) =>
      table.schema.fields.map((_field, c): unknown => table.getChildAt(c)!.get(r)),
    );
    return { table, rows };
  }
  const expected = (cell: Cell, column: TableColumn): unknown => {
    if (cell === null || typeof cell !== 'number') return cell;
    if (column.holds === 'second') return cell * 1000; // the reader gives milliseconds
    return column.holds === 'count' ? BigInt(cell) : cell;
  };

  it('is read back as it was, in however many pieces it was written', () => {
    fc.assert(
      fc.property(pieces, (parts) => {
        const heads = parts[0]!.columns;
        const { table, rows } = read(written('arrow', parts));
        expect(table.schema.fields.map((field) => field.name)).toEqual(heads.map((column) => column.name));
        expect(rows).toEqual(allRows(parts).map((row) => row.map((cell, c) => expected(cell, heads[c]!))));
      }),
    );
  });

  it('has timestamps in UTC, int64, double and dictionaries, with the unit of a column', () => {
    const table: Table = {
      columns: [
        { name: 'time', holds: 'second' },
        { name: 'route', holds: 'key' },
        { name: 'lower', holds: 'value', unit: 's', base: 10, power: -9 },
        { name: 'count', holds: 'count' },
        { name: 'ok' },
      ],
      rows: [[1_800_000_000, '/a', 1.5, 3, true]],
    };
    const { fields } = read(written('arrow', [table])).table.schema;
    expect(fields.map((field) => String(field.type))).toEqual([
      'Timestamp<SECOND, UTC>',
      'Dictionary<Int32, Utf8>',
      'Float64',
      'Int64',
      'Bool',
    ]);
    expect(Object.fromEntries(fields[2]!.metadata)).toEqual({ unit: 's', base: '10', power: '-9' });
  });
});

describe('Parquet', () => {
  async function read(bytes: Buffer): Promise<Record<string, unknown>[]> {
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    return parquetReadObjects({ file });
  }
  const expected = (cell: Cell, column: TableColumn): unknown => {
    if (cell === null || typeof cell !== 'number') return cell;
    if (column.holds === 'second') return new Date(cell * 1000);
    return column.holds === 'count' ? BigInt(cell) : cell;
  };

  it('is read back as it was, in however many pieces it was written', async () => {
    await fc.assert(
      fc.asyncProperty(pieces, async (parts) => {
        const heads = parts[0]!.columns;
        const rows = await read(written('parquet', parts));
        const all = allRows(parts).map((row) =>
          Object.fromEntries(row.map((cell, c) => [heads[c]!.name, expected(cell, heads[c]!)])),
        );
        expect(rows).toEqual(all);
      }),
    );
  });

  it('says what its columns are in', () => {
    const heads: TableColumn[] = [{ name: 'value', holds: 'value', unit: 's', base: 10, power: -9 }];
    const bytes = written('parquet', [{ columns: heads, rows: [[1]] }]);
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    const { key_value_metadata: said, created_by: by } = parquetMetadata(file);
    expect(by).toBe('tailglow');
    expect(JSON.parse(said!.find((entry) => entry.key === 'tailglow.columns')!.value!)).toEqual(heads);
  });
});

describe('text', () => {
  it('has one CSV header and one line a row, whatever the pieces', () => {
    const heads = [{ name: 'a' }, { name: 'b' }];
    const parts = [
      { columns: heads, rows: [[1, 'x,y']] },
      { columns: heads, rows: [] },
      { columns: heads, rows: [[null, '"']] },
    ];
    expect(written('csv', parts).toString()).toBe('a,b\r\n1,"x,y"\r\n,""""\r\n');
    expect(written('jsonl', parts).toString()).toBe('{"a":1,"b":"x,y"}\n{"a":null,"b":"\\""}\n');
  });
});
