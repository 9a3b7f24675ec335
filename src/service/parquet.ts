/** Tables as Apache Parquet (application/vnd.apache.parquet), snappy: Unix seconds as timestamps in UTC (ms), counts as
 *  INT64, other numbers as DOUBLE, texts as dictionary-encoded strings, null where nothing is known; what columns
 *  are in stands in the file's metadata `tailglow.columns`, as JSON. A further piece is further row groups. */
import { ByteWriter, type ColumnSource, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import { assert } from '../model/assert.ts';
import {
  type Cell,
  columnCells,
  type ColumnType,
  columnTypes,
  type Table,
  type TableEncoder,
} from './table.ts';

/** What a reader takes in at once; small ones first show something soon. */
const ROW_GROUP_ROWS = 100_000;

const PARQUET = {
  second: 'TIMESTAMP',
  text: 'STRING',
  integer: 'INT64',
  number: 'DOUBLE',
  boolean: 'BOOLEAN',
} as const;

interface Writing {
  readonly types: readonly ColumnType[];
  readonly writer: ParquetWriter;
}

export function parquetEncoder(): TableEncoder {
  const out = new ByteWriter();
  let writing: Writing | undefined;
  const taken = (): Uint8Array => {
    const bytes = out.getBytes().slice();
    out.index = 0; // its `offset` goes on: places in the file are counted from there
    return bytes;
  };
  return {
    write: (piece) => {
      writing ??= begin(piece, out);
      const { types, writer } = writing;
      const columnData = piece.columns.map(({ name }, c) => ({ name, data: dataOf(piece, c, types[c]!) }));
      void writer.write({ columnData, rowGroupSize: ROW_GROUP_ROWS });
      return taken();
    },
    end: () => {
      assert(writing !== undefined, 'a Parquet file has a schema: something was written');
      void writing.writer.finish();
      return taken();
    },
  };
}

function begin(piece: Table, writer: ByteWriter): Writing {
  const types = columnTypes(piece);
  const columnData = piece.columns.map(({ name }, c): ColumnSource => ({
    name,
    data: [],
    type: PARQUET[types[c]!],
    nullable: true,
  }));
  const schema = schemaFromColumnData({ columnData });
  const kvMetadata = [{ key: 'tailglow.columns', value: JSON.stringify(piece.columns) }];
  return { types, writer: new ParquetWriter({ writer, schema, kvMetadata, createdBy: 'tailglow' }) };
}

function dataOf({ rows }: Table, column: number, type: ColumnType): (Cell | bigint | Date)[] {
  const cells = columnCells(rows, column, type);
  if (type !== 'second' && type !== 'integer') return cells;
  return cells.map((cell) => {
    if (cell === null) return null;
    return type === 'second' ? new Date(Number(cell) * 1000) : BigInt(Number(cell));
  });
}
