/** Who an import is: a source named after what it goes into, with an incarnation that is a function of the file's
 *  content and of how it is read. The same import begun again is the same source with the same batches. */
import { createHash } from 'node:crypto';
import type { Source } from '../../model/batch.ts';
import type { Instrumentation } from '../../model/instrumentation.ts';
import { PACKING_VERSION } from './packer.ts';
import type { Mapping } from './row.ts';

export const IMPORT_HOST = 'import';

export interface ImportIdentity {
  /** Of the file's bytes. */
  readonly sha256: string;
  readonly instrumentation: Instrumentation;
  readonly mapping: Mapping;
  /** Any word: what was imported under another word is another import. */
  readonly anew: string;
}

export function importSource({ sha256, instrumentation, mapping, anew }: ImportIdentity): Source {
  const { id, metric, where, by, numeric, grid, everySeconds } = instrumentation;
  const columns = Object.entries(mapping.columns).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const read = [columns, mapping.unit ?? null, mapping.timeScale ?? null];
  const what = [id, metric, where ?? null, by, numeric ?? null, grid, everySeconds];
  const text = JSON.stringify([PACKING_VERSION, sha256, what, read, anew]);
  const incarnation = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return { host: IMPORT_HOST, driver: id, incarnation };
}
