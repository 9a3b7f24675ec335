/** The catalogue beside the stores: folds the same log into a real file, dies, and is asked what lives. What it has
 *  committed is synced, so whatever dies, it is there. */
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Catalogue, openCatalogue } from '../../src/store/catalogue.ts';
import { toLogEntry } from './entries.ts';
import { LawFault } from './law-fault.ts';
import type { SimLog } from './sim-log.ts';
import { LOG_IDENTITY } from './store-node.ts';

export class CatalogueNode {
  readonly #directory: string;
  readonly #log: SimLog;
  #lives = 0;
  #catalogue: Catalogue;

  constructor(directory: string, log: SimLog) {
    this.#directory = directory;
    this.#log = log;
    this.#catalogue = openCatalogue(this.#path, LOG_IDENTITY);
  }

  /** What it does not need of the log. */
  get resumeOffset(): number {
    return this.#catalogue.resumeOffset;
  }

  get #path(): string {
    return join(this.#directory, `catalogue-${this.#lives}.db`);
  }

  fold(): void {
    this.#catalogue.fold(this.#log.read(this.#catalogue.resumeOffset, Infinity).map(toLogEntry));
  }

  living(): string[] {
    return this.#catalogue
      .instrumentations()
      .map(({ id }) => id)
      .toSorted();
  }

  die(): void {
    const [before, promised] = [this.#path, this.resumeOffset];
    this.#lives++;
    for (const end of ['', '-wal']) {
      if (existsSync(before + end)) copyFileSync(before + end, this.#path + end);
    }
    this.#catalogue.close();
    this.#catalogue = openCatalogue(this.#path, LOG_IDENTITY);
    if (this.resumeOffset < promised) {
      throw new LawFault(
        'promised',
        `the catalogue had entry ${promised}, now it wants ${this.resumeOffset}`,
      );
    }
  }

  close(): void {
    this.#catalogue.close();
  }
}
