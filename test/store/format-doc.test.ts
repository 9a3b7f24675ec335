/** docs/SEGMENT_FORMAT.md says what the code does: the tables of a file, and the layout of a header. */
import Database from 'better-sqlite3';
import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { partitionPaths } from '../../src/store/partitions.ts';
import { openStore } from '../../src/store/store.ts';
import { TemporaryDirectories } from '../sim/directory.ts';

const doc = readFileSync(new URL('../../docs/SEGMENT_FORMAT.md', import.meta.url), 'utf8');
const directories = new TemporaryDirectories();
afterEach(() => directories.removeAll());

const plain = (sql: string): string => sql.replaceAll(/--.*$/gm, '').replaceAll(/\s+/g, ' ').trim();

it('has the tables that a file has', () => {
  const directory = directories.make();
  const store = openStore({ directory, kernel: referenceKernel, owns: () => true, logIdentity: 'log' });
  store.fold([{ offset: 0, arrivedMs: 0, payload: Uint8Array.of(0) }]);
  store.checkpoint();
  store.close();
  const db = new Database(partitionPaths(directory)[0]!, { readonly: true });
  const made = db.prepare<[], string>('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL').pluck().all();
  const id = db.pragma('application_id', { simple: true }) as number;
  const version = db.pragma('user_version', { simple: true });
  db.close();
  const told = /```sql\n([^`]*)```/.exec(doc)![1]!.split(';').map(plain);
  expect(told.filter((sql) => sql !== '').toSorted()).toEqual(made.map(plain).toSorted());
  expect(doc).toContain(`application_id\` is 0x${id.toString(16).toUpperCase()}`);
  expect(doc).toContain(`| file | ${String(version)} |`);
});

it('has the header that the kept segment has', () => {
  const bytes = readFileSync(new URL('../golden/segment-v1.bin', import.meta.url));
  const section = /^## The segment$[^]*?(?=^## )/m.exec(doc)![0];
  const fields = [...section.matchAll(/^\| (\d+) \| (\d+) \| ([^|]+) \|/gm)].map(([, at, length, name]) => ({
    at: Number(at),
    length: Number(length),
    name: name!.trim(),
  }));
  fields.reduce((end, field) => {
    expect(field.at, field.name).toBe(end);
    return field.at + field.length;
  }, 0);
  const valueOf = (name: string): number => {
    const { at, length } = fields.find((field) => field.name === name)!;
    return bytes.readUIntLE(at, Math.min(length, 6));
  };
  expect(valueOf('version')).toBe(1);
  expect(valueOf('fields of a key')).toBe(2);
  expect(valueOf('grid parameter')).toBe(5);
  expect(valueOf('start second')).toBe(1_795_316_480);
  expect([valueOf('keys'), valueOf('sources'), valueOf('cells')]).toEqual([3, 3, 4]);
  const stored = valueOf('names, bytes stored') + valueOf('columns, bytes stored');
  expect(bytes.length).toBe(84 + stored + 4);
});
