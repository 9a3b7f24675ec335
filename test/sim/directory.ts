/** Stores in temporary directories: opened, dumped, thrown away. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { partitionPaths } from '../../src/store/partitions.ts';

export class TemporaryDirectories {
  readonly #made: string[] = [];

  make(): string {
    const directory = mkdtempSync(join(tmpdir(), 'tailglow-store-'));
    this.#made.push(directory);
    return directory;
  }

  copy(directory: string): string {
    const copy = this.make();
    cpSync(directory, copy, { recursive: true });
    return copy;
  }

  removeAll(): void {
    for (const directory of this.#made.splice(0)) rmSync(directory, { recursive: true, force: true });
  }
}

/** Every stored segment: its place, and its bytes as hex. */
export function storedSegments(directory: string): string[] {
  return partitionPaths(directory)
    .flatMap((path) => {
      const db = new Database(path, { readonly: true });
      const rows = db
        .prepare(
          'SELECT instrumentation, level, start_second, revision, whole, part, hex(bytes) FROM segment',
        )
        .raw()
        .all();
      db.close();
      return rows.map((row) => (row as unknown[]).join(' '));
    })
    .toSorted();
}
