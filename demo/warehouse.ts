/** The shop's database and the work done on it, all synchronous. Whoever calls it waits: the shop calls it in a
 *  worker thread (desk.ts), where one thing happens at a time, as in any database with one writer.
 *  Latency is what this work costs on the machine it runs on; nothing here sleeps. */
import Database from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { catalogue, PRODUCTS } from './catalogue.ts';

export interface ProductPage {
  readonly id: number;
  readonly name: string;
  readonly attributes: unknown;
  readonly similar: readonly { readonly id: number; readonly name: string; readonly likeness: number }[];
}
export interface Hit {
  readonly id: number;
  readonly name: string;
  readonly score: number;
}
export interface ReportPart {
  readonly nextProduct: number;
  readonly ended: boolean;
  readonly digest: string;
}

const HITS_MAX = 25;
/** A word in a description says less than one in a title, so more of them are read and ranked. */
const WEAK_HITS_MAX = 300;
const SIMILAR_MAX = 5;
/** Products that the report reads, and in one slice of it: about 5 ms, then others have their turn. */
const REPORT_PRODUCTS = 4000;
const REPORT_SLICE = 100;
/** Products in one slice of the search index. */
const INDEX_SLICE = 500;
/** What one repricing may take of everyone's time; it goes on next time where it stopped. Longer than anything
 *  else the shop does, and well below a second, so that whoever counts by the second still does. */
const REPRICE_MS = 350;
/** Orders kept, so that a demo left running for days fills no disk. */
const ORDERS_MAX = 50_000;

interface Row {
  readonly id: number;
  readonly section: number;
  readonly name: string;
  readonly description: string;
  readonly attributes: string;
}

export class Warehouse {
  readonly #db: Database.Database;
  readonly #byId: Database.Statement<[number], Row>;
  readonly #bySection: Database.Statement<[number], Row>;
  readonly #slice: Database.Statement<[number, number], Row>;
  readonly #setPrice: Database.Statement<[number, number]>;
  readonly #reserve: Database.Statement<[number, number]>;
  readonly #setReceipt: Database.Statement<[string, number]>;
  readonly #forget: Database.Statement<[number]>;
  #indexed = 0;
  #repriced = 0;

  /** Opens `path`, which must not hold a shop yet, and fills it. */
  constructor(path: string, seed: number) {
    this.#db = new Database(path);
    this.#db.pragma('journal_mode = WAL');
    this.#db.pragma('synchronous = OFF');
    this.#db.exec(SCHEMA);
    this.#fill(seed);
    this.#db.pragma('synchronous = FULL');
    this.#byId = this.#db.prepare('select * from product where id = ?');
    this.#bySection = this.#db.prepare('select * from product where section = ?');
    this.#slice = this.#db.prepare('select * from product where id >= ? and id < ? order by id');
    this.#setPrice = this.#db.prepare('update price set cents = ? where product = ?');
    this.#reserve = this.#db.prepare('insert into orders (product, quantity) values (?, ?)');
    this.#setReceipt = this.#db.prepare('update orders set receipt = ? where id = ?');
    this.#forget = this.#db.prepare('delete from orders where id <= ?');
  }

  #fill(seed: number): void {
    const product = this.#db.prepare(
      'insert into product values (@id, @section, @name, @description, @attributes)',
    );
    const price = this.#db.prepare('insert into price values (?, ?)');
    this.#db.transaction(() => {
      for (const p of catalogue(seed)) {
        product.run(p);
        price.run(p.id, 100 + ((p.id * 7919) % 20_000));
      }
      this.#db.exec('insert into title select id, name from product');
    })();
    this.#indexed = PRODUCTS;
  }

  /** A product's page with the most similar products of its section; undefined where there is none. Throws
   *  where the stored attributes are no JSON. */
  product(argument: { id: number }): ProductPage | undefined {
    const row = this.#byId.get(argument.id);
    if (row === undefined) return undefined;
    const mine = wordsOf(row.description);
    const similar = this.#bySection
      .all(row.section)
      .filter((other) => other.id !== row.id)
      .map((other) => ({
        id: other.id,
        name: other.name,
        likeness: likeness(mine, wordsOf(other.description)),
      }))
      .toSorted((a, b) => b.likeness - a.likeness)
      .slice(0, SIMILAR_MAX);
    const attributes: unknown = JSON.parse(row.attributes);
    return { id: row.id, name: row.name, attributes, similar };
  }

  /** Reads titles until enough hits are found: a rare word reads the whole table. While the index is being
   *  rebuilt it reads the long descriptions instead. */
  search(argument: { word: string; after: number }): {
    readonly indexed: boolean;
    readonly hits: readonly Hit[];
  } {
    const indexed = this.#indexed >= PRODUCTS;
    const [table, column, limit] = indexed
      ? (['title', 'name', HITS_MAX] as const)
      : (['product', 'description', WEAK_HITS_MAX] as const);
    const found = this.#db
      .prepare<[number, string, number], { id: number; name: string; text: string }>(
        `select id, name, ${column} as text from ${table} where id >= ? and ${column} like ? limit ?`,
      )
      .all(argument.after % PRODUCTS, `%${argument.word}%`, limit);
    const wanted = new Set([argument.word]);
    const hits = found.map(({ id, name, text }) => ({ id, name, score: likeness(wanted, wordsOf(text)) }));
    return { indexed, hits: hits.toSorted((a, b) => b.score - a.score).slice(0, HITS_MAX) };
  }

  /** Puts an order down; it is on the disk when this returns, as are the next two. */
  reserve(argument: { product: number; quantity: number }): { readonly order: number } {
    const { lastInsertRowid } = this.#reserve.run(argument.product, argument.quantity);
    return { order: Number(lastInsertRowid) };
  }

  /** Notes the payment, then the receipt: two transactions. */
  confirm(argument: { order: number; receipt: string }): void {
    this.#setReceipt.run('paid', argument.order);
    this.#setReceipt.run(argument.receipt, argument.order);
    this.#forget.run(argument.order - ORDERS_MAX);
  }

  /** One slice of the daily report: every word of every description goes into a digest by section. */
  report(argument: { fromProduct: number }): ReportPart {
    const { fromProduct } = argument;
    const counts = new Map<string, number>();
    const hash = createHash('sha256');
    for (const row of this.#slice.all(fromProduct, fromProduct + REPORT_SLICE)) {
      for (const w of row.description.split(' ')) {
        const key = `${row.section}:${w}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    for (const [key, count] of [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))
      hash.update(`${key}=${count};`);
    const nextProduct = fromProduct + REPORT_SLICE;
    return { nextProduct, ended: nextProduct >= REPORT_PRODUCTS, digest: hash.digest('hex') };
  }

  /** Computes new prices from the texts, in one piece: the stall. */
  reprice(): { readonly products: number } {
    const deadline = performance.now() + REPRICE_MS;
    let products = 0;
    const hash = createHash('sha256');
    this.#db.transaction(() => {
      while (performance.now() < deadline) {
        for (const row of this.#slice.all(this.#repriced, this.#repriced + 100)) {
          const rarity = [...wordsOf(row.description)].reduce((sum, w) => sum + w.charCodeAt(1), 0);
          const noise = hash.update(row.description).copy().digest().readUInt16LE(0);
          this.#setPrice.run(100 + ((rarity * 31 + noise) % 20_000), row.id);
          products++;
        }
        this.#repriced = (this.#repriced + 100) % PRODUCTS;
      }
    })();
    return { products };
  }

  /** Empties the search index; searches are slow until `indexSlice` has filled it again. */
  indexClear(): void {
    this.#db.exec('delete from title');
    this.#indexed = 0;
  }

  indexSlice(): { readonly ended: boolean } {
    this.#db
      .prepare('insert into title select id, name from product where id >= ? and id < ?')
      .run(this.#indexed, this.#indexed + INDEX_SLICE);
    this.#indexed += INDEX_SLICE;
    return { ended: this.#indexed >= PRODUCTS };
  }

  close(): void {
    this.#db.close();
  }
}

const SCHEMA = `
  create table product (id integer primary key, section int, name text, description text, attributes text) strict;
  create index product_section on product (section);
  create table price (product integer primary key, cents int) strict;
  create table title (id integer primary key, name text) strict;
  create table orders (id integer primary key autoincrement, product int, quantity int, receipt text) strict;
`;

function wordsOf(text: string): Set<string> {
  return new Set(text.split(' '));
}

/** Share of common words, 0..1 (Jaccard). */
function likeness(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let common = 0;
  for (const w of b) if (a.has(w)) common++;
  return common / (a.size + b.size - common);
}
