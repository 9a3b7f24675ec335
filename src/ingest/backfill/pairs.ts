/** Pairs of texts from CSV (RFC 4180): the first two columns of each row. */
import { parse } from 'csv-parse/sync';

/** Throws where a row has fewer than two columns, or the text is no CSV. */
export function readPairs(text: string): [string, string][] {
  const rows: unknown = parse(text, {
    bom: true,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    skip_empty_lines: true,
  });
  return (rows as string[][]).map((row, i) => {
    const [value, name] = row;
    if (value === undefined || name === undefined)
      throw new Error(`row ${i + 1} has ${row.length} column, expected a value and its name`);
    return [value, name];
  });
}
