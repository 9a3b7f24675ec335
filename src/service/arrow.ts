/** Tables as an Apache Arrow stream (application/vnd.apache.arrow.stream): Unix seconds as timestamps in UTC, counts
 *  as int64, other numbers as float64, texts as dictionaries, null where nothing is known; what a column is in stands
 *  in its metadata (`unit`, `base`, `power`: value x base^power is in unit). A further piece is a further record
 *  batch, whose dictionaries replace those before. */
import {
  bool,
  columnFromValues,
  type DataType,
  dictionary,
  Endianness,
  field,
  float64,
  int32,
  int64,
  Table as ArrowTable,
  tableToIPC,
  timestamp,
  TimeUnit,
  utf8,
  Version,
} from '@uwdata/flechette';
import { assert } from '../model/assert.ts';
import {
  columnCells,
  type ColumnType,
  columnTypes,
  type Table,
  type TableColumn,
  type TableEncoder,
} from './table.ts';

/** The end of a stream: a continuation mark and no length. */
const END = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);

export function arrowEncoder(): TableEncoder {
  let types: readonly ColumnType[] | undefined;
  return {
    write: (piece) => {
      const first = types === undefined;
      types ??= columnTypes(piece);
      const stream = streamOf(piece, types);
      return stream.subarray(first ? 0 : schemaBytes(stream), stream.length - END.length);
    },
    end: () => {
      assert(types !== undefined, 'an Arrow stream has a schema: something was written');
      return END;
    },
  };
}

/** A stream begins with its schema, a message without a body: a mark, its length, that many bytes. */
function schemaBytes(stream: Uint8Array): number {
  return 8 + new DataView(stream.buffer, stream.byteOffset).getInt32(4, true);
}

function streamOf({ columns, rows }: Table, types: readonly ColumnType[]): Uint8Array {
  const arrow = types.map((type, c) =>
    arrowType(type, types.slice(0, c).filter((before) => before === 'text').length),
  );
  const cells = types.map((type, c) => {
    const values = columnCells(rows, c, type);
    return type === 'second'
      ? values.map((second) => (second === null ? null : Number(second) * 1000))
      : values;
  });
  const children = cells.map((values, c) => columnFromValues(values, arrow[c]));
  const fields = columns.map((column, c) => field(column.name, arrow[c]!, true, metadataOf(column)));
  const schema = { version: Version.V5, endianness: Endianness.Little, fields, metadata: null } as const;
  const stream = tableToIPC(new ArrowTable(schema, children), { format: 'stream' });
  assert(stream !== null, 'a stream in memory has bytes');
  return stream;
}

/** Dictionaries are numbered in the order of their columns, as the library does where there are rows. */
function arrowType(type: ColumnType, dictionaryId: number): DataType {
  switch (type) {
    case 'second':
      return timestamp(TimeUnit.SECOND, 'UTC');
    case 'text':
      return dictionary(utf8(), int32(), false, dictionaryId);
    case 'integer':
      return int64();
    case 'number':
      return float64();
    case 'boolean':
      return bool();
  }
}

function metadataOf({ unit, base, power }: TableColumn): Map<string, string> | null {
  const entries = Object.entries({ unit, base, power }).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? null : new Map(entries.map(([name, value]) => [name, String(value)]));
}
